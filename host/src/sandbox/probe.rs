//! A fresh instance of a module in which single functions of it are tried, before and apart from its tests.

use super::execute::Job;
use super::rerun::Instruments;
use super::state::TestState;
use super::store::fresh_store;
use super::threads::Shared;
use super::wasi::{ContextOptions, Grants, Streams, Wasi, Watchdog, deadline_after};
use super::{heap, heap::PAGE};
use crate::policy::{Limit, Limits, Policy};
use std::sync::Arc;
use wasmtime::{Instance, Store};

/// Fuel for each call.
const FUEL: u64 = 10_000_000;

/// Linear memory beyond what the module begins with, in bytes: several times what is asked for.
const MEMORY: u64 = 4 << 20;

/// Growths that it may be refused: each costs hardly any fuel, and the host time.
const MOST_REFUSALS: u64 = 1_000;

/// Ends what neither fuel nor refusals end. What a machine gets done in that time is no property of the module, so it is much
/// more than any needs.
const TIMEOUT_MS: u64 = 20_000;

/// An instance that nothing has run in, with its hooks awake and nothing granted.
pub(super) struct Probe {
    pub(super) store: Store<TestState>,
    pub(super) instance: Instance,
}

impl Probe {
    /// Of the module of a test.
    ///
    /// # Errors
    /// It cannot be instantiated.
    pub(super) fn new(job: &Job<'_>) -> wasmtime::Result<Self> {
        let module = job.module;
        let pages = module.module.resources_required().max_initial_memory_size.unwrap_or(0);
        let memory = pages.saturating_mul(PAGE);
        let limits =
            Limits::default().with(Limit::Memory, memory.saturating_add(MEMORY)).with(Limit::Timeout, TIMEOUT_MS);
        let grants = Arc::new(Grants::new(Arc::new(Policy { limits, ..Policy::default() }))?);
        let watchdog = Watchdog {
            deadline: deadline_after(limits.time(Limit::Timeout)),
            interrupted: Arc::clone(job.interrupted),
        };
        let streams = Streams::Captured;
        let options = ContextOptions { test: "".into(), args: Vec::new(), watchdog, streams, notes_sites: false };
        let wasi = Wasi::new(grants, options)?;
        let mut store = fresh_store(module, Shared::Own(wasi), limits.most(Limit::Memory), &Instruments::default());
        store.data_mut().limiter.end_after_refusals(MOST_REFUSALS);
        store.set_fuel(FUEL)?;
        store.set_epoch_deadline(1);
        let instance = module.pre()?.instantiate(&mut store)?;
        heap::attach(module, &mut store, &instance)?;
        Ok(Self { store, instance })
    }

    /// Calls with fuel of their own.
    ///
    /// # Errors
    /// Those of the calls.
    pub(super) fn refuelled<R>(
        &mut self,
        call: impl FnOnce(&mut Store<TestState>) -> wasmtime::Result<R>,
    ) -> wasmtime::Result<R> {
        self.store.set_fuel(FUEL)?;
        self.store.set_epoch_deadline(1);
        call(&mut self.store)
    }
}
