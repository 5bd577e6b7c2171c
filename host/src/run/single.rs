//! Runs and judges one test. A test with threads may be run under several schedules.

use super::context::RunContext;
use super::coverage::TestCoverage;
use super::go_account;
use super::heap::{Accountant, Audit};
use super::judge::Case;
use super::planned::PlannedTest;
use super::preemptions::RunWithPoints;
use super::record::{self, RecordContext};
use super::resources;
use super::retries::{Attempt, retry};
use super::schedules;
use super::subtests::{self, SubtestClock};
use super::threads;
use super::traced::TracedTest;
use crate::harness::TestEntry;
use crate::model::change::KeptChange;
use crate::model::profile::HeapProfile;
use crate::model::timeline::{TestTimeline, TimelinePoint};
use crate::model::{Details, Exploration, Harness, TestRecord, Verdict};
use crate::sandbox::wasi::{HostReads, RawTrace, Streams};
use crate::sandbox::{ForkImage, ImageError, InstanceImage, Job, LoadedModule, Preemptions, Run, SubtestRun, run};
use std::sync::{Arc, PoisonError};

/// What a run of a test is judged with.
#[derive(Clone, Copy)]
pub struct SingleTest<'a> {
    pub shared: &'a RunContext<'a>,
    pub test: &'a PlannedTest,
    pub context: &'a RecordContext<'a>,
    pub entry: &'a TestEntry,
    /// Whether a teardown is yet to come: then what the set-up holds at its end is not a leak.
    pub has_teardown: bool,
}

/// A run of a test, judged.
pub struct JudgedRun {
    pub record: TestRecord,
    pub by_wall_clock: bool,
    pub profile: HeapProfile,
    pub kept: Vec<KeptChange>,
    /// What the run adds to clean-up coverage; nothing if coverage is not wanted.
    pub coverage: TestCoverage,
    /// Where the run ended, if it passed and tests are to begin there.
    pub captured: Option<Result<Box<InstanceImage>, ImageError>>,
    /// How many host descriptors are still open after the run.
    pub host_leak: u64,
    /// When its subtests ran.
    pub clocks: Vec<SubtestClock>,
    /// What the test asked of the host, if that is noted.
    pub reads: Option<Box<HostReads>>,
    preemptions: Preemptions,
    /// What it forked and was not run yet, and its own subtests, where it forked any.
    pub(super) forks: (Vec<ForkImage>, Vec<SubtestRun>),
}

impl SingleTest<'_> {
    /// Runs the test. If it has threads and passes, runs it under as many other schedules as are asked for, until it fails
    /// under one.
    pub fn under_schedules(&self, job: &Job<'_>) -> JudgedRun {
        let mut judged = self.once(job);
        let schedules = self.shared.options.schedules;
        let explores = schedules > 0
            && job.schedule.is_none()
            && job.module.has_threads()
            && judged.record.verdict == Verdict::Pass
            && job.grants.policy().unrepeatable().is_none();
        if !explores {
            return judged;
        }
        let under = |schedule: &Exploration| Job { schedule: Some(schedule.clone()), ..job.clone() };
        let quiet = |schedule: &Exploration| Job {
            streams: Streams::Captured,
            keep_changes: false,
            traces: None,
            draws_timeline: false,
            ..under(schedule)
        };
        let mut host_leak = judged.host_leak;
        let tried = |schedule: &Exploration| {
            let judged = self.once(&quiet(schedule));
            host_leak += judged.host_leak;
            let fails = !matches!(judged.record.verdict, Verdict::Pass | Verdict::Skip);
            RunWithPoints { fails, met: judged.preemptions.points }
        };
        let Some(found) = schedules::find(schedules, tried) else {
            judged.host_leak = host_leak;
            return judged;
        };
        let mut failed = self.once(&Job { follows_turns: true, ..under(&found.schedule) });
        failed.host_leak += host_leak;
        let words = found.words(schedules, failed.preemptions.happened);
        add_to_message(&mut failed.record, words);
        failed
    }

    /// Runs the test as [`SingleTest::under_schedules`] does, and again if it failed, as often as is allowed. Each run
    /// starts from the beginning.
    pub fn with_retries(&self, job: &Job<'_>) -> JudgedRun {
        let (mut host_leak, mut by_wall_clock) = (0, false);
        let once = || {
            let mut judged = self.under_schedules(job);
            host_leak += std::mem::take(&mut judged.host_leak);
            by_wall_clock |= judged.by_wall_clock;
            judged
        };
        let may_differ = job.grants.policy().unrepeatable().is_some();
        let judged = retry(self.shared.options.retries, may_differ, once);
        JudgedRun { host_leak, by_wall_clock, ..judged }
    }

    /// Keeps what the test did, event by event, as far as that was asked for.
    fn keep_trace(
        &self,
        raw: RawTrace,
        drawn: Option<Vec<TimelinePoint>>,
        (ran, record): (&Run, &TestRecord),
        module: &LoadedModule,
    ) {
        let no_heap = ran.heap.as_ref().err().map(ToString::to_string);
        // A fork is traced apart from its test.
        let name = match self.context.forked {
            Some(path) => format!("{}/{path}", self.test.called()).into(),
            None => Arc::clone(&self.test.name),
        };
        let trace = TracedTest {
            module: &module.name,
            test: &name,
            verdict: record.verdict,
            no_allocations: no_heap.clone(),
            symbols: &module.symbols,
        };
        let trace = trace.told(raw);
        let key = || (Arc::clone(&module.name), Arc::clone(&name));
        if let Some(points) = drawn {
            let (module, test, events) = (trace.module.clone(), trace.test.clone(), trace.events.clone());
            let timeline = TestTimeline { module, test, points, no_heap, events, events_left_out: trace.left_out };
            self.shared.timelines.lock().unwrap_or_else(PoisonError::into_inner).insert(key(), timeline);
        }
        if self.shared.options.trace.is_some() {
            self.shared.traces.lock().unwrap_or_else(PoisonError::into_inner).insert(key(), trace);
        }
    }

    /// Runs it once, and nothing that it forks.
    pub(super) fn alone(&self, job: &Job<'_>) -> JudgedRun {
        let mut ran = run(job);
        let traced = ran.remains.trace.take();
        let drawn = ran.timeline.take();
        let reads = ran.remains.reads.take().filter(|_| !ran.remains.inherited_input);
        let mut by_wall_clock = ran.ended_by_wall_clock();
        let (harness, policy, module) = (self.test.harness, job.grants.policy(), job.module);
        let case = Case { harness, module, policy, entry: self.entry, test: self.test.called(), run: &ran };
        let mut judgement = case.judge();
        judgement.normal_finish &= !self.has_teardown;
        let options = &self.shared.options;
        // Go's own runtime manages its heap, so Go is asked.
        let asks_go = module.tells_go_heap() && (options.heap_profile || options.go_heap);
        let accountant = Accountant { job, profile: options.heap_profile && !asks_go, follows_pointers: true };
        let Audit { account, mut profile, mut host_leak, by_wall_clock: also } = accountant.audit(&ran, &judgement);
        by_wall_clock |= also;
        let mut go_heap = (None, None);
        if asks_go {
            let told = go_account::audit(job, &ran);
            host_leak += told.host_leak;
            by_wall_clock |= told.by_wall_clock;
            // A test that fails has other things to tell.
            if options.go_heap && judgement.normal_finish {
                go_heap = (told.growth, told.doubt);
            }
            if options.heap_profile {
                profile = told.profile;
            }
        }
        let mut record = record::judged(self.context, &case, judgement, &account);
        if harness == Harness::Go {
            go_account::tell(&mut record, &ran, self.context.tells_setup, go_heap);
        }
        if self.has_teardown && record.verdict == Verdict::Pass {
            left_to_teardown(&mut record);
        }
        if !matches!(record.verdict, Verdict::Pass | Verdict::Skip) {
            let (turns, last) = &ran.turns;
            let told = threads::interleaving(turns, *last, &module.symbols);
            told.into_iter().for_each(|told| add_to_message(&mut record, told));
        }
        if let Some(raw) = traced {
            self.keep_trace(raw, drawn, (&ran, &record), module);
        }
        let clocks = subtests::clocks(&case);
        let mut coverage = TestCoverage::default();
        if self.shared.coverage {
            coverage = TestCoverage::new(&case, &self.test.name);
        }
        if self.has_teardown && ran.captured.is_some() {
            // The places at which the set-up acquired things are reported with its teardown: the teardown is to release
            // them by its end.
            coverage.leave_sites();
        }
        let mut kept = Vec::new();
        if job.keep_changes {
            let changes = std::mem::take(&mut ran.remains.changes);
            kept = resources::kept_changes(changes, (&module.name, &record));
        }
        let host_leak = ran.host_leak + host_leak;
        let captured = ran.captured.take();
        let forks = std::mem::take(&mut ran.forks);
        let subtests = if forks.is_empty() { Vec::new() } else { ran.sdk.take().unwrap_or_default().subtests };
        JudgedRun {
            clocks,
            captured,
            record,
            by_wall_clock,
            profile,
            kept,
            coverage,
            host_leak,
            reads,
            preemptions: ran.preemptions,
            forks: (forks, subtests),
        }
    }
}

/// Removes from a set-up's record what it holds at its end: the teardown accounts for that.
fn left_to_teardown(record: &mut TestRecord) {
    let Some(details) = &mut record.details else { return };
    details.reclaimed.clear();
    details.tracked.iter_mut().for_each(|count| count.left = 0);
    if **details == Details::default() {
        record.details = None;
    }
}

impl Attempt for JudgedRun {
    fn record(&mut self) -> &mut TestRecord {
        &mut self.record
    }

    fn is_of_the_moment(&self) -> bool {
        self.by_wall_clock
    }
}

/// Adds words after the message of why a test failed.
fn add_to_message(record: &mut TestRecord, words: String) {
    let details = record.details.get_or_insert_default();
    details.message = Some(match details.message.take() {
        Some(message) => format!("{message}\n{words}"),
        None => words,
    });
}
