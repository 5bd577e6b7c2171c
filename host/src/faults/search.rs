//! A search: the tests one batch after the other, each with one of its calls failing, and then all of them with two.

use super::journal::{FaultJournal, KnownRuns};
use super::options::{FUEL_BEYOND, FUEL_TIMES, FaultOptions};
use super::sweep::{FaultJob, FaultTrial, NotSwept, Sweep, SweepStart};
use super::table::Table;
use super::way_out::WayOut;
use crate::ledger::Stack;
use crate::model::events::{Event, Listener};
use crate::model::{Report, Verdict};
use crate::policy::Fault;
use crate::report::faults::{CanonicalFaults, FaultPath, ModuleFaults, NotJudged, UnsweptTest};
use crate::run::{FaultSubject, HostBug, NotSearched, Plan, PlannedTest, Runner, SearchError, cannot_fail};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant, SystemTime};

/// Of so many tests all calls are in memory at a time. What is found does not depend on it.
const BATCH: usize = 32;

/// A search that is under way.
pub struct Search<'a> {
    runner: &'a Runner,
    options: FaultOptions,
    began: Instant,
    began_at: SystemTime,
    journal: Option<FaultJournal>,
    modules: Vec<ModuleFaults>,
    /// All tests whose calls fail, in the order of the plan.
    tests: Vec<Sweep<'a>>,
    /// What the journal knows of each of them.
    known: Vec<KnownRuns>,
    /// The runs with one failure, and what came of those that were made.
    singles: Jobs,
    /// How many runs with failures there have been.
    runs: usize,
    /// Whether the wall clock decided that a test is left out.
    depends_on_clock: bool,
}

/// Runs, and what came of those that were made.
type Jobs = Vec<(FaultJob, Option<FaultTrial>)>;

/// A test that is to be looked at, with the place of its module.
type ChosenTest<'a> = (usize, FaultSubject<'a>);

impl<'a> Search<'a> {
    pub fn new(runner: &'a Runner, options: FaultOptions, began: Instant) -> Self {
        let journal = options.journal.as_deref().map(FaultJournal::new);
        Self {
            runner,
            options,
            began,
            began_at: SystemTime::now(),
            journal,
            modules: Vec::new(),
            tests: Vec::new(),
            known: Vec::new(),
            singles: Vec::new(),
            runs: 0,
            depends_on_clock: false,
        }
    }

    /// Lets the calls of these tests of a plan fail. `plain` is the report of the plan as it is. Gives what was found, and whether the
    /// journal holds what was tried so far.
    ///
    /// # Errors
    /// It was interrupted, or a bug of ours was found.
    pub fn run(
        mut self,
        plan: &'a Plan,
        plain: &Report,
        chooses: &dyn Fn(&PlannedTest) -> bool,
        listener: &mut dyn Listener,
    ) -> Result<(CanonicalFaults, bool), SearchError> {
        let mut waiting = self.subjects(plan, plain, chooses)?.into_iter();
        loop {
            let batch: Vec<_> = waiting.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            let first = self.tests.len();
            let jobs = self.begin_tests(batch)?;
            let tried = self.run_jobs(&jobs, listener)?;
            self.singles.extend(jobs.into_iter().zip(tried));
            self.stop_if_interrupted(&[])?;
            self.tests[first..].iter_mut().for_each(Sweep::forget_calls);
        }
        let jobs = self.list_pairs();
        self.run_firsts_again(&jobs)?;
        let tried = self.run_jobs(&jobs, listener)?;
        let pairs: Jobs = jobs.into_iter().zip(tried).collect();
        self.stop_if_interrupted(&pairs)?;
        let is_whole = self.singles.iter().chain(&pairs).all(|(_, tried)| tried.is_some());
        let is_kept = self.keep(&pairs, is_whole);
        Ok((self.conclude(pairs, is_whole), is_kept))
    }

    /// # Errors
    /// It was interrupted. What was tried is kept.
    fn stop_if_interrupted(&self, pairs: &[(FaultJob, Option<FaultTrial>)]) -> Result<(), SearchError> {
        if !self.runner.interrupt().load(Ordering::Relaxed) {
            return Ok(());
        }
        self.keep(pairs, false);
        Err(SearchError::Interrupted)
    }

    /// Keeps in the journal what was tried, of a search that is not whole. Whether it is kept of any test.
    fn keep(&self, pairs: &[(FaultJob, Option<FaultTrial>)], is_whole: bool) -> bool {
        let Some(journal) = self.journal.as_ref().filter(|journal| !is_whole || journal.has_pages()) else {
            return false;
        };
        let mut runs: Vec<Vec<(&[Fault], &FaultTrial)>> = self.tests.iter().map(|_| Vec::new()).collect();
        for (job, tried) in self.singles.iter().chain(pairs) {
            runs[job.test].extend(tried.as_ref().map(|tried| (&*job.faults, tried)));
        }
        let mut is_kept = false;
        for (sweep, runs) in self.tests.iter().zip(runs) {
            let Some(key) = self.key(&sweep.subject) else { continue };
            if is_whole {
                journal.forget(&key);
                continue;
            }
            let Some(paths) = sweep.reads() else { continue };
            match journal.keep(&key, (sweep.subject.policy(), &paths, self.began_at), &runs) {
                Ok(()) => is_kept = true,
                Err(why) => tracing::info!("what was tried of {} is not kept: {why}", sweep.counts.test),
            }
        }
        is_kept
    }

    /// By what a test is known in the journal: nothing, if it begins where a set-up ended. The sum of this program's own bytes is in it,
    /// which takes longer than many searches: most do without.
    fn key(&self, subject: &FaultSubject<'_>) -> Option<String> {
        let key = self.runner.key_of_faulted((subject.module, &subject.module.sum()), subject.test)?;
        Some(format!("{key}-{}", self.options.pairs))
    }

    /// The tests that are looked at.
    fn subjects(
        &mut self,
        plan: &'a Plan,
        plain: &Report,
        chooses: &dyn Fn(&PlannedTest) -> bool,
    ) -> Result<Vec<ChosenTest<'a>>, SearchError> {
        let mut subjects = Vec::new();
        let modules: Vec<_> = plan.modules().iter().filter(|module| !module.tests.is_empty()).collect();
        let wanted: Vec<bool> = (modules.iter())
            .map(|planned| planned.tests.iter().any(|test| chooses(test) && cannot_fail(test).is_none()))
            .collect();
        let with_wanted: Vec<_> = modules.iter().zip(wanted).collect();
        let worlds = self.runner.install_each(&with_wanted, &|(planned, is_wanted)| {
            if *is_wanted { self.runner.shared_world(planned) } else { Ok(None) }
        });
        for ((planned, world), record) in modules.into_iter().zip(worlds).zip(&plain.canonical.modules) {
            let mut module = ModuleFaults {
                module: planned.module.name().to_owned(),
                no_allocations: planned.why_no_allocations(),
                ..ModuleFaults::default()
            };
            let world = match world {
                Ok(world) => Ok(world.map(Arc::new)),
                Err(NotSearched::Because(why)) => Err(why),
                Err(NotSearched::Bug(bug)) => return Err(bug.end(&module.module)),
            };
            let passing = record.tests.iter().filter(|test| matches!(test.verdict, Verdict::Pass | Verdict::Leak));
            let passing: HashSet<&str> = passing.map(|test| &*test.name).collect();
            for test in planned.tests.iter().filter(|test| chooses(test)) {
                let passes = passing.contains(&*test.name);
                let why = cannot_fail(test).or((!passes).then_some("it does not pass as it is"));
                let subject = match (why, &world) {
                    (Some(why), _) => Err(why.to_owned()),
                    (None, Err(why)) => Err(why.clone()),
                    (None, Ok(world)) => self.runner.fault_subject(planned, test, world.clone()),
                };
                match subject {
                    Ok(subject) => {
                        let is_noted = self.journal.is_some() && matches!(world, Ok(None));
                        let subject = if is_noted { subject.noting_reads() } else { subject };
                        subjects.push((self.modules.len(), subject));
                    }
                    Err(why) => module.left_out.push(UnsweptTest { test: test.name.to_string(), why }),
                }
            }
            self.modules.push(module);
        }
        Ok(subjects)
    }

    /// Runs tests as they are, and lists the failures of one call each.
    fn begin_tests(&mut self, batch: Vec<ChosenTest<'a>>) -> Result<Vec<FaultJob>, SearchError> {
        let named = |(module, subject): &ChosenTest<'_>| (*module, subject.test.name.to_string());
        let names: Vec<_> = batch.iter().map(named).collect();
        let interrupted = self.runner.interrupt();
        let begun = self.runner.install_all(batch, &|(module, subject)| {
            (!interrupted.load(Ordering::Relaxed)).then(|| Sweep::begin(module, subject))
        });
        self.stop_if_interrupted(&[])?;
        let mut jobs = Vec::new();
        for ((module, name), begun) in names.into_iter().zip(begun) {
            let begun = begun.ok_or(SearchError::Interrupted)?;
            match begun.map_err(|bug| self.bug(module, bug))? {
                SweepStart::LeftOut(why) => {
                    self.depends_on_clock |= why == NotSwept::ByWallClock;
                    self.modules[module].left_out.push(UnsweptTest { test: name, why: why.to_string() });
                }
                SweepStart::Ready(sweep, listed) => {
                    let test = self.tests.len();
                    let journal = self.journal.as_ref().filter(|_| self.options.resumes);
                    let known = journal
                        .and_then(|journal| Some(journal.known(&self.key(&sweep.subject)?, sweep.subject.policy())));
                    self.known.push(known.unwrap_or_default());
                    self.tests.push(*sweep);
                    jobs.extend(listed.into_iter().map(|(fault, stack)| FaultJob {
                        test,
                        faults: vec![fault],
                        stack,
                        after: None,
                    }));
                }
            }
        }
        Ok(jobs)
    }

    fn bug(&self, module: usize, bug: HostBug) -> SearchError {
        bug.end(&self.modules[module].module)
    }

    /// Runs jobs, as far as that is allowed, and takes what is known of others.
    fn run_jobs(
        &mut self,
        jobs: &[FaultJob],
        listener: &mut dyn Listener,
    ) -> Result<Vec<Option<FaultTrial>>, SearchError> {
        let mut known: Vec<Option<FaultTrial>> = jobs.iter().map(|job| self.take_known(job)).collect();
        let unknown: Vec<&FaultJob> =
            jobs.iter().zip(&known).filter_map(|(job, known)| known.is_none().then_some(job)).collect();
        let numbered: Vec<(usize, &FaultJob)> = (self.runs..).zip(unknown).collect();
        self.runs += numbered.len();
        let all = self.runs.min(self.options.most);
        let interrupted = self.runner.interrupt();
        let done = AtomicUsize::new(numbered.first().map_or(0, |(number, _)| *number));
        let work = || {
            self.runner.install_each(&numbered, &|(number, job)| {
                let is_late = self.options.time.is_some_and(|time| self.began.elapsed() > time);
                if *number >= self.options.most || is_late || interrupted.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                let tried = self.run_job(job);
                done.fetch_add(1, Ordering::Relaxed);
                tried
            })
        };
        let tell = |listener: &mut dyn Listener| {
            listener.event(&Event::Searching { done: done.load(Ordering::Relaxed), known: all });
        };
        let ran: Vec<_> = telling(work, tell, listener);
        let mut ran = ran.into_iter();
        for known in known.iter_mut().filter(|known| known.is_none()) {
            *known = ran.next().transpose()?.flatten();
        }
        Ok(known)
    }

    /// Takes what is known of a run from the journal.
    fn take_known(&mut self, job: &FaultJob) -> Option<FaultTrial> {
        self.known[job.test].remove(&words(&job.faults))
    }

    fn run_job(&self, job: &FaultJob) -> Result<Option<FaultTrial>, SearchError> {
        let test = &self.tests[job.test];
        let before = job.after.and_then(|place| self.singles.get(place)?.1.as_ref());
        let tried = match (before, &job.faults[..]) {
            (Some(before), faults) => test.fail_two(faults, before),
            (None, [fault]) => test.fail_one(*fault, self.options.pairs),
            (None, _) => return Ok(None),
        };
        tried.map(Some).map_err(|bug| self.bug(test.module, bug))
    }

    /// Runs again with one failure what is known of the journal alone, where runs with two are to be compared with it.
    fn run_firsts_again(&mut self, pairs: &[FaultJob]) -> Result<(), SearchError> {
        let missing = |place: &usize| {
            self.singles.get(*place).is_some_and(|(_, tried)| tried.as_ref().is_some_and(|tried| tried.run.is_none()))
        };
        let unknown = pairs.iter().filter(|pair| !self.known[pair.test].contains_key(&words(&pair.faults)));
        let wanted: BTreeSet<usize> = unknown.filter_map(|pair| pair.after).filter(missing).collect();
        let wanted: Vec<usize> = wanted.into_iter().collect();
        let interrupted = self.runner.interrupt();
        let ran = self.runner.install_each(&wanted, &|place| match interrupted.load(Ordering::Relaxed) {
            true => Ok(None),
            false => self.run_job(&self.singles[*place].0),
        });
        for (place, ran) in wanted.into_iter().zip(ran) {
            if let (Some(known), Some(ran)) = (&mut self.singles[place].1, ran?) {
                known.run = ran.run;
            }
        }
        Ok(())
    }

    /// The failures of two calls: one, and another of a call that is made only because of it.
    fn list_pairs(&mut self) -> Vec<FaultJob> {
        let (mut pairs, mut known) = (Vec::new(), HashSet::new());
        for (place, (job, tried)) in self.singles.iter().enumerate() {
            let Some(tried) = tried else { continue };
            let way_out = &tried.way_out;
            let test = &mut self.tests[job.test];
            test.counts.failures += way_out.count();
            test.counts.alike += way_out.alike;
            way_out.over.iter().for_each(|(stack, count)| test.not_tried(stack, *count));
            for one in &way_out.failures {
                if !known.insert((job.test, tried.failed_at.clone(), job.faults[0].failure, WayOut::key(one))) {
                    test.counts.alike += 1;
                    continue;
                }
                let (second, stack, _) = one;
                let (faults, stack) = (vec![job.faults[0], *second], Stack::clone(stack));
                pairs.push(FaultJob { test: job.test, faults, stack, after: Some(place) });
            }
        }
        for over in pairs.drain(pairs.len().min(self.options.pairs)..) {
            self.tests[over.test].not_tried(&over.stack, 1);
        }
        let wanted: HashSet<_> = pairs.iter().filter_map(|pair| pair.after).collect();
        for (place, (_, tried)) in self.singles.iter_mut().enumerate() {
            if let Some(tried) = tried.as_mut().filter(|_| !wanted.contains(&place)) {
                tried.run = None;
            }
        }
        pairs
    }

    /// What is to be reported.
    fn conclude(mut self, pairs: Jobs, is_whole: bool) -> CanonicalFaults {
        let mut tables: Vec<Table> = self.modules.iter().map(|_| Table::default()).collect();
        for (job, tried) in self.singles.iter().chain(&pairs) {
            let test = &mut self.tests[job.test];
            let Some(tried) = tried else {
                test.not_tried(&job.stack, 1);
                continue;
            };
            test.counts.tried += 1;
            test.is_doubtful |= tried.by_wall_clock;
            let Some(failed_at) = &tried.failed_at else {
                // Another run of it does something else.
                test.is_doubtful = true;
                let why = "it did not come to that call again".to_owned();
                test.counts.not_judged.push(NotJudged { faults: words(&job.faults), why });
                continue;
            };
            let outcome = &tried.outcome;
            test.counts.handled += u64::from(outcome.is_handled());
            if let Some(why) = &outcome.not_judged {
                test.counts.not_judged.push(NotJudged { faults: words(&job.faults), why: why.clone() });
            }
            if outcome.wrong.is_empty() {
                continue;
            }
            let path = FaultPath { test: test.counts.test.clone(), faults: words(&job.faults) };
            let stack = test.subject.frames_of(failed_at);
            for wrong in &outcome.wrong {
                tables[test.module].add(wrong, &stack, path.clone());
            }
        }
        let is_timed = (self.options.time.is_some() || self.options.resumes) && !is_whole;
        let reproducible = !is_timed && !self.depends_on_clock && !self.tests.iter().any(|test| test.is_doubtful);
        for test in self.tests {
            self.modules[test.module].tests.push(test.counts);
        }
        for (module, table) in self.modules.iter_mut().zip(tables) {
            module.found = table.finish();
            module.left_out.sort_by(|a, b| a.test.cmp(&b.test));
        }
        let (fuel_times, fuel_beyond, modules) = (FUEL_TIMES, FUEL_BEYOND, self.modules);
        CanonicalFaults { reproducible, fuel_times, fuel_beyond, modules, ..CanonicalFaults::default() }
    }
}

/// How often it is told how far a search is.
const TOLD_EVERY: Duration = Duration::from_millis(200);

/// Does work on another thread, and tells on this one how far it is.
fn telling<R: Send>(
    work: impl FnOnce() -> R + Send,
    tell: impl Fn(&mut dyn Listener),
    listener: &mut dyn Listener,
) -> R {
    let (ends, ended) = sync_channel::<()>(1);
    std::thread::scope(|scope| {
        let working = scope.spawn(move || {
            let done = work();
            drop(ends);
            done
        });
        while ended.recv_timeout(TOLD_EVERY) == Err(RecvTimeoutError::Timeout) {
            tell(listener);
        }
        working.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn words(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}
