//! Puts the hooks into the instances of a module.

use super::hooks::{CHARGE, COUNT, ENTER, LEAVE, MODULE, WATCH};
use crate::sandbox::module::LoadedModule;
use crate::sandbox::state::TestState;
use wasmtime::error::Context;
use wasmtime::{Extern, Instance, ModuleExport, Ref, Store};

/// Puts the functions where the module's hooks, its charges for bulk operations, and what tells of its fuel or of its pointers look for them: into the
/// tables that were made for them. Before, each hooked function and each of these operations traps.
///
/// # Errors
/// None is expected.
pub fn attach(module: &LoadedModule, store: &mut Store<TestState>, instance: &Instance) -> wasmtime::Result<()> {
    if let Some(hooks) = &module.hooks {
        fill(module, store, instance, (&hooks.table, &[ENTER, LEAVE]))?;
        store.data_mut().memory = instance.get_memory(&mut *store, "memory");
    }
    if let Some(table) = &module.charges {
        fill(module, store, instance, (table, &[CHARGE]))?;
    }
    if let Some(table) = &module.counts {
        fill(module, store, instance, (table, &[COUNT]))?;
    }
    if let Some(table) = &module.watches {
        fill(module, store, instance, (table, &[WATCH]))?;
    }
    if let Some(context) = &module.context {
        store.data_mut().heap.context = instance.get_module_export(&mut *store, context).and_then(Extern::into_global);
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
