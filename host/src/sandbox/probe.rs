//! A fresh instance of a module, in which single functions are tried before the module's tests run, and apart from them.

use super::ending::Ending;
use super::job::Job;
use super::no_answer::NoAnswer;
use super::rerun::Instruments;
use super::state::{TestState, refuel};
use super::store::{fresh_heap, fresh_store};
use super::threads::{MainThread, Shared, ThreadGroup, ThreadModule};
use super::wasi::{ContextOptions, GoStart, Grants, Streams, Wasi, Watchdog, deadline_after};
use super::{heap, heap::PAGE};
use crate::policy::{Limit, Limits, Policy};
use std::sync::Arc;
use wasmtime::{Instance, Store};

/// Fuel for each call.
const FUEL: u64 = 10_000_000;

/// Linear memory beyond what the module begins with, in bytes: several times what the probes ask for.
const MEMORY: u64 = 4 << 20;

/// Most growths that the instance may be refused. A refusal costs hardly any fuel, but it costs the host time.
const MOST_REFUSALS: u64 = 1_000;

/// Ends a call that neither fuel nor refusals end. How much a machine does in that time says nothing of the module, so the
/// time is far more than any module needs.
const TIMEOUT_MS: u64 = 20_000;

impl From<wasmtime::Error> for NoAnswer {
    fn from(error: wasmtime::Error) -> Self {
        Self { why: error.root_cause().to_string(), by_wall_clock: Ending::is_by_wall_clock(&error) }
    }
}

/// An instance in which nothing has run, with attached hooks and without grants.
pub(super) struct Probe<'a> {
    pub(super) store: Store<TestState>,
    pub(super) instance: Instance,
    threads: Option<ThreadGroup<'a>>,
}

impl<'a> Probe<'a> {
    /// A probe of the module of a test.
    ///
    /// # Errors
    /// It cannot be instantiated.
    pub(super) fn new(job: &Job<'a>) -> wasmtime::Result<Self> {
        let module = job.module;
        let own = module.module.resources_required().max_initial_memory_size;
        let pages = module.threads.as_ref().map(ThreadModule::pages).or(own).unwrap_or(0);
        let memory = pages.saturating_mul(PAGE);
        let limits =
            Limits::default().with(Limit::Memory, memory.saturating_add(MEMORY)).with(Limit::Timeout, TIMEOUT_MS);
        let grants = Arc::new(Grants::new(Arc::new(Policy { limits, ..Policy::default() }))?);
        let watchdog = Watchdog {
            deadline: deadline_after(limits.time(Limit::Timeout)),
            interrupted: Arc::clone(job.interrupted),
        };
        let streams = Streams::Captured;
        let options = ContextOptions {
            test: "".into(),
            args: Vec::new(),
            watchdog,
            streams,
            notes_sites: false,
            go: GoStart::default(),
            watch: None,
            trace: None,
            notes_reads: false,
        };
        let wasi = Wasi::new(grants, options)?;
        let heap = fresh_heap(module, &Instruments::default());
        let Some(own) = &module.threads else {
            let mut store = fresh_store(module, Shared::Own(wasi), Shared::Own(heap), limits.most(Limit::Memory));
            store.data_mut().limiter.end_after_refusals(MOST_REFUSALS);
            store.set_fuel(FUEL)?;
            store.set_epoch_deadline(1);
            let instance = module.pre()?.instantiate(&mut store)?;
            heap::attach(module, &mut store, &instance)?;
            return Ok(Self { store, instance, threads: None });
        };
        let policy = Policy { limits, ..Policy::default() };
        let (mut store, threads) = ThreadGroup::new(module, own, (wasi, heap), (&policy, "", None, false));
        store.data_mut().limiter.end_after_refusals(MOST_REFUSALS);
        let mut threads = threads?;
        refuel(&mut store, FUEL)?;
        let instance = threads.instantiate(&mut store)?;
        Ok(Self { store, instance, threads: Some(threads) })
    }

    /// Makes calls with fuel of their own.
    ///
    /// # Errors
    /// Those of the calls.
    pub(super) fn refuelled<R>(
        &mut self,
        call: impl FnOnce(MainThread<'_, 'a>) -> wasmtime::Result<R>,
    ) -> wasmtime::Result<R> {
        match &self.threads {
            None => self.store.set_fuel(FUEL)?,
            Some(_) => refuel(&mut self.store, FUEL)?,
        }
        self.store.set_epoch_deadline(1);
        call(MainThread { store: &mut self.store, threads: &mut self.threads })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::Trap;

    #[test]
    fn what_the_wall_clock_ended_is_told_from_what_the_module_did() {
        let no_answer = |trap: Trap| NoAnswer::from(wasmtime::Error::from(trap)).by_wall_clock;
        assert!(no_answer(Trap::Interrupt));
        assert!(!no_answer(Trap::OutOfFuel) && !no_answer(Trap::UnreachableCodeReached));
        let odd = NoAnswer::from(wasmtime::format_err!("its text is elsewhere"));
        assert_eq!(odd, NoAnswer { why: "its text is elsewhere".to_owned(), by_wall_clock: false });
    }
}
