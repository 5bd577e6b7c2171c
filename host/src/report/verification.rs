//! A suite that was run in several ways, and whether they agree.

use super::compare::Difference;
use crate::model::RefusedModule;
use crate::model::Report;
use crate::model::doubt::Doubt;
use crate::model::exit_status;
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;

/// The version of the JSON schema.
pub const VERIFICATION_SCHEMA: &str = "airtight.verification/1";

/// The JSON Schema of what [`Verification::to_json`] gives. It refuses fields and kinds that this version does not write.
pub const VERIFICATION_JSON_SCHEMA: &str = include_str!("../../schemas/verification.schema.json");

/// The most differences of one way that the file lists. If everything differs, nobody reads all of it.
const MAX_DIFFERENCES: usize = 1000;

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

impl Verification {
    /// What the verification came to in JSON: each way, what differs in it, and whether the report can be trusted. The report
    /// itself is not part of it; its digest is.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let file = VerificationFile {
            schema: VERIFICATION_SCHEMA,
            holds: self.holds(),
            digest: &self.reference.digest,
            tests: self.reference.canonical.modules.iter().map(|module| module.tests.len()).sum(),
            refused: &self.reference.canonical.refused,
            hint: self.hint,
            ways: self.trials.iter().map(WayFile::new).collect(),
        };
        let mut bytes = serde_json::to_vec_pretty(&file).expect("it is plain data with text keys");
        bytes.push(b'\n');
        bytes
    }
}

/// The file of a verification.
#[derive(Serialize)]
struct VerificationFile<'a> {
    /// [`VERIFICATION_SCHEMA`].
    schema: &'static str,
    holds: bool,
    /// The digest of the reference's report.
    digest: &'a str,
    /// How many tests the report has.
    tests: usize,
    /// The modules that could not be tested in any way.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    refused: &'a [RefusedModule],
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
    /// The reference first.
    ways: Vec<WayFile<'a>>,
}

/// One way in the file of a verification.
#[derive(Serialize)]
struct WayFile<'a> {
    way: &'a str,
    ended: WayEnded,
    wall_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'a str>,
    /// Why it was not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    doubts: &'a [Doubt],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    left_out: &'a [OmittedModule],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differences: Vec<DifferenceFile<'a>>,
    /// How many further differences are not listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    differences_omitted: Option<usize>,
}

/// What one way came to.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum WayEnded {
    Same,
    Differs,
    NotRun,
}

/// One difference in the file of a verification.
#[derive(Serialize)]
struct DifferenceFile<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<&'a str>,
    field: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    right: Option<&'a Value>,
}

impl<'a> WayFile<'a> {
    fn new(trial: &'a Trial) -> Self {
        let Trial { way, elapsed, result } = trial;
        let wall_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let file = |ended| Self {
            way,
            ended,
            wall_ms,
            digest: None,
            why: None,
            doubts: &[],
            left_out: &[],
            differences: Vec::new(),
            differences_omitted: None,
        };
        match result {
            TrialResult::NotRun { why } => Self { why: Some(why), ..file(WayEnded::NotRun) },
            TrialResult::Ran { digest, doubts, left_out, differences } => {
                let ended = if trial.differs() { WayEnded::Differs } else { WayEnded::Same };
                let listed = differences.iter().take(MAX_DIFFERENCES).map(DifferenceFile::new).collect();
                let omitted = differences.len().saturating_sub(MAX_DIFFERENCES);
                Self {
                    digest: Some(digest),
                    doubts,
                    left_out,
                    differences: listed,
                    differences_omitted: (omitted > 0).then_some(omitted),
                    ..file(ended)
                }
            }
        }
    }
}

impl<'a> DifferenceFile<'a> {
    fn new(difference: &'a Difference) -> Self {
        let Difference { module, test, field, left, right } = difference;
        Self { module: module.as_deref(), test: test.as_deref(), field, left: left.as_ref(), right: right.as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::tests::assert_describes;
    use super::*;
    use crate::model::doubt::{Cause, TestId};
    use crate::model::samples;
    use serde_json::json;

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

    /// A verification with everything that one can have.
    fn whole() -> Value {
        let tests = vec![TestId { module: "m".to_owned(), test: "t".to_owned() }];
        let difference = || Difference {
            module: Some("m".to_owned()),
            test: Some("t".to_owned()),
            field: "/usage/fuel".to_owned(),
            left: Some(json!(1)),
            right: Some(json!({ "any": ["value"] })),
        };
        let differences = std::iter::repeat_with(difference).take(MAX_DIFFERENCES + 7).collect();
        let Trial { way, elapsed, .. } = ran(Vec::new(), Vec::new());
        let left_out = vec![OmittedModule { module: "n".to_owned(), why: "Winch has no exceptions".to_owned() }];
        let doubts = vec![Doubt::of_run(Cause::RealClock), Doubt { cause: Cause::WallClock, tests }];
        let result = TrialResult::Ran { digest: format!("sha256:{}", "0".repeat(64)), doubts, left_out, differences };
        let differs = Trial { way, elapsed, result };
        let why = "there is no cache".to_owned();
        let not_run = Trial { way: "two".to_owned(), elapsed: Duration::ZERO, result: TrialResult::NotRun { why } };
        let mut whole = verification(vec![differs, not_run]);
        whole.hint = Some("only Winch differs");
        whole
            .reference
            .canonical
            .refused
            .push(RefusedModule { code: Some("sha256:0".to_owned()), ..RefusedModule::new("o", "it is a component") });
        serde_json::from_slice(&whole.to_json()).unwrap()
    }

    #[test]
    fn what_is_written_is_what_its_schema_says_and_nothing_else() {
        let schema: Value = serde_json::from_str(VERIFICATION_JSON_SCHEMA).unwrap();
        let places = ["", "/ways/0", "/ways/0/doubts/1", "/ways/0/left_out/0", "/ways/0/differences/0", "/refused/0"];
        assert_describes(&schema, &whole(), &places, &["digest", "doubt", "test-id", "refused-module"]);
    }

    #[test]
    fn the_file_says_what_the_exit_status_does() {
        let read = |trials| serde_json::from_slice::<Value>(&verification(trials).to_json()).unwrap();
        let same = read(vec![ran(Vec::new(), Vec::new())]);
        assert_eq!((&same["holds"], &same["ways"][0]["ended"]), (&json!(true), &json!("same")));
        let doubtful = read(vec![ran(vec![Doubt::of_run(Cause::RealClock)], Vec::new())]);
        assert_eq!((&doubtful["holds"], &doubtful["ways"][0]["ended"]), (&json!(false), &json!("same")));
        let many = whole();
        assert_eq!(many["ways"][0]["ended"], "differs");
        assert_eq!(many["ways"][0]["differences"].as_array().unwrap().len(), MAX_DIFFERENCES);
        assert_eq!(
            (&many["ways"][0]["differences_omitted"], &many["ways"][1]["ended"]),
            (&json!(7), &json!("not-run"))
        );
    }
}
