//! Takes the picture of a heap at its test's end.

use super::layout::{AllocatorMap, Ground, PAGE};
use super::look::look;
use super::module::ModuleHeap;
use super::picture::{EndPicture, LeftThread};
use crate::ledger::heap::reach::{ThreadStack, without};
use crate::ledger::heap::{Block, StackBlock};
use crate::sandbox::state::TestState;
use crate::sandbox::wasi::{BrokenLimit, GivenPaths};
use std::collections::BTreeMap;
use std::ops::Range;
use wasmtime::{Instance, Store};

impl EndPicture {
    /// A picture of what an instance holds now. `None` if no block of the test's own is left. `stack_top` is where the
    /// shadow stack began: functions of the test that are still running use the memory below it.
    ///
    /// # Errors
    /// Two such pictures, which the comparison needs, are more than the host may hold for the test.
    pub fn take(
        store: &mut Store<TestState>,
        instance: &Instance,
        module: &ModuleHeap,
        (ground, stack_top, allocator): (Ground, u32, &AllocatorMap),
    ) -> Result<Option<Self>, BrokenLimit> {
        let Some(end) = Self::end(store, instance, module, stack_top) else { return Ok(None) };
        let state = store.data();
        look(store, |memory| end.picture(state, memory, ground, allocator)).unwrap_or(Ok(None))
    }

    /// What is known without a look at the memory; `None` if no block of the test's own is left.
    fn end(store: &mut Store<TestState>, instance: &Instance, module: &ModuleHeap, stack_top: u32) -> Option<End> {
        let stack_pointer = module.layout.stack_pointer(store, instance).map(|(_, pointer)| pointer);
        let foundation = store.data().heap.foundation;
        let book = store.data_mut().heap.book()?;
        // A forked subtest ends within functions of its test.
        let running = stack_pointer.filter(|_| book.window_open() || foundation.is_some());
        let figures = book.figures().ok()?;
        let lowest = book.lowest().filter(|_| figures.live_blocks > 0)?;
        let blocks = book.blocks().ok()?;
        let numbers = book.thread_stacks().clone();
        let (stacks, owners) = thread_stacks(&numbers, &blocks, &store.data().heap.left_threads);
        let mut globals = module.layout.globals(store, instance);
        globals.extend(store.data().heap.left_threads.iter().flat_map(|thread| &thread.globals));
        Some(End { lowest, blocks, globals, stacks, owners, running, stack_top, foundation: foundation.unwrap_or(0) })
    }
}

/// What is known at a test's end without a look at its memory.
struct End {
    /// The lowest address that any block ever had.
    lowest: u32,
    blocks: Vec<Block>,
    globals: Vec<u32>,
    stacks: Vec<ThreadStack>,
    owners: Vec<(u64, u32)>,
    /// The stack pointer of the main thread, if functions of the test's own are still running in it.
    running: Option<u32>,
    /// The stack pointer at the beginning.
    stack_top: u32,
    /// Blocks up to this number are held by whoever forked the subtest.
    foundation: u64,
}

impl End {
    /// Makes the picture from this memory.
    fn picture(
        self,
        state: &TestState,
        memory: &[u8],
        ground: Ground,
        allocator: &AllocatorMap,
    ) -> Result<Option<EndPicture>, BrokenLimit> {
        let Self { lowest, blocks, globals, stacks, owners, running, stack_top, foundation } = self;
        // Of what lies between static data and blocks that were moved far, a page is enough: nobody wrote there.
        let pad = state.heap.pad.map_or(u32::MAX, |pad| pad.saturating_add(PAGE as u32));
        let data = ground.start.min(lowest)..lowest.min(pad);
        let top = stack_top.min(u32::try_from(memory.len()).unwrap_or(u32::MAX));
        let stack = running.map_or(0..0, |pointer| pointer.min(top)..top);
        let mut roots = without(std::slice::from_ref(&data), &allocator.ranges);
        let given = state.wasi.given_paths();
        let left_by_libc: Vec<_> =
            roots.iter().flat_map(|root| into_paths(memory, root.clone(), &blocks, given)).collect();
        roots = without(&roots, &left_by_libc);
        roots.extend(allocator.gaps.iter().flat_map(|gap| pointers(memory, gap.clone(), &blocks)));
        let parts = parts(&[data, stack.clone()], &blocks, &stacks);
        let copied: u64 = parts.iter().map(|part| part.end - part.start).sum();
        state.wasi.check_quota_for(copied.saturating_mul(2))?;
        let bytes = parts.iter().map(|part| memory.get(part.start as usize..part.end as usize));
        let Some(bytes) = bytes.collect::<Option<Vec<_>>>() else { return Ok(None) };
        Ok(Some(EndPicture {
            bytes: bytes.concat(),
            parts,
            blocks,
            roots,
            stack,
            stacks,
            owners,
            only_live: !ground.stack_within,
            globals,
            foundation,
        }))
    }
}

/// The blocks that are stacks of threads. The stack of a thread that had not ended is live from its stack pointer on; the
/// others are dead. Also returns which thread each live stack belongs to.
fn thread_stacks(
    numbers: &BTreeMap<u64, StackBlock>,
    blocks: &[Block],
    left: &[LeftThread],
) -> (Vec<ThreadStack>, Vec<(u64, u32)>) {
    let pointers: Vec<(u32, u32)> = left.iter().filter_map(|thread| Some((thread.stack_pointer?, thread.id))).collect();
    let (mut stacks, mut owners) = (Vec::new(), Vec::new());
    for block in blocks.iter().filter(|block| numbers.contains_key(&block.number)) {
        let within = |(pointer, _): &&(u32, u32)| *pointer >= block.ptr && pointer - block.ptr < block.size;
        let found = pointers.iter().find(within);
        stacks.push(ThreadStack { number: block.number, live_from: found.map(|(pointer, _)| pointer - block.ptr) });
        owners.extend(found.map(|(_, thread)| (block.number, *thread)));
    }
    stacks.sort_unstable_by_key(|stack| stack.number);
    owners.sort_unstable_by_key(|(_, thread)| *thread);
    (stacks, owners)
}

/// Most bytes between two blocks for which both share one part: a part takes more room than that.
const BETWEEN: u64 = 64;

/// The parts of memory that these ranges and blocks need. What lies between blocks that are far apart was freed long ago,
/// and may be most of the memory; it is left out.
fn parts(ranges: &[Range<u32>], blocks: &[Block], stacks: &[ThreadStack]) -> Vec<Range<u64>> {
    let dead = |block: &Block| {
        let stack = stacks.binary_search_by_key(&block.number, |stack| stack.number).ok().map(|at| stacks[at]);
        stack.map_or(0, |stack| u64::from(stack.live_from.unwrap_or(block.size)))
    };
    let ranges = ranges.iter().filter(|range| !range.is_empty());
    let ranges = ranges.map(|range| (u64::from(range.start)..u64::from(range.end), 0));
    let ends = |block: &Block| u64::from(block.ptr) + dead(block)..u64::from(block.ptr) + u64::from(block.size);
    let mut all: Vec<_> = ranges.chain(blocks.iter().map(|block| (ends(block), BETWEEN))).collect();
    all.sort_unstable_by_key(|(range, _)| (range.start, range.end));
    let mut parts: Vec<Range<u64>> = Vec::new();
    for (range, between) in all {
        match parts.last_mut() {
            Some(last) if range.start <= last.end + between => last.end = last.end.max(range.end),
            _ => parts.push(range),
        }
    }
    parts
}

/// The words in a range that point into the middle of a block, to a path that was given to a call: wasi-libc keeps these of
/// its last calls. They are not the program's: a static of the program that owns the block points to the block's beginning,
/// since nothing else can be freed.
fn into_paths(memory: &[u8], range: Range<u32>, blocks: &[Block], given: &GivenPaths) -> Vec<Range<u32>> {
    if given.is_empty() {
        return Vec::new();
    }
    let within = |word: u32| {
        let after = blocks.partition_point(|block| block.ptr < word);
        after.checked_sub(1).is_some_and(|last| word - blocks[last].ptr < blocks[last].size)
    };
    let is_left = |at: &u32| {
        let word =
            memory.get(*at as usize..).and_then(|bytes| bytes.first_chunk()).map(|word| u32::from_le_bytes(*word));
        word.is_some_and(|word| given.contains(word) && within(word))
    };
    (range.start.next_multiple_of(4)..range.end).step_by(4).filter(is_left).map(|at| at..at + 4).collect()
}

/// The words in a range that hold the address of a block. An allocator's own words never do: they point to what lies before
/// a block.
fn pointers(memory: &[u8], range: Range<u32>, blocks: &[Block]) -> impl Iterator<Item = Range<u32>> {
    range.step_by(4).filter_map(move |at| {
        let word = u32::from_le_bytes(*memory.get(at as usize..)?.first_chunk()?);
        blocks.binary_search_by_key(&word, |block| block.ptr).is_ok().then(|| at..at + 4)
    })
}
