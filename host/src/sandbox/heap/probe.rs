//! Calls a module's allocator in an instance of its own, once: the canary of the hooks, and the way to find out where the
//! allocator keeps its own state.
//!
//! The state of an allocator is full of addresses that are not pointers of the program: a bin's pointer to a free chunk's
//! header lies within the block before it. In a fresh instance all of it is still as the module's data has it; what
//! differs in static data after a few calls is the allocator's.

use super::NotTracked;
use super::layout::AllocatorMap;
use super::module::ModuleHeap;
use crate::ledger::heap::Untracked;
use crate::ledger::heap::reach::{changed, joined, without};
use crate::sandbox::execute::Job;
use crate::sandbox::probe::Probe;
use crate::sandbox::rerun::StackCapture;
use std::ops::Range;
use wasmtime::{ModuleExport, TypedFunc};

/// Sizes that an allocator treats in different ways: small and large blocks, and one that makes memory grow.
const SIZES: [u32; 5] = [40, 1, 600, 5_000, 200_000];

/// Bytes of static data between words that changed which may be the allocator's all the same.
const JOIN: u32 = 192;

impl ModuleHeap {
    /// Whether the hooks are awake, and where the allocator keeps its state. Found out once.
    pub fn allocator_map(&self, job: &Job<'_>) -> &Result<AllocatorMap, NotTracked> {
        self.allocator_map.get_or_init(|| probe(job, self))
    }
}

/// Allocates and frees in a fresh instance.
fn probe(job: &Job<'_>, heap: &ModuleHeap) -> Result<AllocatorMap, NotTracked> {
    Probe::new(job).and_then(|probe| Prober(probe).run(heap)).map_err(|error| {
        tracing::debug!("probing the allocator of {}: {error:#}", job.module.name);
        NotTracked::NoAnswer(error.root_cause().to_string())
    })
}

/// The probing of one module's allocator.
struct Prober(Probe);

impl Prober {
    fn run(&mut self, heap: &ModuleHeap) -> wasmtime::Result<AllocatorMap> {
        let ground = heap.layout.ground(&mut self.0.store, &self.0.instance);
        self.0.store.data_mut().heap.begin(Default::default(), StackCapture::Nothing);
        let before = self.memory().to_vec();
        let mut found: Vec<Range<u32>> = Vec::new();
        let mut blocks = Vec::new();
        for size in SIZES {
            let instance = self.0.instance;
            let block = self.0.refuelled(|store| heap.allocate(store, &instance, size))?;
            wasmtime::ensure!(block != 0, "it gave no memory for {size} bytes");
            blocks.push(block);
            found.extend(self.changed(&before, ground.start));
        }
        let allocated = blocks.len() as u64;
        if let Some(free) = &heap.free {
            for block in blocks {
                let free = self.free(free)?;
                self.0.refuelled(|store| free.call(store, block))?;
                found.extend(self.changed(&before, ground.start));
            }
        }
        let book = self.0.store.data_mut().heap.book();
        let seen =
            book.map(|book| Ok::<_, Untracked>((book.trace().events, book.blocks()?.len() as u64))).transpose()?;
        let freed = if heap.free.is_some() { allocated } else { 0 };
        wasmtime::ensure!(seen == Some((allocated + freed, allocated - freed)), "its hooks are not called");
        let words = joined(&found, 0);
        let ranges = joined(&words, JOIN);
        Ok(AllocatorMap { gaps: without(&ranges, &words), ranges })
    }

    /// Static data that differs from what it was; below the heap.
    fn changed(&mut self, before: &[u8], start: u32) -> Vec<Range<u32>> {
        let lowest = self.0.store.data_mut().heap.book().and_then(|book| book.lowest()).unwrap_or(u32::MAX);
        let now = self.memory();
        let (from, to) = (start as usize, (lowest as usize).min(before.len()).min(now.len()));
        if from >= to { Vec::new() } else { changed(&before[from..to], &now[from..to], start) }
    }

    fn memory(&mut self) -> &[u8] {
        match self.0.store.data().heap.memory {
            Some(memory) => memory.data(&self.0.store),
            None => &[],
        }
    }

    fn free(&mut self, export: &ModuleExport) -> wasmtime::Result<TypedFunc<u32, ()>> {
        let found = self.0.instance.get_module_export(&mut self.0.store, export).and_then(wasmtime::Extern::into_func);
        found.ok_or_else(|| wasmtime::format_err!("it is not exported"))?.typed(&self.0.store)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_are_close_are_one() {
        assert_eq!(joined(&[1000..1004, 0..4, 8..16, 1000 + JOIN..2000], JOIN), [0..16, 1000..2000]);
        assert_eq!(joined(&[0..4, 5 + JOIN..300], JOIN), [0..4, 5 + JOIN..300]);
        assert_eq!(joined(&[0..4, 4..8, 12..16], 0), [0..8, 12..16]);
    }
}
