//! What the result of an allocator's call changes in the books.

use super::super::calls::TraceEvent;
use super::super::error::HeapError;
use super::super::figures::AllocationOutcome;
use super::super::map::{Block, MAX_LIVE_BLOCKS, PointerState};
use super::super::parts::word_at;
use super::super::threads::StackBlock;
use super::{HeapBook, PendingCall};

impl HeapBook {
    /// Ends a call that is not of the most frequent kind.
    pub(super) fn completed(&mut self, call: PendingCall, result: u32, memory: &[u8]) -> AllocationOutcome {
        match call {
            PendingCall::Fresh { event, size } => self.allocated(event, size, result, memory),
            PendingCall::Aligned { align, size } => self.aligned(align, size, result, memory),
            PendingCall::Stored { to, align, size } => self.stored(to, (align, size), result, memory),
            PendingCall::Realloc { ptr, size } => self.reallocated(ptr, size, result, memory),
            PendingCall::Ignored => AllocationOutcome::Nothing,
        }
    }

    /// Ends a call that asks for an alignment. An allocator may ignore an alignment that is 0 or not a power of two.
    fn aligned(&mut self, align: u32, size: u32, ptr: u32, memory: &[u8]) -> AllocationOutcome {
        self.check_alignment(ptr, align);
        self.allocated(TraceEvent::Aligned, size.into(), ptr, memory)
    }

    fn check_alignment(&mut self, ptr: u32, align: u32) {
        if align.is_power_of_two() && !ptr.is_multiple_of(align) {
            self.untrack(HeapError::Misaligned);
        }
    }

    /// Ends a call that stores the block's address. It fails with another number than 0, and has then stored nothing.
    fn stored(&mut self, to: u32, (align, size): (u32, u32), failure: u32, memory: &[u8]) -> AllocationOutcome {
        let ptr = if failure == 0 { word_at(memory, to as usize) } else { Some(0) };
        match ptr {
            Some(ptr) => self.check_alignment(ptr, align),
            None => self.untrack(HeapError::OutsideMemory),
        }
        self.allocated(TraceEvent::PosixMemalign, size.into(), ptr.unwrap_or(0), memory)
    }

    #[inline]
    pub(super) fn allocated(&mut self, event: TraceEvent, size: u64, ptr: u32, memory: &[u8]) -> AllocationOutcome {
        if self.untracked.is_some() {
            return AllocationOutcome::Nothing;
        }
        let own = self.nesting.own();
        self.note(event, own, ptr != 0, size, 0);
        if ptr == 0 {
            return self.refused(size, own);
        }
        let Some(number) = self.place(ptr, size, own, memory.len()) else {
            return AllocationOutcome::Nothing;
        };
        let kept = if matches!(event, TraceEvent::Calloc) { size as u32 } else { 0 };
        self.fresh = u64::from(ptr) + u64::from(kept)..u64::from(ptr) + size;
        self.figures.allocations += u64::from(own);
        self.count(number, size as u32, own)
    }

    fn reallocated(&mut self, ptr: u32, size: u32, result: u32, memory: &[u8]) -> AllocationOutcome {
        if result == 0 && size == 0 {
            self.untrack(HeapError::ZeroRealloc);
        }
        if self.untracked.is_some() {
            return AllocationOutcome::Nothing;
        }
        let PointerState::Live(old) = self.map.get(ptr) else {
            return AllocationOutcome::Nothing;
        };
        let now_own = self.nesting.own();
        let own = now_own || old.own;
        self.note(TraceEvent::Realloc, now_own, result != 0, size.into(), old.number);
        if result == 0 {
            return self.refused(size.into(), own);
        }
        self.map.free(ptr);
        let Some(number) = self.place(result, size.into(), own, memory.len()) else {
            return AllocationOutcome::Nothing;
        };
        if let Some(origins) = &mut self.origins {
            let since = origins.remove(&old.number).unwrap_or(old.number);
            if result == ptr {
                origins.insert(number, since);
            }
        }
        self.fresh = u64::from(result) + u64::from(old.size.min(size))..u64::from(result) + u64::from(size);
        self.adopted += u64::from(own && !old.own);
        if old.own {
            self.figures.live_bytes -= u64::from(old.size);
        }
        self.figures.reallocations += u64::from(own);
        self.count(number, size, own)
    }

    /// Enters a block in the map, and returns its number. Returns `None` if the block makes the heap untracked.
    #[inline]
    fn place(&mut self, ptr: u32, size: u64, own: bool, memory: usize) -> Option<u64> {
        if u64::from(ptr) + size > memory as u64 {
            self.untrack(HeapError::OutsideMemory);
            return None;
        }
        if ptr & alignment_mask(size) != 0 {
            self.untrack(HeapError::Misaligned);
            return None;
        }
        let number = self.number + 1;
        // The block lies in a memory of 32 bits, so its size is of 32 bits too.
        if !self.map.insert(Block { ptr, size: size as u32, number, own }) {
            self.untrack(HeapError::Overlapping);
            return None;
        }
        if self.map.live() > MAX_LIVE_BLOCKS {
            self.untrack(HeapError::TooManyBlocks);
            return None;
        }
        if self.nesting.makes_thread() {
            self.threads.stacks.insert(number, StackBlock { ptr, size: size as u32, thread: None });
        }
        (self.number, self.newest) = (number, ptr);
        self.lowest = Some(self.lowest.map_or(ptr, |lowest| lowest.min(ptr)));
        Some(number)
    }

    /// Counts a block that was entered in the map.
    #[inline]
    fn count(&mut self, number: u64, size: u32, own: bool) -> AllocationOutcome {
        let mut crossed = None;
        if own {
            let figures = &mut self.figures;
            figures.live_bytes += u64::from(size);
            figures.peak = figures.peak.max(figures.live_bytes);
            self.peak_since_mark = self.peak_since_mark.max(figures.live_bytes);
            figures.total = figures.total.saturating_add(size.into());
            figures.largest = figures.largest.max(size.into());
            if self.limits.is_crossed(figures) {
                crossed = Some(self.limits.cross(figures));
            }
        }
        AllocationOutcome::Allocated { number, size, own, crossed }
    }

    /// Counts a block that was asked for and that the allocator did not give.
    #[cold]
    fn refused(&mut self, size: u64, own: bool) -> AllocationOutcome {
        if !own {
            return AllocationOutcome::Nothing;
        }
        self.figures.largest = self.figures.largest.max(size);
        if !self.limits.is_crossed(&self.figures) {
            return AllocationOutcome::Nothing;
        }
        AllocationOutcome::Refused { crossed: self.limits.cross(&self.figures) }
    }
}

/// The bits that have to be 0 in the address of a block of this size. C has objects of 2, 4 and 8 bytes that are aligned to
/// their size, and a block is aligned for every object that fits into it.
#[inline]
fn alignment_mask(size: u64) -> u32 {
    match size {
        8.. => 7,
        4..8 => 3,
        2..4 => 1,
        _ => 0,
    }
}
