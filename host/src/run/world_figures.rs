//! What set-ups and teardowns add to the figures of one part of a suite. It is kept apart from what tests add: another part
//! may have run the same set-up, which counts once in the whole suite.

use crate::model::{
    Canonical, CleanupCoverage, GateRecord, MissedSite, ModuleRecord, TestRecord, WorldEntry, WorldFigures,
};

/// The clean-up coverage of an entry, and all of its places.
type EntryCoverage = (CleanupCoverage, Vec<MissedSite>);

/// The functions that compute the figures.
pub struct Judges<'a> {
    /// The gates of a report.
    pub gates: &'a dyn Fn(&Canonical) -> Vec<GateRecord>,
    /// The coverage of an entry of this module, and all its places; `None` where coverage is not wanted.
    pub coverage: &'a dyn Fn(&ModuleRecord, &TestRecord) -> Option<EntryCoverage>,
    /// How many entries of the baseline a report decides.
    pub judged: &'a dyn Fn(&Canonical) -> usize,
}

/// The figures of a report; `None` if neither a set-up nor a teardown was run.
pub fn figures(report: &Canonical, judges: &Judges<'_>) -> Option<WorldFigures> {
    let was_run = |test: &&TestRecord| test.role.is_some() && test.usage.is_some();
    let mut entries = Vec::new();
    for module in &report.modules {
        for test in module.tests.iter().filter(was_run) {
            let alone = only(report, |other, tested| other == module.name && std::ptr::eq(tested, test));
            let (coverage, places) = (judges.coverage)(module, test).unzip();
            entries.push(WorldEntry {
                module: module.name.clone(),
                code: module.code.clone(),
                test: test.name.to_string(),
                gates: (judges.gates)(&alone),
                coverage,
                places: places.unwrap_or_default(),
                judged: (judges.judged)(&alone),
            });
        }
    }
    let gates_of_tests = || (judges.gates)(&only(report, |_, test| test.role.is_none()));
    (!entries.is_empty()).then(|| WorldFigures { gates_of_tests: gates_of_tests(), entries })
}

/// A report that keeps only some of the entries.
fn only(report: &Canonical, keeps: impl Fn(&str, &TestRecord) -> bool) -> Canonical {
    let mut modules = Vec::new();
    for module in &report.modules {
        let tests: Vec<_> = module.tests.iter().filter(|test| keeps(&module.name, test)).cloned().collect();
        if !tests.is_empty() {
            modules.push(module.with_tests(tests));
        }
    }
    Canonical::new(report.policy.clone(), modules)
}
