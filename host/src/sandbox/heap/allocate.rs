//! Asks the allocator of a guest for a block.

use super::module::ModuleHeap;
use crate::instrument::HookKind;
use crate::sandbox::threads::MainThread;
use wasmtime::error::Context;
use wasmtime::{Extern, Instance};

/// The alignment that every allocator of 32-bit C gives by default.
const ALIGNMENT: u32 = 8;

impl ModuleHeap {
    /// Allocates a block in an instance. Returns its address, or 0 if there is no memory.
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
