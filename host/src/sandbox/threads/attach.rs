//! Puts the host functions for waits into the instances of a module with threads.

use super::calls::{CHANGED, MODULE, NOTIFY, STEP, WAIT32, WAIT64};
use super::seat::Seat;
use crate::instrument::{STEPS_EXPORT, slot};
use crate::sandbox::module::LoadedModule;
use crate::sandbox::state::TestState;
use wasmtime::error::Context;
use wasmtime::{Extern, Instance, ModuleExport, Ref, Store, Val};

/// Puts the host functions where the waits of an instance look for them.
///
/// # Errors
/// None is expected.
pub fn attach(
    module: &LoadedModule,
    (table, steps): (&ModuleExport, &ModuleExport),
    store: &mut Store<TestState>,
    instance: &Instance,
) -> wasmtime::Result<()> {
    let table = instance.get_module_export(&mut *store, table).and_then(Extern::into_table);
    let table = table.context("the table of the waits is gone")?;
    let hooks = module.engine().thread_hooks().context("the engine has no threads")?;
    let functions = [
        (slot::WAIT32, WAIT32),
        (slot::WAIT64, WAIT64),
        (slot::NOTIFY, NOTIFY),
        (slot::STEP, STEP),
        (slot::CHANGED, CHANGED),
    ];
    for (slot, name) in functions {
        let function = hooks.get(&mut *store, MODULE, name)?.into_func();
        table.set(&mut *store, slot.into(), Ref::Func(Some(function.context("a wait is gone")?)))?;
    }
    if store.data().thread.as_ref().is_some_and(Seat::is_explored) {
        let steps = instance.get_module_export(&mut *store, steps).and_then(Extern::into_global);
        steps.with_context(|| format!("`{STEPS_EXPORT}` is gone"))?.set(&mut *store, Val::I32(1))?;
    }
    Ok(())
}
