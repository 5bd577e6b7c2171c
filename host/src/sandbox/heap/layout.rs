//! Where a module keeps its shadow stack, its static data, its globals and the state of its allocator.

use crate::instrument::{ExportedGlobal, GlobalType};
use crate::ledger::heap::Untracked;
use std::ops::Range;
use wasmtime::{Extern, Global, Instance, Module, ModuleExport, Store, Val};

/// Bytes of a page of linear memory.
pub const PAGE: u64 = 1 << 16;

/// The globals of a module that matter to its heap, and where its static data begins.
pub struct Layout {
    stack_pointer: Option<ModuleExport>,
    stack_pointer_index: Option<u32>,
    /// The other mutable globals that can hold an address.
    globals: Vec<ModuleExport>,
    /// From the lowest address that a data segment is put at to the highest that one fills.
    data: Option<Range<u32>>,
}

/// Where no block of an allocator lies, though none of its functions says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Floor {
    /// The shadow stack, as far as it can reach.
    pub stack: Range<u32>,
    /// Where static data ends that the module brings with it; what is zero at first may lie behind it.
    pub data_end: u32,
}

impl Floor {
    /// Why a heap is not one whose lowest block has this address.
    pub fn refuses(&self, lowest: u32) -> Option<Untracked> {
        if self.stack.contains(&lowest) {
            return Some(Untracked::OnStack);
        }
        (lowest < self.data_end).then_some(Untracked::InStaticData)
    }
}

/// Where things are in one instance, before anything has run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ground {
    /// From where on memory is static data, as far as that is known.
    pub start: u32,
    /// Whether the shadow stack lies among the static data, so that what it held cannot be told from that by its address.
    pub stack_within: bool,
}

/// Places of static data that an allocator may change, apart from each other. Those of C have some hundred words.
pub(super) const MAX_ALLOCATOR_PLACES: usize = 4096;

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
    pub fn new(module: &Module, globals: &[ExportedGlobal], data: Option<Range<u32>>) -> Self {
        let export = |global: &ExportedGlobal| module.get_export_index(&global.export);
        let (stack, others): (Vec<_>, Vec<_>) = globals.iter().partition(|global| global.stack_pointer);
        Self {
            stack_pointer: stack.first().and_then(|global| export(global)),
            stack_pointer_index: stack.first().map(|global| global.index),
            globals: others.iter().filter(|global| global.ty == GlobalType::I32).filter_map(|g| export(g)).collect(),
            data,
        }
    }

    /// The ground of a fresh instance. Linkers put the stack either below all data, where an overflow traps, or above it.
    pub fn ground<T>(&self, store: &mut Store<T>, instance: &Instance) -> Ground {
        match (self.stack_pointer(store, instance), &self.data) {
            (Some((_, top)), Some(data)) if top <= data.start => Ground { start: top, stack_within: false },
            (stack, _) => Ground { start: 0, stack_within: stack.is_some() },
        }
    }

    /// Where no block of the allocator of a fresh instance lies. Linkers put the heap above the stack and above all data.
    pub fn floor<T>(&self, store: &mut Store<T>, instance: &Instance) -> Floor {
        let data = self.data.clone().unwrap_or(0..0);
        let top = self.stack_pointer(store, instance).map_or(0, |(_, top)| top);
        let bottom = if top <= data.start { 0 } else { data.end };
        Floor { stack: bottom..top, data_end: data.end }
    }

    /// From the lowest address that a data segment is put at to the highest that one fills; `None` where there is none.
    pub fn data(&self) -> Option<Range<u32>> {
        self.data.clone()
    }

    /// The lowest address that a data segment is put at; 0 where there is none.
    pub fn lowest_data(&self) -> u32 {
        self.data.as_ref().map_or(0, |data| data.start)
    }

    /// The index of the stack pointer's global.
    pub fn stack_pointer_index(&self) -> Option<u32> {
        self.stack_pointer_index
    }

    /// The stack pointer's global and its value.
    pub fn stack_pointer<T>(&self, store: &mut Store<T>, instance: &Instance) -> Option<(Global, u32)> {
        let global = global(store, instance, self.stack_pointer.as_ref()?)?;
        let value = address(global.get(&mut *store))?;
        Some((global, value))
    }

    /// The values of the other globals, in the module's order.
    pub fn globals<T>(&self, store: &mut Store<T>, instance: &Instance) -> Vec<u32> {
        let found: Vec<Global> = self.globals.iter().filter_map(|export| global(store, instance, export)).collect();
        found.into_iter().filter_map(|global| address(global.get(&mut *store))).collect()
    }
}

fn global<T>(store: &mut Store<T>, instance: &Instance, export: &ModuleExport) -> Option<Global> {
    instance.get_module_export(&mut *store, export).and_then(Extern::into_global)
}

fn address(value: Val) -> Option<u32> {
    match value {
        Val::I32(value) => Some(value.cast_unsigned()),
        _ => None,
    }
}
