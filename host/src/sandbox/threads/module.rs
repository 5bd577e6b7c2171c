//! What is known of a module with threads, once for all its tests.

use super::memory::MemoryModule;
use crate::instrument::{INIT_EXPORT, START_EXPORT, STEPS_EXPORT, THREADS_TABLE};
use wasmtime::error::Context;
use wasmtime::{Module, ModuleExport};

/// What a module with threads has for its threads.
pub struct ThreadModule {
    pub(super) memory: MemoryModule,
    /// How many pages the memory begins with.
    pages: u64,
    pub(super) table: ModuleExport,
    pub(super) steps: ModuleExport,
    pub(super) start: Option<ModuleExport>,
    /// The function that tells the C library of the main thread, for tests that do not call `_start`.
    pub(super) init: Option<ModuleExport>,
}

impl ThreadModule {
    /// The threads of a module whose waits were turned into calls of the host.
    ///
    /// # Errors
    /// The module is not one.
    pub fn new(module: &Module) -> wasmtime::Result<Self> {
        let memory =
            module.imports().find_map(|import| import.ty().memory().cloned()).context("it imports no memory")?;
        let table = module.get_export_index(THREADS_TABLE).context("the table of its waits is gone")?;
        let steps = module.get_export_index(STEPS_EXPORT).context("the global of its steps is gone")?;
        let pages = memory.minimum();
        let memory = MemoryModule::new(module.engine(), pages, memory.maximum())?;
        let export = |name| module.get_export_index(name);
        Ok(Self { memory, pages, table, steps, start: export(START_EXPORT), init: export(INIT_EXPORT) })
    }

    /// How many pages the memory begins with.
    pub fn pages(&self) -> u64 {
        self.pages
    }
}
