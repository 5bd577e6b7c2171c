//! Where a module keeps its shadow stack, its static data, its globals and the state of its allocator.

use crate::instrument::{ExportedGlobal, GlobalType};
use crate::ledger::heap::HeapError;
use std::ops::Range;
use wasmtime::{Extern, Global, Instance, Module, ModuleExport, Store, Val};

/// Bytes of a page of linear memory.
pub const PAGE: u64 = 1 << 16;

/// The globals of a module that matter to its heap, and where its static data is.
pub struct Layout {
    stack_pointer: Option<ModuleExport>,
    stack_pointer_index: Option<u32>,
    /// The other mutable globals, which may hold an address.
    globals: Vec<ModuleExport>,
    /// From the lowest address of any data segment to the end of the highest one.
    data: Option<Range<u32>>,
}

/// Memory below the heap: a block there is not a real one, even if the module's allocator says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Floor {
    /// The shadow stack, as far as it can reach.
    pub stack: Range<u32>,
    /// The end of the static data that the module brings with it. Data that is zero at first may follow.
    pub data_end: u32,
}

impl Floor {
    /// Why a heap with this lowest block is refused; `None` if it is not.
    pub fn refuses(&self, lowest: u32) -> Option<HeapError> {
        if self.stack.contains(&lowest) {
            return Some(HeapError::OnStack);
        }
        (lowest < self.data_end).then_some(HeapError::InStaticData)
    }
}

/// Where things are in an instance before anything has run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ground {
    /// The lowest address of static data, as far as it is known.
    pub start: u32,
    /// Whether the shadow stack lies among the static data. Then a word that the stack held cannot be told from static data
    /// by its address.
    pub stack_within: bool,
}

/// Most separate places of static data that an allocator may change. Allocators for C change some hundred words.
pub(super) const MAX_ALLOCATOR_PLACES: usize = 4096;

/// Where an allocator keeps its own state, as the probe found out.
#[derive(Debug)]
pub struct AllocatorMap {
    /// Ranges of static data that belong to the allocator, including the gaps between its words.
    pub ranges: Vec<Range<u32>>,
    /// The gaps: words in these ranges that did not change. They belong to the allocator, as heads of lists for other sizes
    /// do, or to the program.
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

    /// The ground of a fresh instance. Linkers put the shadow stack either below all data, where an overflow traps, or
    /// above all data.
    pub fn ground<T>(&self, store: &mut Store<T>, instance: &Instance) -> Ground {
        match (self.stack_pointer(store, instance), &self.data) {
            (Some((_, top)), Some(data)) if top <= data.start => Ground { start: top, stack_within: false },
            (stack, _) => Ground { start: 0, stack_within: stack.is_some() },
        }
    }

    /// The floor of a fresh instance. Linkers put the heap above the stack and above all data.
    pub fn floor<T>(&self, store: &mut Store<T>, instance: &Instance) -> Floor {
        let data = self.data.clone().unwrap_or(0..0);
        let top = self.stack_pointer(store, instance).map_or(0, |(_, top)| top);
        let bottom = if top <= data.start { 0 } else { data.end };
        Floor { stack: bottom..top, data_end: data.end }
    }

    /// From the lowest address of any data segment to the end of the highest one; `None` if there is no data segment.
    pub fn data(&self) -> Option<Range<u32>> {
        self.data.clone()
    }

    /// The lowest address of any data segment; 0 if there is none.
    pub fn lowest_data(&self) -> u32 {
        self.data.as_ref().map_or(0, |data| data.start)
    }

    /// The index of the global that is the stack pointer.
    pub fn stack_pointer_index(&self) -> Option<u32> {
        self.stack_pointer_index
    }

    /// The global that is the stack pointer, and its value.
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
