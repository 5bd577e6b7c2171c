//! Lets the calls of tests fail, one after the other, and finds the failures after which something is not given back.
//!
//! Each test is run once as it is, and its calls that can fail are noted. Then it is run again for each failure that each of the calls
//! can have; what it leaves then, and did not leave before, is what the way out of that failure does not give back. Where that way makes
//! calls of its own, these fail, too.
//!
//! ```text
//! plain    open  write  write  rename  close                nothing is left
//! write:1  open  write! close  unlink                       nothing is left
//! write:2  open  write  write! unlink                       the file is open        -> leaks 1 file
//! write:1  open  write! close  unlink!                      a failure on the way out of another
//! ```

mod judge;
mod table;

pub use crate::report::faults::{
    CanonicalFaults, FAULTS_SCHEMA, FaultFinding, FaultPath, Faults, FindingKind, ModuleFaults, NotJudged, NotTried,
    SweptTest, UnsweptTest,
};

use crate::model::events::Listener;
use crate::model::{Frame, Report, Verdict};
use crate::policy::Fault;
use crate::run::{FaultEnd, FaultSubject, FaultedRun, Plan, RunError, Runner, cannot_fail};
use judge::{Judge, Outcome, alike, because_of_failure};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use table::Table;

/// How many times the fuel of the plain run a run with a failure has: one that spends more goes on for ever.
pub const FUEL_TIMES: u64 = 20;

/// What it has beside that, so that a way out that is longer than the test itself has room.
pub const FUEL_BEYOND: u64 = 10_000_000;

/// How far a search goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FaultOptions {
    /// The most runs with failures, of all tests together.
    pub most: usize,
    /// The most of them with two failures.
    pub pairs: usize,
    /// After how long no other run is begun.
    pub time: Option<Duration>,
}

impl Default for FaultOptions {
    fn default() -> Self {
        Self { most: 20_000, pairs: 2_000, time: None }
    }
}

impl FaultOptions {
    /// The same with so many runs at most.
    #[must_use]
    pub fn most(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// The same with so many runs with two failures at most.
    #[must_use]
    pub fn pairs(self, pairs: usize) -> Self {
        Self { pairs, ..self }
    }

    /// The same with an end in time, which makes the report depend on the machine.
    #[must_use]
    pub fn time(self, time: impl Into<Option<Duration>>) -> Self {
        Self { time: time.into(), ..self }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FaultsError {
    /// The tests cannot be run as they are.
    #[error(transparent)]
    Run(#[from] RunError),
    /// It was interrupted.
    #[error("interrupted: nothing is known of how calls that fail are handled")]
    Interrupted,
    /// A bug of airtight's own: its books do not balance.
    #[error(
        "a bug of airtight: host descriptors that were opened for tests of {0} and are still open; please report this"
    )]
    Bug(String),
}

/// Runs the tests of a plan as they are, and then with their calls failing. Gives what was found beside the report of the plain runs.
///
/// ```no_run
/// use airtight::faults::{self, FaultOptions};
/// use airtight::{LoadOptions, Runner, Selection, Subject, config::Config};
///
/// let runner = Runner::builder(&Config::default(), "default")?.build()?;
/// let module = runner.load(std::fs::read("tests.wasm")?, LoadOptions::named("tests"))?;
/// let plan = runner.plan(vec![Subject::new(module)], &Selection::default())?;
/// let (found, _) = faults::find(&runner, &plan, FaultOptions::default(), &mut ())?;
/// for (module, finding) in found.found() {
///     println!("{module}: {} ({})", finding.what, finding.paths[0].faults.join(", "));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// See [`FaultsError`].
pub fn find(
    runner: &Runner,
    plan: &Plan,
    options: FaultOptions,
    listener: &mut dyn Listener,
) -> Result<(Faults, Report), FaultsError> {
    let began = Instant::now();
    let plain = runner.run(plan, listener)?;
    if plain.volatile.interrupted {
        return Err(FaultsError::Interrupted);
    }
    let mut search = Search { runner, options, began, modules: Vec::new(), tests: Vec::new(), jobs: Vec::new() };
    search.begin(plan, &plain);
    search.plain_runs()?;
    search.list();
    let singles = search.run_jobs(0, &[])?;
    search.list_pairs(&singles);
    let pairs = search.run_jobs(singles.len(), &singles)?;
    let canonical = search.conclude(&singles, &pairs);
    let wall_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok((Faults::new(canonical, wall_ms), plain))
}

/// A search that is under way.
struct Search<'a> {
    runner: &'a Runner,
    options: FaultOptions,
    began: Instant,
    modules: Vec<ModuleFaults>,
    /// All tests whose calls fail, in the order of the plan.
    tests: Vec<Sweep<'a>>,
    /// The runs with failures: those with one, and then those with two.
    jobs: Vec<FaultJob>,
}

/// A test whose calls fail.
struct Sweep<'a> {
    /// The place of its module.
    module: usize,
    subject: FaultSubject<'a>,
    plain: Option<FaultedRun>,
    counts: SweptTest,
    /// Whether the search of it is not the same on every machine.
    is_doubtful: bool,
}

/// A run with failures.
struct FaultJob {
    /// The place of its test.
    test: usize,
    faults: Vec<Fault>,
    /// The place among the jobs of the one with the first failure alone, of a pair.
    after: Option<usize>,
}

/// A run with failures, where it was made.
type Ran = Option<(FaultedRun, Outcome)>;

impl<'a> Search<'a> {
    /// Which tests are looked at.
    fn begin(&mut self, plan: &'a Plan, plain: &Report) {
        let modules = plan.modules().iter().filter(|module| !module.tests.is_empty());
        for (planned, record) in modules.zip(&plain.canonical.modules) {
            let mut module = ModuleFaults { module: planned.module.name().to_owned(), ..ModuleFaults::default() };
            for (test, record) in planned.tests.iter().zip(&record.tests) {
                let passes = matches!(record.verdict, Verdict::Pass | Verdict::Leak);
                let why = cannot_fail(planned, test).or((!passes).then_some("it does not pass as it is"));
                let subject = why.map_or_else(|| self.runner.fault_subject(planned, test), |why| Err(why.to_owned()));
                match subject {
                    Ok(subject) => self.tests.push(Sweep {
                        module: self.modules.len(),
                        subject,
                        plain: None,
                        counts: SweptTest { test: test.name.to_string(), ..SweptTest::default() },
                        is_doubtful: false,
                    }),
                    Err(why) => module.left_out.push(UnsweptTest { test: test.name.to_string(), why }),
                }
            }
            self.modules.push(module);
        }
    }

    /// Runs each test as it is, and notes its calls.
    fn plain_runs(&mut self) -> Result<(), FaultsError> {
        let runs = self.runner.install_each(&self.tests, &|test| test.subject.run(&[]));
        let mut kept = Vec::with_capacity(self.tests.len());
        for (mut test, run) in std::mem::take(&mut self.tests).into_iter().zip(runs) {
            self.check(test.module, &run)?;
            let fuel = run.fuel.saturating_mul(FUEL_TIMES).saturating_add(FUEL_BEYOND);
            let why = match &run.end {
                _ if run.by_wall_clock => "the wall clock ended it".to_owned(),
                FaultEnd::Ended { passed: true } => {
                    test.subject = test.subject.with_fuel(fuel);
                    test.counts.calls = run.watched.calls.len() as u64 + run.watched.calls_omitted;
                    test.plain = Some(run);
                    kept.push(test);
                    continue;
                }
                _ => "it does not come to its end as it is".to_owned(),
            };
            let name = test.counts.test;
            self.modules[test.module].left_out.push(UnsweptTest { test: name, why });
        }
        self.tests = kept;
        Ok(())
    }

    /// The failures of one call each.
    fn list(&mut self) {
        for (place, test) in self.tests.iter_mut().enumerate() {
            let Some(plain) = &test.plain else { continue };
            let mut known = HashSet::new();
            for call in &plain.watched.calls {
                for failure in call.failures() {
                    test.counts.failures += 1;
                    if known.insert(alike(call, failure)) {
                        let fault = Fault { call: call.call, nth: call.nth, failure };
                        self.jobs.push(FaultJob { test: place, faults: vec![fault], after: None });
                    } else {
                        test.counts.alike += 1;
                    }
                }
            }
        }
    }

    /// Those of two calls: a failure, and another of a call that is made only because of it.
    fn list_pairs(&mut self, singles: &[Ran]) {
        let mut pairs = Vec::new();
        let mut known = HashSet::new();
        for (place, (job, ran)) in self.jobs.iter().zip(singles).enumerate() {
            let Sweep { plain, counts, .. } = &mut self.tests[job.test];
            let (Some((run, _)), Some(plain)) = (ran, plain) else { continue };
            let Some((_, first)) = run.watched.injected.last() else { continue };
            for call in because_of_failure(run, plain) {
                for failure in call.failures() {
                    counts.failures += 1;
                    let key = (job.test, first.stack.clone(), job.faults[0].failure, alike(call, failure));
                    if !known.insert(key) {
                        counts.alike += 1;
                        continue;
                    }
                    let second = Fault { call: call.call, nth: call.nth, failure };
                    pairs.push(FaultJob { test: job.test, faults: vec![job.faults[0], second], after: Some(place) });
                }
            }
        }
        for over in pairs.drain(pairs.len().min(self.options.pairs)..) {
            self.tests[over.test].not_tried(&over, singles[over.after.unwrap_or_default()].as_ref());
        }
        self.jobs.extend(pairs);
    }

    /// Runs the jobs from this place on, as far as that is allowed. `singles` are the runs of those before it.
    fn run_jobs(&self, from: usize, singles: &[Ran]) -> Result<Vec<Ran>, FaultsError> {
        let numbered: Vec<(usize, &FaultJob)> = self.jobs.iter().enumerate().skip(from).collect();
        let failed_at = AtomicUsize::new(usize::MAX);
        let interrupted = self.runner.interrupt();
        let ran = self.runner.install_each(&numbered, &|(place, job)| {
            let is_late = self.options.time.is_some_and(|time| self.began.elapsed() > time);
            if *place >= self.options.most || is_late || interrupted.load(Ordering::Relaxed) {
                return None;
            }
            let test = &self.tests[job.test];
            let plain = test.plain.as_ref()?;
            let run = test.subject.run(&job.faults);
            if run.host_leak > 0 {
                failed_at.fetch_min(test.module, Ordering::Relaxed);
            }
            let subject = &test.subject;
            let outcome = match job.after.and_then(|place| singles.get(place)?.as_ref()) {
                None => Judge { subject, before: &[plain] }.judge(&run),
                Some((first, of_first)) => Judge { subject, before: &[plain, first] }.judge_pair(&run, of_first),
            };
            Some((run, outcome))
        });
        match failed_at.into_inner() {
            _ if interrupted.load(Ordering::Relaxed) => Err(FaultsError::Interrupted),
            usize::MAX => Ok(ran),
            module => Err(FaultsError::Bug(self.modules[module].module.clone())),
        }
    }

    fn check(&self, module: usize, run: &FaultedRun) -> Result<(), FaultsError> {
        match run.host_leak {
            _ if self.runner.interrupt().load(Ordering::Relaxed) => Err(FaultsError::Interrupted),
            0 => Ok(()),
            _ => Err(FaultsError::Bug(self.modules[module].module.clone())),
        }
    }

    /// What is to be reported.
    fn conclude(mut self, singles: &[Ran], pairs: &[Ran]) -> CanonicalFaults {
        let mut tables: Vec<Table> = self.modules.iter().map(|_| Table::default()).collect();
        let all = singles.iter().chain(pairs);
        let jobs = std::mem::take(&mut self.jobs);
        let is_whole = all.clone().all(Option::is_some);
        for (job, ran) in jobs.iter().zip(all) {
            let test = &mut self.tests[job.test];
            let Some((run, outcome)) = ran else {
                let first = job.after.and_then(|place| singles.get(place)).and_then(Option::as_ref);
                test.not_tried(job, first);
                continue;
            };
            test.counts.tried += 1;
            test.is_doubtful |= run.by_wall_clock;
            if run.watched.injected.len() < job.faults.len() {
                // It did not come there again: another run of it does something else.
                test.is_doubtful = true;
                let why = "it did not come to that call again".to_owned();
                test.counts.not_judged.push(NotJudged { faults: words(&job.faults), why });
                continue;
            }
            test.counts.handled += u64::from(outcome.is_handled());
            if let Some(why) = &outcome.not_judged {
                test.counts.not_judged.push(NotJudged { faults: words(&job.faults), why: why.clone() });
            }
            let path = FaultPath { test: test.counts.test.clone(), faults: words(&job.faults) };
            let place = &run.watched.injected[run.watched.injected.len() - 1].1;
            let stack = test.subject.frames(place);
            for wrong in &outcome.wrong {
                tables[test.module].add(wrong, &stack, path.clone());
            }
        }
        let is_timed = self.options.time.is_some() && !is_whole;
        let reproducible = !is_timed && !self.tests.iter().any(|test| test.is_doubtful);
        for test in self.tests {
            self.modules[test.module].tests.push(test.counts);
        }
        for (module, table) in self.modules.iter_mut().zip(tables) {
            module.found = table.finish();
            module.left_out.sort_by(|a, b| a.test.cmp(&b.test));
        }
        CanonicalFaults { reproducible, fuel_times: FUEL_TIMES, fuel_beyond: FUEL_BEYOND, modules: self.modules }
    }
}

impl Sweep<'_> {
    /// Counts a failure that was not tried, by the place of the call that was to fail.
    fn not_tried(&mut self, job: &FaultJob, first: Option<&(FaultedRun, Outcome)>) {
        let run = first.map(|(run, _)| run).or(self.plain.as_ref());
        let fault = job.faults[job.faults.len() - 1];
        let is_it = |call: &&crate::sandbox::wasi::NotedCall| (call.call, call.nth) == (fault.call, fault.nth);
        let call = run.and_then(|run| run.watched.calls.iter().find(is_it));
        let stack = call.map(|call| self.subject.frames(call)).unwrap_or_default();
        let at = Frame::innermost_own(&stack).cloned().unwrap_or_default();
        match self.counts.not_tried.iter_mut().find(|known| known.at == at) {
            Some(known) => known.count += 1,
            None => self.counts.not_tried.push(NotTried { at, count: 1 }),
        }
    }
}

fn words(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}
