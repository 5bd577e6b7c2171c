//! A suite that was run in several ways, and whether they agree.

use super::compare::Difference;
use crate::model::Report;
use crate::model::doubt::Doubt;
use crate::model::exit_status;
use std::time::Duration;

/// All the ways in which a suite was run.
#[derive(Debug)]
pub struct Verification {
    /// The report that all others are compared with.
    pub reference: Report,
    /// The ways, the reference first.
    pub trials: Vec<Trial>,
    /// A possible cause, if the differences follow a known pattern: for example, only Winch differs.
    pub hint: Option<&'static str>,
}

/// One way of running a suite.
#[derive(Debug)]
pub struct Trial {
    /// The way, in words.
    pub way: String,
    /// How long it took.
    pub elapsed: Duration,
    /// What the way came to.
    pub result: TrialResult,
}

/// What a [`Trial`] came to.
#[derive(Debug)]
pub enum TrialResult {
    /// It was run.
    Ran {
        /// The digest of its report.
        digest: String,
        /// Why the report itself says that another run may differ.
        doubts: Vec<Doubt>,
        /// Modules that could not be run in this way. They are not compared.
        left_out: Vec<OmittedModule>,
        /// Where its report differs from the reference.
        differences: Vec<Difference>,
    },
    /// It could not be run at all.
    NotRun {
        /// Why.
        why: String,
    },
}

/// A module that one way cannot run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OmittedModule {
    /// Its name.
    pub module: String,
    /// Why.
    pub why: String,
}

impl Trial {
    /// Whether the suite was run in this way and the report differs from the reference. A way that was not run does not
    /// differ.
    pub fn differs(&self) -> bool {
        matches!(&self.result, TrialResult::Ran { differences, .. } if !differences.is_empty())
    }
}

impl Verification {
    /// Why the reports themselves say that another run may differ; each doubt once.
    pub fn doubts(&self) -> Vec<&Doubt> {
        let mut all: Vec<&Doubt> = Vec::new();
        for trial in &self.trials {
            let TrialResult::Ran { doubts, .. } = &trial.result else { continue };
            all.extend(doubts.iter().filter(|doubt| !all.contains(doubt)).collect::<Vec<_>>());
        }
        all
    }

    /// Whether the report can be trusted: nothing differs, and no report says that it may.
    pub fn holds(&self) -> bool {
        !self.trials.iter().any(Trial::differs) && self.doubts().is_empty()
    }

    /// [`exit_status::PASSED`] if the verification holds, whatever the tests' verdicts are;
    /// [`exit_status::MODULE_UNUSABLE`] if it holds and a module could not be tested; otherwise
    /// [`exit_status::TEST_FAILED`].
    pub fn exit_status(&self) -> u8 {
        match self.holds() {
            true if self.reference.canonical.refused.is_empty() => exit_status::PASSED,
            true => exit_status::MODULE_UNUSABLE,
            false => exit_status::TEST_FAILED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::doubt::Cause;
    use crate::model::samples;

    fn ran(doubts: Vec<Doubt>, differences: Vec<Difference>) -> Trial {
        let result = TrialResult::Ran { digest: "sha256:1".to_owned(), doubts, left_out: Vec::new(), differences };
        Trial { way: "one".to_owned(), elapsed: Duration::ZERO, result }
    }

    fn verification(trials: Vec<Trial>) -> Verification {
        Verification { reference: samples::report(Vec::new()), trials, hint: None }
    }

    #[test]
    fn a_difference_or_a_doubt_spoils_it_and_a_way_that_was_not_run_does_not() {
        let not_run = || Trial {
            way: "two".to_owned(),
            elapsed: Duration::ZERO,
            result: TrialResult::NotRun { why: "cannot be".to_owned() },
        };
        let same = || ran(Vec::new(), Vec::new());
        assert_eq!(verification(vec![same(), not_run()]).exit_status(), exit_status::PASSED);
        let field = String::new();
        let difference = Difference { module: None, test: None, field, left: None, right: None };
        assert_eq!(
            verification(vec![same(), ran(Vec::new(), vec![difference])]).exit_status(),
            exit_status::TEST_FAILED
        );
        let doubt = || Doubt::of_run(Cause::RealClock);
        let doubtful = verification(vec![ran(vec![doubt()], Vec::new()), ran(vec![doubt()], Vec::new())]);
        assert_eq!(doubtful.exit_status(), exit_status::TEST_FAILED);
        assert_eq!(doubtful.doubts(), [&doubt()]);
    }
}
