//! How a runner is made: what the configuration says, and what is chosen for one run.

use super::error::SetupError;
use super::options::RunOptions;
use super::recorded::{Results, ResultsUse};
use super::runner::Runner;
use crate::catalogue::CompileCaps;
use crate::config::{Baseline, Config, Overlays, Profile, Trust, UnknownProfile};
use crate::model::trace::TraceOptions;
use crate::model::{Date, Exploration, Report};
use crate::policy::Policy;
use crate::sandbox::wasi::Streams;
use crate::sandbox::{Cache, Compiler};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Makes a [`Runner`]. Everything that the engine and the report must agree on (the guests' stack, whether heaps are accounted
/// for, the caps on modules) is derived from the configuration and its profile; the methods choose how one run is done.
///
/// ```
/// use airtight::{Compiler, Runner, config::Config};
///
/// let config = Config::default();
/// let runner = Runner::builder(&config, "default")?.jobs(1).compiler(Compiler::Winch).build()?;
/// assert_eq!(runner.profile().name(), "default");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing before `build`"]
pub struct RunnerBuilder {
    profile: Profile,
    module_size: u64,
    compile_caps: CompileCaps,
    pub(crate) options: RunOptions,
}

impl RunnerBuilder {
    /// For a profile of a configuration.
    fn new(config: &Config, profile: &str) -> Result<Self, UnknownProfile> {
        Ok(Self::with_profile(config, config.profile(profile)?))
    }

    /// For one policy, without a configuration.
    fn for_policy(policy: Policy) -> Self {
        Self::with_profile(&Config::default(), Profile::for_policy(policy))
    }

    fn with_profile(config: &Config, profile: Profile) -> Self {
        Self {
            profile,
            module_size: config.module_size,
            compile_caps: config.compile_caps,
            options: RunOptions { compile_budget: config.compile_budget, ..RunOptions::default() },
        }
    }

    /// Sets settings of this run that override every profile, such as those of a command line.
    pub fn overlays(mut self, overlays: Overlays) -> Self {
        self.profile = self.profile.with_overlays(overlays);
        self
    }

    /// Sets what of the machine the configuration may grant: the word of the user. Without it, the configuration may grant
    /// nothing beyond its workspace. A grant by [`Overlays`], or by a policy of one's own, needs no such word.
    pub fn trust(mut self, trust: Trust) -> Self {
        self.options.trust = trust;
        self
    }

    /// Sets whether the allocators of modules are hooked. If not, every test says that its heap is not tracked. Where this
    /// is not called, the profile decides.
    pub fn heap_accounting(mut self, on: bool) -> Self {
        self.profile = self.profile.with_heap_accounting(on);
        self
    }

    /// Sets the number of worker threads. 0, the default, takes one for each processor.
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.options.jobs = jobs;
        self
    }

    /// Sets which compiler makes machine code from the modules.
    pub fn compiler(mut self, compiler: Compiler) -> Self {
        self.options.compiler = compiler;
        self
    }

    /// Sets where compiled modules are kept between runs. By default, they are not kept.
    pub fn cache(mut self, cache: impl Into<Option<Cache>>) -> Self {
        self.options.cache = cache.into();
        self
    }

    /// Runs no test that comes in the plan after `failing` failing ones. By default, every test is run.
    pub fn max_fail(mut self, failing: impl Into<Option<NonZeroU32>>) -> Self {
        self.options.max_fail = failing.into();
        self
    }

    /// Sets what the tests' standard streams are. If they are not only captured, tests run one at a time.
    pub fn streams(mut self, streams: Streams) -> Self {
        self.options.streams = streams;
        self
    }

    /// Keeps the output of passing tests, too: for listeners and writers that show it. See
    /// [`Details::output`](crate::report::Details::output).
    pub fn keep_output(mut self, on: bool) -> Self {
        self.options.keep_output = on;
        self
    }

    /// Keeps what the tests change in overlays, for [`Report::write_back`](crate::report::Report::write_back).
    pub fn keep_changes(mut self, on: bool) -> Self {
        self.options.keep_changes = on;
        self
    }

    /// Runs the tests in another order, which the seed decides.
    pub fn shuffle(mut self, seed: impl Into<Option<u64>>) -> Self {
        self.options.shuffle = seed.into();
        self
    }

    /// Sets whether libtest is handed the one test that it is to run, if that is possible. By default it is: libtest then
    /// spends less fuel and memory before the test. Also whether a second run may end where it has shown all. If this is off,
    /// the report's policy says so.
    pub fn shortcut(mut self, on: bool) -> Self {
        self.options.shortcut = on;
        self
    }

    /// Sets whether the pooling allocator is tried; it is by default.
    pub fn pooling(mut self, on: bool) -> Self {
        self.options.pooling = on;
        self
    }

    /// Sets how often each test of the SDK is called in one instance, to see what grows. 0 and 1 both mean once.
    pub fn repeat(mut self, times: u32) -> Self {
        self.options.repeat = times;
        self
    }

    /// Sets how often a failing test is run again until it passes. A test that then passes is flaky, and the report says
    /// so. It fails all the same if nothing that it is granted may differ from one run to the next.
    pub fn retries(mut self, times: u32) -> Self {
        self.options.retries = times;
        self
    }

    /// Sets under how many schedules each passing test with threads is run, beside the schedule of every run: up to the
    /// first one under which it fails.
    pub fn schedules(mut self, schedules: u32) -> Self {
        self.options.schedules = schedules;
        self
    }

    /// Sets the one schedule under which tests with threads are run: one that failed before.
    pub fn schedule(mut self, schedule: impl Into<Option<Exploration>>) -> Self {
        self.options.schedule = schedule.into();
        self
    }

    /// Whether every test whose heap is tracked is run a second time, for [`Report::profile`](crate::report::Report::profile).
    pub fn heap_profile(mut self, on: bool) -> Self {
        self.options.heap_profile = on;
        self
    }

    /// Whether every test is run once more, for [`Details::fuel_by_function`](crate::report::Details::fuel_by_function). Without it, those
    /// are that take more fuel than in the [`RunnerBuilder::base`] of a gate on fuel, where that has such figures of them.
    pub fn fuel_by_function(mut self, on: bool) -> Self {
        self.options.fuel_by_function = on;
        self
    }

    /// Keeps what each test does, event by event, for [`Report::traces`](crate::report::Report::traces). Its figures stay what they are.
    pub fn trace(mut self, options: impl Into<Option<TraceOptions>>) -> Self {
        self.options.trace = options.into();
        self
    }

    /// Whether memory and events of each test are drawn over its fuel, for [`Report::timelines`](crate::report::Report::timelines). Its
    /// figures stay what they are.
    pub fn timelines(mut self, on: bool) -> Self {
        self.options.timelines = on;
        self
    }

    /// Whether the report says where tests acquired something, and whether that was released in time: for
    /// [`Volatile::places`](crate::report::Volatile::places). With a gate on clean-up coverage it is said in any case.
    pub fn coverage(mut self, on: bool) -> Self {
        self.options.coverage = on;
        self
    }

    /// Takes the result of a test from here where it cannot be another one, and records those of tests that pass. The report is that of a
    /// run without; [`Report::recorded`](crate::report::Report::recorded) says which were taken.
    pub fn results(mut self, results: Results) -> Self {
        self.options.results = Some(ResultsUse { results, proves: None });
        self
    }

    /// Runs at most `most` of the tests that have a recorded result, and no other test, and compares the results:
    /// [`Report::recorded`](crate::report::Report::recorded) says which differ.
    pub fn prove_results(mut self, results: Results, most: usize) -> Self {
        self.options.results = Some(ResultsUse { results, proves: Some(most) });
        self
    }

    /// Sets whether every test of a Go binary that `airtight go` built is run a second time. In that run, Go's runtime
    /// tells what the test leaves on its heap: for [`GoRecord::heap`](crate::report::GoRecord::heap).
    pub fn go_heap(mut self, on: bool) -> Self {
        self.options.go_heap = on;
        self
    }

    /// Sets which leaks are accepted: they are in the report, and fail no test. `date` is the day that expiry dates are
    /// compared with; without it, no date has passed. An expired entry makes
    /// [`Report::worst`](crate::report::Report::worst) a failure, and changes nothing in the canonical part of the report.
    pub fn baseline(mut self, baseline: impl Into<Option<Baseline>>, date: Option<Date>) -> Self {
        self.options.baseline = baseline.into().map(Arc::new);
        self.options.date = date;
        self
    }

    /// Sets the report that the profile's gates on growth and fuel compare with. Without it, these gates are not judged.
    pub fn base(mut self, base: impl Into<Option<Report>>) -> Self {
        self.options.base = base.into().map(Arc::new);
        self
    }

    /// Sets the switch that ends a run, for somebody else to set; see [`Runner::interrupt`]. Runners may share one.
    pub fn interrupt(mut self, switch: Arc<AtomicBool>) -> Self {
        self.options.interrupt = switch;
        self
    }

    /// Compiles modules in a process of its own, which can be ended. It runs `program`, which does nothing but
    /// [`crate::internals::compile_task`] if its first argument is `word`. Without this, modules are compiled in this
    /// process, and only the cap on their weight bounds that.
    #[doc(hidden)]
    pub fn compile_in(mut self, program: PathBuf, word: &'static str) -> Self {
        self.options.compile_in = Some((program, word));
        self
    }

    /// Leaks a host descriptor after each test: for tests of the check of airtight's own books.
    #[doc(hidden)]
    pub fn inject_host_leak(mut self, on: bool) -> Self {
        self.options.inject_host_leak = on;
        self
    }

    /// Panics in the host before each test: for tests that such a panic is reported and spoils nothing else.
    #[doc(hidden)]
    pub fn inject_host_panic(mut self, on: bool) -> Self {
        self.options.inject_host_panic = on;
        self
    }

    /// The profile that the tests run under, with the overlays.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The runner, with its own engine and threads.
    ///
    /// # Errors
    /// See [`SetupError`].
    pub fn build(self) -> Result<Runner, SetupError> {
        Runner::new(self.profile, self.module_size, self.compile_caps, self.options)
    }
}

impl Runner {
    /// Makes a runner for a profile of a configuration.
    ///
    /// # Errors
    /// The configuration has no such profile.
    pub fn builder(config: &Config, profile: &str) -> Result<RunnerBuilder, UnknownProfile> {
        RunnerBuilder::new(config, profile)
    }

    /// Makes a runner whose tests all have this policy. What is not part of a policy, such as the caps on modules, is as in
    /// an empty configuration.
    ///
    /// ```
    /// use airtight::{Runner, policy::{Limit, Limits, Policy}};
    ///
    /// let limits = Limits::default().with(Limit::Fuel, 1_000_000);
    /// let runner = Runner::for_policy(Policy { limits, ..Policy::default() }).jobs(1).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn for_policy(policy: Policy) -> RunnerBuilder {
        RunnerBuilder::for_policy(policy)
    }
}
