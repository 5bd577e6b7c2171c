//! Where the programs of Go's modules are ready for their tests: each is run until then once, and its tests begin there, where to
//! initialise its packages takes long.
//!
//! A test that begins there and one that is started by itself come to the same, to the unit of fuel: a program learns which test it is
//! to run when it is ready, and goes on from memory and globals alone in either case.

use super::host_bug::guarded;
use super::options::RunOptions;
use super::plan::PlannedModule;
use super::planned::{Decision, PlannedTest};
use crate::sandbox::wasi::{Grants, Streams};
use crate::sandbox::{BeginsReady, Image, Job, run};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The least fuel of a start that is worth an image. A machine spends some 10,000,000,000 in a second, so that this is 20 ms.
const LEAST_START: u64 = 200_000_000;

/// The least number of tests that begin from it: to make one takes as long as to start some of them.
const LEAST_TESTS: usize = 5;

/// Where the tests of each module of a plan begin.
pub struct ReadyPrograms<'a> {
    programs: Vec<Option<ReadyProgram<'a>>>,
    /// For each entry of the plan, the place of its module.
    module_of: Vec<usize>,
}

/// Where the tests of one module begin.
pub struct ReadyProgram<'a> {
    module: &'a PlannedModule,
    /// The first test: what it is granted, the program is.
    first: &'a PlannedTest,
    options: &'a RunOptions,
    /// Whether it is noted where the program acquires what.
    notes_sites: bool,
    /// Nothing before the program was run and after the last test ended; then where it was ready, if that is worth it and can be.
    image: Mutex<Option<Option<Arc<Image>>>>,
    /// How many of the module's entries have not ended.
    left: AtomicUsize,
}

impl<'a> ReadyPrograms<'a> {
    /// Those of a plan. `notes_reads`: whether it is noted what tests read, which an image does not hold.
    pub fn new(modules: &'a [PlannedModule], options: &'a RunOptions, notes_sites: bool, notes_reads: bool) -> Self {
        let can_be = options.shortcut
            && !notes_reads
            && options.trace.is_none()
            && options.streams == Streams::Captured
            && !options.inject_host_leak
            && !options.inject_host_panic;
        let mut programs = Vec::with_capacity(modules.len());
        let mut module_of = Vec::new();
        for (number, module) in modules.iter().enumerate() {
            let run = || module.tests.iter().filter(|test| matches!(test.decision, Decision::Run { .. }));
            let is_worth_it = can_be && module.module.is_ready_for_tests() && run().nth(LEAST_TESTS - 1).is_some();
            programs.push(run().next().filter(|_| is_worth_it).map(|first| ReadyProgram {
                module,
                first,
                options,
                notes_sites,
                image: Mutex::default(),
                left: AtomicUsize::new(module.tests.len()),
            }));
            module_of.extend(std::iter::repeat_n(number, module.tests.len()));
        }
        Self { programs, module_of }
    }

    /// Where the tests of the module of an entry begin.
    pub fn get(&self, index: usize) -> Option<&ReadyProgram<'a>> {
        self.programs.get(*self.module_of.get(index)?)?.as_ref()
    }
}

impl<'a> ReadyProgram<'a> {
    /// Where a test that is granted this begins, if that is not in a fresh instance.
    pub fn image(&self, grants: &Arc<Grants>) -> Option<Arc<Image>> {
        let Decision::Run { grants: first, .. } = &self.first.decision else { return None };
        let policy = grants.policy();
        // What an instance was granted is in its memory.
        if **policy != **first.policy() || policy.unrepeatable().is_some() || !policy.faults.is_empty() {
            return None;
        }
        let mut image = self.image.lock().unwrap_or_else(PoisonError::into_inner);
        image.get_or_insert_with(|| self.run(first)).clone()
    }

    /// How a test begins there.
    pub fn begin<'i>(&self, image: &'i Image) -> BeginsReady<'i>
    where
        'a: 'i,
    {
        BeginsReady { module: &self.module.module, image }
    }

    /// Runs the program until it is ready. Where it does not come to that, each of its tests tells why.
    fn run(&self, grants: &Arc<Grants>) -> Option<Arc<Image>> {
        let Decision::Run { entry, .. } = &self.first.decision else { return None };
        let module = &self.module.module;
        let plain = Job::plain(module, (grants, &self.first.name, entry.call()), &self.options.interrupt);
        let ran = guarded(|| run(&Job { until_ready: true, notes_sites: self.notes_sites, ..plain })).ok()?;
        let captured = ran.captured.filter(|_| ran.host_leak == 0 && ran.fuel >= LEAST_START)?.ok()?;
        Image::new(module, *captured).ok().map(Arc::new)
    }

    /// An entry of the module has ended, or was not run. What its tests began with goes with the last of them.
    pub fn ended(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) <= 1 {
            self.image.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }
}
