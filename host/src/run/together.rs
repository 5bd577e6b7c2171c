//! Runs tests of one module one after the other in one instance, as an ordinary runner does: a test finds what the tests
//! before it left.

use super::host_bug::{HostBug, guarded};
use super::judge::Case;
use super::plan::PlannedModule;
use super::planned::{Decision, PlannedTest};
use super::resources;
use super::runner::Runner;
use super::search::{NotSearched, SharedWorld};
use crate::harness::{Sequence, TestEntry, go, harness, rust};
use crate::model::Harness;
use crate::model::resource::VariableRecord;
use crate::policy::{Limit, Policy};
use crate::sandbox::wasi::{GrantError, Grants};
use crate::sandbox::{Ending, EntryPoint, Job, LoadedModule, Run, SdkCall, run};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The most linear memory that an instance can have, in bytes.
const MOST_MEMORY: u64 = 4 << 30;

/// Tests that can be run together.
pub(crate) struct SharedInstance<'a> {
    module: &'a PlannedModule,
    tests: Vec<(&'a PlannedTest, &'a TestEntry)>,
    harness: Harness,
    grants: Arc<Grants>,
    /// Where the tests begin, if their module has a set-up.
    world: Option<SharedWorld<'a>>,
    interrupted: &'a Arc<AtomicBool>,
    name: Arc<str>,
}

/// What tests that ran together came to.
#[derive(Debug, Default)]
pub(crate) struct Together {
    /// The first failure.
    pub failed: Option<FailedTogether>,
    /// What the tests left or changed, if that was asked for.
    pub left: LeftBehind,
}

/// What tests left or changed that others find.
#[derive(Debug, Default)]
pub(crate) struct LeftBehind {
    /// Files, as reports name them.
    pub files: Vec<String>,
    /// Static variables of the user and of packages.
    pub statics: Vec<VariableRecord>,
}

/// The first failure of tests that were run together.
#[derive(Debug)]
pub(crate) struct FailedTogether {
    /// The failed test's place in the order; `None` if that is not known.
    pub at: Option<usize>,
    pub message: String,
    /// Where the test panicked: `file:line:column`.
    pub place: Option<String>,
}

/// Why a test cannot be run with others; `None` if it can.
pub(crate) fn cannot_share(test: &PlannedTest) -> Option<&'static str> {
    match &test.decision {
        _ if !test.is_test() => Some("it is run once for all tests"),
        Decision::Skip(_) | Decision::Refuse(_) => Some("it is not run"),
        Decision::Run { grants, entry, subtests } => {
            let expects_panic = match entry {
                TestEntry::Start(start) => start.should_panic.is_some(),
                TestEntry::Sdk(call) => call.should_panic.is_some(),
            };
            match grants.policy().unrepeatable() {
                _ if expects_panic => Some("it is expected to panic, which may end the instance"),
                _ if subtests.is_some() => Some("only some of its subtests are selected"),
                _ if test.harness == Harness::Go && !go::has_any_place(&test.name) => {
                    Some("Go runs it after all tests, in whatever order these are")
                }
                Some(grant) => Some(grant),
                None => None,
            }
        }
    }
}

impl Runner {
    /// Makes ready to run these tests of a module together. [`cannot_share`] must say nothing against any of them. The
    /// indices are their places in the module.
    ///
    /// # Errors
    /// Why they cannot be: they have different grants, or their harness cannot do it; or a bug of ours.
    pub(crate) fn shared_instance<'a>(
        &'a self,
        module: &'a PlannedModule,
        indices: &[usize],
    ) -> Result<SharedInstance<'a>, NotSearched> {
        let mut tests = Vec::with_capacity(indices.len());
        let mut policies: Vec<&Policy> = Vec::new();
        for test in indices.iter().filter_map(|index| module.tests.get(*index)) {
            let Decision::Run { grants, entry, .. } = &test.decision else { continue };
            tests.push((test, entry));
            policies.push(grants.policy());
        }
        let (Some((first, _)), Some(policy)) = (tests.first(), policies.first()) else {
            return Err("there are no tests to run together".to_owned().into());
        };
        if module.module.has_threads() {
            return Err("a module with threads is not looked at".to_owned().into());
        }
        let harness_word = first.harness;
        if tests.iter().any(|(test, _)| test.harness != harness_word) {
            return Err("its tests are held by several harnesses".to_owned().into());
        }
        if harness_word == Harness::Go && !module.module.tells_goroutines() {
            let why = "Go runs its tests in the order of their sources; what `airtight go` builds can do otherwise";
            return Err(why.to_owned().into());
        }
        if policies.iter().any(|other| !has_same_world(policy, other)) {
            return Err("its tests have different grants".to_owned().into());
        }
        let entries: Vec<&TestEntry> = tests.iter().map(|(_, entry)| *entry).collect();
        harness(harness_word).sequence(&entries)?;
        let together = together(policy, &policies);
        let grants = Grants::new(Arc::new(together)).map_err(|error: GrantError| error.to_string())?;
        let name = Arc::clone(&module.module.name);
        let interrupted = &self.options().interrupt;
        let world = self.shared_world(module)?;
        Ok(SharedInstance { module, tests, harness: harness_word, grants: Arc::new(grants), world, interrupted, name })
    }
}

/// Whether two tests see the same world. How much of it they may use and what they may leave does not matter.
fn has_same_world(one: &Policy, other: &Policy) -> bool {
    let world = |policy: &Policy| Policy {
        limits: one.limits,
        leaks: one.leaks,
        tracked: one.tracked.clone(),
        ..policy.clone()
    };
    world(one) == world(other)
}

/// A policy for all tests together: each limit is the sum of the tests' limits.
fn together(policy: &Policy, all: &[&Policy]) -> Policy {
    let mut limits = policy.limits;
    for limit in Limit::ALL.into_iter().filter(|limit| policy.limits.get(*limit).is_some()) {
        let sum = all.iter().fold(0, |sum: u64, one| sum.saturating_add(one.limits.most(limit)));
        match limit {
            // The size of the stack is compiled into the engine.
            Limit::Stack => {}
            Limit::Memory => limits.set(limit, sum.min(MOST_MEMORY)),
            _ => limits.set(limit, sum),
        }
    }
    Policy { limits, tracked: Default::default(), ..policy.clone() }
}

impl SharedInstance<'_> {
    /// The test's name.
    pub fn name(&self, test: usize) -> &Arc<str> {
        &self.tests[test].0.name
    }

    /// Runs these tests in this order, and tells what they left or changed if that is asked for. The calling thread must have
    /// the stack that guests need.
    ///
    /// # Errors
    /// A bug of ours.
    pub fn run(&self, order: &[usize], tells_left: bool) -> Result<Together, HostBug> {
        let (together, host_leak) = guarded(|| self.run_once(order, tells_left))?;
        HostBug::of_descriptors(host_leak).map(|()| together)
    }

    /// What the run came to, and how many host descriptors are still open.
    fn run_once(&self, order: &[usize], tells_left: bool) -> (Together, u64) {
        let entries: Vec<&TestEntry> = order.iter().map(|test| self.tests[*test].1).collect();
        if entries.is_empty() {
            return <(Together, u64)>::default();
        }
        let Ok(sequence) = harness(self.harness).sequence(&entries) else { return <(Together, u64)>::default() };
        match &sequence {
            Sequence::Start(entry) => {
                let ran = run(&self.job(entry.call(), &[], tells_left));
                let failed = (!harness(self.harness).all_passed(&ran, entry)).then(|| {
                    match harness(self.harness).first_failure(&ran, entry) {
                        Some((at, message)) => FailedTogether { at: Some(at), message, place: None },
                        None => self.failure(&ran, (&self.name, entry), None),
                    }
                });
                self.outcome(&ran, failed, tells_left)
            }
            Sequence::Exports(calls) => {
                let Some((last, before)) = calls.split_last() else { return <(Together, u64)>::default() };
                let ran = run(&self.job(EntryPoint::Sdk(last), before, tells_left));
                let at = ran.rounds.len().saturating_sub(1).min(order.len() - 1);
                let is_well = ran.ending == Ending::Returned && ran.sdk.as_ref().is_some_and(|said| said.is_well());
                let failed = (!is_well).then(|| self.failure(&ran, (self.name(order[at]), entries[at]), Some(at)));
                self.outcome(&ran, failed, tells_left)
            }
        }
    }

    fn job<'j>(&'j self, entry: EntryPoint<'j>, before: &'j [SdkCall], tells_left: bool) -> Job<'j> {
        let plain = Job::plain(self.loaded(), (&self.grants, &self.name, entry), self.interrupted);
        Job { before, after: self.world.as_ref().map(SharedWorld::after), tells_changed: tells_left, ..plain }
    }

    /// The module that is run: after a set-up, that of its image.
    fn loaded(&self) -> &LoadedModule {
        self.world.as_ref().map_or(&self.module.module, SharedWorld::module)
    }

    fn failure(&self, run: &Run, (test, entry): (&str, &TestEntry), at: Option<usize>) -> FailedTogether {
        // After a panic, some harnesses go on and leave through `exit` at the end. The panic's message says more than that
        // exit.
        if let (Ending::Exit { .. }, Some(panic)) = (&run.ending, rust::last_panic(&run.remains.output.stderr)) {
            let place = Some(self.loaded().symbols.place(&panic.place));
            return FailedTogether { at, message: panic.message, place };
        }
        let policy = self.grants.policy();
        let judged = Case { harness: self.harness, module: self.loaded(), policy, entry, test, run }.judge();
        let message = judged.message.or(judged.reason).unwrap_or_else(|| "it did not pass".to_owned());
        let place = judged.panicked_at.map(|place| self.loaded().symbols.place(&place));
        FailedTogether { at, message, place }
    }

    fn outcome(&self, run: &Run, failed: Option<FailedTogether>, tells_left: bool) -> (Together, u64) {
        let left = if tells_left {
            let statics = self.loaded().symbols.variables_within(&run.changed);
            LeftBehind { files: resources::left_files(&run.remains), statics }
        } else {
            LeftBehind::default()
        };
        (Together { failed, left }, run.host_leak)
    }
}
