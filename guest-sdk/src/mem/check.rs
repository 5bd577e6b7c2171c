//! Assertions about what a piece of a test does to its memory.

use super::size::{self, Size};
use super::{count, platform, unmeasured};
use airtight_abi::mem::Heap;
use std::cell::Cell;

thread_local! {
    /// Most live bytes that were seen since the check that runs now began, but before the last mark: each check within it
    /// sets a mark of its own.
    static PEAK_BEFORE_MARK: Cell<u64> = const { Cell::new(0) };
}

/// Asserts what [`MemoryCheck::check`] runs does to the heap. Nothing is asserted until it is said what:
/// ```
/// # use airtight_sdk as airtight;
/// let sum = airtight::memory().peak_below("64KiB").allocations_at_most(10).no_growth().check(|| {
///     let numbers: Vec<u32> = (0..100).collect();
///     numbers.iter().sum::<u32>()
/// });
/// assert_eq!(sum, 4950);
/// ```
pub fn memory() -> MemoryCheck {
    MemoryCheck::default()
}

/// Fails the test if its heap holds more after `run` than before, in bytes or in blocks. What `run` returns is given on, and
/// counts as held.
///
/// What is made on first use and kept, such as a static table or the buffer of standard output, is growth once: run the same
/// before, to leave it out.
///
/// Where the heap is not measured, that is said once on standard error, and `run` runs all the same.
/// ```
/// # use airtight_sdk as airtight;
/// let mut cache = Vec::with_capacity(10);
/// airtight::assert_no_growth(|| cache.push(1));
/// ```
///
/// # Panics
/// If it grew: by how much, in bytes and blocks.
#[track_caller]
pub fn assert_no_growth<R>(run: impl FnOnce() -> R) -> R {
    memory().no_growth().check(run)
}

/// Assertions that hold together. See [`memory`].
#[derive(Debug, Clone, Copy, Default)]
#[must_use = "nothing is asserted until `check` runs something"]
pub struct MemoryCheck {
    peak: Option<u64>,
    total: Option<u64>,
    allocations: Option<u64>,
    no_growth: bool,
}

impl MemoryCheck {
    /// At every moment, fewer live bytes than this were added to those that were live before.
    ///
    /// # Panics
    /// If the text is not a size.
    #[track_caller]
    pub fn peak_below(self, size: impl Size) -> Self {
        Self { peak: Some(size::checked(&size)), ..self }
    }

    /// Fewer bytes than this are allocated in all, freed ones included. A reallocation counts its whole new size.
    ///
    /// # Panics
    /// If the text is not a size.
    #[track_caller]
    pub fn total_below(self, size: impl Size) -> Self {
        Self { total: Some(size::checked(&size)), ..self }
    }

    /// There are no more allocations than this, reallocations included.
    pub fn allocations_at_most(self, most: u64) -> Self {
        Self { allocations: Some(most), ..self }
    }

    /// Afterwards there are no more live bytes than before, and no more live blocks. See [`assert_no_growth`].
    pub fn no_growth(self) -> Self {
        Self { no_growth: true, ..self }
    }

    /// Runs it, and fails the test with everything that does not hold. Checks may stand within each other.
    ///
    /// Where the heap is not measured, that is said once on standard error, and it runs all the same.
    ///
    /// # Panics
    /// If something does not hold.
    #[track_caller]
    pub fn check<R>(self, run: impl FnOnce() -> R) -> R {
        let (result, used) = measure(run);
        if let Some(used) = used {
            let broken = self.broken(&used);
            if !broken.is_empty() {
                panic!("memory: {}", broken.join("; "));
            }
        }
        result
    }

    fn broken(&self, used: &HeapUse) -> Vec<String> {
        let HeapUse { before, after, peak } = used;
        let rise = peak.saturating_sub(before.alloc);
        let total = after.total_alloc.saturating_sub(before.total_alloc);
        let allocations = after.mallocs.saturating_sub(before.mallocs);
        let mut broken = Vec::new();
        if let Some(limit) = self.peak.filter(|limit| rise >= *limit) {
            broken.push(format!("up to {} more live than before, which is not below {limit}", count(rise, "byte")));
        }
        if let Some(limit) = self.total.filter(|limit| total >= *limit) {
            broken.push(format!("{} allocated in all, which is not below {limit}", count(total, "byte")));
        }
        if let Some(most) = self.allocations.filter(|most| allocations > *most) {
            broken.push(format!("{}, which is more than {most}", count(allocations, "allocation")));
        }
        broken.extend(growth(before, after).filter(|_| self.no_growth));
        broken
    }
}

/// How much more is live, in words, if anything is.
fn growth(before: &Heap, after: &Heap) -> Option<String> {
    let more = [(after.alloc, before.alloc, "byte"), (after.heap_objects, before.heap_objects, "block")];
    let grown: Vec<_> = more
        .into_iter()
        .filter(|(after, before, _)| after > before)
        .map(|(after, before, what)| count(after - before, what))
        .collect();
    let held = |heap: &Heap| format!("{} in {}", count(heap.alloc, "byte"), count(heap.heap_objects, "block"));
    (!grown.is_empty())
        .then(|| format!("grew by {} ({} before, {} after)", grown.join(" in "), held(before), held(after)))
}

/// The heap around a run.
struct HeapUse {
    before: Heap,
    after: Heap,
    /// Most live bytes meanwhile.
    peak: u64,
}

/// Runs it, and tells what it used, where that is measured.
#[track_caller]
fn measure<R>(run: impl FnOnce() -> R) -> (R, Option<HeapUse>) {
    let marked = platform::mark();
    let Some(before) = marked.and_then(|told| told.heap) else {
        unmeasured::say(marked.is_some());
        return (run(), None);
    };
    let enclosing = PEAK_BEFORE_MARK.replace(0).max(before.peak_since_mark);
    let result = run();
    let told = platform::stats();
    let used = told.and_then(|told| told.heap).map(|after| {
        let peak = PEAK_BEFORE_MARK.get().max(after.peak_since_mark);
        PEAK_BEFORE_MARK.set(enclosing.max(peak));
        HeapUse { before, after, peak }
    });
    if used.is_none() {
        // Airtight lost track of it meanwhile.
        unmeasured::say(told.is_some());
    }
    (result, used)
}
