//! What is chosen for one run, beside its profile.

use super::recorded::ResultsUse;
use crate::catalogue::CompileBudget;
use crate::config::{Baseline, Trust};
use crate::model::trace::TraceOptions;
use crate::model::{Date, Exploration, Report};
use crate::sandbox::wasi::Streams;
use crate::sandbox::{Cache, ChildCompiler, Compiler};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What is chosen for one run. Of these, only `max_fail`, `repeat`, `go_heap`, `fuel_by_function`, `base`, schedules and an interrupt change
/// the canonical part of its report.
#[derive(Debug, Clone)]
pub(crate) struct RunOptions {
    pub jobs: usize,
    pub compiler: Compiler,
    pub cache: Option<Cache>,
    /// What compiling one module may take, in a process of its own.
    pub compile_budget: CompileBudget,
    /// The program that runs as that process, and the word that makes it do so. Without it, modules are compiled in this
    /// process.
    pub compile_in: Option<(PathBuf, &'static str)>,
    /// Whether a harness that can be handed a single test is handed it, and a second run may end where it has shown all.
    pub shortcut: bool,
    pub max_fail: Option<NonZeroU32>,
    pub streams: Streams,
    pub keep_output: bool,
    pub keep_changes: bool,
    pub shuffle: Option<u64>,
    pub pooling: bool,
    pub repeat: u32,
    /// How often a failing test is run again.
    pub retries: u32,
    /// Under how many schedules passing tests with threads are run.
    pub schedules: u32,
    /// The one schedule under which tests with threads are run instead.
    pub schedule: Option<Exploration>,
    pub heap_profile: bool,
    /// Whether it is told in which functions tests spend their fuel.
    pub fuel_by_function: bool,
    /// What is kept of all that tests do.
    pub trace: Option<TraceOptions>,
    /// Whether memory and events of tests are drawn over their fuel.
    pub timelines: bool,
    /// Whether places that release nothing are told beside the canonical part, too.
    pub coverage: bool,
    /// What becomes of recorded results.
    pub results: Option<ResultsUse>,
    /// Whether Go tests are asked what they leave on Go's heap.
    pub go_heap: bool,
    /// What of the machine the profile's configuration may grant.
    pub trust: Trust,
    /// The leaks that are accepted, and the day that their expiry dates are compared with.
    pub baseline: Option<Arc<Baseline>>,
    pub date: Option<Date>,
    /// The report that gates compare with.
    pub base: Option<Arc<Report>>,
    pub interrupt: Arc<AtomicBool>,
    pub inject_host_leak: bool,
    pub inject_host_panic: bool,
}

impl RunOptions {
    /// The process that compiles, if modules are compiled in one.
    pub fn compile_in(&self) -> Option<ChildCompiler> {
        let (program, word) = self.compile_in.clone()?;
        let (budget, interrupted) = (self.compile_budget, Arc::clone(&self.interrupt));
        Some(ChildCompiler { program, word, budget, interrupted })
    }
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            jobs: 0,
            compiler: Compiler::default(),
            cache: None,
            compile_budget: CompileBudget::default(),
            compile_in: None,
            shortcut: true,
            max_fail: None,
            streams: Streams::default(),
            keep_output: false,
            keep_changes: false,
            shuffle: None,
            pooling: true,
            repeat: 1,
            retries: 0,
            schedules: 0,
            schedule: None,
            heap_profile: false,
            fuel_by_function: false,
            trace: None,
            timelines: false,
            coverage: false,
            results: None,
            go_heap: false,
            trust: Trust::nothing(),
            baseline: None,
            date: None,
            base: None,
            interrupt: Arc::default(),
            inject_host_leak: false,
            inject_host_panic: false,
        }
    }
}
