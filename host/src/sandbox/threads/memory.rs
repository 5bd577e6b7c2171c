//! The memory that the threads of a test share.
//!
//! The engine makes a shared memory grow without asking the store. But it asks the creator of the memory, so airtight
//! creates it: it reserves address space for all that the memory may ever be, and makes as much of it usable as the test's
//! limit allows.

use crate::sandbox::limiter::Limiter;
use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap_anonymous, mprotect, munmap};
use rustix::param::page_size;
use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::{Arc, Mutex, PoisonError};
use wasm_encoder::{ExportKind, ExportSection, MemorySection, MemoryType};
use wasmtime::error::Context;
use wasmtime::{Engine, Extern, Instance, LinearMemory, MemoryCreator, Module, ResourceLimiter, SharedMemory, Store};

/// The limit that is asked before the memory of one test grows.
pub type MemoryLimit = Arc<Mutex<Limiter>>;

thread_local! {
    /// The limit for the memory that is being created.
    static NEXT: RefCell<Option<MemoryLimit>> = const { RefCell::new(None) };
}

/// A module that contains only the memory of another module.
pub struct MemoryModule(Module);

const EXPORT: &str = "memory";

impl MemoryModule {
    /// A module whose memory has the bounds that the other module declares, in pages.
    ///
    /// # Errors
    /// The engine refuses them.
    pub fn new(engine: &Engine, minimum: u64, maximum: Option<u64>) -> wasmtime::Result<Self> {
        let mut module = wasm_encoder::Module::new();
        let mut memories = MemorySection::new();
        let ty = MemoryType { minimum, maximum, memory64: false, shared: true, page_size_log2: None };
        memories.memory(ty);
        let mut exports = ExportSection::new();
        exports.export(EXPORT, ExportKind::Memory, 0);
        module.section(&memories).section(&exports);
        Module::new(engine, module.finish()).map(Self)
    }

    /// A fresh memory, which grows as far as this limit allows.
    ///
    /// # Errors
    /// The memory is over the limit from the start, or there is no address space for it.
    pub fn memory(&self, limit: &MemoryLimit) -> wasmtime::Result<SharedMemory> {
        NEXT.set(Some(Arc::clone(limit)));
        let mut store = Store::new(self.0.engine(), ());
        let instance = Instance::new(&mut store, &self.0, &[]);
        NEXT.take();
        match instance?.get_export(&mut store, EXPORT) {
            Some(Extern::SharedMemory(memory)) => Ok(memory),
            _ => wasmtime::bail!("the memory is not shared"),
        }
    }
}

/// Creates the memories of an engine for threads.
pub struct CappedMemories;

// SAFETY: the memory has the sizes that are asked for, and an inaccessible guard behind the reserved bytes.
unsafe impl MemoryCreator for CappedMemories {
    fn new_memory(
        &self,
        _: wasmtime::MemoryType,
        minimum: usize,
        _: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        // A memory without a limit here is one that the engine creates for exceptions: for that, the engine asks the store.
        let limit = NEXT.take();
        let capacity = reserved.unwrap_or(0).max(minimum);
        let mut memory = CappedMemory::reserve(capacity, guard, limit)?;
        memory.grow_to(minimum).map_err(|error| format!("{error:#}"))?;
        Ok(Box::new(memory))
    }
}

/// Bytes from which on it costs less to give memory back to the machine than to write to it: the stacks of threads, which hardly touch them.
const CLEARED_WHOLE: usize = 1 << 16;

/// Clears some bytes of a memory that threads share.
pub fn clear(bytes: &mut [u8]) {
    let page = page_size();
    let lead = bytes.as_ptr().align_offset(page).min(bytes.len());
    let (lead, rest) = bytes.split_at_mut(lead);
    let (pages, tail) = rest.split_at_mut(rest.len() - rest.len() % page);
    lead.fill(0);
    tail.fill(0);
    if pages.len() >= CLEARED_WHOLE {
        // SAFETY: whole pages of a private mapping without a file, which are read as zeros from here on, and nobody else has a reference.
        let given_back = unsafe { madvise(pages.as_mut_ptr().cast(), pages.len(), Advice::LinuxDontNeed) };
        if given_back.is_ok() {
            return;
        }
    }
    pages.fill(0);
}

/// Reserved address space, the first part of which can be used.
struct CappedMemory {
    base: *mut c_void,
    capacity: usize,
    mapped: usize,
    size: usize,
    limit: Option<MemoryLimit>,
}

// SAFETY: the mapping belongs to this value alone; how it is used is up to the engine.
unsafe impl Send for CappedMemory {}
// SAFETY: as for `Send`.
unsafe impl Sync for CappedMemory {}

impl CappedMemory {
    fn reserve(capacity: usize, guard: usize, limit: Option<MemoryLimit>) -> Result<Self, String> {
        let mapped = capacity.checked_add(guard).ok_or("its size overflows")?;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: it is a new mapping, at an address that the system chooses.
        let base = unsafe { mmap_anonymous(null_mut(), mapped, ProtFlags::empty(), flags) };
        let base = base.map_err(|error| {
            format!("no {mapped} bytes of address space for a shared memory ({error}); raise `ulimit -v` or lower `-j`")
        })?;
        Ok(Self { base, capacity, mapped, size: 0, limit })
    }
}

// SAFETY: the base never changes, and the first `byte_size` bytes can be read and written.
unsafe impl LinearMemory for CappedMemory {
    fn byte_size(&self) -> usize {
        self.size
    }

    fn byte_capacity(&self) -> usize {
        self.capacity
    }

    fn grow_to(&mut self, size: usize) -> wasmtime::Result<()> {
        wasmtime::ensure!(size <= self.capacity, "it cannot be moved to grow");
        if let Some(limit) = &self.limit {
            let mut limit = limit.lock().unwrap_or_else(PoisonError::into_inner);
            wasmtime::ensure!(limit.memory_growing(self.size, size, None)?, "{size} bytes are over the limit `memory`");
        }
        if size > 0 {
            // SAFETY: the range lies within the mapping, which belongs to this value.
            unsafe { mprotect(self.base, size, MprotectFlags::READ | MprotectFlags::WRITE) }
                .context("the machine has no memory left")?;
        }
        self.size = size;
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.base.cast()
    }
}

impl Drop for CappedMemory {
    fn drop(&mut self) {
        // SAFETY: the mapping belongs to this value, and nobody uses it any more.
        let unmapped = unsafe { munmap(self.base, self.mapped) };
        debug_assert!(unmapped.is_ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_the_bytes_are_cleared_and_no_others() {
        let mut memory = CappedMemory::reserve(1 << 20, 1 << 16, None).unwrap();
        memory.grow_to(1 << 20).unwrap();
        // SAFETY: the memory is this test's own, of that size.
        let bytes = unsafe { std::slice::from_raw_parts_mut(memory.as_ptr(), 1 << 20) };
        for range in [3..9, 4096..8192, 5..70_000, 8192..8192 + CLEARED_WHOLE, 1..(1 << 20) - 1, 7..7] {
            bytes.fill(1);
            clear(&mut bytes[range.clone()]);
            assert!(bytes.iter().enumerate().all(|(at, byte)| (*byte == 0) == range.contains(&at)), "{range:?}");
        }
    }
}
