//! What is known of a module's heap once for all its tests.

use super::layout::{AllocatorMap, Layout};
use super::not_tracked::{NoHeap, NotTracked};
use crate::instrument::{ALLOCATE_EXPORT, ExportedGlobal, FREE_EXPORT, HookKind, Hooks, RewriteMap};
use crate::sandbox::threads::{CallGuest, MainThread};
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use wasmtime::error::Context;
use wasmtime::{Extern, Instance, Module, ModuleExport};

/// The alignment that every allocator of 32-bit C gives without being asked.
const ALIGNMENT: u32 = 8;

/// A module whose allocator is hooked.
pub struct ModuleHeap {
    pub hooks: Arc<Hooks>,
    pub layout: Layout,
    allocate: ModuleExport,
    pub(super) free: Option<ModuleExport>,
    /// Images of the module share it: in an instance that begins where another stood it could not be found out.
    pub(super) allocator_map: Arc<OnceLock<Result<AllocatorMap, NotTracked>>>,
}

impl ModuleHeap {
    /// Of a compiled module and the map that its rewriting gave. `data` is where its static data lies.
    pub fn new(module: &Module, map: RewriteMap, data: Option<Range<u32>>) -> Result<Self, NoHeap> {
        let hooks = Arc::new(map.heap?);
        Ok(Self {
            layout: Layout::new(module, &map.globals, data),
            allocate: module.get_export_index(ALLOCATE_EXPORT).ok_or(NoHeap::Gone)?,
            free: module.get_export_index(FREE_EXPORT),
            hooks,
            allocator_map: Arc::default(),
        })
    }

    /// The same of an image of the module.
    pub fn of_image(&self, module: &Module, globals: &[ExportedGlobal]) -> Result<Self, NoHeap> {
        Ok(Self {
            layout: Layout::new(module, globals, self.layout.data()),
            allocate: module.get_export_index(ALLOCATE_EXPORT).ok_or(NoHeap::Gone)?,
            free: module.get_export_index(FREE_EXPORT),
            hooks: Arc::clone(&self.hooks),
            allocator_map: Arc::clone(&self.allocator_map),
        })
    }

    /// Allocates in an instance; the block's address, or 0.
    pub fn allocate(&self, main: &mut MainThread<'_, '_>, instance: &Instance, size: u32) -> wasmtime::Result<u32> {
        let found = instance.get_module_export(&mut *main.store, &self.allocate).and_then(Extern::into_func);
        let function = found.context("its allocator is gone")?;
        let (first, second) = match self.hooks.allocator() {
            Some(HookKind::Malloc) => {
                let allocate = function.typed::<u32, u32>(&*main.store)?;
                return main.call_guest(&allocate, size);
            }
            Some(HookKind::Calloc) => (1, size),
            Some(HookKind::Realloc) => (0, size),
            _ => (ALIGNMENT, size),
        };
        let allocate = function.typed::<(u32, u32), u32>(&*main.store)?;
        main.call_guest(&allocate, (first, second))
    }
}
