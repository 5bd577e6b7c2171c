//! Clean-up coverage: from what each test acquired and cleaned up to the figures of a run.

use super::judge::Case;
use super::resources;
use crate::model::{CleanupCoverage, CoveredPlaces, Frame, MissedSite, Percent, ResourceKind, UnfinishedCleanup};
use crate::sandbox::Ending;
use serde::{Deserialize, Serialize};

/// What one test adds to clean-up coverage.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TestCoverage {
    sites: Vec<(ResourceKind, Option<Frame>, u64, u64)>,
    untold: u64,
    cleanups: u64,
    finished: u64,
    unfinished: Vec<UnfinishedCleanup>,
}

impl TestCoverage {
    /// What a test that ran adds, if coverage is wanted. A test adds nothing if the wall clock ended it or if it used up
    /// the stack: how far it got is not the same everywhere.
    pub fn new(case: &Case<'_>, test: &str) -> Self {
        let run = case.run;
        let Some(sites) = run.remains.sites.as_ref() else { return Self::default() };
        if matches!(run.ending, Ending::Wall { .. } | Ending::Interrupted) || run.ending.used_up_stack() {
            return Self::default();
        }
        let symbols = &case.module.symbols;
        let frames = |stack: &[_]| Frame::innermost_own(&symbols.frames(stack)).cloned();
        let sites_told = sites.iter().map(|(kind, stack, used)| {
            (resources::kind(kind), stack.and_then(|stack| frames(stack)), used.acquired, used.missed)
        });
        let mut coverage = Self { sites: sites_told.collect(), untold: sites.untold, ..Self::default() };
        if let Some(said) = &run.sdk {
            let failed = said.cleanups.len() as u64;
            coverage.cleanups = said.cleanups_begun.saturating_add(said.cleanups_left);
            coverage.finished = said.cleanups_begun.saturating_sub(failed);
            coverage.unfinished = said
                .cleanups
                .iter()
                .map(|cleanup| UnfinishedCleanup {
                    module: case.module.name.to_string(),
                    test: test.to_owned(),
                    name: cleanup.name.clone(),
                    registered: cleanup.registered.as_deref().map(|at| symbols.place(at)),
                })
                .collect();
        }
        coverage
    }

    /// Adds what a forked subtest of the test adds.
    pub fn extend(&mut self, fork: Self) {
        let Self { sites, untold, cleanups, finished, unfinished } = fork;
        self.sites.extend(sites);
        self.untold = self.untold.saturating_add(untold);
        self.cleanups = self.cleanups.saturating_add(cleanups);
        self.finished = self.finished.saturating_add(finished);
        self.unfinished.extend(unfinished);
    }

    /// Leaves the places to another entry of the plan.
    pub fn leave_sites(&mut self) {
        (self.sites, self.untold) = (Vec::new(), 0);
    }
}

/// The figures of all tests, and all places. Each test comes with the names of its module and of itself, in the order of
/// the plan.
pub fn of_run<'a>(
    tests: impl IntoIterator<Item = (&'a str, &'a str, TestCoverage)>,
    gate: Option<Percent>,
) -> (CleanupCoverage, Vec<MissedSite>) {
    let mut places = CoveredPlaces::default();
    let mut whole = CleanupCoverage { gate, ..CleanupCoverage::default() };
    for (module, test, coverage) in tests {
        for (kind, place, acquired, missed) in coverage.sites {
            let test = if missed > 0 { test.to_owned() } else { String::new() };
            places.add(MissedSite { module: module.to_owned(), kind, place, acquired, missed, test });
        }
        whole.untold = whole.untold.saturating_add(coverage.untold);
        whole.cleanups = whole.cleanups.saturating_add(coverage.cleanups);
        whole.finished = whole.finished.saturating_add(coverage.finished);
        whole.unfinished.extend(coverage.unfinished);
    }
    let all = places.all();
    places.fill(&mut whole);
    (whole, all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples;

    #[test]
    fn a_place_is_missed_once_whichever_test_it_was() {
        let site = |line, acquired, missed| {
            (ResourceKind::File, Some(samples::frame("open", "src/lib.rs", line)), acquired, missed)
        };
        let of = |sites| TestCoverage { sites, cleanups: 2, finished: 1, ..TestCoverage::default() };
        let tests = [
            ("m", "a", of(vec![site(1, 5, 0), site(2, 1, 0)])),
            ("m", "b", of(vec![site(2, 3, 2)])),
            ("n", "c", of(vec![site(2, 1, 1)])),
        ];
        let (whole, all) = of_run(tests, None);
        assert_eq!(all.len(), 3, "those that missed nothing, too");
        assert_eq!((whole.sites, whole.released, whole.cleanups, whole.finished), (3, 1, 6, 3));
        let missed: Vec<_> =
            whole.missed.iter().map(|site| (&*site.module, &*site.test, site.acquired, site.missed)).collect();
        assert_eq!(missed, [("m", "b", 4, 2), ("n", "c", 1, 1)]);
    }
}
