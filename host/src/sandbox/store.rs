//! A fresh store for a module's code.

use super::fuel_counts::FuelCounts;
use super::heap::HeapState;
use super::limiter::Limiter;
use super::module::LoadedModule;
use super::panics::PanicWatch;
use super::rerun::Instruments;
use super::scopes::Scopes;
use super::state::{AllocatorFuel, TestState};
use super::threads::{Seat, Shared, ThreadEnded};
use super::wasi::{Halt, Wasi};
use std::sync::Arc;
use wasmtime::{Store, StoreContextMut, UpdateDeadline, WasmBacktrace};

/// The books of the heap for one run of a module's code.
pub fn fresh_heap(module: &LoadedModule, instruments: &Instruments) -> HeapState {
    HeapState::new(module.hooks.as_ref().map(|hooks| Arc::clone(&hooks.hooks)), instruments)
}

/// A store for one run of a module's code, with a limit on linear memory in bytes. It has no fuel yet.
pub fn fresh_store(
    module: &LoadedModule,
    wasi: Shared<Wasi>,
    heap: Shared<HeapState>,
    memory: u64,
) -> Store<TestState> {
    let state = TestState {
        wasi,
        limiter: Limiter::new(memory, module.throws),
        heap,
        panics: PanicWatch::default(),
        code: Arc::clone(&module.code),
        spent_before: 0,
        budget: 0,
        thread: None,
        allocator: AllocatorFuel::default(),
        spent_before_cleanups: 0,
        scopes: Scopes::default(),
        counts: FuelCounts::default(),
        memory_limit: None,
        memory: None,
    };
    let mut store = Store::new(module.engine().wasmtime(), state);
    store.limiter(|state| state);
    store.epoch_deadline_callback(on_tick);
    store
}

fn on_tick(store: StoreContextMut<'_, TestState>) -> wasmtime::Result<UpdateDeadline> {
    let state = store.data();
    if state.thread.as_ref().is_some_and(Seat::stops) {
        return Err(ThreadEnded.into());
    }
    let stack = || state.code.stack(&WasmBacktrace::capture(&store));
    if state.thread.as_ref().is_some_and(|seat| seat.tells_place(stack)) {
        return Ok(UpdateDeadline::Yield(1));
    }
    state.wasi.watchdog().check().map_err(Halt::from)?;
    Ok(UpdateDeadline::Continue(1))
}
