//! Runs single entries of a plan: tests, set-ups and teardowns.

use super::context::RunContext;
use super::coverage::TestCoverage;
use super::options::RunOptions;
use super::plan::PlannedModule;
use super::planned::{Decision, PlannedTest};
use super::record::{self, RecordContext};
use super::recorded::{ResultLookup, TestResult};
use super::serial::SerialGroups;
use super::single::{JudgedRun, SingleTest};
use super::slow::RunningTests;
use super::subtests::{SubtestClock, recorded_clocks};
use crate::catalogue::Role;
use crate::model::change::KeptChange;
use crate::model::doubt::TestId;
use crate::model::profile::HeapProfile;
use crate::model::trace::TraceOptions;
use crate::model::{Details, EntryRole, TestRecord, Verdict};
use crate::policy::Limit;
use crate::sandbox::{AfterSetUp, BeginsReady, Image, ImageError, InstanceImage, Job};
use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// When a test ran, and where.
#[derive(Debug, Clone)]
pub struct TestSpan {
    pub began: Instant,
    pub elapsed: Duration,
    /// The worker's number, from 0.
    pub worker: Option<usize>,
    /// When the subtests of its last attempt ran.
    pub subtests: Vec<SubtestClock>,
}

impl TestSpan {
    /// The time from `began` until now, on this thread.
    fn since(began: Instant) -> Self {
        Self { began, elapsed: began.elapsed(), worker: rayon::current_thread_index(), subtests: Vec::new() }
    }
}

/// A finished entry of the plan, by its index there.
pub(super) struct FinishedEntry {
    pub(super) index: usize,
    pub(super) record: TestRecord,
    pub(super) profile: HeapProfile,
    /// When it ran; `None` where it was not run.
    pub(super) ran: Option<TestSpan>,
    pub(super) by_wall_clock: bool,
    /// Whether compiling the image of a set-up took more than it may.
    pub(super) is_over_budget: bool,
    /// What it changed in overlays, where that is kept.
    pub(super) kept: Vec<KeptChange>,
    pub(super) coverage: TestCoverage,
    pub(super) bug: Option<String>,
    /// Whether the result was recorded by an earlier run.
    pub(super) cached: bool,
}

/// What the workers and the collector share.
pub(super) struct RunProgress {
    /// The index in the plan after which nothing is run, because enough tests have failed.
    pub(super) stop_after: AtomicUsize,
    /// The indices of the tests that have failed, if their number is limited.
    pub(super) failed: Mutex<BTreeSet<usize>>,
    pub(super) running: RunningTests,
}

impl RunProgress {
    /// Notes that a test has failed. `most` tests may fail.
    fn note_failure(&self, index: usize, most: NonZeroU32) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.insert(index);
        // The first failing tests of the plan decide, in whatever order they fail.
        if let Some(last) = failed.iter().nth(most.get() as usize - 1) {
            self.stop_after.fetch_min(*last, Ordering::Relaxed);
        }
    }
}

/// What all entries of a plan need to be run.
#[derive(Clone, Copy)]
pub(super) struct TestRun<'a> {
    pub(super) shared: &'a RunContext<'a>,
    pub(super) progress: &'a RunProgress,
    pub(super) serial: &'a SerialGroups,
}

/// An entry of a plan.
#[derive(Clone, Copy)]
pub(super) struct PlannedEntry<'a> {
    /// Its index in the plan.
    pub index: usize,
    pub module: &'a PlannedModule,
    pub test: &'a PlannedTest,
}

/// How an entry of a plan is run, beside what the plan decided.
#[derive(Clone, Copy, Default)]
pub(super) struct How<'a> {
    pub(super) after: Option<AfterSetUp<'a>>,
    /// Where its program is ready, where it begins there.
    pub(super) ready: Option<BeginsReady<'a>>,
    /// Tests begin where it ends.
    pub(super) captures: bool,
    /// Whether a teardown comes after this entry.
    pub(super) has_teardown: bool,
}

impl TestRun<'_> {
    /// Runs a set-up. Also returns where the set-up ended, if tests can begin there.
    pub fn setup(&self, planned: PlannedEntry<'_>, has_teardown: bool) -> (FinishedEntry, Option<Box<Image>>) {
        if let Some(why) = self.not_run(0) {
            return (self.end(planned, planned.skipped(&why)), None);
        }
        let mut ended = self.run(planned, How { captures: true, has_teardown, ..How::default() });
        let compile = |captured: Box<InstanceImage>| Image::new(&planned.module.module, *captured);
        let passed = matches!(ended.record.verdict, Verdict::Pass | Verdict::Leak);
        let image = match ended.captured.take().filter(|_| passed).map(|captured| captured.and_then(compile)) {
            // Each of these set-ups fails with a reason. Otherwise, its tests would be left out and nobody would know why.
            None if passed => {
                failed_setup(&mut ended.record, "it did not return, so that no test can begin where it ends");
                None
            }
            None if ended.record.verdict == Verdict::Skip && self.not_run(0).is_none() => {
                failed_setup(&mut ended.record, "tests are to begin where it ends, and it is not run");
                None
            }
            None => None,
            Some(Ok(image)) => Some(Box::new(image)),
            Some(Err(_)) if self.not_run(0).is_some() => {
                ended.record = skipped(&bare_context(planned.module, planned.test), "interrupted");
                None
            }
            Some(Err(why)) => {
                ended.is_over_budget = why.is_over_budget();
                failed_setup(&mut ended.record, &format!("tests cannot begin where it ends: {why}"));
                None
            }
        };
        (self.end(planned, ended), image)
    }

    /// Runs a teardown, which begins where the set-up ended. `after` is that place, or why the teardown cannot begin there;
    /// `None` if there is nothing that the teardown could undo.
    pub fn teardown(&self, planned: PlannedEntry<'_>, after: Option<Result<AfterSetUp<'_>, String>>) -> FinishedEntry {
        let ended = match (self.not_run(0), after, &planned.test.decision) {
            (Some(why), ..) => planned.skipped(&why),
            (None, None, _) => planned.skipped("not run: there is nothing that it could undo"),
            (None, Some(Ok(after)), Decision::Run { .. }) => {
                self.run(planned, How { after: Some(after), ..How::default() })
            }
            (None, Some(Err(why)), Decision::Run { .. }) => planned.failed(why),
            (None, Some(_), Decision::Skip(_) | Decision::Refuse(_)) => self.run(planned, How::default()),
        };
        self.end(planned, ended)
    }

    /// The record of a set-up that no test needed in the end.
    pub fn not_needed(&self, planned: PlannedEntry<'_>) -> FinishedEntry {
        self.end(planned, planned.skipped("not run: no test came to need it"))
    }

    /// Why an entry is not run, whatever the plan decided.
    pub(super) fn not_run(&self, index: usize) -> Option<String> {
        if index > self.progress.stop_after.load(Ordering::Relaxed) {
            return Some(enough_failed(self.shared.options));
        }
        self.shared.options.interrupt.load(Ordering::Relaxed).then(|| "interrupted".to_owned())
    }

    /// Runs an entry as the plan decided.
    pub(super) fn run(&self, planned: PlannedEntry<'_>, how: How<'_>) -> EntryResult {
        let (shared, PlannedEntry { index, module, test }) = (self.shared, planned);
        let (grants, entry, subtests) = match &test.decision {
            Decision::Run { grants, entry, subtests } => (grants, entry, subtests),
            Decision::Skip(reason) => return planned.skipped(reason),
            Decision::Refuse(why) => return planned.failed(why.clone()),
        };
        let context = context(module, test, shared.options);
        // A test that begins from an image, and a set-up, have no key: their results are not recorded.
        let results = shared.recorded.as_ref();
        match results.map_or(ResultLookup::Run, |results| results.take(index, grants.policy())) {
            ResultLookup::Run => {}
            ResultLookup::Recorded(result) => {
                let TestResult { record, coverage } = *result;
                return EntryResult { cached: true, coverage, ..EntryResult::not_run(record) };
            }
            ResultLookup::NotProved => return planned.skipped("not run: no result of it is to be proved"),
        }
        let (began, since) = (Instant::now(), SystemTime::now());
        let _running = self.progress.running.start(index, grants.policy().limits.time(Limit::SlowTimeout));
        let job = Job {
            module: match (how.after, how.ready) {
                (Some(AfterSetUp { image, .. }), _) | (None, Some(BeginsReady { image, .. })) => image.module(),
                (None, None) => &module.module,
            },
            grants,
            test: test.called(),
            entry: entry.call(),
            before: &[],
            after: how.after,
            ready: how.ready,
            until_ready: false,
            fork: None,
            captures: how.captures,
            interrupted: &shared.options.interrupt,
            counts_heap: true,
            notes_sites: shared.coverage,
            go_heap: false,
            // Only calls of tests are made to fail, not those of set-ups and teardowns.
            faults: if test.is_test() { &grants.policy().faults } else { &[] },
            notes_calls: false,
            call_stacks: None,
            traces: shared.options.trace.or(shared.options.timelines.then_some(TraceOptions::OF_TIMELINE)),
            draws_timeline: shared.options.timelines,
            notes_reads: results.is_some_and(|results| results.wants_reads(index)),
            tells_changed: false,
            subtests: subtests.as_ref(),
            rounds: if test.is_test() { shared.options.repeat.max(1) } else { 1 },
            shortcut: shared.options.shortcut,
            schedule: shared.options.schedule.clone(),
            follows_turns: shared.options.schedule.is_some(),
            streams: shared.options.streams,
            keep_changes: shared.options.keep_changes,
            inject_host_leak: shared.options.inject_host_leak,
            inject_host_panic: shared.options.inject_host_panic,
        };
        let judged = catch_unwind(AssertUnwindSafe(|| {
            let single = SingleTest { shared, test, context: &context, entry, has_teardown: how.has_teardown };
            single.with_retries(&job)
        }));
        let ran = TestSpan::since(began);
        match judged {
            Ok(JudgedRun {
                record,
                by_wall_clock,
                profile,
                kept,
                coverage,
                captured,
                host_leak,
                reads,
                clocks,
                ..
            }) => {
                let ran = Some(TestSpan { subtests: recorded_clocks(clocks, &record), ..ran });
                // A run that is stopped may end early in a way that its record does not tell.
                let is_whole = !by_wall_clock && host_leak == 0 && !shared.options.interrupt.load(Ordering::Relaxed);
                if let Some(results) = results.filter(|_| is_whole) {
                    let id = TestId { module: module.module.name().to_owned(), test: test.name.to_string() };
                    let result = TestResult { record: record.clone(), coverage: coverage.clone() };
                    results.ran((index, grants.policy(), id), result, reads.map(|reads| *reads), since);
                }
                let bug = (host_leak > 0).then(|| {
                    format!("host descriptors that were opened for it and are still open after it: {host_leak}")
                });
                EntryResult {
                    ran,
                    by_wall_clock,
                    profile,
                    kept,
                    coverage,
                    captured,
                    bug,
                    ..EntryResult::not_run(record)
                }
            }
            Err(panic) => {
                let what = format!("the host panicked: {}", panic_message(&*panic));
                EntryResult { ran: Some(ran), bug: Some(what.clone()), ..planned.failed(what) }
            }
        }
    }

    /// Finishes an entry: notes a failure, and hands on what the collector needs.
    pub(super) fn end(&self, planned: PlannedEntry<'_>, ended: EntryResult) -> FinishedEntry {
        let index = planned.index;
        let EntryResult {
            record,
            ran,
            by_wall_clock,
            is_over_budget,
            mut profile,
            kept,
            coverage,
            captured: _,
            bug,
            cached,
        } = ended;
        if record.verdict == Verdict::Skip {
            // Nobody expects a profile of a test that was skipped.
            profile.missing.clear();
        }
        if let Some(most) = self.shared.options.max_fail
            && !matches!(record.verdict, Verdict::Pass | Verdict::Skip)
        {
            self.progress.note_failure(planned.counts_at(), most);
        }
        FinishedEntry { index, record, profile, ran, by_wall_clock, is_over_budget, kept, coverage, bug, cached }
    }
}

/// Makes a set-up fail that came to its end, because no test can begin there.
fn failed_setup(record: &mut TestRecord, why: &str) {
    record.verdict = Verdict::Fail;
    let details = record.details.get_or_insert_default();
    let reason = details.reason.take().map(|reason| format!(": {reason}")).unwrap_or_default();
    details.message = Some(format!("{why}{reason}"));
}

impl PlannedEntry<'_> {
    /// The index at which a failure of the entry counts. A teardown counts behind all tests of its module, because it runs
    /// after them.
    fn counts_at(&self) -> usize {
        let own = self.module.tests.iter().position(|test| std::ptr::eq(test, self.test));
        match (self.test.role, own) {
            (Role::Teardown, Some(own)) => self.index + (self.module.tests.len() - 1 - own),
            _ => self.index,
        }
    }

    pub(super) fn skipped(self, why: &str) -> EntryResult {
        EntryResult::not_run(skipped(&bare_context(self.module, self.test), why))
    }

    pub(super) fn failed(self, why: String) -> EntryResult {
        let details = Details { message: Some(why), ..Details::default() };
        EntryResult::not_run(record::not_run(&bare_context(self.module, self.test), Verdict::Fail, details))
    }
}

/// What an entry came to.
pub(super) struct EntryResult {
    record: TestRecord,
    /// When it ran; `None` where it was not run.
    ran: Option<TestSpan>,
    by_wall_clock: bool,
    is_over_budget: bool,
    profile: HeapProfile,
    kept: Vec<KeptChange>,
    coverage: TestCoverage,
    /// Where a set-up that passed ended.
    captured: Option<Result<Box<InstanceImage>, ImageError>>,
    bug: Option<String>,
    /// Whether the result was recorded by an earlier run.
    cached: bool,
}

impl EntryResult {
    /// What an entry that was not run came to.
    fn not_run(record: TestRecord) -> Self {
        Self {
            record,
            ran: None,
            by_wall_clock: false,
            is_over_budget: false,
            profile: HeapProfile::default(),
            kept: Vec::new(),
            coverage: TestCoverage::default(),
            captured: None,
            bug: None,
            cached: false,
        }
    }
}

pub(super) fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

/// What is needed to record a test that was run.
fn context<'a>(module: &PlannedModule, test: &'a PlannedTest, options: &'a RunOptions) -> RecordContext<'a> {
    let (keep_output, baseline) = (options.keep_output, options.baseline.as_deref());
    RecordContext { keep_output, baseline, ..bare_context(module, test) }
}

/// What is needed to record a test that was not run.
pub(super) fn bare_context<'a>(module: &PlannedModule, test: &'a PlannedTest) -> RecordContext<'a> {
    let module_harness = module.module.catalogue.harness;
    let mut run = module.tests.iter().filter(|test| matches!(test.decision, Decision::Run { .. }));
    let tells_setup = run.next().is_some_and(|first| first.name == test.name);
    let role = match test.role {
        Role::Test => None,
        Role::SetUp => Some(EntryRole::Setup),
        Role::Teardown => Some(EntryRole::Teardown),
    };
    RecordContext {
        name: test.called(),
        shown: &test.name,
        harness: test.harness,
        module_harness,
        role,
        keep_output: false,
        baseline: None,
        tells_setup,
        forked: None,
    }
}

pub(super) fn skipped(context: &RecordContext<'_>, reason: &str) -> TestRecord {
    let details = Details { reason: Some(reason.to_owned()), ..Details::default() };
    record::not_run(context, Verdict::Skip, details)
}

/// Why tests after some failing ones are not run, where the user asked for that.
pub(super) fn enough_failed(options: &RunOptions) -> String {
    match options.max_fail.map_or(1, NonZeroU32::get) {
        1 => "not run: an earlier test failed (--fail-fast)".to_owned(),
        most => format!("not run: {most} earlier tests failed (--max-fail)"),
    }
}
