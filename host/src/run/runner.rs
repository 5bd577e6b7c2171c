//! The front door: load modules, list their tests, run them, get a report.

use super::doubts;
use super::execute::{self, Outcome};
use super::plan::{PlannedModule, Planner, Subject};
use super::selection::Selection;
use crate::catalogue::{CompileCaps, Module};
use crate::config::Profile;
use crate::harness::{self, ListError};
use crate::model::events::{Event, Listener};
use crate::model::{BakedRecord, Canonical, Frame, ModuleRecord, Report, Volatile};
use crate::policy::{Limit, Limits, policy_record};
use crate::sandbox::wasi::{Echo, GrantError};
use crate::sandbox::{
    self, Cache, Compiler, Ending, Engine, EngineError, EngineOptions, Entry, Job, LoadError, LoadOptions, LoadedModule,
};
use rayon::ThreadPool;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime};

/// How a run is done. Nothing here changes a canonical report, but `fail_fast`.
#[derive(Debug, Clone)]
pub struct RunnerOptions {
    /// Worker threads; 0 takes one for each processor.
    pub jobs: usize,
    /// Which compiler makes machine code of the modules.
    pub compiler: Compiler,
    /// The guests' call stack, in bytes; see [`Limit::Stack`].
    pub stack: u64,
    /// Where compiled modules are kept between runs.
    pub cache: Option<Cache>,
    /// Most bytes of a module.
    pub module_size: u64,
    /// Most work that a module may be for the compiler.
    pub compile_caps: CompileCaps,
    /// Runs no test that comes after the first failing one in the plan.
    pub fail_fast: bool,
    /// Passes output on to the program's own streams as it is written; tests run one at a time.
    pub no_capture: bool,
    /// Keeps the output of tests that pass, too.
    pub keep_output: bool,
    /// Runs the tests in another order, which this number decides.
    pub shuffle: Option<u64>,
    /// Whether the pooling allocator is tried.
    pub pooling: bool,
    /// Whether modules' allocators are hooked; if not, every test says that its heap is not tracked.
    pub heap: bool,
    /// How often each test of the SDK is called, in one instance, to see what grows; 0 and 1 are once.
    pub repeat: u32,
    /// Whether every test whose heap is tracked is run a second time, for [`Report::profile`].
    pub profile: bool,
    /// See [`Runner::interrupt`]. Runners whose options are copies of each other share it.
    pub interrupt: Arc<AtomicBool>,
    #[doc(hidden)]
    pub inject_host_leak: bool,
    #[doc(hidden)]
    pub inject_host_panic: bool,
}

impl Default for RunnerOptions {
    fn default() -> Self {
        Self {
            jobs: 0,
            compiler: Compiler::default(),
            stack: Limits::default().most(Limit::Stack),
            cache: None,
            module_size: 512 << 20,
            compile_caps: CompileCaps::default(),
            fail_fast: false,
            no_capture: false,
            keep_output: false,
            shuffle: None,
            pooling: true,
            heap: true,
            repeat: 1,
            profile: false,
            interrupt: Arc::default(),
            inject_host_leak: false,
            inject_host_panic: false,
        }
    }
}

/// A runner that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The engine cannot be made.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The worker threads cannot be started.
    #[error("the worker threads cannot be started: {0}")]
    Threads(String),
}

/// A run that cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A module does not list its tests.
    #[error(transparent)]
    List(#[from] ListError),
    /// A granted directory cannot be opened.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// A bug of airtight's own: its books do not balance, or it panicked.
    #[error("a bug of airtight: {first} (tests concerned: {tests}); please report this")]
    Bug {
        /// The first test concerned, and what went wrong.
        first: String,
        /// How many tests are concerned.
        tests: usize,
        /// The report all the same.
        report: Box<Report>,
    },
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// It returned, or left with a status.
    Status(u32),
    /// It trapped or was stopped.
    Stopped {
        /// Why, in words.
        why: String,
        /// Where.
        stack: Vec<Frame>,
    },
}

/// Runs tests. One runner can do any number of runs.
pub struct Runner {
    engine: Engine,
    pool: ThreadPool,
    options: RunnerOptions,
    interrupted: Arc<AtomicBool>,
}

/// What the stages of one run share.
pub(super) struct Shared<'a> {
    pub engine: &'a Engine,
    pub pool: &'a ThreadPool,
    pub options: &'a RunnerOptions,
    pub interrupted: &'a Arc<AtomicBool>,
}

impl Shared<'_> {
    /// The order in which the tests are started.
    pub fn order(&self, tests: usize) -> Vec<usize> {
        use rand_chacha::rand_core::{RngCore, SeedableRng};
        let mut order: Vec<usize> = (0..tests).collect();
        if let Some(seed) = self.options.shuffle {
            let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            // Fisher-Yates; the bias of the remainder is of no consequence for an order.
            for at in (1..tests).rev() {
                order.swap(at, (random.next_u64() % (at as u64 + 1)) as usize);
            }
        }
        order
    }
}

impl Runner {
    /// A runner with its own engine and threads.
    ///
    /// # Errors
    /// See [`SetupError`].
    pub fn new(mut options: RunnerOptions) -> Result<Self, SetupError> {
        if options.jobs == 0 {
            options.jobs = std::thread::available_parallelism().map_or(1, Into::into);
        }
        if options.no_capture {
            options.jobs = 1;
        }
        let engine = Engine::new(EngineOptions {
            compiler: options.compiler,
            workers: options.jobs,
            stack: options.stack,
            pooling: options.pooling,
            caps: options.compile_caps,
        })?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.jobs)
            .thread_name(|index| format!("airtight-{index}"))
            .stack_size(engine.thread_stack())
            .build()
            .map_err(|error| SetupError::Threads(error.to_string()))?;
        let interrupted = Arc::clone(&options.interrupt);
        Ok(Self { engine, pool, options, interrupted })
    }

    /// A switch that ends the run: tests that run are stopped, the others are not started, and the report says so.
    pub fn interrupt(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupted)
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What it was made with, `jobs` resolved.
    pub fn options(&self) -> &RunnerOptions {
        &self.options
    }

    /// Reads and compiles a module, or takes the compiled one from the cache.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(&self, bytes: Vec<u8>, mut options: LoadOptions) -> Result<LoadedModule, LoadError> {
        options.without_heap |= !self.options.heap;
        let (size, cap) = (bytes.len() as u64, self.options.module_size);
        if size > cap {
            return Err(LoadError::TooLarge { size, cap });
        }
        let parsed = Module::open(&bytes)?;
        let catalogue = harness::catalogue(&parsed, options.harness)?;
        let rules = harness::code_rules(&catalogue);
        LoadedModule::load(&self.engine, self.options.cache.as_ref(), parsed, catalogue, rules, options)
    }

    /// Lists and selects the tests of modules, and makes their grants ready.
    ///
    /// # Errors
    /// See [`RunError`].
    pub fn plan(
        &self,
        mut subjects: Vec<Subject>,
        profile: &Profile,
        selection: &Selection,
    ) -> Result<Vec<PlannedModule>, RunError> {
        subjects.sort_by(|a, b| a.module.name.cmp(&b.module.name));
        let planner = Planner { engine: &self.engine, profile, selection, interrupted: &self.interrupted };
        let mut selected = 0;
        // Listing runs guests, so it too is done where there is stack for them.
        self.pool.install(|| subjects.into_iter().map(|subject| planner.plan(subject, &mut selected)).collect())
    }

    /// Runs a plan.
    ///
    /// # Errors
    /// Only [`RunError::Bug`], which holds the report.
    pub fn run(
        &self,
        modules: &[PlannedModule],
        profile: &Profile,
        listener: &mut dyn Listener,
    ) -> Result<Report, RunError> {
        let started = SystemTime::now();
        let began = Instant::now();
        listener.event(&Event::RunStarted {
            modules: modules.iter().filter(|module| !module.tests.is_empty()).count(),
            tests: modules.iter().map(|module| module.tests.len()).sum(),
            filtered_out: modules.iter().map(|module| module.filtered_out).sum(),
            jobs: self.options.jobs,
        });
        let shared =
            Shared { engine: &self.engine, pool: &self.pool, options: &self.options, interrupted: &self.interrupted };
        let mut outcome = execute::all(&shared, modules, listener);
        let bugs = std::mem::take(&mut outcome.bugs);
        let allocated = std::mem::take(&mut outcome.profile);
        let mut report = self.report(modules, profile, outcome, started, began);
        report.profile = self.options.profile.then_some(allocated);
        listener.event(&Event::RunFinished { report: &report, elapsed: began.elapsed() });
        match bugs.first().cloned() {
            None => Ok(report),
            Some(first) => Err(RunError::Bug { first, tests: bugs.len(), report: Box::new(report) }),
        }
    }

    /// Runs a module as a program: arguments, streams and exit status are passed straight through.
    ///
    /// # Errors
    /// A granted directory cannot be opened.
    pub fn run_program(&self, subject: Subject, profile: &Profile, args: &[String]) -> Result<Ended, RunError> {
        let grants = subject.grants_for(profile.policy())?;
        let args: Vec<Arc<str>> = args.iter().map(|arg| Arc::from(arg.as_str())).collect();
        let job = Job {
            module: &subject.module,
            grants: &grants,
            test: &subject.module.name,
            entry: Entry::Start(&args),
            interrupted: &self.interrupted,
            counts_heap: false,
            rounds: 1,
            echo: Some(Echo::Inherit),
            inject_host_leak: false,
            inject_host_panic: false,
        };
        let ran = self.pool.install(|| sandbox::run(&self.engine, &job));
        Ok(match &ran.ending {
            Ending::Returned => Ended::Status(0),
            Ending::Exit { status, .. } => Ended::Status(*status),
            other => Ended::Stopped {
                why: other.words(),
                stack: other.stack().map(|stack| subject.module.symbols.frames(stack)).unwrap_or_default(),
            },
        })
    }

    fn report(
        &self,
        modules: &[PlannedModule],
        profile: &Profile,
        outcome: Outcome,
        started: SystemTime,
        began: Instant,
    ) -> Report {
        let interrupted = self.interrupted.load(Ordering::Relaxed);
        let doubts = doubts::of(modules, profile.policy(), &outcome.by_wall_clock, interrupted);
        let mut records = outcome.records.into_iter();
        let with_tests = || modules.iter().filter(|planned| !planned.tests.is_empty());
        let baked = with_tests().flat_map(|planned| baked(&planned.module)).collect();
        let modules = with_tests().map(|planned| ModuleRecord {
            name: planned.module.name.to_string(),
            harness: planned.module.catalogue.harness,
            code: planned.module.catalogue.code.clone(),
            tests: records.by_ref().take(planned.tests.len()).collect(),
        });
        let policy = policy_record(profile.policy());
        let canonical = Canonical { reproducible: true, doubts: Vec::new(), policy, modules: modules.collect() };
        let volatile = Volatile {
            started: humantime::format_rfc3339_seconds(started).to_string(),
            wall_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            host: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
            jobs: self.options.jobs,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            interrupted,
            baked,
        };
        Report::new(canonical.with_doubts(doubts), volatile)
    }
}

fn baked(module: &LoadedModule) -> impl Iterator<Item = BakedRecord> + '_ {
    module.baked.iter().map(|baked| BakedRecord {
        module: module.name.to_string(),
        package: baked.package.clone(),
        path: baked.path.clone(),
    })
}
