//! Runs a plan on worker threads; one thread tells the listener, in the order in which tests end.

use super::context::RunContext;
use super::coverage::TestCoverage;
use super::options::RunOptions;
use super::plan::{Decision, PlannedModule, PlannedTest};
use super::record::{self, RecordContext};
use super::report_room::ReportRoom;
use super::serial::SerialGroups;
use super::single::{Judged, SingleTest};
use super::slow::RunningTests;
use super::world::{World, Worlds};
use crate::catalogue::Role;
use crate::model::change::KeptChange;
use crate::model::events::{Event, Listener};
use crate::model::profile::HeapProfile;
use crate::model::{Details, TestRecord, Verdict};
use crate::policy::Limit;
use crate::sandbox::{AfterSetUp, Captured, Image, ImageError, Job};
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

/// When a test ran, and where.
#[derive(Debug, Clone, Copy)]
pub struct TestSpan {
    pub began: Instant,
    pub elapsed: Duration,
    /// The worker's number, from 0.
    pub worker: Option<usize>,
}

impl TestSpan {
    /// From then to now, on this thread.
    fn since(began: Instant) -> Self {
        Self { began, elapsed: began.elapsed(), worker: rayon::current_thread_index() }
    }
}

/// One finished test, by its place in the plan.
pub(super) struct Finished {
    index: usize,
    record: TestRecord,
    profile: HeapProfile,
    /// When it ran; `None` where it was not run.
    ran: Option<TestSpan>,
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
    /// When each test ran, in the order of the plan; `None` where it was not run.
    pub times: Vec<Option<TestSpan>>,
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
    let worlds = Worlds::new(modules);
    let order: Vec<usize> = order.into_iter().filter(|index| worlds.is_taken(*index)).collect();
    let serial = SerialGroups::new(&order, |index| tests[index].1);
    std::thread::scope(|scope| {
        let (tests, progress) = (&tests, &progress);
        let (order, worlds) = (&order, &worlds);
        let run = TestRun { shared, progress, serial: &serial };
        scope.spawn(move || work(&run, tests, (order, worlds), &send));
        collect(shared, (tests, worlds), progress, &receive, listener)
    })
}

fn work(
    run: &TestRun<'_>,
    tests: &[(&PlannedModule, &PlannedTest)],
    (order, worlds): (&[usize], &Worlds<'_>),
    send: &SyncSender<Vec<Finished>>,
) {
    // Each worker takes the next test when it is done with one: a long test holds up none but itself.
    let next = AtomicUsize::new(0);
    run.shared.pool.broadcast(|_| {
        let mut batch = Vec::new();
        let mut began = Instant::now();
        while let Some(&index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (module, test) = tests[index];
            match worlds.of(index) {
                Some(world) if world.is_setup(index) => world.alone(run, &mut batch),
                world => {
                    let finished = run.test(Planned { index, module, test }, world, &mut batch);
                    batch.push(finished);
                    if let Some(world) = world {
                        world.ended(run, &mut batch);
                    }
                }
            }
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

/// What it takes to run single entries of a plan.
#[derive(Clone, Copy)]
pub(super) struct TestRun<'a> {
    shared: &'a RunContext<'a>,
    progress: &'a RunProgress,
    serial: &'a SerialGroups,
}

/// An entry of a plan.
#[derive(Clone, Copy)]
pub(super) struct Planned<'a> {
    /// Its place there.
    pub index: usize,
    pub module: &'a PlannedModule,
    pub test: &'a PlannedTest,
}

/// How an entry of a plan is run, beside what the plan says.
#[derive(Clone, Copy, Default)]
struct How<'a> {
    after: Option<AfterSetUp<'a>>,
    /// Tests begin where it ends.
    captures: bool,
    /// A teardown comes after it.
    has_teardown: bool,
}

impl TestRun<'_> {
    /// Runs a test. What came of its set-up, if that was run for it, is pushed.
    fn test(&self, planned: Planned<'_>, world: Option<&World<'_>>, others: &mut Vec<Finished>) -> Finished {
        let _turn = self.serial.wait(planned.index);
        if let Some(why) = self.not_run(planned.index) {
            return self.end(planned, planned.skipped(&why));
        }
        let (Decision::Run { grants, .. }, Some(world)) = (&planned.test.decision, world) else {
            return self.end(planned, self.run(planned, How::default()));
        };
        let ended = match world.begin(self, others) {
            Err(why) => planned.skipped(&why),
            Ok(image) => match world.after(image, grants, false) {
                Ok(after) => self.run(planned, How { after: Some(after), ..How::default() }),
                Err(why) => planned.failed(why),
            },
        };
        self.end(planned, ended)
    }

    /// Runs a set-up. Gives where it ended, where tests can begin there.
    pub fn setup(&self, planned: Planned<'_>, has_teardown: bool) -> (Finished, Option<Box<Image>>) {
        if let Some(why) = self.not_run(0) {
            return (self.end(planned, planned.skipped(&why)), None);
        }
        let mut ended = self.run(planned, How { captures: true, has_teardown, after: None });
        let compile = |captured: Box<Captured>| Image::new(&planned.module.module, *captured);
        let passed = matches!(ended.record.verdict, Verdict::Pass | Verdict::Leak);
        let image = match ended.captured.take().filter(|_| passed).map(|captured| captured.and_then(compile)) {
            // Where nobody says why, no test can begin after it, and none of them may be left out without a word.
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
            Some(Err(why)) => {
                failed_setup(&mut ended.record, &format!("tests cannot begin where it ends: {why}"));
                None
            }
        };
        (self.end(planned, ended), image)
    }

    /// Runs a teardown, which begins where the set-up ended.
    pub fn teardown(&self, planned: Planned<'_>, world: &World<'_>, image: Option<&Image>) -> Finished {
        let ended = match (self.not_run(0), image, &planned.test.decision) {
            (Some(why), ..) => planned.skipped(&why),
            (None, None, _) => planned.skipped("not run: there is nothing that it could undo"),
            (None, Some(image), Decision::Run { grants, .. }) => match world.after(image, grants, true) {
                Ok(after) => self.run(planned, How { after: Some(after), ..How::default() }),
                Err(why) => planned.failed(why),
            },
            (None, Some(_), Decision::Skip(_) | Decision::Refuse(_)) => self.run(planned, How::default()),
        };
        self.end(planned, ended)
    }

    /// What is said of a set-up that no test came to need.
    pub fn not_needed(&self, planned: Planned<'_>) -> Finished {
        self.end(planned, planned.skipped("not run: no test came to need it"))
    }

    /// Why an entry is not run, whatever the plan says of it.
    fn not_run(&self, index: usize) -> Option<String> {
        if index > self.progress.stop_after.load(Ordering::Relaxed) {
            return Some(enough_failed(self.shared.options));
        }
        self.shared.options.interrupt.load(Ordering::Relaxed).then(|| "interrupted".to_owned())
    }

    /// Runs an entry as the plan says.
    fn run(&self, planned: Planned<'_>, how: How<'_>) -> Ended {
        let (shared, Planned { index, module, test }) = (self.shared, planned);
        let (grants, entry, subtests) = match &test.decision {
            Decision::Run { grants, entry, subtests } => (grants, entry, subtests),
            Decision::Skip(reason) => return planned.skipped(reason),
            Decision::Refuse(why) => return planned.failed(why.clone()),
        };
        let context = context(module, test, shared.options);
        let began = Instant::now();
        let _running = self.progress.running.start(index, grants.policy().limits.time(Limit::SlowTimeout));
        let job = Job {
            module: how.after.map_or(&module.module, |after| after.image.module()),
            grants,
            test: &test.name,
            entry: entry.call(),
            before: &[],
            after: how.after,
            captures: how.captures,
            interrupted: &shared.options.interrupt,
            counts_heap: true,
            notes_sites: shared.coverage,
            // What is planned to fail are calls of tests.
            faults: if test.is_test() { &grants.policy().faults } else { &[] },
            notes_calls: false,
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
        let ran = Some(TestSpan::since(began));
        match judged {
            Ok(Judged { record, by_wall_clock, profile, kept, coverage, captured, host_leak, .. }) => {
                let bug = (host_leak > 0).then(|| {
                    format!("host descriptors that were opened for it and are still open after it: {host_leak}")
                });
                Ended { record, ran, by_wall_clock, profile, kept, coverage, captured, bug }
            }
            Err(panic) => {
                let what = format!("the host panicked: {}", panic_message(&*panic));
                Ended { ran, bug: Some(what.clone()), ..planned.failed(what) }
            }
        }
    }

    /// An entry has ended.
    fn end(&self, planned: Planned<'_>, ended: Ended) -> Finished {
        let index = planned.index;
        let Ended { record, ran, by_wall_clock, mut profile, kept, coverage, captured: _, bug } = ended;
        if record.verdict == Verdict::Skip {
            // Nobody expects anything of it.
            profile.missing.clear();
        }
        if let Some(most) = self.shared.options.max_fail
            && !matches!(record.verdict, Verdict::Pass | Verdict::Skip)
        {
            self.progress.note_failure(planned.counts_at(), most);
        }
        Finished { index, record, profile, ran, by_wall_clock, kept, coverage, bug }
    }
}

/// A set-up came to its end, and is none.
fn failed_setup(record: &mut TestRecord, why: &str) {
    record.verdict = Verdict::Fail;
    let details = record.details.get_or_insert_default();
    let reason = details.reason.take().map(|reason| format!(": {reason}")).unwrap_or_default();
    details.message = Some(format!("{why}{reason}"));
}

impl Planned<'_> {
    /// Its place where failures are counted: a teardown's is behind all tests of its module, as it is run after them.
    fn counts_at(&self) -> usize {
        let own = self.module.tests.iter().position(|test| std::ptr::eq(test, self.test));
        match (self.test.role, own) {
            (Role::Teardown, Some(own)) => self.index + (self.module.tests.len() - 1 - own),
            _ => self.index,
        }
    }

    fn skipped(self, why: &str) -> Ended {
        Ended::of(skipped(&bare_context(self.module, self.test), why))
    }

    fn failed(self, why: String) -> Ended {
        let details = Details { message: Some(why), ..Details::default() };
        Ended::of(record::not_run(&bare_context(self.module, self.test), Verdict::Fail, details))
    }
}

/// What came of an entry.
struct Ended {
    record: TestRecord,
    /// When it ran; `None` where it was not run.
    ran: Option<TestSpan>,
    by_wall_clock: bool,
    profile: HeapProfile,
    kept: Vec<KeptChange>,
    coverage: TestCoverage,
    /// Where it ended, of a set-up that passed.
    captured: Option<Result<Box<Captured>, ImageError>>,
    bug: Option<String>,
}

impl Ended {
    /// Of one that was not run.
    fn of(record: TestRecord) -> Self {
        Self {
            record,
            ran: None,
            by_wall_clock: false,
            profile: HeapProfile::default(),
            kept: Vec::new(),
            coverage: TestCoverage::default(),
            captured: None,
            bug: None,
        }
    }
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

/// What is needed to record a test that was run.
fn context<'a>(module: &PlannedModule, test: &'a PlannedTest, options: &'a RunOptions) -> RecordContext<'a> {
    let (keep_output, baseline) = (options.keep_output, options.baseline.as_deref());
    RecordContext { keep_output, baseline, ..bare_context(module, test) }
}

/// What is needed to record one that was not.
fn bare_context<'a>(module: &PlannedModule, test: &'a PlannedTest) -> RecordContext<'a> {
    let module_harness = module.module.catalogue.harness;
    let mut run = module.tests.iter().filter(|test| matches!(test.decision, Decision::Run { .. }));
    let tells_setup = run.next().is_some_and(|first| first.name == test.name);
    let harness = test.harness;
    RecordContext { name: &test.name, harness, module_harness, keep_output: false, baseline: None, tells_setup }
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
    (tests, worlds): (&[(&PlannedModule, &PlannedTest)], &Worlds<'_>),
    progress: &RunProgress,
    receive: &Receiver<Vec<Finished>>,
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
            if finished.ran.is_some() {
                tell_started(tests[finished.index], &mut started[finished.index], listener);
            }
            listener.event(&Event::TestFinished {
                module: &module.module.name,
                test: &finished.record,
                elapsed: finished.ran.map(|ran| ran.elapsed).unwrap_or_default(),
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
            times[finished.index] = finished.ran;
            records[finished.index] = Some(finished.record);
            room.add(finished.index, &mut records);
        }
    }
    // A worker may have been ahead of the first failure: what it found would differ from run to run.
    let stop_after = progress.stop_after.load(Ordering::Relaxed);
    let counts = |index: usize| worlds.counts(index, stop_after);
    room.leave_out(&mut records);
    let complete = records.into_iter().enumerate().map(|(index, record)| match record {
        Some(record) if counts(index) => record,
        _ => {
            let (module, test) = tests[index];
            skipped(&bare_context(module, test), &enough_failed(shared.options))
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
