//! Runs each subtest as a test of its own: alone, in a fresh instance of its test.

use super::planned::{Decision, PlannedTest};
use crate::catalogue::Role;
use crate::harness::TestEntry;
use crate::model::{Harness, OwnSubtests, SubtestFilter};
use crate::sandbox::{Ending, Job, LoadedModule, SdkCall, run};
use rayon::prelude::*;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// How the subtests of a module's tests are found out.
pub struct Isolation<'a> {
    pub module: &'a LoadedModule,
    pub setup: SetUpCall,
    pub interrupted: &'a Arc<AtomicBool>,
}

/// What has to be called before a test, so that the test finds what it expects.
pub enum SetUpCall {
    /// Nothing: the module has no set-up.
    None,
    /// Its set-up.
    Sdk(SdkCall),
    /// The module's set-up is not run, or is not a function of the SDK.
    Other,
}

impl SetUpCall {
    /// The set-up of a module with these entries.
    pub fn from_entries(entries: &[PlannedTest]) -> Self {
        match entries.iter().find(|entry| entry.role == Role::SetUp).map(|setup| &setup.decision) {
            None => Self::None,
            Some(Decision::Run { entry: TestEntry::Sdk(call), .. }) => Self::Sdk(call.clone()),
            Some(_) => Self::Other,
        }
    }
}

impl Isolation<'_> {
    /// Replaces each test that has subtests by the test without them, and by each subtest alone. Also returns the names of
    /// the tests that stay whole, and why.
    pub fn apart(&self, tests: Vec<PlannedTest>) -> (Vec<PlannedTest>, Vec<String>) {
        let taken: Vec<_> = tests.into_par_iter().map(|test| self.of_test(test)).collect();
        let (mut apart, mut whole) = (Vec::new(), Vec::new());
        for (tests, why) in taken {
            let name = tests.first().map(|test| Arc::clone(&test.name)).unwrap_or_default();
            whole.extend(why.map(|why| format!("{name}: its subtests are not run alone, as {why}")));
            apart.extend(tests);
        }
        (apart, whole)
    }

    fn of_test(&self, test: PlannedTest) -> (Vec<PlannedTest>, Option<String>) {
        let names = match self.subtests(&test) {
            Ok(names) if !names.is_empty() => names,
            Ok(_) => return (vec![test], None),
            Err(why) => return (vec![test], Some(why)),
        };
        let without = test.part(Arc::clone(&test.name), OwnSubtests::None);
        let alone =
            names.into_iter().map(|name| test.part(format!("{}/{name}", test.name).into(), OwnSubtests::One(name)));
        (without.into_iter().chain(alone.flatten().collect::<Vec<_>>()).collect(), None)
    }

    /// The names of the subtests directly in a test, in the order in which they began.
    fn subtests(&self, test: &PlannedTest) -> Result<Vec<String>, String> {
        let Decision::Run { grants, entry, subtests } = &test.decision else { return Ok(Vec::new()) };
        if test.role != Role::Test || test.harness != Harness::Sdk {
            return Ok(Vec::new());
        }
        if let Some(once) = grants.policy().unrepeatable() {
            return Err(format!("it is granted {once}, so that it cannot be run once more to see which they are"));
        }
        let before = match &self.setup {
            SetUpCall::None => &[][..],
            SetUpCall::Sdk(call) => std::slice::from_ref(call),
            SetUpCall::Other => return Err("its set-up is not run, or is not a function of the SDK".to_owned()),
        };
        let plain = Job::plain(self.module, (grants, &test.name, entry.call()), self.interrupted);
        let ran = run(&Job { before, subtests: subtests.as_ref(), ..plain });
        if ran.rounds.len() <= before.len() {
            return Err("its set-up does not pass under its limits".to_owned());
        }
        // The test runs all of its subtests under one set of limits here, so that it may end before the last one.
        if ran.ending != Ending::Returned {
            return Err(format!("it does not come to its own end when it is run to see them: {}", ran.ending.words()));
        }
        let own = ran.sdk.into_iter().flat_map(|said| said.subtests).filter(|subtest| subtest.within.is_none());
        Ok(own.map(|subtest| subtest.path).collect())
    }
}

impl PlannedTest {
    /// This test, under this name, with only these of its subtests.
    fn part(&self, name: Arc<str>, own: OwnSubtests) -> Option<Self> {
        let Decision::Run { grants, entry: TestEntry::Sdk(call), subtests } = &self.decision else { return None };
        let filter = SubtestFilter { own, ..subtests.as_deref().cloned().unwrap_or_default() };
        let decision = Decision::Run {
            grants: Arc::clone(grants),
            entry: TestEntry::Sdk(call.clone()),
            subtests: Some(Arc::new(filter)),
        };
        // A test of a group has a grant that cannot be repeated, and stays whole.
        Some(Self { name, part_of: Some(Arc::clone(self.called())), serial: None, decision, ..*self })
    }
}
