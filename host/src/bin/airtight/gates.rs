//! What a profile's gates need beside the run.

use crate::accepted::named;
use crate::args::RunArgs;
use crate::failure::Failure;
use airtight::Plan;
use airtight::config::Profile;
use airtight::report::console::OneLine;
use airtight::report::{Report, json};
use std::collections::BTreeSet;
use std::path::Path;

/// The tests of a report that gates compare with: by module and name.
pub struct BaseTests(BTreeSet<(String, String)>);

impl BaseTests {
    /// The tests of a base report.
    pub fn from_report(base: &Report) -> Self {
        let modules = base.canonical.modules.iter();
        let tests = modules.flat_map(|module| module.tests.iter().map(move |test| (module, test)));
        Self(tests.map(|(module, test)| (module.name.clone(), test.name.to_string())).collect())
    }

    /// A note for a run that shares no test with the base, and so passes every gate that compares.
    pub fn stranger(&self, planned: &Plan) -> Option<String> {
        let modules = planned.modules().iter();
        let mut tests =
            modules.flat_map(|planned| planned.tests.iter().map(|test| (planned.module.name(), &*test.name)));
        let is_known = |(module, test): (&str, &str)| self.0.contains(&(module.to_owned(), test.to_owned()));
        let stranger = !tests.any(is_known);
        stranger.then(|| "the base has none of these tests, so the gates `growth` and `fuel` compare nothing: is it of another suite?".to_owned())
    }
}

/// A note that there is no report which the profile's gates could compare with, of a command that does without.
pub fn missing_note(args: &RunArgs, profile: &Profile, here: &Path) -> Option<String> {
    let gate = profile.gate();
    let gates: Vec<_> = gate.limits.with_base().map(|(kind, _)| format!("`{}`", kind.name())).collect();
    if !args.asks_no_verdict || args.base.is_some() || gates.is_empty() {
        return None;
    }
    let base = match gate.base.as_deref() {
        Some(path) if here.join(path).exists() => return None,
        Some(path) => format!("the base {} is not there", OneLine(&named(here, path).display().to_string())),
        None => "no base is named".to_owned(),
    };
    let gates_are = if gates.len() == 1 { "gate" } else { "gates" };
    Some(format!("{base}, so that the report is without the {gates_are} {}", gates.join(" and ")))
}

/// The report that gates compare with. Relative paths start at `here`.
pub fn base_report(args: &RunArgs, profile: &Profile, here: &Path) -> Result<Option<Report>, Failure> {
    let gate = profile.gate();
    match args.base.as_deref().or(gate.base.as_deref()) {
        _ if missing_note(args, profile, here).is_some() => Ok(None),
        Some(path) => json::read(&here.join(path)).map(Some).map_err(Failure::setup),
        None => match gate.limits.with_base().next() {
            Some((kind, _)) => Err(Failure::setup(anyhow::anyhow!(
                "the gate `{}` of profile `{}` compares with a report: name it with --base REPORT.json, or with `base` in `gate`",
                kind.name(),
                profile.name()
            ))),
            None => Ok(None),
        },
    }
}
