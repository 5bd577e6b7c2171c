//! What the host answers when a test asks about its own memory. See [`airtight_abi::mem`].

use crate::sandbox::state::TestState;
use airtight_abi::mem::{Heap, MemStats};
use wiggle::{GuestMemory, GuestPtr};

/// `mem_stats`.
pub fn stats(state: &mut TestState, memory: &mut GuestMemory<'_>, record: i32, len: i32) -> wasmtime::Result<i32> {
    let now = state.memory_now();
    let linear = state.heap.answers.linear(now);
    let answer = MemStats { linear, heap: heap(state) }.write();
    let len = len.cast_unsigned().min(MemStats::SIZE as u32);
    let place = GuestPtr::<u8>::new(record.cast_unsigned()).as_array(len);
    memory.copy_from_slice(&answer[..len as usize], place)?;
    Ok(0)
}

/// `mem_mark`.
pub fn mark(state: &mut TestState, memory: &mut GuestMemory<'_>, record: i32, len: i32) -> wasmtime::Result<i32> {
    let done = stats(state, memory, record, len)?;
    if let Some(book) = state.heap.book() {
        book.mark();
    }
    Ok(done)
}

/// The figures so far; `None` if the heap is not tracked.
fn heap(state: &mut TestState) -> Option<Heap> {
    let book = state.heap.book()?;
    let figures = book.figures().ok()?;
    let mallocs = figures.allocations + figures.reallocations;
    Some(Heap {
        alloc: figures.live_bytes,
        heap_objects: figures.live_blocks,
        total_alloc: figures.total,
        mallocs,
        frees: mallocs - figures.live_blocks,
        peak: figures.peak,
        peak_since_mark: book.peak_since_mark(),
    })
}
