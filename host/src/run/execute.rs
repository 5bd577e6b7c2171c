//! Runs a plan on worker threads. One thread collects the results and tells the listener of each test when its result
//! arrives.

use super::context::RunContext;
use super::coverage::TestCoverage;
use super::entry::{
    EntryResult, FinishedEntry, How, PlannedEntry, RunProgress, TestRun, TestSpan, bare_context, enough_failed, skipped,
};
use super::plan::PlannedModule;
use super::planned::{Decision, PlannedTest};
use super::profile_room::ProfileRoom;
use super::ready::{ReadyProgram, ReadyPrograms};
use super::report_room::ReportRoom;
use super::serial::SerialGroups;
use super::slow::RunningTests;
use super::world::{ModuleWorld, Worlds};
use crate::model::TestRecord;
use crate::model::change::KeptChange;
use crate::model::doubt::TestId;
use crate::model::events::{Event, Listener};
use crate::model::profile::HeapProfile;
use crate::policy::Limit;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Most batches of results that wait for the listener. A slow listener holds the workers up instead of filling memory.
const BACKLOG: usize = 64;

/// How long a worker collects results before it hands them over together.
const BATCH: Duration = Duration::from_millis(10);

/// What a whole plan came to.
pub struct PlanOutcome {
    /// A record for each test of the plan, in its order.
    pub records: Vec<TestRecord>,
    /// The indices in the plan, sorted, of the tests that the wall clock ended, or whose clean-up it ended.
    pub by_wall_clock: Vec<usize>,
    /// Whether compiling the image of a set-up took more than it may.
    pub over_budget: bool,
    /// When each test ran, in the order of the plan; `None` where it was not run.
    pub times: Vec<Option<TestSpan>>,
    /// Where each test allocated what, if a profile is wanted: in the order of the plan.
    pub profile: HeapProfile,
    /// What the tests changed in overlays, if changes are kept: in the order of the plan.
    pub kept: Vec<KeptChange>,
    /// What each test adds to clean-up coverage, if coverage is wanted: in the order of the plan.
    pub coverage: Vec<TestCoverage>,
    /// What went wrong in the host: a line for each test concerned. Each is a bug of airtight's own.
    pub bugs: Vec<String>,
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
    let ready = ReadyPrograms::new(modules, shared.options, shared.coverage, shared.recorded.is_some());
    let order: Vec<usize> = order.into_iter().filter(|index| worlds.is_taken(*index)).collect();
    let serial = SerialGroups::new(&order, |index| tests[index].1);
    std::thread::scope(|scope| {
        let (tests, progress) = (&tests, &progress);
        let (order, worlds, ready) = (&order, &worlds, &ready);
        let run = TestRun { shared, progress, serial: &serial };
        scope.spawn(move || work(&run, tests, (order, worlds, ready), &send));
        collect(shared, (tests, worlds), progress, &receive, listener)
    })
}

fn work(
    run: &TestRun<'_>,
    tests: &[(&PlannedModule, &PlannedTest)],
    (order, worlds, ready): (&[usize], &Worlds<'_>, &ReadyPrograms<'_>),
    send: &SyncSender<Vec<FinishedEntry>>,
) {
    // Each worker takes the next test when it has finished one: a long test delays no other.
    let next = AtomicUsize::new(0);
    run.shared.pool.broadcast(|_| {
        let mut batch = Vec::new();
        let mut began = Instant::now();
        while let Some(&index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (module, test) = tests[index];
            match worlds.get(index) {
                Some(world) if world.is_setup(index) => world.alone(run, &mut batch),
                world => {
                    let ready = ready.get(index);
                    let finished = run.test(PlannedEntry { index, module, test }, (world, ready), &mut batch);
                    batch.push(finished);
                    if let Some(ready) = ready {
                        ready.ended();
                    }
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

impl TestRun<'_> {
    /// Runs a test. What came of its set-up, if that was run for it, is pushed.
    fn test(
        &self,
        planned: PlannedEntry<'_>,
        (world, ready): (Option<&ModuleWorld<'_>>, Option<&ReadyProgram<'_>>),
        others: &mut Vec<FinishedEntry>,
    ) -> FinishedEntry {
        let _turn = self.serial.wait(planned.index);
        if let Some(why) = self.not_run(planned.index) {
            return self.end(planned, planned.skipped(&why));
        }
        let (Decision::Run { grants, .. }, Some(world)) = (&planned.test.decision, world) else {
            return self.end(planned, self.run_ready(planned, ready));
        };
        let ended = match world.begin(self, others) {
            Err(why) => planned.skipped(&why),
            Ok(image) => match world.after(&image, grants, false) {
                Ok(after) => self.run(planned, How { after: Some(after), ..How::default() }),
                Err(why) => planned.failed(why),
            },
        };
        self.end(planned, ended)
    }
}

impl TestRun<'_> {
    /// Runs a test of a module without a set-up.
    fn run_ready(&self, planned: PlannedEntry<'_>, ready: Option<&ReadyProgram<'_>>) -> EntryResult {
        let at = ready.zip(planned.test.grants()).and_then(|(ready, grants)| Some((ready, ready.image(grants)?)));
        let ready = at.as_ref().map(|(ready, image)| ready.begin(image));
        self.run(planned, How { ready, ..How::default() })
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

/// The shortest time after which any of the tests is slow.
fn least_slow(tests: &[(&PlannedModule, &PlannedTest)]) -> Duration {
    let slow = tests.iter().filter_map(|(_, test)| match &test.decision {
        Decision::Run { grants, .. } => Some(grants.policy().limits.time(Limit::SlowTimeout)),
        Decision::Skip(_) | Decision::Refuse(_) => None,
    });
    slow.min().unwrap_or(Duration::MAX)
}

/// Tells the listener that a test has started, unless it was told so before.
fn tell_started(test: (&PlannedModule, &PlannedTest), told: &mut bool, listener: &mut dyn Listener) {
    if !std::mem::replace(told, true) {
        listener.event(&Event::TestStarted { module: &test.0.module.name, test: &test.1.name });
    }
}

/// Looks at what the workers are doing, and tells the listener which tests have started or have become slow. No worker
/// waits for this.
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
    receive: &Receiver<Vec<FinishedEntry>>,
    listener: &mut dyn Listener,
) -> PlanOutcome {
    let mut records: Vec<Option<TestRecord>> = vec![None; tests.len()];
    let order = worlds.counting_order();
    let (mut room, mut profiles) = (ReportRoom::new(&order), ProfileRoom::new(&order));
    let mut kept: BTreeMap<usize, Vec<KeptChange>> = BTreeMap::new();
    let mut coverage: Vec<TestCoverage> = tests.iter().map(|_| TestCoverage::default()).collect();
    let mut started = vec![false; tests.len()];
    let mut times: Vec<Option<TestSpan>> = vec![None; tests.len()];
    let (mut bugs, mut by_wall_clock, mut over_budget, mut cached) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
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
            if finished.cached {
                listener.event(&Event::TestCached { module: &module.module.name, test: &test.name });
                cached.push(finished.index);
            }
            listener.event(&Event::TestFinished {
                module: &module.module.name,
                test: &finished.record,
                elapsed: finished.ran.as_ref().map(|ran| ran.elapsed).unwrap_or_default(),
            });
            if chose_nothing(test, &finished.record) {
                let note = format!("{} {}: none of its subtests matches the filters", module.module.name, test.name);
                listener.event(&Event::Note(&note));
            }
            if finished.by_wall_clock {
                by_wall_clock.push(finished.index);
            }
            if finished.is_over_budget {
                over_budget.push(finished.index);
            }
            profiles.add(finished.index, finished.profile);
            if !finished.kept.is_empty() {
                kept.insert(finished.index, finished.kept);
            }
            coverage[finished.index] = finished.coverage;
            times[finished.index] = finished.ran;
            records[finished.index] = Some(finished.record);
            if room.add(finished.index, &mut records) {
                forget_clocks(&mut times, &records);
            }
        }
    }
    // A worker may have run further than the tests that failed allow. Its results are dropped: they would differ from run
    // to run.
    let stop_after = progress.stop_after.load(Ordering::Relaxed);
    let counts = |index: usize| worlds.counts(index, stop_after);
    room.leave_out(&mut records);
    forget_clocks(&mut times, &records);
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
    if let Some(results) = &shared.recorded {
        for index in cached.into_iter().filter(|index| counts(*index)) {
            let (module, test) = tests[index];
            results.taken(TestId { module: module.module.name().to_owned(), test: test.name.to_string() });
        }
    }
    kept.retain(|index, _| counts(*index));
    let profile = profiles.finish(counts);
    let kept = kept.into_values().flatten().collect();
    let over_budget = over_budget.into_iter().any(counts);
    PlanOutcome { records: complete.collect(), by_wall_clock, over_budget, times, profile, kept, coverage, bugs }
}

/// Forgets when subtests ran whose records were left out.
fn forget_clocks(times: &mut [Option<TestSpan>], records: &[Option<TestRecord>]) {
    for (time, record) in times.iter_mut().zip(records) {
        let details = record.as_ref().and_then(|record| record.details.as_ref());
        if let (Some(time), true) = (time, details.is_none_or(|details| details.subtests.is_empty())) {
            time.subtests = Vec::new();
        }
    }
}
