//! The host functions that a module's hooks call.

use super::state::call_for;
use crate::instrument::{CHARGE_COST, HookKind, UNWOUND};
use crate::ledger::both_ends;
use crate::ledger::heap::AllocationOutcome;
use crate::sandbox::module::LoadedModule;
use crate::sandbox::rerun::END_FRAMES;
use crate::sandbox::state::TestState;
use std::ops::Range;
use wasmtime::error::Context;
use wasmtime::{Caller, Extern, Instance, Linker, ModuleExport, Ref, Store, WasmBacktrace};

/// The module name under which the two functions are kept. No guest can import them: they are in a linker of their own.
const MODULE: &str = "airtight:hooks";
const ENTER: &str = "enter";
const LEAVE: &str = "leave";
const CHARGE: &str = "charge";

/// The linker that holds the hooks, and nothing that a guest links with.
///
/// # Errors
/// None is expected: a name defined twice would be a bug.
pub fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<TestState>> {
    let mut linker = Linker::new(engine);
    linker.func_wrap(MODULE, ENTER, enter)?;
    linker.func_wrap(MODULE, LEAVE, leave)?;
    linker.func_wrap(MODULE, CHARGE, charge)?;
    Ok(linker)
}

/// Puts the functions where the module's hooks, and its charges for bulk operations, look for them: into the tables that were made
/// for them. Before, each hooked function and each of these operations traps.
///
/// # Errors
/// None is expected.
pub fn attach(module: &LoadedModule, store: &mut Store<TestState>, instance: &Instance) -> wasmtime::Result<()> {
    if let Some(hooks) = &module.hooks {
        fill(module, store, instance, (&hooks.table, &[ENTER, LEAVE]))?;
        store.data_mut().heap.memory = instance.get_memory(&mut *store, "memory");
    }
    if let Some(table) = &module.charges {
        fill(module, store, instance, (table, &[CHARGE]))?;
    }
    Ok(())
}

fn fill(
    module: &LoadedModule,
    store: &mut Store<TestState>,
    instance: &Instance,
    (table, names): (&ModuleExport, &[&str]),
) -> wasmtime::Result<()> {
    let table = instance.get_module_export(&mut *store, table).and_then(Extern::into_table);
    let table = table.context("the table of the hooks is gone")?;
    for (slot, name) in (0..).zip(names) {
        let function = module.engine().hooks().get(&mut *store, MODULE, name)?.into_func();
        table.set(&mut *store, slot, Ref::Func(Some(function.context("a hook is gone")?)))?;
    }
    Ok(())
}

fn charge(mut caller: Caller<'_, TestState>, units: u32) -> wasmtime::Result<u32> {
    let left = caller.get_fuel()?;
    let fuel = caller.data_mut().charge(left, CHARGE_COST, units)?;
    caller.set_fuel(fuel)?;
    Ok(units)
}

fn enter(mut caller: Caller<'_, TestState>, which: u32, a: u32, b: u32) -> wasmtime::Result<()> {
    let left = caller.get_fuel()?;
    let state = caller.data_mut();
    let hook = state.heap.hook(which).context("a hook that is none")?;
    let (kind, back) = (hook.kind, hook.cost.before);
    let fuel = state.exact_fuel(left, back)?;
    match call_for(kind, a, b) {
        Some(call) => state.heap.enter(call)?,
        None => {
            state.panics.enter(kind, a, b);
            let state = caller.data();
            state.panics.check(kind, || state.code.stack(&WasmBacktrace::capture(&caller)))?;
        }
    }
    caller.set_fuel(fuel)
}

fn leave(mut caller: Caller<'_, TestState>, which: u32, result: u32) -> wasmtime::Result<()> {
    let left = caller.get_fuel()?;
    let state = caller.data_mut();
    let hook = state.heap.hook(which & !UNWOUND).context("a hook that is none")?;
    let (cost, kind, unwound) = (hook.cost, hook.kind, which & UNWOUND != 0);
    state.heap.unwound |= kind == HookKind::Window && unwound;
    let (of_heap, back) = (kind.is_of_heap(), if unwound { cost.unwound } else { cost.after });
    let fuel = state.exact_fuel(left, back)?;
    caller.set_fuel(fuel)?;
    if !of_heap {
        return Ok(());
    }
    let Some(memory) = caller.data().heap.memory else { return Ok(()) };
    let (bytes, state) = memory.data_and_store_mut(&mut caller);
    let Some(book) = &mut state.heap.book else { return Ok(()) };
    let outcome = book.leave(result, bytes);
    let mut wanted = None;
    if let AllocationOutcome::Allocated { number, size, own, .. } = outcome {
        if state.heap.scrubs {
            scrub(bytes, book.fresh());
        }
        wanted = state.heap.capture.wants(number, own).then_some((number, size));
    }
    let crossed = outcome.crossed();
    if wanted.is_some() || crossed.is_some() {
        let stack = both_ends(caller.data().code.stack(&WasmBacktrace::capture(&caller)), END_FRAMES);
        let heap = &mut caller.data_mut().heap;
        if let Some(crossed) = crossed {
            heap.crossed(crossed, stack.clone());
        }
        if let Some((number, size)) = wanted {
            heap.captured(number, size, stack);
        }
    }
    Ok(())
}

/// Clears what a new block holds of blocks that were there before: an old pointer in it, never written by its owner, would
/// reach what is lost.
fn scrub(memory: &mut [u8], fresh: Range<u64>) {
    // Both ends are in memory, so they are addresses of the host too.
    if let Some(bytes) = memory.get_mut(fresh.start as usize..fresh.end as usize) {
        bytes.fill(0);
    }
}
