//! A verification for a person: a line for each way when it ends, then what differs, then the digest.

use super::super::compare::Difference;
use super::super::verification::{Trial, TrialResult, Verification};
use super::reporter::SEPARATOR;
use super::sanitise::OneLine;
use super::style::Styles;
use super::units::plural;
use serde_json::Value;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// Most differences of one way that are listed.
const LISTED: usize = 10;

/// Most characters that are shown of a value: a value can be a whole module.
const SHOWN: usize = 200;

/// How many characters of a digest a line shows: enough to tell two apart.
const SHORT_DIGEST: usize = "sha256:".len() + 12;

/// The line about one way of running the suite.
#[derive(Debug)]
pub struct TrialLine<'a> {
    trial: &'a Trial,
    styles: Styles,
}

impl<'a> TrialLine<'a> {
    /// With colours or without.
    pub fn new(trial: &'a Trial, colours: bool) -> Self {
        Self { trial, styles: Styles::new(colours) }
    }
}

impl Display for TrialLine<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { trial, styles } = self;
        let (style, word) = match &trial.result {
            TrialResult::NotRun { .. } => (styles.skip, "NOT RUN"),
            TrialResult::Ran { .. } if trial.differs() => (styles.fail, "DIFFERS"),
            TrialResult::Ran { .. } => (styles.pass, "SAME"),
        };
        write!(f, "{style}{word:>12}{style:#} ")?;
        match &trial.result {
            TrialResult::NotRun { why } => {
                writeln!(f, "[         ] {:-<SHORT_DIGEST$} {}: {}", "", trial.way, OneLine(why))
            }
            TrialResult::Ran { digest, left_out, .. } => {
                let short: String = digest.chars().take(SHORT_DIGEST).collect();
                writeln!(f, "[{:>8.3}s] {short:SHORT_DIGEST$} {}", trial.elapsed.as_secs_f64(), trial.way)?;
                let style = styles.skip;
                left_out.iter().try_for_each(|left| {
                    writeln!(
                        f,
                        "{style}{:>12}{style:#} {} in this way: {}",
                        "NOT RUN",
                        OneLine(&left.module),
                        OneLine(&left.why)
                    )
                })
            }
        }
    }
}

/// Everything after the lines of the ways: what differs, the summary and the digest.
#[derive(Debug)]
pub struct VerificationEnd<'a> {
    verification: &'a Verification,
    elapsed: Duration,
    styles: Styles,
}

impl<'a> VerificationEnd<'a> {
    /// With colours or without.
    pub fn new(verification: &'a Verification, elapsed: Duration, colours: bool) -> Self {
        Self { verification, elapsed, styles: Styles::new(colours) }
    }

    fn different(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let style = self.styles.fail;
        for trial in &self.verification.trials {
            let TrialResult::Ran { differences, .. } = &trial.result else { continue };
            if differences.is_empty() {
                continue;
            }
            writeln!(f, "{SEPARATOR}\n{style}{:>12}{style:#} {}", "DIFFERS", trial.way)?;
            for found in differences.iter().take(LISTED) {
                write!(f, "{}", DifferenceText { found, styles: &self.styles })?;
            }
            let more = differences.len().saturating_sub(LISTED);
            if more > 0 {
                writeln!(f, "    … and {more} more")?;
            }
        }
        Ok(())
    }

    fn summary(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { verification, elapsed, styles } = self;
        let count = |which: fn(&Trial) -> bool| verification.trials.iter().filter(|trial| which(trial)).count();
        let different = count(Trial::differs);
        let not_run = count(|trial| matches!(trial.result, TrialResult::NotRun { .. }));
        let same = verification.trials.len() - different - not_run;
        let tests: usize = verification.reference.canonical.modules.iter().map(|module| module.tests.len()).sum();
        let ways = plural(same as u64, "way", "ways");
        let style = if verification.holds() { styles.pass } else { styles.fail };
        let counted = plural(tests as u64, "test", "tests");
        write!(
            f,
            "{style}{:>12}{style:#} [{:>8.3}s] {tests} {counted}: the same in {same} {ways}",
            "Verified",
            elapsed.as_secs_f64()
        )?;
        if different > 0 {
            write!(f, ", different in {different}")?;
        }
        if not_run > 0 {
            write!(f, ", not run in {not_run}")?;
        }
        writeln!(f)
    }
}

impl Display for VerificationEnd<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.different(f)?;
        writeln!(f, "{SEPARATOR}")?;
        self.summary(f)?;
        let unsuccessful = self.verification.reference.counts().unsuccessful();
        if unsuccessful > 0 {
            let tests = plural(unsuccessful as u64, "test does", "tests do");
            writeln!(
                f,
                "{:>12} {unsuccessful} {tests} not pass; reports are compared here, and no test is judged",
                "Note"
            )?;
        }
        for doubt in self.verification.doubts() {
            writeln!(f, "{:>12} not reproducible: {}", "Note", OneLine(&doubt.to_string()))?;
        }
        if let Some(hint) = self.verification.hint {
            writeln!(f, "{:>12} {hint}", "Note")?;
        }
        if self.verification.holds() {
            writeln!(f, "{:>12} {}", "Digest", OneLine(&self.verification.reference.digest))?;
        }
        Ok(())
    }
}

/// The lines of one difference: where it is, and both values.
struct DifferenceText<'a> {
    found: &'a Difference,
    styles: &'a Styles,
}

impl Display for DifferenceText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Styles { module, test, .. } = self.styles;
        let Difference { module: of, test: name, field, left, right } = self.found;
        f.write_str("    ")?;
        match (of, name) {
            (Some(of), Some(name)) => {
                write!(f, "{module}{}{module:#} {test}{}{test:#}", OneLine(of), OneLine(name))?;
            }
            (Some(of), None) => write!(f, "{module}{}{module:#}", OneLine(of))?,
            (None, _) => f.write_str("the whole run")?,
        }
        if !field.is_empty() {
            write!(f, ": {}", OneLine(field))?;
        }
        writeln!(f)?;
        writeln!(f, "        reference: {}", ValueText(left.as_ref()))?;
        writeln!(f, "        this way:  {}", ValueText(right.as_ref()))
    }
}

/// A value on one line, cut after [`SHOWN`] characters.
struct ValueText<'a>(Option<&'a Value>);

impl Display for ValueText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(value) = self.0 else { return f.write_str("not there") };
        let json = value.to_string();
        let shown: String = json.chars().take(SHOWN).collect();
        write!(f, "{}{}", OneLine(&shown), if shown.len() < json.len() { "…" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::verification::OmittedModule;
    use super::*;
    use crate::model::doubt::{Cause, Doubt};
    use crate::model::samples;
    use serde_json::json;

    fn ran(way: &str, differences: Vec<Difference>) -> Trial {
        let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
        let result = TrialResult::Ran { digest, doubts: Vec::new(), left_out: Vec::new(), differences };
        Trial { way: way.to_owned(), elapsed: Duration::from_millis(1234), result }
    }

    fn shown(verification: &Verification) -> String {
        let lines: String = verification.trials.iter().map(|trial| TrialLine::new(trial, false).to_string()).collect();
        format!("{lines}{}", VerificationEnd::new(verification, Duration::from_secs(5), false))
    }

    fn reference() -> crate::model::Report {
        samples::report(vec![samples::module("m", vec![samples::passed("works"), samples::failed()])])
    }

    #[test]
    fn all_the_same() {
        let mut partly = ran("Winch", Vec::new());
        if let TrialResult::Ran { left_out, .. } = &mut partly.result {
            left_out.push(OmittedModule { module: "n".to_owned(), why: "it has\na tail call".to_owned() });
        }
        let not_run = Trial {
            way: "Pulley".to_owned(),
            elapsed: Duration::ZERO,
            result: TrialResult::NotRun { why: "there is none".to_owned() },
        };
        let trials = vec![ran("in order", Vec::new()), partly, not_run];
        insta::assert_snapshot!(shown(&Verification { reference: reference(), trials, hint: None }));
    }

    #[test]
    fn one_differs_and_a_guest_s_names_do_no_harm() {
        let difference = |module: Option<&str>, test: Option<&str>, field: &str, left, right| Difference {
            module: module.map(str::to_owned),
            test: test.map(str::to_owned),
            field: field.to_owned(),
            left,
            right,
        };
        let mut differences = vec![
            difference(None, None, "/reproducible", Some(json!(true)), Some(json!(false))),
            difference(Some("m\u{1b}[2J"), Some("wo\nrks"), "/usage/fuel", Some(json!(1)), Some(json!(2))),
            difference(Some("m"), None, "", Some(json!("x".repeat(1000))), None),
        ];
        differences.extend((0..30).map(|_| difference(Some("m"), Some("t"), "/message", Some(json!("\r")), None)));
        let mut doubtful = ran("Winch", differences);
        if let TrialResult::Ran { doubts, .. } = &mut doubtful.result {
            doubts.push(Doubt::of_run(Cause::WallClock));
        }
        let trials = vec![ran("in order", Vec::new()), doubtful];
        insta::assert_snapshot!(shown(&Verification { reference: reference(), trials, hint: Some("only Winch") }));
    }
}
