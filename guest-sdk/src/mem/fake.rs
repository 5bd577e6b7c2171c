//! A heap for this crate's own tests, which says what it is told: each thread has its own, unmeasured at first.

use airtight_abi::mem::{Heap, MemStats};
use std::cell::Cell;

thread_local! {
    static TOLD: Cell<Option<MemStats>> = const { Cell::new(None) };
}

pub(super) fn stats() -> Option<MemStats> {
    TOLD.get()
}

pub(super) fn mark() -> Option<MemStats> {
    let told = TOLD.get();
    change(|heap| heap.peak_since_mark = heap.alloc);
    told
}

/// From here on there is a host, which sees the heap or does not.
pub(super) fn start(heap: Option<Heap>) {
    TOLD.set(Some(MemStats { linear: 1 << 16, heap }));
}

pub(super) fn alloc(bytes: u64) {
    change(|heap| {
        heap.alloc += bytes;
        heap.total_alloc += bytes;
        heap.heap_objects += 1;
        heap.mallocs += 1;
        heap.peak = heap.peak.max(heap.alloc);
        heap.peak_since_mark = heap.peak_since_mark.max(heap.alloc);
    });
}

pub(super) fn free(bytes: u64) {
    change(|heap| {
        heap.alloc -= bytes;
        heap.heap_objects -= 1;
        heap.frees += 1;
    });
}

fn change(change: impl FnOnce(&mut Heap)) {
    let mut told = TOLD.get();
    if let Some(heap) = told.as_mut().and_then(|told| told.heap.as_mut()) {
        change(heap);
    }
    TOLD.set(told);
}
