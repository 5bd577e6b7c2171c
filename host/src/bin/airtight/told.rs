//! Notes about a run, beside its tests' verdicts.

use crate::failure::say;
use airtight::report::Report;
use airtight::report::console::OneLine;
use airtight::{Event, Harness, Listener, Plan};

/// A listener for runs without a console: it prints what the tests are granted on standard error.
pub struct TellGrants;

impl Listener for TellGrants {
    fn event(&mut self, event: &Event<'_>) {
        if let Event::Granted { grants } = event {
            say_grants(grants);
        }
    }
}

/// Prints on standard error what the tests are granted of the machine.
pub fn say_grants(grants: &[String]) {
    for grant in grants {
        say(format_args!("{:>12} {}", "Granted", OneLine(grant)));
    }
}

/// A note if `--repeat` does not repeat some tests.
pub fn run_once(planned: &Plan) -> Option<String> {
    let tests = planned.modules().iter().flat_map(|module| &module.tests);
    let once = tests.filter(|test| test.harness != Harness::Sdk && test.skipped().is_none()).count();
    (once > 0).then(|| {
        let tests = if once == 1 { "test is" } else { "tests are" };
        format!(
            "{once} {tests} called once: --repeat is for tests of the SDK, which can be called again in their instance"
        )
    })
}

/// Prints a warning on standard error for each fault that happened in no test.
pub fn tell_unreached(planned: &Plan, report: &Report) {
    let tests = report.canonical.modules.iter().flat_map(|module| &module.tests);
    let injected = tests.filter_map(|test| test.details.as_deref()).flat_map(|details| &details.injected);
    let reached: std::collections::BTreeSet<&str> = injected.map(|injected| &*injected.fault).collect();
    for fault in planned.policy().faults.iter().map(ToString::to_string).filter(|fault| !reached.contains(&**fault)) {
        say(format_args!("warning: {fault} happened in no test: none makes so many such calls"));
    }
}

/// A note if there are Go tests that do not tell of their goroutines.
pub fn goroutines_untold(planned: &Plan) -> Option<String> {
    let modules = planned.modules().iter().filter(|module| !module.tests.is_empty()).map(|planned| &planned.module);
    let untold = modules.filter(|module| module.harness() == Harness::Go && !module.tells_goroutines());
    let names: Vec<_> = untold.map(airtight::LoadedModule::name).collect();
    (!names.is_empty()).then(|| {
        format!("goroutines are not tracked in {}: built without the hook; use `airtight go`", names.join(", "))
    })
}

/// A note for each Go binary whose line tables cannot be read.
pub fn go_lines_unknown(planned: &Plan) -> Vec<String> {
    let modules = planned.modules().iter().filter(|module| !module.tests.is_empty()).map(|planned| &planned.module);
    modules.filter_map(|module| Some(format!("{}: {}", module.name(), module.no_go_lines()?))).collect()
}
