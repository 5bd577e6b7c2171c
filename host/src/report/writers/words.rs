//! What several writers say in the same words.

use super::super::console::plain_headline;
use crate::model::growth::Growth;
use crate::model::{Frame, ModuleRecord, Report, TestRecord, TestTime, Verdict};
use std::collections::{BTreeMap, HashMap};

/// What is said of a test that did not pass if nothing more is known.
fn end(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "it passed",
        Verdict::Leak => "it left something",
        Verdict::Fail => "it failed",
        Verdict::Memory => "it broke a limit of memory",
        Verdict::Timeout => "it ran out of time",
        Verdict::Exit => "it left through exit",
        Verdict::Skip => "it was not run",
    }
}

/// One line that says why a test did not pass.
pub(super) fn headline(test: &TestRecord) -> String {
    let grows = test.details.as_ref().and_then(|details| details.growth.as_ref()).is_some_and(Growth::grows);
    let end = || if grows && test.verdict == Verdict::Leak { "each call leaves more" } else { end(test.verdict) };
    plain_headline(test).unwrap_or_else(|| end().to_owned())
}

/// Why a test was skipped.
pub(super) fn reason(test: &TestRecord) -> &str {
    test.details.as_ref().and_then(|details| details.reason.as_deref()).unwrap_or("no reason given")
}

/// The place that stands for a stack: the innermost frame of the user's own that has a file, or of any frame.
pub(super) fn place(stack: &[Frame]) -> Option<&Frame> {
    let own = stack.iter().filter(|frame| frame.is_own());
    own.chain(stack).find(|frame| frame.file.is_some())
}

/// Every test with its module, in the report's order.
pub(super) fn tests(report: &Report) -> impl Iterator<Item = (&ModuleRecord, &TestRecord)> {
    report.canonical.modules.iter().flat_map(|module| module.tests.iter().map(move |test| (module, test)))
}

/// The wall-clock times of tests and subtests.
pub(super) struct Times<'a>(BTreeMap<(&'a str, &'a str), &'a TestTime>);

impl<'a> Times<'a> {
    pub fn new(report: &'a Report) -> Self {
        let times = report.volatile.times.iter();
        Self(times.map(|time| ((&*time.module, &*time.test), time)).collect())
    }

    /// Microseconds; `None` where the test was not run, or its time is not known.
    pub fn get(&self, module: &ModuleRecord, test: &TestRecord) -> Option<u64> {
        self.0.get(&(&*module.name, &*test.name)).map(|time| time.us)
    }

    /// The times of the subtests of a test, by their paths below it.
    pub fn of_subtests(&self, module: &ModuleRecord, test: &TestRecord) -> HashMap<&'a str, u64> {
        let time = self.0.get(&(&*module.name, &*test.name));
        time.iter().flat_map(|time| &time.subtests).map(|time| (&*time.name, time.us)).collect()
    }
}
