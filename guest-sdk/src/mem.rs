//! What a test uses of its memory, and assertions about it.

mod check;
#[cfg(test)]
#[path = "mem/fake.rs"]
mod platform;
#[cfg(all(not(test), target_arch = "wasm32", target_os = "wasi", target_env = "p1"))]
#[path = "mem/sandbox.rs"]
mod platform;
#[cfg(all(not(test), not(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1"))))]
#[path = "mem/native.rs"]
mod platform;
mod size;
mod unmeasured;

pub use check::{MemoryCheck, assert_no_growth, memory};
pub use size::Size;

/// What a test uses of its memory, now: figures of the meaning that Go's `runtime.MemStats` gives to these names.
///
/// Those of the heap count blocks that were allocated while the test itself ran, not those of its harness or of the
/// program's start, and sizes that were asked for, without what the allocator adds. They are exact. `None` is a figure that
/// nobody measured: all of them natively, and those of the heap where airtight does not track it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MemStats {
    /// Live bytes of the heap.
    pub alloc: Option<u64>,
    /// Bytes allocated in all; a reallocation counts its whole new size.
    pub total_alloc: Option<u64>,
    /// Allocations in all, reallocations included.
    pub mallocs: Option<u64>,
    /// Blocks freed in all, reallocations included: `mallocs` less `frees` is `heap_objects`.
    pub frees: Option<u64>,
    /// Live blocks of the heap.
    pub heap_objects: Option<u64>,
    /// Most bytes of the heap that were live at once so far.
    pub peak: Option<u64>,
    /// Bytes of linear memory, which never shrinks.
    pub linear: Option<u64>,
}

impl MemStats {
    /// Whether there are figures of the heap.
    #[must_use]
    pub fn measured(&self) -> bool {
        self.alloc.is_some()
    }
}

/// What the test uses of its memory, now.
///
/// A figure that nobody measured is `None`, not 0:
/// ```
/// # use airtight_sdk as airtight;
/// let before = airtight::mem_stats();
/// let text = "x".repeat(1000);
/// let after = airtight::mem_stats();
/// if let (Some(before), Some(after)) = (before.alloc, after.alloc) {
///     assert_eq!(after - before, 1000);
/// }
/// # drop(text);
/// ```
#[must_use]
pub fn mem_stats() -> MemStats {
    let Some(told) = platform::stats() else { return MemStats::default() };
    let heap = told.heap;
    MemStats {
        alloc: heap.map(|heap| heap.alloc),
        total_alloc: heap.map(|heap| heap.total_alloc),
        mallocs: heap.map(|heap| heap.mallocs),
        frees: heap.map(|heap| heap.frees),
        heap_objects: heap.map(|heap| heap.heap_objects),
        peak: heap.map(|heap| heap.peak),
        linear: Some(told.linear),
    }
}

/// Fails the test if its heap holds as many bytes as this, or more, now.
///
/// Where the heap is not measured, that is said once on standard error, and the test goes on.
/// ```
/// # use airtight_sdk as airtight;
/// let words: Vec<String> = (0..10).map(|word| word.to_string()).collect();
/// airtight::assert_heap_below("64KiB");
/// # drop(words);
/// ```
///
/// # Panics
/// If it holds as much, or the text is not a size.
#[track_caller]
pub fn assert_heap_below(limit: impl Size) {
    let limit = size::checked(&limit);
    let told = platform::stats();
    match told.and_then(|told| told.heap) {
        Some(heap) if heap.alloc < limit => {}
        Some(heap) => panic!(
            "memory: {} live in {}, which is not below {limit}",
            count(heap.alloc, "byte"),
            count(heap.heap_objects, "block")
        ),
        None => unmeasured::say(told.is_some()),
    }
}

/// `1 block`, `2 blocks`.
fn count(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

#[cfg(test)]
mod tests;
