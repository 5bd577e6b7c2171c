//! Runs a plan on worker threads; one thread tells the listener, in the order in which tests end.

use super::context::RunContext;
use super::coverage::TestCoverage;
use super::options::RunOptions;
use super::plan::{Decision, PlannedModule, PlannedTest};
use super::record::{self, RecordContext};
use super::report_room::ReportRoom;
use super::single::SingleTest;
use super::slow::RunningTests;
use crate::model::change::KeptChange;
use crate::model::events::{Event, Listener};
use crate::model::profile::HeapProfile;
use crate::model::{Details, TestRecord, Verdict};
use crate::policy::Limit;
use crate::sandbox::Job;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Results that wait to be told at most: slow listeners hold the workers up instead of filling memory.
const BACKLOG: usize = 64;

/// How long a worker keeps results to itself before it hands them over together.
const BATCH: Duration = Duration::from_millis(10);

/// One finished test, by its place in the plan.
struct FinishedTest {
    index: usize,
    record: TestRecord,
    profile: HeapProfile,
    /// How long it took; `None` where it was not run.
    elapsed: Option<Duration>,
    by_wall_clock: bool,
    /// What it changed in overlays, where that is kept.
    kept: Vec<KeptChange>,
    coverage: TestCoverage,
    bug: Option<String>,
}

/// What a whole plan came to.
pub struct PlanOutcome {
    /// A record for each test of the plan, in its order.
    pub records: Vec<TestRecord>,
    /// The places in the plan of tests that the wall clock ended, or a clean-up of theirs, in order.
    pub by_wall_clock: Vec<usize>,
    /// How long each test took, in the order of the plan; `None` where it was not run.
    pub times: Vec<Option<Duration>>,
    /// What the tests allocated where, where a profile is wanted: by place in the plan.
    pub profile: HeapProfile,
    /// What the tests changed in overlays, where that is kept: by place in the plan.
    pub kept: Vec<KeptChange>,
    /// What each test adds to clean-up coverage, where that is wanted: in the order of the plan.
    pub coverage: Vec<TestCoverage>,
    /// What went wrong in the host, a line for each test concerned: bugs of ours.
    pub bugs: Vec<String>,
}

/// What the workers and the collector share.
struct RunProgress {
    /// The last test of the plan that is run, where some tests have failed and no more may.
    stop_after: AtomicUsize,
    /// The tests that have failed, where it is counted how many may.
    failed: Mutex<BTreeSet<usize>>,
    running: RunningTests,
}

impl RunProgress {
    /// Notes that a test has failed, of which so many may.
    fn note_failure(&self, index: usize, most: NonZeroU32) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.insert(index);
        // Those that come first in the plan count, whichever fails first.
        if let Some(last) = failed.iter().nth(most.get() as usize - 1) {
            self.stop_after.fetch_min(*last, Ordering::Relaxed);
        }
    }
}

/// Runs every test of the plan.
pub fn all(shared: &RunContext<'_>, modules: &[PlannedModule], listener: &mut dyn Listener) -> PlanOutcome {
    let tests: Vec<(&PlannedModule, &PlannedTest)> =
        modules.iter().flat_map(|module| module.tests.iter().map(move |test| (module, test))).collect();
    let order = shared.order(tests.len());
    let (send, receive) = sync_channel(BACKLOG);
    let progress = RunProgress {
        stop_after: AtomicUsize::new(usize::MAX),
        failed: Mutex::default(),
        running: RunningTests::new(shared.pool.current_num_threads(), least_slow(&tests)),
    };
    std::thread::scope(|scope| {
        let (tests, progress) = (&tests, &progress);
        scope.spawn(move || work(shared, tests, &order, progress, &send));
        collect(shared, tests, progress, &receive, listener)
    })
}

fn work(
    shared: &RunContext<'_>,
    tests: &[(&PlannedModule, &PlannedTest)],
    order: &[usize],
    progress: &RunProgress,
    send: &SyncSender<Vec<FinishedTest>>,
) {
    // Each worker takes the next test when it is done with one: a long test holds up none but itself.
    let next = AtomicUsize::new(0);
    shared.pool.broadcast(|_| {
        let mut batch = Vec::new();
        let mut began = Instant::now();
        while let Some(&index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (module, test) = tests[index];
            let finished = one(shared, module, test, index, progress);
            batch.push(finished);
            if began.elapsed() > BATCH {
                // The collector lives as long as there are senders.
                let _ = send.send(std::mem::take(&mut batch));
                began = Instant::now();
            }
        }
        if !batch.is_empty() {
            let _ = send.send(batch);
        }
    });
}

fn one(
    shared: &RunContext<'_>,
    module: &PlannedModule,
    test: &PlannedTest,
    index: usize,
    progress: &RunProgress,
) -> FinishedTest {
    let context = context(module, test, shared.options.keep_output);
    let skip = |reason: &str| (skipped(&context, reason), None, None);
    let mut by_wall_clock = false;
    let mut profile = HeapProfile::default();
    let mut kept = Vec::new();
    let mut coverage = TestCoverage::default();
    let (record, elapsed, bug) = match &test.decision {
        _ if index > progress.stop_after.load(Ordering::Relaxed) => skip(&enough_failed(shared.options)),
        _ if shared.options.interrupt.load(Ordering::Relaxed) => skip("interrupted"),
        Decision::Skip(reason) => skip(reason),
        Decision::Refuse(why) => {
            let details = Details { message: Some(why.clone()), ..Details::default() };
            (record::not_run(&context, Verdict::Fail, details), None, None)
        }
        Decision::Run { grants, entry, subtests } => {
            let began = Instant::now();
            let _running = progress.running.start(index, grants.policy().limits.time(Limit::SlowTimeout));
            let job = Job {
                module: &module.module,
                grants,
                test: &test.name,
                entry: entry.call(),
                before: &[],
                interrupted: &shared.options.interrupt,
                counts_heap: true,
                notes_sites: shared.coverage,
                faults: &grants.policy().faults,
                notes_calls: false,
                subtests: subtests.as_ref(),
                rounds: shared.options.repeat.max(1),
                shortcut: shared.options.shortcut,
                schedule: shared.options.schedule.clone(),
                follows_turns: shared.options.schedule.is_some(),
                streams: shared.options.streams,
                keep_changes: shared.options.keep_changes,
                inject_host_leak: shared.options.inject_host_leak,
                inject_host_panic: shared.options.inject_host_panic,
            };
            let judged = catch_unwind(AssertUnwindSafe(|| {
                let single = SingleTest { shared, test, context: &context, entry };
                let judged = single.under_schedules(&job);
                by_wall_clock = judged.by_wall_clock;
                profile = judged.profile;
                kept = judged.kept;
                coverage = judged.coverage;
                (judged.record, judged.host_leak)
            }));
            let (record, bug) = match judged {
                Ok((record, 0)) => (record, None),
                Ok((record, open)) => (
                    record,
                    Some(format!("host descriptors that were opened for it and are still open after it: {open}")),
                ),
                Err(panic) => {
                    let what = format!("the host panicked: {}", panic_message(&*panic));
                    let details = Details { message: Some(what.clone()), ..Details::default() };
                    (record::not_run(&context, Verdict::Fail, details), Some(what))
                }
            };
            (record, Some(began.elapsed()), bug)
        }
    };
    if record.verdict == Verdict::Skip {
        // Nobody expects anything of it.
        profile.missing.clear();
    }
    if let Some(most) = shared.options.max_fail
        && !matches!(record.verdict, Verdict::Pass | Verdict::Skip)
    {
        progress.note_failure(index, most);
    }
    FinishedTest { index, record, profile, elapsed, by_wall_clock, kept, coverage, bug }
}

/// Whether a test was run for the sake of some of its subtests, and none of them was.
fn chose_nothing(test: &PlannedTest, record: &TestRecord) -> bool {
    let chooses = match &test.decision {
        Decision::Run { subtests: Some(filter), .. } => filter.chooses(),
        Decision::Run { .. } | Decision::Skip(_) | Decision::Refuse(_) => false,
    };
    let ran = record.details.as_ref().is_some_and(|details| !details.subtests.is_empty());
    chooses && !ran && record.usage.is_some()
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

fn context<'a>(module: &PlannedModule, test: &'a PlannedTest, keep_output: bool) -> RecordContext<'a> {
    let module_harness = module.module.catalogue.harness;
    let mut run = module.tests.iter().filter(|test| matches!(test.decision, Decision::Run { .. }));
    let tells_setup = run.next().is_some_and(|first| first.name == test.name);
    RecordContext { name: &test.name, harness: test.harness, module_harness, keep_output, tells_setup }
}

fn skipped(context: &RecordContext<'_>, reason: &str) -> TestRecord {
    let details = Details { reason: Some(reason.to_owned()), ..Details::default() };
    record::not_run(context, Verdict::Skip, details)
}

/// Why tests after some failing ones are not run, where the user asked for that.
fn enough_failed(options: &RunOptions) -> String {
    match options.max_fail.map_or(1, NonZeroU32::get) {
        1 => "not run: an earlier test failed (--fail-fast)".to_owned(),
        most => format!("not run: {most} earlier tests failed (--max-fail)"),
    }
}

/// The least time after which one of the tests is slow.
fn least_slow(tests: &[(&PlannedModule, &PlannedTest)]) -> Duration {
    let slow = tests.iter().filter_map(|(_, test)| match &test.decision {
        Decision::Run { grants, .. } => Some(grants.policy().limits.time(Limit::SlowTimeout)),
        Decision::Skip(_) | Decision::Refuse(_) => None,
    });
    slow.min().unwrap_or(Duration::MAX)
}

/// Tells once of each test that it has started, however often it is called.
fn tell_started(test: (&PlannedModule, &PlannedTest), told: &mut bool, listener: &mut dyn Listener) {
    if !std::mem::replace(told, true) {
        listener.event(&Event::TestStarted { module: &test.0.module.name, test: &test.1.name });
    }
}

/// Looks at what the workers are doing, and tells of tests that have started or become slow. Nothing that a worker does for a
/// test waits for this.
fn tell_running(
    tests: &[(&PlannedModule, &PlannedTest)],
    running: &RunningTests,
    started: &mut [bool],
    listener: &mut dyn Listener,
) {
    for index in running.tests() {
        tell_started(tests[index], &mut started[index], listener);
    }
    for (index, elapsed) in running.slow() {
        let (module, test) = tests[index];
        tell_started(tests[index], &mut started[index], listener);
        listener.event(&Event::TestSlow { module: &module.module.name, test: &test.name, elapsed });
    }
}

fn collect(
    shared: &RunContext<'_>,
    tests: &[(&PlannedModule, &PlannedTest)],
    progress: &RunProgress,
    receive: &Receiver<Vec<FinishedTest>>,
    listener: &mut dyn Listener,
) -> PlanOutcome {
    let mut records: Vec<Option<TestRecord>> = vec![None; tests.len()];
    let mut room = ReportRoom::new(tests.len());
    let mut profiles: BTreeMap<usize, HeapProfile> = BTreeMap::new();
    let mut kept: BTreeMap<usize, Vec<KeptChange>> = BTreeMap::new();
    let mut coverage: Vec<TestCoverage> = tests.iter().map(|_| TestCoverage::default()).collect();
    let mut started = vec![false; tests.len()];
    let mut times = vec![None; tests.len()];
    let (mut bugs, mut by_wall_clock) = (Vec::new(), Vec::new());
    let mut looked = Instant::now();
    loop {
        let received = receive.recv_timeout(progress.running.interval());
        if looked.elapsed() >= progress.running.interval() {
            tell_running(tests, &progress.running, &mut started, listener);
            looked = Instant::now();
        }
        let finished = match received {
            Ok(finished) => finished,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        for finished in finished {
            let (module, test) = tests[finished.index];
            if let Some(bug) = &finished.bug {
                bugs.push(format!("{} {}: {bug}", module.module.name, test.name));
            }
            if finished.elapsed.is_some() {
                tell_started(tests[finished.index], &mut started[finished.index], listener);
            }
            listener.event(&Event::TestFinished {
                module: &module.module.name,
                test: &finished.record,
                elapsed: finished.elapsed.unwrap_or_default(),
            });
            if chose_nothing(test, &finished.record) {
                let note = format!("{} {}: none of its subtests matches the filters", module.module.name, test.name);
                listener.event(&Event::Note(&note));
            }
            if finished.by_wall_clock {
                by_wall_clock.push(finished.index);
            }
            if finished.profile != HeapProfile::default() {
                profiles.insert(finished.index, finished.profile);
            }
            if !finished.kept.is_empty() {
                kept.insert(finished.index, finished.kept);
            }
            coverage[finished.index] = finished.coverage;
            times[finished.index] = finished.elapsed;
            records[finished.index] = Some(finished.record);
            room.add(finished.index, &mut records);
        }
    }
    // A worker may have been ahead of the first failure: what it found would differ from run to run.
    let stop_after = progress.stop_after.load(Ordering::Relaxed);
    let counts = |index: usize| index <= stop_after;
    room.leave_out(&mut records);
    let complete = records.into_iter().enumerate().map(|(index, record)| match record {
        Some(record) if counts(index) => record,
        _ => {
            let (module, test) = tests[index];
            skipped(&context(module, test, false), &enough_failed(shared.options))
        }
    });
    times.iter_mut().enumerate().filter(|(index, _)| !counts(*index)).for_each(|(_, time)| *time = None);
    let uncounted = coverage.iter_mut().enumerate().filter(|(index, _)| !counts(*index));
    uncounted.for_each(|(_, coverage)| *coverage = TestCoverage::default());
    bugs.sort();
    by_wall_clock.retain(|index| counts(*index));
    by_wall_clock.sort_unstable();
    profiles.retain(|index, _| counts(*index));
    kept.retain(|index, _| counts(*index));
    let mut profile = HeapProfile::default();
    for HeapProfile { sites, missing } in profiles.into_values() {
        profile.sites.extend(sites);
        profile.missing.extend(missing);
    }
    let kept = kept.into_values().flatten().collect();
    PlanOutcome { records: complete.collect(), by_wall_clock, times, profile, kept, coverage, bugs }
}
