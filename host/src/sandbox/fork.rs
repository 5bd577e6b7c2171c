//! A forked subtest begins: a store and an instance that stand where its test did when it was forked.

use super::fork_base::ForkBase;
use super::forked::{ForkImage, ForkedScope, Forks};
use super::globals::GlobalValues;
use super::module::LoadedModule;
use super::rerun::Instruments;
use super::state::TestState;
use super::store::fresh_store;
use super::threads::Shared;
use super::wasi::{ContextOptions, Grants, NotCaptured};
use crate::ledger::heap::HeapLimits;
use crate::policy::Limit;
use std::sync::Arc;
use wasmtime::error::Context;
use wasmtime::{Instance, Store};

impl ForkImage {
    /// A store in which the subtest begins. It has no fuel yet, and no instance.
    ///
    /// # Errors
    /// Something of the host's that forks share is gone.
    pub(super) fn store(
        &self,
        module: &LoadedModule,
        grants: &Arc<Grants>,
        instruments: &Instruments,
        options: ContextOptions,
    ) -> Result<Store<TestState>, NotCaptured> {
        let limits = grants.policy().limits;
        let mut wasi = self.wasi.fork(grants, options)?;
        wasi.begin_test(grants);
        let mut heap = self.heap.fork(instruments);
        heap.set_limits(HeapLimits::new(limits.values()));
        let mut store = fresh_store(module, Shared::Own(wasi), Shared::Own(heap), limits.most(Limit::Memory));
        let state = store.data_mut();
        state.spent_before = self.spent;
        let (memory, budget) = (Some(self.memory.clone()), Arc::clone(&self.budget));
        state.scopes.forks = Forks { places: self.places.clone(), memory, budget, ..Forks::default() };
        Ok(store)
    }

    /// Makes a fresh instance stand where the test did; it may be one of the module that forks of the test begin from. To the engine,
    /// memory grows to what it was; it did so before.
    pub(super) fn put_into(
        &self,
        store: &mut Store<TestState>,
        instance: &Instance,
        base: Option<&ForkBase<'_>>,
    ) -> wasmtime::Result<()> {
        let memory = instance.get_memory(&mut *store, "memory").context("there is no memory")?;
        let more = self.memory.pages().saturating_sub(memory.size(&*store));
        let trace = store.data_mut().wasi.exchange_trace(None);
        memory.grow(&mut *store, more)?;
        store.data_mut().wasi.exchange_trace(trace);
        self.memory.write_to(memory.data_mut(&mut *store), base.map(ForkBase::memory));
        for (name, value) in &self.globals {
            let global = instance.get_global(&mut *store, name).context("a global of it is gone")?;
            global.set(&mut *store, *value)?;
        }
        Ok(())
    }

    /// The scope that the subtest is, with these globals of its instance.
    pub(super) fn scope(&self, globals: GlobalValues) -> ForkedScope {
        let (path, names) = (self.path.clone(), self.names.clone());
        ForkedScope { path, names, above: self.above, globals }
    }
}
