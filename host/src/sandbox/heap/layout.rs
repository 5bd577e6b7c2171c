//! Where a module keeps its shadow stack, its static data, its globals and the state of its allocator.

use crate::instrument::{ExportedGlobal, GlobalType};
use crate::sandbox::state::TestState;
use std::ops::Range;
use wasmtime::{Extern, Global, Instance, Module, ModuleExport, Store, Val};

/// The globals of a module that matter to its heap, and where its static data begins.
pub struct Layout {
    stack_pointer: Option<ModuleExport>,
    stack_pointer_index: Option<u32>,
    /// The other mutable globals that can hold an address.
    globals: Vec<ModuleExport>,
    /// The lowest address that a data segment is put at.
    lowest_data: Option<u32>,
}

/// Where things are in one instance, before anything has run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ground {
    /// From where on memory is static data, as far as that is known.
    pub start: u32,
    /// Whether the shadow stack lies among the static data, so that what it held cannot be told from that by its address.
    pub stack_within: bool,
}

/// Where an allocator keeps its own state: what the probe found out.
#[derive(Debug)]
pub struct AllocatorMap {
    /// Ranges of static data that are the allocator's own, and what lies between them.
    pub ranges: Vec<Range<u32>>,
    /// The parts of these that did not change: the allocator's, as the heads of lists for other sizes, or the program's.
    pub gaps: Vec<Range<u32>>,
}

impl Layout {
    /// The layout of a compiled module.
    pub fn new(module: &Module, globals: &[ExportedGlobal], lowest_data: Option<u32>) -> Self {
        let export = |global: &ExportedGlobal| module.get_export_index(&global.export);
        let (stack, others): (Vec<_>, Vec<_>) = globals.iter().partition(|global| global.stack_pointer);
        Self {
            stack_pointer: stack.first().and_then(|global| export(global)),
            stack_pointer_index: stack.first().map(|global| global.index),
            globals: others.iter().filter(|global| global.ty == GlobalType::I32).filter_map(|g| export(g)).collect(),
            lowest_data,
        }
    }

    /// The ground of a fresh instance. Linkers put the stack either below all data, where an overflow traps, or above it.
    pub fn ground(&self, store: &mut Store<TestState>, instance: &Instance) -> Ground {
        match (self.stack_pointer(store, instance), self.lowest_data) {
            (Some((_, top)), Some(data)) if top <= data => Ground { start: top, stack_within: false },
            (stack, _) => Ground { start: 0, stack_within: stack.is_some() },
        }
    }

    /// The lowest address that a data segment is put at; 0 where there is none.
    pub fn lowest_data(&self) -> u32 {
        self.lowest_data.unwrap_or(0)
    }

    /// The index of the stack pointer's global.
    pub fn stack_pointer_index(&self) -> Option<u32> {
        self.stack_pointer_index
    }

    /// The stack pointer's global and its value.
    pub fn stack_pointer(&self, store: &mut Store<TestState>, instance: &Instance) -> Option<(Global, u32)> {
        let global = global(store, instance, self.stack_pointer.as_ref()?)?;
        let value = address(global.get(&mut *store))?;
        Some((global, value))
    }

    /// The values of the other globals, in the module's order.
    pub fn globals(&self, store: &mut Store<TestState>, instance: &Instance) -> Vec<u32> {
        let found: Vec<Global> = self.globals.iter().filter_map(|export| global(store, instance, export)).collect();
        found.into_iter().filter_map(|global| address(global.get(&mut *store))).collect()
    }
}

fn global(store: &mut Store<TestState>, instance: &Instance, export: &ModuleExport) -> Option<Global> {
    instance.get_module_export(&mut *store, export).and_then(Extern::into_global)
}

fn address(value: Val) -> Option<u32> {
    match value {
        Val::I32(value) => Some(value.cast_unsigned()),
        _ => None,
    }
}
