//! Runs one test with some of its calls failing: what the test does then, and what it leaves.

use super::heap::{Accountant, Audit};
use super::host_bug::{HostBug, guarded};
use super::judge::{Case, Judgement};
use super::plan::PlannedModule;
use super::planned::{Decision, PlannedTest};
use super::record::{self, RecordContext};
use super::recorded;
use super::runner::Runner;
use super::search::SharedWorld;
use crate::harness::{TestEntry, go};
use crate::model::{Frame, Harness, Resource, ResourceKind, SubtestFilter, Verdict};
use crate::policy::{Fault, Limit, Policy};
use crate::sandbox::wasi::{AskedPath, CallStacks, Grants, NotedCall, WatchedCalls};
use crate::sandbox::{Ending, Job, LoadedModule, Run, run};
use crate::symbols::{Symbols, TrapCause};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A test whose calls are made to fail.
pub(crate) struct FaultSubject<'a> {
    pub module: &'a PlannedModule,
    pub test: &'a PlannedTest,
    entry: &'a TestEntry,
    grants: Arc<Grants>,
    /// Where the test begins, if its module has a set-up.
    world: Option<Arc<SharedWorld<'a>>>,
    /// Which of its subtests are run; all of them if there is no filter.
    subtests: Option<&'a Arc<SubtestFilter>>,
    shortcut: bool,
    /// Whether it is noted what its runs read from the host.
    notes_reads: bool,
    interrupted: &'a Arc<AtomicBool>,
    /// See [`super::RunnerBuilder::inject_host_panic`].
    inject_host_panic: bool,
}

/// What one run of the test came to.
#[derive(Debug)]
pub(crate) struct FaultedRun {
    /// The calls of the test, which of them failed, and what is wrong with them.
    pub watched: Box<WatchedCalls>,
    /// How it ended.
    pub end: FaultEnd,
    /// The open handles, lost blocks and threads that the test left, if it came to its end. After any other ending: what
    /// was open.
    pub left: Vec<Resource>,
    /// The files and directories that the test left or changed, with their sizes.
    pub files: BTreeMap<String, Option<u64>>,
    /// The fuel that the test spent.
    pub fuel: u64,
    /// Whether the wall clock ended the run, or the second run that looks for lost blocks.
    pub by_wall_clock: bool,
    /// What it read from the host, where that is noted.
    pub reads: Option<HostPaths>,
}

/// What a test read from the host; else why that is not known.
pub(crate) type HostPaths = Result<BTreeSet<AskedPath>, &'static str>;

/// How a test ended whose calls failed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FaultEnd {
    /// It came to its end: it passed, or it said that it failed. All that it acquired is given back by now, or is a leak.
    Ended { passed: bool },
    /// It panicked.
    Panicked { message: String, stack: Vec<Frame>, unwound: bool },
    /// It spent all its fuel, or waits for something that never comes.
    Hung { message: String, stack: Vec<Frame> },
    /// It was ended in another way; where it `gave_up`, by a function that ends a program: `abort`, or Rust's for memory that is not there.
    Stopped { message: String, stack: Vec<Frame>, gave_up: bool },
    /// It left through `exit` from within.
    Left { status: u32 },
}

/// Why no calls of this test are made to fail; `None` if they can be.
pub(crate) fn cannot_fail(test: &PlannedTest) -> Option<&'static str> {
    if !test.is_test() {
        return Some("it is run once for all tests");
    }
    let Decision::Run { grants, entry, .. } = &test.decision else { return Some("it is not run") };
    let expects_panic = match entry {
        TestEntry::Start(start) => start.should_panic.is_some(),
        TestEntry::Sdk(call) => call.should_panic.is_some(),
    };
    match grants.policy().unrepeatable() {
        _ if expects_panic => Some("it is expected to panic, and does so also where a call fails"),
        unrepeatable => unrepeatable,
    }
}

impl Runner {
    /// Makes ready to run a test with some of its calls failing. [`cannot_fail`] must say nothing against the test. `world`
    /// is where the tests of its module begin, if the module has a set-up.
    ///
    /// # Errors
    /// In words, why that cannot be done.
    pub(crate) fn fault_subject<'a>(
        &'a self,
        module: &'a PlannedModule,
        test: &'a PlannedTest,
        world: Option<Arc<SharedWorld<'a>>>,
    ) -> Result<FaultSubject<'a>, String> {
        let Decision::Run { grants, entry, subtests } = &test.decision else { return Err("it is not run".to_owned()) };
        let options = self.options();
        Ok(FaultSubject {
            subtests: subtests.as_ref(),
            module,
            test,
            entry,
            grants: Arc::clone(grants),
            world,
            shortcut: options.shortcut,
            notes_reads: false,
            interrupted: &options.interrupt,
            inject_host_panic: options.inject_host_panic,
        })
    }
}

impl FaultSubject<'_> {
    /// The same test, with the same open directories, and with at most this much fuel.
    pub fn with_fuel(&self, fuel: u64) -> Self {
        let policy = self.grants.policy();
        let fuel = fuel.min(policy.limits.most(Limit::Fuel));
        let policy = Policy { limits: policy.limits.with(Limit::Fuel, fuel), ..Policy::clone(policy) };
        Self { grants: Arc::new(self.grants.under(&Arc::new(policy))), world: self.world.clone(), ..*self }
    }

    /// The same, of which it is noted what it reads from the host.
    pub fn noting_reads(self) -> Self {
        Self { notes_reads: true, ..self }
    }

    /// What it may do.
    pub fn policy(&self) -> &Policy {
        self.grants.policy()
    }

    /// The module that runs.
    fn loaded(&self) -> &LoadedModule {
        self.world.as_deref().map_or(&self.module.module, SharedWorld::module)
    }

    /// Runs the test with these of its calls failing. `known` are the stacks of its run in which all of them fail but the last; they are
    /// captured if that is not known. The calling thread must have the stack that guests need.
    ///
    /// # Errors
    /// A bug of ours.
    pub fn run(&self, faults: &[Fault], known: Option<&Arc<CallStacks>>) -> Result<FaultedRun, HostBug> {
        guarded(|| self.run_once(faults, known))?
    }

    fn run_once(&self, faults: &[Fault], known: Option<&Arc<CallStacks>>) -> Result<FaultedRun, HostBug> {
        let module = self.loaded();
        let plain = Job::plain(module, (&self.grants, &self.test.name, self.entry.call()), self.interrupted);
        let job = Job {
            after: self.world.as_deref().map(SharedWorld::after),
            counts_heap: true,
            subtests: self.subtests,
            shortcut: self.shortcut,
            faults,
            notes_calls: true,
            call_stacks: known,
            notes_reads: self.notes_reads,
            inject_host_panic: self.inject_host_panic,
            ..plain
        };
        let mut ran = run(&job);
        let by_wall_clock = ran.ended_by_wall_clock() || ran.ending == Ending::Interrupted;
        let watched = ran.remains.watched.take().unwrap_or_default();
        let reads = ran.remains.reads.take().map(|reads| reads.paths());
        let (harness, policy) = (self.test.harness, self.grants.policy());
        let case = Case { harness, module, policy, entry: self.entry, test: &self.test.name, run: &ran };
        let mut judgement = case.judge();
        let end = self.end(&ran, &judgement);
        // A test that came to its end is asked what it left even if it said that it failed.
        judgement.normal_finish |= matches!(end, FaultEnd::Ended { .. });
        let accountant = Accountant { job: &job, profile: false, follows_pointers: false };
        let Audit { account, host_leak, by_wall_clock: also, .. } = accountant.audit(&ran, &judgement);
        let context = RecordContext {
            name: &self.test.name,
            shown: &self.test.name,
            harness,
            module_harness: harness,
            role: None,
            keep_output: false,
            baseline: None,
            tells_setup: false,
            forked: None,
        };
        HostBug::of_descriptors(host_leak + ran.host_leak)?;
        let files = files(&ran);
        let fuel = ran.fuel;
        let record = record::judged(&context, &case, judgement, &account);
        let details = record.details.map(|details| *details).unwrap_or_default();
        let is_file = |left: &Resource| matches!(left.kind, ResourceKind::Residue | ResourceKind::ResidueDir);
        let left = details.leaks.into_iter().chain(details.reclaimed).filter(|left| !is_file(left)).collect();
        Ok(FaultedRun { watched, end, left, files, fuel, by_wall_clock: by_wall_clock || also, reads })
    }

    fn end(&self, run: &Run, judgement: &Judgement) -> FaultEnd {
        let symbols = &self.loaded().symbols;
        let message = || judgement.message.clone().unwrap_or_else(|| run.ending.words());
        let stack = || run.ending.stack().map(|stack| symbols.frames(stack)).unwrap_or_default();
        if judgement.normal_finish {
            return FaultEnd::Ended { passed: judgement.verdict == Verdict::Pass };
        }
        if judgement.unwound {
            let at = judgement.panicked_at.as_deref();
            let stack = at.map(|at| symbols.frames_of_place(at, &self.test.name)).unwrap_or_default();
            return FaultEnd::Panicked { message: message(), stack, unwound: true };
        }
        let is_within = run.heap.as_ref().ok().is_none_or(|heap| heap.window_open);
        match (&run.ending, self.test.harness) {
            (Ending::Returned, Harness::Sdk) => FaultEnd::Ended { passed: false },
            // Rust's harness leaves like this when a test has returned an error.
            (Ending::Exit { .. }, Harness::Libtest) if judgement.at_declaration => FaultEnd::Ended { passed: false },
            // How a Go test ended is known in each case: Go's harness says it, or Go's runtime does, as when no goroutine
            // can go on.
            (Ending::Exit { .. }, Harness::Go) if judgement.verdict == Verdict::Timeout => {
                FaultEnd::Hung { message: message(), stack: judgement.stack.clone().unwrap_or_default() }
            }
            (Ending::Exit { status: go::PANICKED, .. }, Harness::Go) if judgement.verdict == Verdict::Fail => {
                let stack = judgement.stack.clone().unwrap_or_default();
                FaultEnd::Panicked { message: message(), stack, unwound: false }
            }
            (Ending::Exit { status: 1, .. }, Harness::Go) if judgement.verdict == Verdict::Fail => {
                FaultEnd::Ended { passed: false }
            }
            // `main` has returned this status.
            (Ending::Exit { .. }, Harness::Command) if !is_within => FaultEnd::Ended { passed: false },
            (Ending::Exit { status, .. }, _) => FaultEnd::Left { status: *status },
            (Ending::Fuel { .. } | Ending::Deadlock { .. } | Ending::Stuck { .. }, _) => {
                FaultEnd::Hung { message: message(), stack: stack() }
            }
            (Ending::Trap { stack, .. }, _) if judgement.panicked_at.is_some() => {
                let at = judgement.panicked_at.as_deref().unwrap_or_default();
                let stack = symbols.frames_of_panic(stack, at, &self.test.name);
                FaultEnd::Panicked { message: message(), stack, unwound: false }
            }
            _ => FaultEnd::Stopped { message: message(), stack: stack(), gave_up: gave_up(symbols, &run.ending) },
        }
    }

    /// The frames of a call, user frames first.
    pub fn frames(&self, call: &NotedCall) -> Vec<Frame> {
        self.loaded().symbols.frames(&call.stack)
    }

    /// The frames of a stack, user frames first.
    pub fn frames_of(&self, stack: &crate::ledger::Stack) -> Vec<Frame> {
        self.loaded().symbols.frames(stack)
    }
}

/// Whether a trap is one that code asked for which cannot go on.
fn gave_up(symbols: &Symbols, ending: &Ending) -> bool {
    let Ending::Trap { stack, .. } = ending else { return false };
    let aborts = || symbols.library_calls(stack).iter().any(|function| ["abort", "_abort"].contains(&&**function));
    symbols.cause(stack) == TrapCause::AllocError || aborts()
}

impl Runner {
    /// A sum of all that the runs of a test with failures depend on, and that is known before they begin. `module` is the sum of its module.
    /// `None` where that is not known.
    pub(crate) fn key_of_faulted(&self, planned: (&PlannedModule, &str), test: &PlannedTest) -> Option<String> {
        let key = recorded::key_of_test(self.options(), planned, test, false).ok()?;
        Some(key.name().to_owned())
    }
}

impl PlannedModule {
    /// A text that is another one where the module is.
    pub(crate) fn sum(&self) -> String {
        self.module.sum()
    }

    /// Why no allocation of its tests is seen; `None` where they are.
    pub(crate) fn why_no_allocations(&self) -> Option<String> {
        self.module.why_no_heap()
    }
}

/// The files and directories that a run left in the scratch file system, or wrote in overlays.
fn files(run: &Run) -> BTreeMap<String, Option<u64>> {
    let left = run.remains.residue.iter().map(|left| (left.path.clone(), left.bytes));
    let changed = run.remains.changes.iter().filter_map(|change| {
        let (kind, size) = change.now?;
        let bytes = (kind != crate::sandbox::wasi::FileKind::Dir).then_some(size);
        Some((change.report_as.to_string(), bytes))
    });
    left.chain(changed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::run::{Selection, Subject};
    use crate::sandbox::LoadOptions;

    #[test]
    fn a_panic_of_the_host_is_told_and_ends_no_other_run() {
        let bytes = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#).unwrap();
        let runner = Runner::builder(&Config::default(), "default").unwrap().inject_host_panic(true).build().unwrap();
        let module = runner.load(bytes, LoadOptions::named("m")).unwrap();
        let plan = runner.plan(vec![Subject::new(module)], &Selection::default()).unwrap();
        let planned = &plan.modules()[0];
        let subject = runner.fault_subject(planned, &planned.tests[0], None).unwrap();
        let ends = runner.install_each(&[&subject, &subject], &|subject| subject.run(&[], None).map(drop));
        let bug = HostBug("the host panicked: on purpose".to_owned());
        assert_eq!(ends, [Err(bug.clone()), Err(bug)]);
    }
}
