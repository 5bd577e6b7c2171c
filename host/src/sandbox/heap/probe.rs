//! Calls a module's allocator in an instance of its own, once. That shows that the hooks are called, and where the
//! allocator keeps its own state.
//!
//! The state of an allocator is full of addresses that are not the program's pointers. For example, a bin points to the
//! header of a free chunk, which lies within the block before it. In a fresh instance, that state is still as the module's
//! data has it. So any static data that differs after a few calls belongs to the allocator.

use super::NotTracked;
use super::initial::InitialMemory;
use super::layout::{AllocatorMap, Floor, MAX_ALLOCATOR_PLACES};
use super::look::look;
use super::module::ModuleHeap;
use crate::ledger::heap::HeapError;
use crate::ledger::heap::reach::{joined, without};
use crate::sandbox::ending::Ending;
use crate::sandbox::job::Job;
use crate::sandbox::probe::Probe;
use crate::sandbox::rerun::StackCapture;
use std::ops::Range;
use wasmtime::{ModuleExport, TypedFunc};

/// Sizes that an allocator treats in different ways: small and large blocks, and one that makes memory grow.
const SIZES: [u32; 5] = [40, 1, 600, 5_000, 200_000];

/// Most unchanged bytes between two changed words that are still taken for the allocator's.
const JOIN: u32 = 192;

impl ModuleHeap {
    /// Where the allocator keeps its state, or why that is not known. It is found out once, before a test's time begins.
    pub fn allocator_map(&self, job: &Job<'_>) -> &Result<AllocatorMap, NotTracked> {
        self.allocator_map.get_or_init(|| probe(job, self))
    }
}

/// Allocates and frees blocks in a fresh instance.
fn probe(job: &Job<'_>, heap: &ModuleHeap) -> Result<AllocatorMap, NotTracked> {
    let run = || -> wasmtime::Result<AllocatorMap> {
        let probe = Probe::new(job)?;
        let before = look(&probe.store, InitialMemory::copy).unwrap_or_default();
        Prober { probe, before, words: Vec::new() }.run(heap)
    };
    run().map_err(|error| {
        tracing::debug!("probing the allocator of {}: {error:#}", job.module.name);
        let lies = error.downcast_ref::<HeapError>().map(|why| NotTracked::from(*why));
        match (error.downcast_ref::<NotTracked>().cloned().or(lies), Ending::is_by_wall_clock(&error)) {
            (Some(why), _) => why,
            (None, true) => NotTracked::NoAnswerInTime,
            (None, false) => NotTracked::NoAnswer(error.root_cause().to_string()),
        }
    })
}

/// The probing of one module's allocator.
struct Prober<'a> {
    probe: Probe<'a>,
    /// The memory before anything was called. It is a copy, because a second instance would need another slot of the
    /// engine's pool, which has one for a test and one beside it.
    before: InitialMemory,
    /// The words of static data that have differed so far, joined and sorted.
    words: Vec<Range<u32>>,
}

impl Prober<'_> {
    fn run(&mut self, heap: &ModuleHeap) -> wasmtime::Result<AllocatorMap> {
        let ground = heap.layout.ground(&mut self.probe.store, &self.probe.instance);
        self.probe.store.data_mut().begin_heap(Default::default(), StackCapture::Nothing, Floor::default());
        let mut blocks = Vec::new();
        for size in SIZES {
            let instance = self.probe.instance;
            let block = self.probe.refuelled(|mut main| heap.allocate(&mut main, &instance, size))?;
            wasmtime::ensure!(block != 0, "it gave no memory for {size} bytes");
            blocks.push(block);
            self.note_changes(ground.start)?;
        }
        let allocated = blocks.len() as u64;
        if let Some(free) = &heap.free {
            for block in blocks {
                let free = self.free(free)?;
                self.probe.refuelled(|mut main| main.call_guest(&free, block))?;
                self.note_changes(ground.start)?;
            }
        }
        let book = self.probe.store.data_mut().heap.book();
        let seen =
            book.map(|book| Ok::<_, HeapError>((book.trace().events, book.blocks()?.len() as u64))).transpose()?;
        let freed = if heap.free.is_some() { allocated } else { 0 };
        wasmtime::ensure!(seen == Some((allocated + freed, allocated - freed)), "its hooks are not called");
        let ranges = joined(&self.words, JOIN);
        Ok(AllocatorMap { gaps: without(&ranges, &self.words), ranges })
    }

    /// Notes which static data has changed. Static data ends below the heap.
    ///
    /// # Errors
    /// [`NotTracked::Scattered`].
    fn note_changes(&mut self, start: u32) -> wasmtime::Result<()> {
        let lowest = self.probe.store.data_mut().heap.book().and_then(|book| book.lowest()).unwrap_or(u32::MAX);
        let before = &self.before;
        let compared = |now: &[u8]| before.changed(now, (start, lowest), MAX_ALLOCATOR_PLACES);
        let changed = look(&self.probe.store, compared).unwrap_or_else(|| Some(Vec::new()));
        self.words.extend(changed.ok_or(NotTracked::Scattered)?);
        self.words = joined(&self.words, 0);
        if self.words.len() > MAX_ALLOCATOR_PLACES { Err(NotTracked::Scattered.into()) } else { Ok(()) }
    }

    fn free(&mut self, export: &ModuleExport) -> wasmtime::Result<TypedFunc<u32, ()>> {
        let Probe { store, instance, .. } = &mut self.probe;
        let found = instance.get_module_export(&mut *store, export).and_then(wasmtime::Extern::into_func);
        found.ok_or_else(|| wasmtime::format_err!("it is not exported"))?.typed(&*store)
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
