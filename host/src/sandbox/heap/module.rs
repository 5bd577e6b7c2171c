//! What is known of a module's heap, once for all its tests.

use super::layout::{AllocatorMap, Layout};
use super::not_tracked::{NoHeap, NotTracked};
use crate::instrument::{ALLOCATE_EXPORT, ExportedGlobal, FREE_EXPORT, Hooks, RewriteMap};
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use wasmtime::{Module, ModuleExport};

/// A module whose allocator is hooked.
pub struct ModuleHeap {
    pub hooks: Arc<Hooks>,
    pub layout: Layout,
    pub(super) allocate: ModuleExport,
    pub(super) free: Option<ModuleExport>,
    /// Shared with images of the module: in an instance that begins from an image, it could not be found out.
    pub(super) allocator_map: Arc<OnceLock<Result<AllocatorMap, NotTracked>>>,
}

impl ModuleHeap {
    /// The heap of a compiled module, from the map of its rewriting. `data` is where its static data lies.
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

    /// The heap of the module in another compiled form: with more code, or as an image.
    pub fn compiled_again(&self, module: &Module, globals: &[ExportedGlobal]) -> Result<Self, NoHeap> {
        Ok(Self {
            layout: Layout::new(module, globals, self.layout.data()),
            allocate: module.get_export_index(ALLOCATE_EXPORT).ok_or(NoHeap::Gone)?,
            free: module.get_export_index(FREE_EXPORT),
            hooks: Arc::clone(&self.hooks),
            allocator_map: Arc::clone(&self.allocator_map),
        })
    }
}
