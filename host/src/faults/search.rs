//! A search: the tests one batch after the other, each with one of its calls failing, and then all of them with two.

use super::options::{FUEL_BEYOND, FUEL_TIMES, FaultOptions};
use super::sweep::{FaultJob, NotSwept, Sweep, Tried};
use super::table::Table;
use super::way_out::WayOut;
use crate::model::{Report, Verdict};
use crate::policy::Fault;
use crate::report::faults::{CanonicalFaults, FaultPath, ModuleFaults, NotJudged, UnsweptTest};
use crate::run::{FaultSubject, HostBug, Plan, PlannedTest, Runner, SearchError, cannot_fail};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Of so many tests all calls are in memory at a time. What is found does not depend on it.
const BATCH: usize = 32;

/// A search that is under way.
pub struct Search<'a> {
    runner: &'a Runner,
    options: FaultOptions,
    began: Instant,
    modules: Vec<ModuleFaults>,
    /// All tests whose calls fail, in the order of the plan.
    tests: Vec<Sweep<'a>>,
    /// The runs with one failure, and what came of those that were made.
    singles: Vec<(FaultJob, Option<Tried>)>,
    /// Whether the wall clock decided that a test is left out.
    depends_on_clock: bool,
}

impl<'a> Search<'a> {
    pub fn new(runner: &'a Runner, options: FaultOptions, began: Instant) -> Self {
        let (modules, tests, singles) = (Vec::new(), Vec::new(), Vec::new());
        Self { runner, options, began, modules, tests, singles, depends_on_clock: false }
    }

    /// Lets the calls of these tests of a plan fail. `plain` is the report of the plan as it is.
    ///
    /// # Errors
    /// It was interrupted, or a bug of ours was found.
    pub fn run(
        mut self,
        plan: &'a Plan,
        plain: &Report,
        chooses: &dyn Fn(&PlannedTest) -> bool,
    ) -> Result<CanonicalFaults, SearchError> {
        let mut waiting = self.subjects(plan, plain, chooses).into_iter();
        loop {
            let batch: Vec<_> = waiting.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            let first = self.tests.len();
            let jobs = self.begin_tests(batch)?;
            let numbered = self.singles.len();
            let tried = self.run_jobs(&jobs, numbered)?;
            self.singles.extend(jobs.into_iter().zip(tried));
            self.tests[first..].iter_mut().for_each(Sweep::forget_calls);
        }
        let jobs = self.list_pairs();
        let tried = self.run_jobs(&jobs, self.singles.len())?;
        Ok(self.conclude(jobs.into_iter().zip(tried).collect()))
    }

    /// The tests that are looked at, each with the place of its module.
    fn subjects(
        &mut self,
        plan: &'a Plan,
        plain: &Report,
        chooses: &dyn Fn(&PlannedTest) -> bool,
    ) -> Vec<(usize, FaultSubject<'a>)> {
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
            let mut module = ModuleFaults { module: planned.module.name().to_owned(), ..ModuleFaults::default() };
            let world = world.map(|world| world.map(Arc::new));
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
                    Ok(subject) => subjects.push((self.modules.len(), subject)),
                    Err(why) => module.left_out.push(UnsweptTest { test: test.name.to_string(), why }),
                }
            }
            self.modules.push(module);
        }
        subjects
    }

    /// Runs tests as they are, and lists the failures of one call each.
    fn begin_tests(&mut self, batch: Vec<(usize, FaultSubject<'a>)>) -> Result<Vec<FaultJob>, SearchError> {
        let names: Vec<_> = batch.iter().map(|(module, subject)| (*module, subject.test.name.to_string())).collect();
        let interrupted = self.runner.interrupt();
        let begun = self.runner.install_all(batch, &|(module, subject)| {
            (!interrupted.load(Ordering::Relaxed)).then(|| Sweep::begin(module, subject))
        });
        if interrupted.load(Ordering::Relaxed) {
            return Err(SearchError::Interrupted);
        }
        let mut jobs = Vec::new();
        for ((module, name), begun) in names.into_iter().zip(begun) {
            let begun = begun.ok_or(SearchError::Interrupted)?;
            match begun.map_err(|bug| self.bug(module, bug))? {
                Err(why) => {
                    self.depends_on_clock |= why == NotSwept::ByWallClock;
                    self.modules[module].left_out.push(UnsweptTest { test: name, why: why.to_string() });
                }
                Ok((sweep, listed)) => {
                    let test = self.tests.len();
                    self.tests.push(sweep);
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

    /// Runs jobs, of which the first has this number, as far as that is allowed.
    fn run_jobs(&self, jobs: &[FaultJob], first: usize) -> Result<Vec<Option<Tried>>, SearchError> {
        let numbered: Vec<(usize, &FaultJob)> = (first..).zip(jobs).collect();
        let interrupted = self.runner.interrupt();
        let ran = self.runner.install_each(&numbered, &|(number, job)| {
            let is_late = self.options.time.is_some_and(|time| self.began.elapsed() > time);
            if *number >= self.options.most || is_late || interrupted.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let test = &self.tests[job.test];
            let before = job.after.and_then(|place| self.singles.get(place)?.1.as_ref());
            let tried = match (before, &job.faults[..]) {
                (Some(before), faults) => test.fail_two(faults, before),
                (None, [fault]) => test.fail_one(*fault, self.options.pairs),
                (None, _) => return Ok(None),
            };
            tried.map(Some).map_err(|bug| self.bug(test.module, bug))
        });
        match interrupted.load(Ordering::Relaxed) {
            true => Err(SearchError::Interrupted),
            false => ran.into_iter().collect(),
        }
    }

    /// The failures of two calls: one, and another of a call that is made only because of it.
    fn list_pairs(&mut self) -> Vec<FaultJob> {
        let (mut pairs, mut known) = (Vec::new(), HashSet::new());
        for (place, (job, tried)) in self.singles.iter_mut().enumerate() {
            let Some(tried) = tried else { continue };
            let way_out = std::mem::take(&mut tried.way_out);
            let test = &mut self.tests[job.test];
            test.counts.failures += way_out.count();
            test.counts.alike += way_out.alike;
            way_out.over.iter().for_each(|(stack, count)| test.not_tried(stack, *count));
            for one in way_out.failures {
                if !known.insert((job.test, tried.failed_at.clone(), job.faults[0].failure, WayOut::key(&one))) {
                    test.counts.alike += 1;
                    continue;
                }
                let (second, stack, _) = one;
                pairs.push(FaultJob { test: job.test, faults: vec![job.faults[0], second], stack, after: Some(place) });
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
    fn conclude(mut self, pairs: Vec<(FaultJob, Option<Tried>)>) -> CanonicalFaults {
        let mut tables: Vec<Table> = self.modules.iter().map(|_| Table::default()).collect();
        let mut is_whole = true;
        for (job, tried) in self.singles.iter().chain(&pairs) {
            let test = &mut self.tests[job.test];
            let Some(tried) = tried else {
                is_whole = false;
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
        let is_timed = self.options.time.is_some() && !is_whole;
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

fn words(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}
