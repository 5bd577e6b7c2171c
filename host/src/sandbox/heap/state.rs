//! The books of one test's heap while it runs.

use super::layout::Floor;
use super::not_tracked::NotTracked;
use super::picture::{EndPicture, LeftThread};
use super::running_watch::RunningWatch;
use crate::instrument::{Hook, HookKind, Hooks, alignment};
use crate::ledger::Stack;
use crate::ledger::heap::pointer_watch::WatchedEnd;
use crate::ledger::heap::reach::Lookout;
use crate::ledger::heap::{
    AllocationOutcome, AllocatorCall, Block, CrossedLimits, Figures, HeapBook, HeapError, HeapLimits, Trace, Trail,
};
use crate::model::timeline::{TimelinePen, TimelinePoint};
use crate::sandbox::rerun::{AllocationStacks, Answers, Instruments, Slack, StackCapture};
use crate::sandbox::strings::StringLayout;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use wasmtime::Global;

/// Ends a run at the point where the fuel of the first run was used up.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("out of fuel where the first run was")]
pub struct FuelEndOfFirstRun;

/// Ends a second run that has shown all that it was done for. See [`Lookout`].
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the second run has shown all")]
pub struct SeenEnough;

/// An allocation that went over a limit.
#[derive(Debug, Clone)]
pub struct Crossing {
    /// Which limit was crossed, and the figure.
    pub crossed: CrossedLimits,
    /// The stack of the allocation.
    pub stack: Stack,
}

/// A heap that was seen.
#[derive(Debug)]
pub struct HeapEnd {
    /// The figures of the test's own blocks.
    pub figures: Figures,
    /// A sum over all allocator calls: two runs with the same sum allocated alike.
    pub trace: Trace,
    /// The same at some of the calls.
    pub trail: Trail,
    /// Whether the test's own code was still on the stack.
    pub window_open: bool,
    /// The limits that were crossed, each once.
    pub crossed: Vec<Crossing>,
    /// Memory and blocks at the end. `None` if nobody asks for it, if the test's ending leaves nothing to compare, or if no
    /// block of the test's own is left.
    pub picture: Option<EndPicture>,
    /// The stacks that this run was to capture. Those of live blocks are there at least, however the run ended.
    pub stacks: AllocationStacks,
    /// The number of counted allocator calls when the fuel of a call of the test ended; `None` if it did not end.
    pub calls_at_fuel_end: Option<u64>,
    /// Answers of the host that another run would get differently.
    pub answers: Answers,
    /// In a second run, see [`HeapBook::take_origins`].
    pub origins: HashMap<u64, u64>,
    /// When the last pointers to blocks went, if that was asked for.
    pub watched: Vec<WatchedEnd>,
}

/// How many allocations there are between two looks at what the host holds for the live blocks.
const LOOK_EVERY: u64 = 1024;

/// What remains to be done after a call of a hooked function.
#[derive(Debug, Default)]
pub(super) struct LeftCall {
    pub(super) wanted: WantedStack,
    /// The number of live blocks, if it is time to look at that.
    pub(super) live: Option<usize>,
    /// The size of the block that was allocated.
    pub(super) size: Option<u32>,
    /// Whether the run has shown all that it was done for.
    pub(super) seen_enough: bool,
}

/// Why the stack of a call is wanted.
#[derive(Debug, Default)]
pub(super) struct WantedStack {
    /// The block that the call allocated: its number and size.
    block: Option<(u64, u32)>,
    /// The limits that the call crossed.
    crossed: Option<CrossedLimits>,
}

impl WantedStack {
    pub(super) fn is_wanted(&self) -> bool {
        self.block.is_some() || self.crossed.is_some()
    }
}

/// The state that the hooks work on.
#[derive(Debug, Default)]
pub struct HeapState {
    hooks: Option<Arc<Hooks>>,
    book: Option<HeapBook>,
    capture: StackCapture,
    stacks: AllocationStacks,
    /// In a second run, the block that moves all later ones. Static data ends below it.
    pub pad: Option<u32>,
    /// Where the number of the calling context is, in a module that tells it.
    pub(super) context: Option<Global>,
    /// Memory below the heap.
    floor: Floor,
    /// Whether new blocks are cleared.
    scrubs: bool,
    crossed: Vec<Crossing>,
    /// In a second run that need not come to its end, what tells whether it has shown all.
    lookout: Option<Lookout>,
    /// The stacks that a second run captured which has shown all.
    pub seen: Option<AllocationStacks>,
    /// How many counted allocator calls the run may make: when it begins one more, it ends.
    most_calls: Option<u64>,
    /// The number of counted allocator calls when the fuel ended.
    calls_at_fuel_end: Option<u64>,
    /// Whether an exception left a function in which a test's code runs.
    pub(super) unwound: bool,
    /// Answers of the host that another run would get differently.
    pub answers: Answers,
    /// Threads that had not ended when the test was over.
    pub left_threads: Vec<LeftThread>,
    /// The size in bytes of the memory that threads share, when a thread was last in the allocator.
    shared_size: u64,
    /// How a module with threads lays out its strings, if that is known.
    pub(in crate::sandbox) strings: Option<StringLayout>,
    /// The name of the next thread that each thread will spawn, by the number of the spawning thread.
    next_names: BTreeMap<u32, Arc<str>>,
    /// Accounts for the fuel that hooks cost, which is given back.
    pub slack: Slack,
    /// What draws the test's memory over its fuel, where that is drawn.
    pub pen: Option<Box<TimelinePen>>,
    /// What follows the pointers to some blocks, in a run that is made for that.
    pub(in crate::sandbox) watch: Option<Box<RunningWatch>>,
    /// Why the books were not opened.
    unopened: Option<NotTracked>,
    /// The number of the last block that was there before a forked subtest began; `None` of all else that runs.
    pub(super) foundation: Option<u64>,
}

impl HeapState {
    /// The state for a run with these instruments, of a module with these hooks.
    pub fn new(hooks: Option<Arc<Hooks>>, instruments: &Instruments) -> Self {
        Self {
            hooks,
            slack: Slack::new(instruments.allowances.clone()),
            answers: instruments.answers.clone(),
            most_calls: instruments.allocator_calls,
            lookout: instruments.lookout.clone(),
            ..Self::default()
        }
    }

    /// The state for another instance that goes on where this one stands between two calls, under these instruments.
    pub fn fork(&self, instruments: &Instruments) -> Self {
        Self {
            book: self.book.clone(),
            capture: instruments.capture.clone(),
            floor: self.floor.clone(),
            slack: self.slack.fork(instruments.allowances.clone()),
            answers: self.answers.go_on(&instruments.answers),
            strings: self.strings,
            unopened: self.unopened.clone(),
            foundation: self.foundation,
            pad: self.pad,
            scrubs: self.scrubs,
            ..Self::new(self.hooks.clone(), instruments)
        }
    }

    /// The sum over all allocator calls so far; `None` without books.
    pub fn trace(&self) -> Option<Trace> {
        self.book.as_ref().map(HeapBook::trace)
    }

    /// The bytes from the first live block to the end of the last one.
    pub fn extent(&self) -> u64 {
        extent(self.book.iter().flat_map(HeapBook::live_blocks))
    }

    /// From now on, forks of this state share its books.
    pub fn share(&mut self) {
        if let Some(book) = &mut self.book {
            book.share();
        }
    }

    /// Begins a test where its set-up ended, with limits of its own. The blocks that exist are not the test's own.
    pub fn begin_test(&mut self, limits: HeapLimits) {
        if let Some(book) = &mut self.book {
            book.begin_test();
            book.set_limits(limits);
        }
        self.crossed.clear();
    }

    /// A forked subtest begins where these books stand, with limits of its own: the blocks that are there are its test's, which holds
    /// them as long as the fork lasts.
    pub fn begin_fork(&mut self, limits: HeapLimits) {
        self.foundation = self.book.as_ref().map(HeapBook::numbered);
        self.begin_test(limits);
    }

    /// A teardown begins where its set-up ended, with limits of its own: the blocks that are there are its own.
    pub fn begin_teardown(&mut self, limits: HeapLimits) {
        if let Some(book) = &mut self.book {
            book.begin_teardown();
            book.set_limits(limits);
        }
        self.crossed.clear();
    }

    /// Takes the books out for a while, so that nothing is entered.
    pub fn take_books(&mut self) -> Option<HeapBook> {
        self.book.take()
    }

    /// Puts the books back.
    pub fn put_books(&mut self, books: Option<HeapBook>) {
        self.book = books;
    }

    /// Sets the limits of the test that goes on in these books.
    pub fn set_limits(&mut self, limits: HeapLimits) {
        if let Some(book) = &mut self.book {
            book.set_limits(limits);
        }
    }

    /// From now on, the stacks of these allocations are captured.
    pub fn capture(&mut self, capture: StackCapture) {
        self.capture = capture;
    }

    /// Notes why there will be no books.
    pub fn leave_closed(&mut self, why: NotTracked) {
        self.unopened = Some(why);
    }

    /// From now on, blocks are counted. If stacks are captured, too, new blocks are cleared.
    pub fn begin(&mut self, limits: HeapLimits, capture: StackCapture, floor: Floor) {
        self.floor = floor;
        self.scrubs = !matches!(capture, StackCapture::Nothing);
        if self.hooks.is_some() {
            let mut book = HeapBook::new(limits);
            if self.scrubs {
                book.note_origins();
            }
            self.book = Some(book);
            self.capture = capture;
        }
    }

    /// Notes that the fuel of a call of the test is used up. Clean-ups have fuel of their own.
    pub fn fuel_ended(&mut self) {
        self.calls_at_fuel_end = self.book.as_ref().map(|book| book.trace().events);
        self.most_calls = None;
    }

    /// Whether an exception left a function in which a test's code runs; `None` if no such function is hooked.
    pub fn unwound(&self) -> Option<bool> {
        let is_seen = |hooks: &Hooks| hooks.hooks.iter().any(|hook| hook.kind == HookKind::Window);
        self.hooks.as_deref().is_some_and(is_seen).then_some(self.unwound)
    }

    /// The books, if there are any. What is entered through them counts as done by the main thread.
    pub fn book(&mut self) -> Option<&mut HeapBook> {
        let book = self.book.as_mut()?;
        book.act_as(0);
        Some(book)
    }

    /// Whether the test's own code runs, as far as the books tell.
    pub(super) fn is_window_open(&self) -> bool {
        self.book.as_ref().is_some_and(HeapBook::window_open)
    }

    /// Notes the size of the memory that threads share. A thread calls this when it enters or leaves the allocator, and the
    /// host at the test's end. Memory that grew outside of the allocator ends the tracking.
    pub fn shared_memory_is(&mut self, size: u64, in_allocator: bool) {
        let has_grown = std::mem::replace(&mut self.shared_size, size) != size;
        if let (Some(book), true, false) = (&mut self.book, has_grown, in_allocator) {
            book.untrack(HeapError::GrewOutside);
        }
    }

    /// What follows in the books is done by this thread.
    pub(super) fn act_as(&mut self, thread: u32) {
        if let Some(book) = &mut self.book {
            book.act_as(thread);
        }
    }

    /// Notes that a thread waited inside the allocator.
    pub(super) fn allocator_waited(&mut self) {
        if let Some(book) = &mut self.book {
            book.untrack(HeapError::AllocatorWaited);
        }
    }

    /// The thread whose stack holds this address, or whose data which the C library keeps behind the stack.
    pub fn thread_at(&self, address: u32) -> Option<u32> {
        self.book.as_ref()?.thread_at(address)
    }

    /// Notes the name of the next thread that `by` spawns; `None` if it has none.
    pub(super) fn names_next(&mut self, by: u32, name: Option<Arc<str>>) {
        match name {
            Some(name) => self.next_names.insert(by, name),
            None => self.next_names.remove(&by),
        };
    }

    /// Takes the name of the thread that `by` spawns now.
    pub fn take_name(&mut self, by: u32) -> Option<Arc<str>> {
        self.next_names.remove(&by)
    }

    /// Notes that `by` spawned a thread.
    pub fn spawned(&mut self, by: u32, thread: u32) {
        if let Some(book) = &mut self.book {
            book.act_as(by);
            book.spawned(thread);
        }
    }

    /// Notes that a thread other than the main one has ended.
    pub fn thread_ended(&mut self, thread: u32) {
        if let Some(book) = self.book() {
            book.thread_ended(thread);
        }
    }

    /// Ends a call of a hooked function in the books, which returned `result`. `clear` clears some of the memory.
    pub(super) fn leave(&mut self, result: u32, memory: &mut [u8], clear: impl FnOnce(&mut [u8])) -> LeftCall {
        let Some(book) = &mut self.book else { return LeftCall::default() };
        let outcome = book.leave(result, memory);
        if let (Some(watch), AllocationOutcome::Allocated { number, size, .. }) = (&mut self.watch, &outcome) {
            watch.gives((*number, book.newest(), *size));
        }
        let (mut block, mut live, mut allocated) = (None, None, None);
        if let AllocationOutcome::Allocated { number, size, own, .. } = outcome {
            allocated = Some(size);
            live = number.is_multiple_of(LOOK_EVERY).then(|| book.live());
            if self.scrubs {
                scrub(memory, book.fresh(), clear);
            }
            block = self.capture.wants(number, own).then_some((number, size));
        }
        let wanted = WantedStack { block, crossed: outcome.crossed() };
        // A stack that is wanted is captured first: the next call is soon enough.
        let seen_enough = !wanted.is_wanted()
            && self.lookout.as_mut().is_some_and(|lookout| {
                lookout.has_seen_all(book.trace(), book.numbered(), || book.live_blocks(), memory)
            });
        if seen_enough {
            self.lookout = None;
            self.seen = Some(std::mem::take(&mut self.stacks));
        }
        LeftCall { wanted, live, size: allocated, seen_enough }
    }

    /// Draws the memory of the test at so much fuel.
    pub fn draw(&mut self, fuel: u64, linear: u64) {
        if let Some(pen) = &mut self.pen {
            let live = self.book.as_ref().map_or(0, HeapBook::live_bytes);
            pen.draw(TimelinePoint::new(fuel, live, linear));
        }
    }

    pub(super) fn hook(&self, which: u32) -> Option<&Hook> {
        self.hooks.as_ref()?.hooks.get(which as usize)
    }

    /// Enters an allocator call in the books.
    ///
    /// # Errors
    /// The call frees something that is not a block, or comes after the [`FuelEndOfFirstRun`].
    pub(super) fn enter(&mut self, call: AllocatorCall) -> wasmtime::Result<()> {
        let Some(book) = &mut self.book else { return Ok(()) };
        if self.most_calls.is_some_and(|most| book.trace().events >= most) {
            return Err(FuelEndOfFirstRun.into());
        }
        if let Some(watch) = self.watch.as_mut().filter(|_| !book.is_in_allocator()) {
            watch.enters(call);
        }
        Ok(book.enter(call)?)
    }

    /// How much the allocator call asks for that was entered last. See [`HeapBook::asked`].
    pub(super) fn asked(&self) -> Option<u64> {
        self.book.as_ref()?.asked()
    }

    /// Enters a block whose stack is wanted, if the stack of this calling context is known. Says whether it is.
    pub(super) fn captured_before(&mut self, wanted: &WantedStack, context: i64) -> bool {
        let Some((number, size)) = wanted.block.filter(|_| wanted.crossed.is_none()) else { return false };
        let known = self.stacks.enter_again(number, size, context);
        self.keep_stacks_few();
        known
    }

    /// Enters a stack that was wanted, with its depth, and the calling context that it belongs to.
    pub(super) fn captured(&mut self, wanted: WantedStack, (stack, depth): (Stack, u32), context: Option<i64>) {
        if let Some(crossed) = wanted.crossed {
            self.crossed.push(Crossing { crossed, stack: stack.clone() });
        }
        let Some((number, size)) = wanted.block else { return };
        self.stacks.enter(number, size, (stack, depth), context);
        self.keep_stacks_few();
    }

    /// Forgets which blocks are gone, if there are many. The blocks that were named to be captured are live at the end.
    fn keep_stacks_few(&mut self) {
        if matches!(self.capture, StackCapture::All)
            && self.stacks.is_full()
            && let Some(book) = &mut self.book
        {
            // If the heap is not tracked, there is no profile, so it does not matter what is kept of it.
            let _ = forget_gone(&mut self.stacks, book);
        }
    }

    /// How many bytes the host holds for the stacks of allocations.
    pub(super) fn stacks_held(&self) -> u64 {
        self.stacks.held()
    }

    /// Closes the books. `picture` is `None` if there is nothing to tell lost blocks by.
    pub fn end(mut self, picture: Option<EndPicture>) -> Result<HeapEnd, NotTracked> {
        let Some(mut book) = self.book.take() else {
            return Err(self.unopened.unwrap_or(NotTracked::EndedBefore));
        };
        if let Some(why) = book.lowest().and_then(|lowest| self.floor.refuses(lowest)) {
            book.untrack(why);
        }
        if matches!(self.capture, StackCapture::All) {
            forget_gone(&mut self.stacks, &mut book)?;
        }
        Ok(HeapEnd {
            figures: book.figures()?,
            trace: book.trace(),
            trail: book.trail().clone(),
            window_open: book.window_open(),
            crossed: self.crossed,
            picture,
            stacks: self.stacks,
            calls_at_fuel_end: self.calls_at_fuel_end,
            answers: self.answers,
            origins: book.take_origins(),
            watched: self.watch.map(|watch| watch.finish()).unwrap_or_default(),
        })
    }
}

/// The bytes from the first of these blocks to the end of the last one.
pub fn extent(blocks: impl Iterator<Item = Block>) -> u64 {
    let ends = blocks.map(|block| (u64::from(block.ptr), u64::from(block.ptr) + u64::from(block.size)));
    let both = ends.reduce(|(first, last), (start, end)| (first.min(start), last.max(end)));
    both.map_or(0, |(first, last)| last - first)
}

/// Clears what a new block holds of blocks that were there before: an old pointer in it, never written by its owner, would
/// reach what is lost.
fn scrub(memory: &mut [u8], fresh: Range<u64>, clear: impl FnOnce(&mut [u8])) {
    // Both ends are in memory, so they are addresses of the host too.
    if let Some(bytes) = memory.get_mut(fresh.start as usize..fresh.end as usize) {
        clear(bytes);
    }
}

/// Forgets blocks that are gone; the sums for each stack stay.
fn forget_gone(stacks: &mut AllocationStacks, book: &mut HeapBook) -> Result<(), HeapError> {
    let live: HashSet<u64> = book.blocks()?.into_iter().map(|block| block.number).collect();
    stacks.prune(|number| live.contains(&number));
    Ok(())
}

/// The allocator call that a hooked function was called for, with what `enter` was told of it; `None` for one that tells of
/// something else.
pub(super) fn call_for(kind: HookKind, which: u32, (a, b): (u32, u32)) -> Option<AllocatorCall> {
    Some(match kind {
        HookKind::Malloc => AllocatorCall::Malloc { size: a },
        HookKind::Calloc => AllocatorCall::Calloc { count: a, size: b },
        HookKind::Realloc => AllocatorCall::Realloc { ptr: a, size: b },
        HookKind::Free => AllocatorCall::Free { ptr: a },
        HookKind::PosixMemalign => AllocatorCall::PosixMemalign { to: a, align: alignment(which), size: b },
        HookKind::AlignedAlloc | HookKind::Memalign => AllocatorCall::Aligned { align: a, size: b },
        HookKind::Window => AllocatorCall::Window,
        HookKind::Libc => AllocatorCall::Libc,
        HookKind::MakesThread => AllocatorCall::MakesThread,
        HookKind::NamesThread
        | HookKind::Announce
        | HookKind::Raise
        | HookKind::RaiseUntold
        | HookKind::TempDir
        | HookKind::ProcessId
        | HookKind::TestMain => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_below_the_heap_is_not_one() {
        let (below, above) = (Floor { stack: 0..1000, data_end: 2000 }, Floor { stack: 600..1000, data_end: 600 });
        let (stack, data) = (Err("block-on-stack"), Err("block-in-static-data"));
        let cases = [
            (&below, 2000, Ok(1)),
            (&below, 1992, data),
            (&below, 992, stack),
            (&above, 1000, Ok(1)),
            (&above, 992, stack),
            (&above, 592, data),
            (&Floor::default(), 8, Ok(1)),
        ];
        for (floor, address, expected) in cases {
            let mut state = HeapState { hooks: Some(Arc::default()), ..HeapState::default() };
            state.begin(HeapLimits::default(), StackCapture::Nothing, floor.clone());
            let book = state.book().unwrap();
            book.open_window();
            book.enter(AllocatorCall::Malloc { size: 4 }).unwrap();
            book.leave(address, &[0; 4096]);
            let ended = state.end(None).map_err(|why| why.code());
            assert_eq!(ended.map(|end| end.figures.allocations), expected, "{address}");
        }
    }
}
