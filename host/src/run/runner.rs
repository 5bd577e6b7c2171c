//! The front door: load modules, list their tests, run them, get a report.

use super::context::RunContext;
use super::coverage;
use super::doubts;
use super::entry::TestSpan;
use super::error::{RunError, SetupError};
use super::execute::{self, PlanOutcome};
use super::granted;
use super::options::RunOptions;
use super::plan::{self, Plan, PlannedModule, Planner, Subject};
use super::planned::{Decision, PlannedTest};
use super::recorded::RecordedRun;
use super::selection::Selection;
use super::subtests::SubtestClock;
use super::world_figures::{self, Judges};
use crate::catalogue::{CompileCaps, Module};
use crate::config::{Baseline, Profile};
use crate::harness::{self, ListError};
use crate::model::doubt::{Cause, Doubt, TestId};
use crate::model::events::{Event, Listener};
use crate::model::gates::judge;
use crate::model::{
    BakedRecord, Canonical, Date, GateRecord, ModuleRecord, RecordedResults, RefusedModule, Report, ResourceKind,
    SubtestTime, TestTime, Volatile,
};
use crate::policy::{LeakAction, LeakSetting, Limit, policy_record, requestable_record};
use crate::sandbox::wasi::Streams;
use crate::sandbox::{Engine, EngineOptions, LoadError, LoadOptions, LoadedModule};
use rayon::ThreadPool;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Runs tests under one profile. One runner can do any number of runs.
///
/// ```
/// use airtight::{LoadOptions, Runner, Selection, Subject, config::Config, exit_status};
///
/// # let bytes = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#)?;
/// let runner = Runner::builder(&Config::default(), "default")?.build()?;
/// let module = runner.load(bytes, LoadOptions::named("empty"))?;
/// let plan = runner.plan(vec![Subject::new(module)], &Selection::default())?;
/// let report = runner.run(&plan, &mut ())?;
/// assert_eq!(report.worst(), exit_status::PASSED);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Runner {
    engine: Arc<Engine>,
    pool: Arc<ThreadPool>,
    profile: Profile,
    /// Most bytes of a module.
    module_size: u64,
    options: RunOptions,
}

impl Runner {
    pub(super) fn new(
        profile: Profile,
        module_size: u64,
        caps: CompileCaps,
        mut options: RunOptions,
    ) -> Result<Self, SetupError> {
        if options.jobs == 0 {
            options.jobs = std::thread::available_parallelism().map_or(1, Into::into);
        }
        if options.streams != Streams::Captured {
            options.jobs = 1;
        }
        profile.check_trust(&options.trust)?;
        granted::check_profile(&profile, &options)?;
        let engine = EngineOptions {
            compiler: options.compiler,
            workers: options.jobs,
            stack: profile.policy().limits.most(Limit::Stack),
            pooling: options.pooling,
            heap_accounting: profile.heap_accounting(),
            caps,
            threads: false,
        };
        let engine = Engine::with_cache(engine, options.cache.as_ref(), options.compile_in())?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.jobs)
            .thread_name(|index| format!("airtight-{index}"))
            .stack_size(engine.thread_stack())
            .build()
            .map_err(|error| SetupError::Threads(error.to_string()))?;
        Ok(Self { engine: Arc::new(engine), pool: Arc::new(pool), profile, module_size, options })
    }

    /// A runner for another profile that shares this runner's engine and threads, so that each can run modules that the
    /// other has loaded. Heap accounting is compiled into modules; it stays as it is in this runner.
    ///
    /// ```
    /// use airtight::{Runner, config::{Config, Profile}, policy::{Limit, Limits, Policy}};
    ///
    /// let runner = Runner::builder(&Config::default(), "default")?.build()?;
    /// let limits = Limits::default().with(Limit::Memory, 1 << 20);
    /// let small = runner.under(Profile::for_policy(Policy { limits, ..Policy::default() }))?;
    /// assert_eq!(small.profile().policy().limits.get(Limit::Memory), Some(1 << 20));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The profile wants another stack size. That is compiled into the engine, so it takes a runner of its own. Or the
    /// profile's configuration grants what the user has not allowed.
    pub fn under(&self, profile: Profile) -> Result<Self, SetupError> {
        let stack = |profile: &Profile| profile.policy().limits.most(Limit::Stack);
        let (own, wanted) = (stack(&self.profile), stack(&profile));
        if own != wanted {
            return Err(SetupError::OtherStack { own, wanted });
        }
        profile.check_trust(&self.options.trust)?;
        granted::check_profile(&profile, &self.options)?;
        let profile = profile.with_heap_accounting(self.engine.options().heap_accounting);
        Ok(Self {
            engine: Arc::clone(&self.engine),
            pool: Arc::clone(&self.pool),
            profile,
            module_size: self.module_size,
            options: self.options.clone(),
        })
    }

    /// A switch that ends the run. Running tests are stopped, the others are not started, and the report says so.
    pub fn interrupt(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.options.interrupt)
    }

    /// The profile whose policy the tests have.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Whether instances come from a pool. They do unless a pool was refused or the machine has no room for one.
    pub fn is_pooled(&self) -> bool {
        self.engine.pooled()
    }

    /// Most bytes of a module.
    pub(super) fn module_size(&self) -> u64 {
        self.module_size
    }

    /// The same runner, whose tests get these standard streams: see [`super::RunnerBuilder::streams`].
    #[must_use]
    pub fn with_streams(mut self, streams: Streams) -> Self {
        self.options.streams = streams;
        self
    }

    /// Reads and compiles a module, or takes the compiled one from the cache.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(&self, bytes: Vec<u8>, options: LoadOptions) -> Result<LoadedModule, LoadError> {
        let (size, cap) = (bytes.len() as u64, self.module_size);
        if size > cap {
            return Err(LoadError::TooLarge { size, cap });
        }
        let bytes = Arc::new(bytes);
        let parsed = Module::open(&bytes)?;
        let catalogue = harness::catalogue(&parsed, options.harness)?;
        let rules = harness::code_rules(&catalogue, self.profile.setup_test().is_some());
        LoadedModule::load(&self.engine, self.options.cache.as_ref(), &bytes, parsed, catalogue, rules, options)
    }

    /// Loads a module once more, so that it tells in which functions its fuel is spent.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub(super) fn load_counting(&self, module: &LoadedModule) -> Result<LoadedModule, LoadError> {
        let bytes = Arc::new(module.symbols.module().0.to_vec());
        let parsed = Module::open(&bytes)?;
        let catalogue = module.catalogue.clone();
        let rules = harness::code_rules(&catalogue, self.profile.setup_test().is_some());
        let options = LoadOptions::named(module.name()).counting_fuel();
        LoadedModule::load(&self.engine, self.options.cache.as_ref(), &bytes, parsed, catalogue, rules, options)
    }

    /// Lists and selects the tests of modules, and makes their grants ready. A module that does not list its tests keeps no other
    /// from being tested: see [`Plan::refused`].
    ///
    /// # Errors
    /// See [`RunError`].
    pub fn plan(&self, mut subjects: Vec<Subject>, selection: &Selection) -> Result<Plan, RunError> {
        self.check_loaded(subjects.iter().map(Subject::module))?;
        for subject in &subjects {
            granted::check_module(&subject.grants, &self.options)?;
        }
        subjects.sort_by(|a, b| a.module.name.cmp(&b.module.name));
        let planner = Planner { profile: &self.profile, selection, interrupted: &self.options.interrupt };
        let policy = Arc::clone(self.profile.policy());
        let requestable = self.profile.requestable();
        let requestable = requestable_record(&requestable.dirs, &requestable.sockets);
        let mut plan = Plan {
            policy,
            requestable,
            modules: Vec::new(),
            refused: Vec::new(),
            refused_by_wall_clock: false,
            missing_setup: self.profile.setup_test().map(Arc::clone),
            partition: selection.partition,
        };
        // Listing runs guests, so it is done on a thread that has the stack for them.
        self.pool.install(|| self.plan_each(&planner, subjects, &mut plan))?;
        Ok(plan)
    }

    fn plan_each(&self, planner: &Planner<'_>, subjects: Vec<Subject>, plan: &mut Plan) -> Result<(), RunError> {
        let mut selected = 0;
        for subject in subjects {
            let (name, code) = (subject.module.name.to_string(), subject.module.catalogue.code.clone());
            match planner.plan(subject, &mut selected) {
                Ok((planned, has_setup)) => {
                    plan.missing_setup.take_if(|_| has_setup);
                    plan.modules.push(planned);
                }
                // A module that was stopped while it listed its tests is not at fault.
                Err(error) if self.options.interrupt.load(Ordering::Relaxed) => return Err(error),
                Err(RunError::List(error)) => {
                    plan.refused_by_wall_clock |= matches!(error, ListError::Answer { by_wall_clock: true, .. });
                    plan.refused
                        .push(RefusedModule { code: Some(code), ..RefusedModule::new(name, error.to_string()) });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Runs a plan that this runner made, or a runner that shares its engine (see [`Runner::under`]). The tests run under
    /// the policy that the plan was made with, whatever this runner's profile is.
    ///
    /// # Errors
    /// [`RunError::OtherEngine`], or [`RunError::Bug`], which holds the report.
    pub fn run(&self, plan: &Plan, listener: &mut dyn Listener) -> Result<Report, RunError> {
        let modules = plan.modules();
        self.check_loaded(modules.iter().map(|planned| &planned.module))?;
        let started = SystemTime::now();
        let began = Instant::now();
        listener.event(&Event::RunStarted {
            modules: modules.iter().filter(|module| !module.tests.is_empty()).count(),
            tests: modules.iter().map(|module| module.tests.len()).sum(),
            filtered_out: modules.iter().map(|module| module.filtered_out).sum(),
            jobs: self.options.jobs,
        });
        let grants = plan::granted(modules);
        if !grants.is_empty() {
            listener.event(&Event::Granted { grants: &grants });
        }
        if let Some(name) = plan.missing_setup.as_deref() {
            let note = format!("no module has a test `{name}`, which `setup-test` of the profile names");
            listener.event(&Event::Note(&note));
        }
        for (module, whole) in modules.iter().flat_map(|module| module.whole.iter().map(move |whole| (module, whole))) {
            listener.event(&Event::Note(&format!("{} {whole}", module.module.name)));
        }
        let recorded = RecordedRun::new(&self.options, modules);
        let shared = RunContext {
            pool: &self.pool,
            options: &self.options,
            // A result that is recorded may be taken by a run that tells it.
            coverage: self.tells_coverage() || recorded.is_some(),
            recorded,
            traces: Mutex::default(),
            timelines: Mutex::default(),
        };
        let mut outcome = execute::all(&shared, modules, listener);
        let mut bugs = std::mem::take(&mut outcome.bugs);
        let allocated = std::mem::take(&mut outcome.profile);
        let kept = std::mem::take(&mut outcome.kept);
        let mut report = self.report(plan, outcome, (started, began), &mut bugs);
        report.volatile.grants = grants;
        report.profile = self.options.heap_profile.then_some(allocated);
        report.kept = kept;
        let traces = shared.traces.into_inner().unwrap_or_else(PoisonError::into_inner);
        report.traces = traces.into_values().collect();
        let timelines = shared.timelines.into_inner().unwrap_or_else(PoisonError::into_inner);
        report.timelines = timelines.into_values().collect();
        report.recorded = shared.recorded.map(RecordedRun::finish);
        for note in report.recorded.iter().flat_map(RecordedResults::notes) {
            listener.event(&Event::Note(&note));
        }
        listener.event(&Event::RunFinished { report: &report, elapsed: began.elapsed() });
        match bugs.first().cloned() {
            None => Ok(report),
            Some(first) => Err(RunError::Bug { first, tests: bugs.len(), report: Box::new(report) }),
        }
    }

    /// Calls `each` for each of several things, on the runner's threads, which have the stack that guests need. A thread takes one at a time:
    /// one that took several could not give them away to a thread that has nothing left to do.
    pub(crate) fn install_each<T: Sync, R: Send>(&self, all: &[T], each: &(dyn Fn(&T) -> R + Sync)) -> Vec<R> {
        self.pool.install(|| all.par_iter().with_max_len(1).map(each).collect())
    }

    /// As [`Runner::install_each`], but `each` owns the thing.
    pub(crate) fn install_all<T: Send, R: Send>(&self, all: Vec<T>, each: &(dyn Fn(T) -> R + Sync)) -> Vec<R> {
        self.pool.install(|| all.into_par_iter().with_max_len(1).map(each).collect())
    }

    /// The accepted leaks, and the day that their expiry dates are compared with.
    pub(crate) fn baseline(&self) -> Option<(&Baseline, Option<Date>)> {
        Some((self.options.baseline.as_deref()?, self.options.date))
    }

    /// Whether the report says where tests acquired something, and whether that was released.
    fn tells_coverage(&self) -> bool {
        self.options.coverage || self.profile.gate().cleanup_coverage.is_some()
    }

    pub(super) fn options(&self) -> &RunOptions {
        &self.options
    }

    /// Refuses modules of another engine: compiled code belongs to the engine that it was compiled for.
    fn check_loaded<'m>(&self, modules: impl IntoIterator<Item = &'m LoadedModule>) -> Result<(), RunError> {
        match modules.into_iter().find(|module| !module.is_loaded_for(&self.engine)) {
            None => Ok(()),
            Some(module) => Err(RunError::OtherEngine { module: module.name.to_string() }),
        }
    }

    fn report(
        &self,
        plan: &Plan,
        outcome: PlanOutcome,
        (started, began): (SystemTime, Instant),
        bugs: &mut Vec<String>,
    ) -> Report {
        let interrupted = self.options.interrupt.load(Ordering::Relaxed);
        let modules: &[PlannedModule] = &plan.modules;
        let gate = self.profile.gate().cleanup_coverage;
        let in_plan = || modules.iter().flat_map(|planned| planned.tests.iter().map(move |test| (planned, test)));
        let coverages = outcome.coverage;
        let coverage_of = |keeps: &dyn Fn(&PlannedModule, &PlannedTest) -> bool| {
            let kept = in_plan().zip(&coverages).filter(|((planned, test), _)| keeps(planned, test));
            let of_tests =
                kept.map(|((planned, test), coverage)| (planned.module.name(), &*test.name, coverage.clone()));
            self.tells_coverage().then(|| coverage::of_run(of_tests, gate))
        };
        let (cleanup_coverage, all_places) = coverage_of(&|_, _| true).unzip();
        let cleanup_coverage = cleanup_coverage.filter(|_| gate.is_some());
        // Those of a part's set-ups and teardowns are told apart, below: another part may have run the same ones.
        let places = match plan.partition {
            Some(_) => coverage_of(&|_, test| test.is_test()).map(|(_, places)| places),
            None => all_places,
        };
        let mut doubts =
            doubts::doubts_about(modules, &plan.policy, &outcome.by_wall_clock, interrupted, self.options.streams);
        doubts.extend(plan.refused_by_wall_clock.then(|| Doubt::of_run(Cause::WallClock)));
        let over_budget = outcome.over_budget || plan.refused.iter().any(|refused| refused.over_budget);
        doubts.extend(over_budget.then(|| Doubt::of_run(Cause::CompileBudget)));
        let mut records = outcome.records.into_iter();
        let with_tests = || modules.iter().filter(|planned| !planned.tests.is_empty());
        let tests = with_tests().flat_map(|planned| planned.tests.iter().map(move |test| (planned, test)));
        let times = tests.zip(outcome.times).filter_map(|((planned, test), time)| {
            let TestSpan { began: start, elapsed, worker, subtests } = time?;
            // Begin and end are rounded, and not the time between, so that what ran within a test lies within its time.
            let us = |at: Instant| u64::try_from(at.saturating_duration_since(began).as_micros()).unwrap_or(u64::MAX);
            let span = |start: Instant, elapsed: Duration| (us(start), us(start + elapsed) - us(start));
            let subtest = |SubtestClock { path, began, elapsed }| {
                let (start_us, us) = span(began, elapsed);
                SubtestTime { start_us: Some(start_us), ..SubtestTime::new(path, us) }
            };
            let (start_us, us) = span(start, elapsed);
            Some(TestTime {
                module: planned.module.name.to_string(),
                test: test.name.to_string(),
                us,
                start_us: Some(start_us),
                worker: worker.and_then(|worker| u32::try_from(worker).ok()),
                subtests: subtests.into_iter().map(subtest).collect(),
            })
        });
        let times = times.collect();
        let baked = with_tests().flat_map(|planned| baked(&planned.module)).collect();
        let modules = with_tests().map(|planned| ModuleRecord {
            name: planned.module.name.to_string(),
            harness: planned.module.catalogue.harness,
            code: planned.module.catalogue.code.clone(),
            tests: records.by_ref().take(planned.tests.len()).collect(),
        });
        let mut policy = policy_record(&plan.policy);
        if let Some(requestable) = &plan.requestable {
            policy["on-request"] = requestable.clone();
        }
        if !self.options.shortcut {
            policy["shortcut"] = false.into();
        }
        let baseline = self.options.baseline.as_deref();
        if let Some(baseline) = baseline {
            policy["baseline"] = baseline.digest().into();
        }
        let mut modules: Vec<_> = modules.collect();
        self.tell_fuel_by_function(plan, &policy, &mut modules, bugs);
        doubts.extend(Doubt::of_tests(Cause::Flaky, flaky(&modules)));
        let canonical =
            Canonical { refused: plan.refused.clone(), cleanup_coverage, ..Canonical::new(policy, modules) };
        let mut canonical = canonical.with_doubts(doubts);
        let ignored = ignored_leaks(plan);
        let unseen = |module: &str, test: &str, kind: ResourceKind| ignored.contains(&(module, test, kind.setting()));
        let gates: &dyn Fn(&Canonical) -> Vec<GateRecord> =
            &|report| judge(report, &self.profile.gate().limits, self.options.base.as_deref(), &unseen);
        canonical.gates = gates(&canonical);
        let worlds = plan.partition.and_then(|_| {
            world_figures::figures(
                &canonical,
                &Judges {
                    gates,
                    coverage: &|module, entry| {
                        // Two modules may have one name.
                        let is_it = |planned: &PlannedModule| {
                            planned.module.name() == module.name && planned.module.catalogue.code == module.code
                        };
                        coverage_of(&|planned, test| is_it(planned) && test.name == entry.name)
                    },
                    judged: &|report| baseline.map_or(0, |baseline| baseline.used_in(report, self.options.date).judged),
                },
            )
        });
        let volatile = Volatile {
            codes: BTreeMap::new(),
            partition: plan.partition.map(|partition| partition.to_string()),
            places,
            worlds,
            baseline: baseline.map(|baseline| baseline.used_in(&canonical, self.options.date)),
            started: humantime::format_rfc3339_seconds(started).to_string(),
            wall_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            host: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
            jobs: self.options.jobs,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            interrupted,
            baked,
            grants: Vec::new(),
            times,
        };
        Report::new(canonical, volatile).with_codes()
    }
}

/// The tests that passed only when they were run again.
fn flaky(modules: &[ModuleRecord]) -> Vec<TestId> {
    let tests = modules.iter().flat_map(|module| module.tests.iter().map(move |test| (module, test)));
    let flaky = tests.filter(|(_, test)| test.is_flaky());
    flaky.map(|(module, test)| TestId { module: module.name.clone(), test: test.name.to_string() }).collect()
}

/// The tests whose policy ignores the leaks of a setting; such leaks are not listed.
fn ignored_leaks(plan: &Plan) -> BTreeSet<(&str, &str, LeakSetting)> {
    let mut ignored = BTreeSet::new();
    for planned in &plan.modules {
        for test in &planned.tests {
            let Decision::Run { grants, .. } = &test.decision else { continue };
            let leaks = grants.policy().leaks;
            let settings = LeakSetting::ALL.into_iter().filter(|setting| leaks.get(*setting) == LeakAction::Ignore);
            ignored.extend(settings.map(|setting| (planned.module.name(), &*test.name, setting)));
        }
    }
    ignored
}

fn baked(module: &LoadedModule) -> impl Iterator<Item = BakedRecord> + '_ {
    module.baked.iter().map(|baked| BakedRecord {
        module: module.name.to_string(),
        package: baked.package.clone(),
        path: baked.path.clone(),
    })
}
