//! The books of one test's heap. From the calls of the allocator's functions and from their results follows which blocks are
//! live.
//!
//! Calls nest: `posix_memalign` may call `malloc`, and `realloc` may call `free`. Only the outermost call counts; the calls
//! within it are how the allocator works. `free` is the exception, since it may call code of the test or of libc. Blocks that
//! are allocated within a `free` count, and so do live blocks that are freed within it. A bad pointer that is freed within it
//! is not an error.

mod results;

use super::calls::{AllocatorCall, Trace, TraceEvent};
use super::error::{BadFree, BadFreeKind, HeapError};
use super::figures::{AllocationOutcome, Figures, HeapLimits};
use super::map::{Block, Map, PointerState};
use super::nesting::{Nesting, Outer};
use super::threads::{StackBlock, Threads};
use super::trail::Trail;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// A call that was entered and has not returned yet, and within which no other call counts.
#[derive(Debug, Clone, Copy)]
enum PendingCall {
    /// It asks for a new block and will return the block's address.
    Fresh {
        event: TraceEvent,
        size: u64,
    },
    /// It asks for a new block and will store the block's address at `to`.
    Stored {
        to: u32,
        align: u32,
        size: u32,
    },
    /// It asks for a new block at a multiple of `align`.
    Aligned {
        align: u32,
        size: u32,
    },
    Realloc {
        ptr: u32,
        size: u32,
    },
    /// A reallocation of a pointer that is not the address of a live block.
    Ignored,
}

/// The heap at the beginning of a scope.
#[derive(Debug, Clone, Copy)]
pub struct ScopeHeap {
    figures: Figures,
    /// The number of the last block that was allocated before the scope began.
    pub number: u64,
}

/// The books of one test's heap. They take no memory before the first call.
#[derive(Debug, Clone)]
pub struct HeapBook {
    map: Map,
    /// The calls that the acting thread is within.
    nesting: Nesting,
    threads: Threads,
    /// The call within which no other call counts, if one is running. It lies within all calls of `nesting`.
    pending: Option<PendingCall>,
    /// The thread that made the pending call.
    pending_by: u32,
    /// How many calls were entered within `pending`.
    hidden: u32,
    /// The figures so far. Their `live_blocks` is not kept up to date: it follows from the other figures and `adopted`.
    figures: Figures,
    /// How many blocks became the test's own because the test reallocated them.
    adopted: u64,
    peak_since_mark: u64,
    /// The highest peak before the innermost scope began. The peak in `figures` is that of the innermost scope alone.
    peak_before: u64,
    number: u64,
    /// The address of the block that has this number.
    newest: u32,
    /// See [`HeapBook::take_origins`]; `None` where that is not noted.
    origins: Option<HashMap<u64, u64>>,
    /// See [`HeapBook::fresh`].
    fresh: Range<u64>,
    lowest: Option<u32>,
    limits: HeapLimits,
    trace: Trace,
    trail: Trail,
    untracked: Option<HeapError>,
}

impl HeapBook {
    /// An empty book.
    pub fn new(limits: HeapLimits) -> Self {
        Self {
            map: Map::default(),
            nesting: Nesting::default(),
            threads: Threads::default(),
            pending: None,
            pending_by: 0,
            hidden: 0,
            figures: Figures::default(),
            adopted: 0,
            peak_since_mark: 0,
            peak_before: 0,
            number: 0,
            newest: 0,
            origins: None,
            fresh: 0..0,
            lowest: None,
            limits,
            trace: Trace::default(),
            trail: Trail::default(),
            untracked: None,
        }
    }

    /// Begins a test in these books. No block that is live now is the test's own, and its figures begin at 0.
    pub fn begin_test(&mut self) {
        self.map.disown();
        self.figures = Figures::default();
        (self.adopted, self.peak_since_mark, self.peak_before) = (0, 0, 0);
        self.close_window();
    }

    /// From here on, copies of these books share the blocks that are in them now.
    pub fn share(&mut self) {
        self.map.share();
    }

    /// Begins a teardown in these books. The blocks that are live now count as its own, since it is to free them; it has
    /// allocated nothing yet.
    pub fn begin_teardown(&mut self) {
        let live_blocks = self.figures.allocations + self.adopted - self.figures.frees;
        let live_bytes = self.figures.live_bytes;
        self.figures = Figures { live_bytes, peak: live_bytes, ..Figures::default() };
        (self.adopted, self.peak_since_mark, self.peak_before) = (live_blocks, live_bytes, 0);
        self.close_window();
    }

    /// Sets the limits. None of them counts as crossed yet.
    pub fn set_limits(&mut self, limits: HeapLimits) {
        self.limits = limits;
    }

    /// From here on, allocated blocks are the test's own. This is for a test that the host calls directly, and not through a
    /// harness.
    pub fn open_window(&mut self) {
        self.nesting.set_host_window(true);
    }

    /// Ends what [`HeapBook::open_window`] began.
    pub fn close_window(&mut self) {
        self.nesting.set_host_window(false);
    }

    /// Whether a window is open: a function in which the test's own code runs is on the stack, or the host opened one.
    pub fn window_open(&self) -> bool {
        self.nesting.window_open()
    }

    /// Notes that a hooked function is entered. [`HeapBook::leave`] may follow, after an error too.
    ///
    /// # Errors
    /// The call is a `free` or `realloc` of a pointer that is not the address of a live block. To describe the pointer, the
    /// error is made from a search of all live blocks.
    #[inline]
    pub fn enter(&mut self, call: AllocatorCall) -> Result<(), BadFree> {
        if self.pending.is_some() {
            if self.pending_by != self.threads.acting() {
                self.untrack(HeapError::AllocatorWaited);
            }
            self.hidden += 1;
            return Ok(());
        }
        self.pending_by = self.threads.acting();
        let size_of = u64::from;
        self.pending = Some(match call {
            AllocatorCall::Malloc { size } | AllocatorCall::Realloc { ptr: 0, size } => {
                PendingCall::Fresh { event: TraceEvent::Malloc, size: size_of(size) }
            }
            AllocatorCall::Aligned { align, size } => PendingCall::Aligned { align, size },
            AllocatorCall::Calloc { count, size } => {
                PendingCall::Fresh { event: TraceEvent::Calloc, size: size_of(count) * size_of(size) }
            }
            AllocatorCall::PosixMemalign { to, align, size } => PendingCall::Stored { to, align, size },
            AllocatorCall::Realloc { ptr, size } => match self.map.get(ptr) {
                PointerState::Live(_) => PendingCall::Realloc { ptr, size },
                known => {
                    self.pending = Some(PendingCall::Ignored);
                    return self.refuse(ptr, true, known);
                }
            },
            AllocatorCall::Free { ptr } => {
                let freed = self.free(ptr);
                self.nesting.enter(Outer::Free);
                return freed;
            }
            AllocatorCall::Window => {
                self.nesting.enter(Outer::Window);
                return Ok(());
            }
            AllocatorCall::Libc => {
                self.nesting.enter(Outer::Libc);
                return Ok(());
            }
            AllocatorCall::MakesThread => {
                self.nesting.enter(Outer::MakesThread);
                return Ok(());
            }
        });
        Ok(())
    }

    /// Notes that the hooked function which was entered last returns. `result` is its result, or any number if it has none.
    /// `memory` is the guest's linear memory.
    #[inline]
    pub fn leave(&mut self, result: u32, memory: &[u8]) -> AllocationOutcome {
        if self.hidden > 0 {
            self.hidden -= 1;
            return AllocationOutcome::Nothing;
        }
        // For speed, the call is matched in place and not copied: a copy would have to wait for the bytes that `enter` has just
        // written.
        match self.pending {
            Some(PendingCall::Fresh { event, size }) => {
                self.pending = None;
                return self.allocated(event, size, result, memory);
            }
            Some(other) => {
                self.pending = None;
                return self.completed(other, result, memory);
            }
            None => self.nesting.leave(),
        }
        AllocationOutcome::Nothing
    }

    /// How much the call asks for that was entered last, where it asks for a block of the test's own and for more than nothing. `None`
    /// within another such call.
    pub fn asked(&self) -> Option<u64> {
        let bytes = match self.pending.filter(|_| self.hidden == 0)? {
            PendingCall::Fresh { size, .. } => size,
            PendingCall::Stored { size, .. }
            | PendingCall::Aligned { size, .. }
            | PendingCall::Realloc { size, .. } => size.into(),
            PendingCall::Ignored => 0,
        };
        (bytes > 0 && self.nesting.own()).then_some(bytes)
    }

    /// What follows is done by this thread of the test: what it is within decides. The main thread has the number 0.
    #[inline]
    pub fn act_as(&mut self, thread: u32) {
        self.threads.switch(&mut self.nesting, thread);
    }

    /// Notes that the acting thread spawns another one. Blocks of the new thread are the test's own if the test's own code
    /// spawned it.
    pub fn spawned(&mut self, thread: u32) {
        self.threads.begin(thread, &self.nesting);
    }

    /// Notes that a thread has ended. It is not the acting one.
    pub fn thread_ended(&mut self, thread: u32) {
        self.threads.end(thread);
    }

    /// The live blocks that are stacks of threads, by their numbers. Behind the stack, such a block holds everything else that
    /// the C library keeps of the thread.
    pub fn thread_stacks(&self) -> &BTreeMap<u64, StackBlock> {
        &self.threads.stacks
    }

    /// The thread in whose stack block an address lies; `None` if it lies in none.
    pub fn thread_at(&self, address: u32) -> Option<u32> {
        let mut stacks = self.threads.stacks.values();
        stacks.find(|stack| address >= stack.ptr && address - stack.ptr < stack.size)?.thread
    }

    /// Forgets all calls that the main thread has entered and not left, because a trap ended them. A window that the host
    /// opened stays open.
    pub fn unwind(&mut self) {
        self.act_as(0);
        self.nesting.unwind();
        if self.pending_by == 0 {
            self.pending = None;
            self.hidden = 0;
        }
    }

    /// Notes that the guest's linear memory has just grown. If no function of the allocator is running, the module has another
    /// allocator, and the heap is not tracked.
    pub fn memory_grew(&mut self) {
        if self.pending.is_none() && !self.nesting.innermost_is_free() {
            self.untrack(HeapError::GrewOutside);
        }
    }

    /// The heap is not tracked from here on. If it is called again, the first reason stays.
    #[cold]
    pub fn untrack(&mut self, why: HeapError) {
        self.untracked.get_or_insert(why);
        self.map = Map::default();
    }

    /// The figures so far.
    ///
    /// # Errors
    /// The heap is not tracked. One reason may not be known yet: that blocks overlap is in some cases found only by
    /// [`HeapBook::blocks`].
    pub fn figures(&self) -> Result<Figures, HeapError> {
        let live_blocks = self.figures.allocations + self.adopted - self.figures.frees;
        let peak = self.figures.peak.max(self.peak_before);
        self.untracked.map_or(Ok(Figures { live_blocks, peak, ..self.figures }), Err)
    }

    /// Whether the guest is within a hooked function. A scope can neither begin nor end there.
    pub fn is_within_a_call(&self) -> bool {
        self.pending.is_some() || !self.nesting.is_outermost()
    }

    /// Begins a scope.
    pub fn begin_scope(&mut self) -> ScopeHeap {
        let began = ScopeHeap { figures: self.figures, number: self.number };
        self.peak_before = self.peak_before.max(self.figures.peak);
        self.figures.peak = self.figures.live_bytes;
        began
    }

    /// Ends the innermost scope. Returns the figures of the scope: of blocks that were allocated, freed and reallocated in it,
    /// and its peak, in which blocks count that were live when it began.
    ///
    /// # Errors
    /// The heap is not tracked.
    pub fn end_scope(&mut self, began: &ScopeHeap) -> Result<Figures, HeapError> {
        let (before, now) = (&began.figures, self.figures);
        self.figures.peak = now.peak.max(before.peak);
        self.untracked.map_or(Ok(()), Err)?;
        Ok(Figures {
            total: now.total - before.total,
            allocations: now.allocations - before.allocations,
            frees: now.frees - before.frees,
            reallocations: now.reallocations - before.reallocations,
            ..now
        })
    }

    /// Sets the mark from which [`HeapBook::peak_since_mark`] counts.
    pub fn mark(&mut self) {
        self.peak_since_mark = self.figures.live_bytes;
    }

    /// The most bytes of the test's own blocks that were live at once since [`HeapBook::mark`], or since the test began.
    pub fn peak_since_mark(&self) -> u64 {
        self.peak_since_mark
    }

    /// The trace of all calls so far. It does not continue once the heap is not tracked.
    pub fn trace(&self) -> Trace {
        self.trace
    }

    /// The traces at some of the calls so far.
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// Every live block, in no order.
    pub fn live_blocks(&self) -> impl Iterator<Item = Block> {
        self.map.iter()
    }

    /// Every live block, by address.
    ///
    /// # Errors
    /// The heap is not tracked. If this search finds blocks that overlap, it is not tracked from now on.
    pub fn blocks(&mut self) -> Result<Vec<Block>, HeapError> {
        let mut blocks: Vec<_> = self.map.iter().collect();
        blocks.sort_unstable();
        let apart = |pair: &[Block]| u64::from(pair[0].ptr) + u64::from(pair[0].size) <= pair[1].ptr.into();
        if !blocks.windows(2).all(apart) {
            self.untrack(HeapError::Overlapping);
        }
        self.untracked.map_or(Ok(blocks), Err)
    }

    /// The number of the last block that was allocated; 0 before the first. Since numbers count up from 1, it is also how many
    /// blocks were allocated.
    pub fn numbered(&self) -> u64 {
        self.number
    }

    /// The address of the last block that was allocated; 0 before the first.
    pub fn newest(&self) -> u32 {
        self.newest
    }

    /// From now on it is noted which blocks stay where they are when they are reallocated.
    pub fn note_origins(&mut self) {
        self.origins.get_or_insert_default();
    }

    /// Of live blocks that stayed where they were when they were reallocated, by number: the number of the allocation since which they
    /// are there. It is taken from the book.
    pub fn take_origins(&mut self) -> HashMap<u64, u64> {
        self.origins.take().unwrap_or_default()
    }

    /// Whether a function of the allocator that gives blocks is running.
    pub fn is_in_allocator(&self) -> bool {
        self.pending.is_some()
    }

    /// The addresses of those bytes of the last block whose contents the allocator does not define: all bytes after `malloc`,
    /// none after `calloc`, the added ones after `realloc`. They may still hold what an earlier block held. All of them lie
    /// within the memory.
    pub fn fresh(&self) -> Range<u64> {
        self.fresh.clone()
    }

    /// Bytes of the test's own blocks that are live.
    pub fn live_bytes(&self) -> u64 {
        self.figures.live_bytes
    }

    /// How many blocks are live, whoever owns them.
    pub fn live(&self) -> usize {
        self.map.live()
    }

    /// The lowest address that a block ever had.
    pub fn lowest(&self) -> Option<u32> {
        self.lowest
    }

    #[inline]
    fn free(&mut self, ptr: u32) -> Result<(), BadFree> {
        if ptr == 0 {
            return Ok(());
        }
        let known = self.map.free(ptr);
        let PointerState::Live(block) = known else {
            return self.refuse(ptr, false, known);
        };
        if block.own {
            self.figures.frees += 1;
            self.figures.live_bytes -= u64::from(block.size);
        }
        self.threads.stacks.remove(&block.number);
        if let Some(origins) = &mut self.origins {
            origins.remove(&block.number);
        }
        self.note(TraceEvent::Free, self.nesting.own(), true, block.size.into(), block.number);
        Ok(())
    }

    /// Adds a call to the trace.
    #[inline]
    fn note(&mut self, event: TraceEvent, own: bool, succeeded: bool, size: u64, number: u64) {
        self.trace.add(event, own, succeeded, size, number);
        self.trail.add(self.trace);
    }

    /// The error for a bad pointer that was freed or reallocated. It is not an error if the heap is not tracked, or within a
    /// `free`.
    #[cold]
    fn refuse(&self, ptr: u32, realloc: bool, known: PointerState) -> Result<(), BadFree> {
        if self.untracked.is_some() || self.nesting.in_free() {
            return Ok(());
        }
        let within = |block: &Block| block.ptr < ptr && ptr - block.ptr < block.size;
        // A live block around the pointer decides before a freed one does: which blocks were freed depends on what ran before
        // the test.
        let kind = match (self.map.iter().filter(within).max(), known) {
            (Some(Block { ptr: start, size, number, .. }), _) => BadFreeKind::Inside { ptr, start, size, number },
            (None, PointerState::Freed(block)) => BadFreeKind::Double { number: block.number, size: block.size },
            (None, _) => BadFreeKind::Unknown,
        };
        Err(BadFree { ptr, realloc, kind })
    }
}
