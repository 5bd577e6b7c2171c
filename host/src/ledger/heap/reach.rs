//! Lost or retained: which blocks something still reaches when a test has ended.
//!
//! The search starts at the roots, which are parts of static memory, the shadow stack of functions that are running, the module's
//! mutable globals and, where a subtest was forked, the blocks that were there before. A block that is reached
//! is searched in turn. A word is a pointer to a block if it is the address of one of the block's bytes, or of the byte behind
//! the last: an empty slice at the end of a buffer points there.
//!
//! [`plain`] looks at one run and takes every such word for a pointer. An integer that happens to be such an address then makes
//! a lost block look retained. A [`MemoryComparison`] looks at two runs of one test whose heaps lie at different addresses. A pointer
//! differs between the runs; an integer is the same in both. Not every pointer stands at the same place in both runs: see
//! `moved`. By the same rule it is found which lost blocks hold which: see `holding`.
//!
//! Some pointers are not seen by either: those in another form (xored, compressed, with a tag that leads out of the block),
//! those at an address that is not a multiple of 4, and those outside of memory and globals, such as in a table. A block that
//! only such a pointer holds is taken for lost.

mod holding;
mod moved;
mod references;
mod roots;
mod stored;

pub use holding::Holding;
pub use references::{Lookout, References};

use super::parts::word_at;
use super::{Block, Parts};
use std::ops::Range;
use thiserror::Error;

/// Everything that the search looks at when a test has ended.
#[derive(Debug, Clone)]
pub struct Picture<'m> {
    /// The linear memory, at least those parts that are blocks or roots.
    pub memory: Parts<'m>,
    /// Every live block, in the order of the addresses, whoever owns it.
    pub blocks: &'m [Block],
    /// The parts of static memory that are roots.
    pub roots: &'m [Range<u32>],
    /// The shadow stack of the functions that were still running, which is a root; empty if none was running. In a second run
    /// it may lie at another address.
    pub stack: Range<u32>,
    /// The blocks that are stacks of threads, in the order of their numbers. The live part of each is a root.
    pub stacks: &'m [ThreadStack],
    /// Whether everything in the roots is live. It is not if a stack lies among static data: its unused part holds dead values.
    pub only_live: bool,
    /// The values of the mutable globals that are roots.
    pub globals: &'m [u32],
    /// Blocks up to this number are roots: of a forked subtest, those of its test, which may hold them where nobody sees it.
    pub foundation: u64,
}

/// A block that is the stack of a thread. Behind the stack, it holds everything else that libc keeps of the thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadStack {
    /// The number of the block's allocation.
    pub number: u64,
    /// The offset from which on the block is live; `None` if the thread has ended, so that nothing in it is live.
    pub live_from: Option<u32>,
}

/// Why two runs cannot be compared. The text completes "the second run differs: …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Mismatch {
    /// The second run ended with another number of blocks.
    #[error("it ended with {second} live blocks, the first with {first}")]
    Count {
        /// Live blocks at the end of the first run.
        first: usize,
        /// Live blocks at the end of the second run.
        second: usize,
    },
    /// A block of the first run was not live at the end of the second.
    #[error("allocation {number} was not live at its end")]
    Missing {
        /// The block's number.
        number: u64,
    },
    /// A block had another size in the second run.
    #[error("allocation {number} was of {second} bytes, in the first run of {first}")]
    Size {
        /// The block's number.
        number: u64,
        /// Its size in the first run, in bytes.
        first: u32,
        /// Its size in the second run, in bytes.
        second: u32,
    },
    /// The second run has less memory of a root than the first.
    #[error("its static data ends elsewhere")]
    Static,
    /// A block is lost according to the comparison, but the static data of one run (and not of the other) holds its address.
    #[error("the address of allocation {number} was in static data in one run alone")]
    Stored {
        /// The block's number.
        number: u64,
    },
    /// The functions that were still running took more or fewer bytes of the shadow stack.
    #[error("its functions took {second} bytes of the stack, in the first run {first}")]
    Stack {
        /// Bytes in the first run.
        first: usize,
        /// Bytes in the second run.
        second: usize,
    },
    /// Other threads had not ended, or their stacks are in other blocks or have other live parts.
    #[error("its threads had other stacks")]
    ThreadStacks,
    /// The two runs have different numbers of globals.
    #[error("it had {second} globals, the first {first}")]
    Globals {
        /// Globals of the first run.
        first: usize,
        /// Globals of the second run.
        second: usize,
    },
}

/// For each block, whether it is reached, if every word that may be a pointer is taken for one.
pub fn plain(picture: &Picture) -> Vec<bool> {
    HeapWalk::new(picture, None).run(picture.roots)
}

/// Two runs of one test that ended with the same blocks at different addresses.
pub struct MemoryComparison<'p, 'm> {
    first: &'p Picture<'m>,
    twin: Twin<'p, 'm>,
    /// The addresses that are roots in both runs.
    roots: Vec<Range<u32>>,
}

impl<'p, 'm> MemoryComparison<'p, 'm> {
    /// Matches the ends of two runs.
    ///
    /// # Errors
    /// The two runs did not end with the same blocks.
    pub fn new(first: &'p Picture<'m>, second: &'p Picture<'m>) -> Result<Self, Mismatch> {
        let starts = matching(first.blocks, second.blocks)?;
        if first.stack.len() != second.stack.len() {
            return Err(Mismatch::Stack { first: first.stack.len(), second: second.stack.len() });
        }
        if first.stacks != second.stacks {
            return Err(Mismatch::ThreadStacks);
        }
        if first.globals.len() != second.globals.len() {
            return Err(Mismatch::Globals { first: first.globals.len(), second: second.globals.len() });
        }
        let roots = common(first.roots, second.roots);
        let known = |memory: &Parts, root: &Range<u32>| memory.from(root.start.into()).len().min(root.len());
        if roots.iter().any(|root| known(&second.memory, root) < known(&first.memory, root)) {
            return Err(Mismatch::Static);
        }
        let twin = Twin { memory: &second.memory, stack: second.stack.start, globals: second.globals, starts };
        Ok(Self { first, twin, roots })
    }

    /// For each block of the first run, whether it is reached. A word is taken for a pointer if it points to the same place of
    /// the same block in both runs.
    pub fn reached(&self) -> Vec<bool> {
        HeapWalk::new(self.first, Some(&self.twin)).run(&self.roots)
    }
}

/// For each block of the first run, its address in the second. Blocks are matched by their numbers.
fn matching(first: &[Block], second: &[Block]) -> Result<Vec<u32>, Mismatch> {
    if first.len() != second.len() {
        return Err(Mismatch::Count { first: first.len(), second: second.len() });
    }
    let mut by_number: Vec<(usize, &Block)> = first.iter().enumerate().collect();
    by_number.sort_unstable_by_key(|(_, block)| block.number);
    let mut others: Vec<&Block> = second.iter().collect();
    others.sort_unstable_by_key(|block| block.number);
    let mut others = others.into_iter().peekable();
    let mut starts = vec![0; first.len()];
    for (index, block) in by_number {
        let number = block.number;
        while others.next_if(|other| other.number < number).is_some() {}
        let other = others.next_if(|other| other.number == number).ok_or(Mismatch::Missing { number })?;
        if other.size != block.size {
            return Err(Mismatch::Size { number, first: block.size, second: other.size });
        }
        starts[index] = other.ptr;
    }
    Ok(starts)
}

/// What is known of the second run.
struct Twin<'p, 'm> {
    memory: &'p Parts<'m>,
    /// Where its shadow stack begins.
    stack: u32,
    globals: &'p [u32],
    /// For each block of the first run, its address in the second.
    starts: Vec<u32>,
}

impl Picture<'_> {
    /// The thread's stack, if a block is one.
    fn stack_of(&self, block: &Block) -> Option<&ThreadStack> {
        let at = self.stacks.binary_search_by_key(&block.number, |stack| stack.number).ok()?;
        self.stacks.get(at)
    }

    /// How many bytes at the start of a block are dead: 0, unless it is the stack of a thread.
    fn dead(&self, block: &Block) -> u32 {
        self.stack_of(block).map_or(0, |stack| stack.live_from.unwrap_or(block.size).min(block.size))
    }
}

struct HeapWalk<'p, 'm> {
    picture: &'p Picture<'m>,
    twin: Option<&'p Twin<'p, 'm>>,
    /// No block lies below `lowest` or above `highest`.
    lowest: u32,
    highest: u64,
    reached: Vec<bool>,
    /// Blocks that are reached and that were not searched yet.
    pending: Vec<usize>,
}

impl<'p, 'm> HeapWalk<'p, 'm> {
    fn new(picture: &'p Picture<'m>, twin: Option<&'p Twin<'p, 'm>>) -> Self {
        let lowest = picture.blocks.first().map_or(u32::MAX, |block| block.ptr);
        let highest = picture.blocks.last().map_or(0, end);
        Self { picture, twin, lowest, highest, reached: vec![false; picture.blocks.len()], pending: Vec::new() }
    }

    fn run(mut self, roots: &[Range<u32>]) -> Vec<bool> {
        for root in roots {
            self.scan(root.start, root.end.into(), root.start);
        }
        let stack = self.picture.stack.clone();
        self.scan(stack.start, stack.end.into(), self.twin.map_or(stack.start, |twin| twin.stack));
        if self.picture.stacks.iter().any(|stack| stack.live_from.is_some()) {
            let is_live = |block: &Block| self.picture.stack_of(block).is_some_and(|stack| stack.live_from.is_some());
            let live: Vec<usize> =
                (0..self.picture.blocks.len()).filter(|at| is_live(&self.picture.blocks[*at])).collect();
            live.into_iter().for_each(|index| self.mark(index));
        }
        for index in 0..self.picture.blocks.len() {
            if self.picture.blocks[index].number <= self.picture.foundation {
                self.mark(index);
            }
        }
        for (index, &word) in self.picture.globals.iter().enumerate() {
            let other = self.twin.map_or(word, |twin| twin.globals[index]);
            self.point(word, other);
        }
        self.follow();
        self.follow_moved(roots);
        self.reached
    }

    /// Searches the pending blocks, and all blocks that are reached from them. Returns the blocks that were searched.
    fn follow(&mut self) -> Vec<usize> {
        let mut followed = Vec::new();
        while let Some(index) = self.pending.pop() {
            let block = &self.picture.blocks[index];
            let other = self.twin.map_or(block.ptr, |twin| twin.starts[index]);
            let dead = self.picture.dead(block);
            self.scan(block.ptr + dead, end(block), other + dead);
            followed.push(index);
        }
        followed
    }

    /// Searches the words from address `start` to `end`. In the second run, the same words start at address `other`.
    fn scan(&mut self, start: u32, end: u64, other: u32) {
        let first = u64::from(start).next_multiple_of(4);
        let bytes = self.picture.memory.from(first);
        let bytes = &bytes[..bytes.len().min(end.saturating_sub(first) as usize)];
        let there = u64::from(other) + (first - u64::from(start));
        let there = self.twin.map(|twin| twin.memory.from(there));
        for (index, bytes) in bytes.chunks_exact(4).enumerate() {
            let word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            if word < self.lowest || u64::from(word) > self.highest {
                continue;
            }
            if let Some(same) = there.map_or(Some(word), |there| word_at(there, index * 4)) {
                self.point(word, same);
            }
        }
    }

    /// Looks at a word of the first run. The second run has `other` at the same place.
    fn point(&mut self, word: u32, other: u32) {
        let after = self.picture.blocks.partition_point(|block| block.ptr <= word);
        let Some(last) = after.checked_sub(1) else {
            return;
        };
        self.touch(last, word, other);
        // The start of one block may be the end of the one before it.
        if let Some(before) = last.checked_sub(1).filter(|_| self.picture.blocks[last].ptr == word) {
            self.touch(before, word, other);
        }
    }

    /// Marks a block as reached if the word points to it, at the same offset in both runs.
    fn touch(&mut self, index: usize, word: u32, other: u32) {
        let block = &self.picture.blocks[index];
        let offset = word - block.ptr;
        let same = |twin: &Twin| u64::from(twin.starts[index]) + u64::from(offset) == u64::from(other);
        if offset <= block.size && self.twin.is_none_or(same) {
            self.mark(index);
        }
    }

    fn mark(&mut self, index: usize) {
        if !std::mem::replace(&mut self.reached[index], true) {
            self.pending.push(index);
        }
    }
}

/// One past a block's last byte.
fn end(block: &Block) -> u64 {
    u64::from(block.ptr) + u64::from(block.size)
}

/// The addresses that lie in ranges of both lists.
fn common(first: &[Range<u32>], second: &[Range<u32>]) -> Vec<Range<u32>> {
    let whole = [0..u32::MAX];
    without(first, &without(&whole, second))
}

/// The addresses of `roots` that do not lie in `holes`. With it, an allocator's own state is cut out of static memory.
pub fn without(roots: &[Range<u32>], holes: &[Range<u32>]) -> Vec<Range<u32>> {
    let holes = joined(holes, 0);
    let mut left = Vec::new();
    for root in roots {
        let mut start = root.start;
        let first = holes.partition_point(|hole| hole.end <= root.start);
        for hole in holes[first..].iter().take_while(|hole| hole.start < root.end) {
            left.push(start..hole.start);
            start = hole.end;
        }
        left.push(start..root.end);
    }
    left.retain(|range| !range.is_empty());
    left
}

/// The same addresses, in ranges that are sorted and not empty. Ranges that overlap are joined. Ranges that are at most `join`
/// bytes apart are joined too, together with the bytes between them.
pub fn joined(ranges: &[Range<u32>], join: u32) -> Vec<Range<u32>> {
    let mut sorted: Vec<_> = ranges.iter().filter(|range| !range.is_empty()).cloned().collect();
    sorted.sort_unstable_by_key(|range| range.start);
    sorted.dedup_by(|next, last| {
        let meet = next.start <= last.end.saturating_add(join);
        if meet {
            last.end = last.end.max(next.end);
        }
        meet
    });
    sorted
}

/// The addresses of the 4-byte words that differ between two copies of the memory from address `base` on. If one copy is
/// longer, its end differs. `None` if there are more than `most` ranges of words that differ.
pub fn changed(before: &[u8], after: &[u8], base: u32, most: usize) -> Option<Vec<Range<u32>>> {
    /// How many bytes are compared at once, before single words are: most of a memory is the same.
    const PIECE: usize = 1024;
    let mut ranges: Vec<Range<u32>> = Vec::new();
    let note = |ranges: &mut Vec<Range<u32>>, from: usize, to: usize| {
        let address = |offset: usize| u32::try_from(u64::from(base) + offset as u64).unwrap_or(u32::MAX);
        let range = address(from)..address(to);
        match ranges.last_mut() {
            Some(last) if range.start == last.end => last.end = range.end,
            _ => ranges.push(range),
        }
    };
    let both = before.len().min(after.len());
    let pieces = before[..both].chunks(PIECE).zip(after[..both].chunks(PIECE));
    for (index, (before, after)) in pieces.enumerate().filter(|(_, (before, after))| before != after) {
        let words = before.chunks(4).zip(after.chunks(4)).enumerate();
        for (word, (bytes, _)) in words.filter(|(_, (before, after))| before != after) {
            let at = index * PIECE + word * 4;
            note(&mut ranges, at, at + bytes.len());
        }
        if ranges.len() > most {
            return None;
        }
    }
    if before.len() != after.len() {
        note(&mut ranges, both, before.len().max(after.len()));
    }
    (ranges.len() <= most).then_some(ranges)
}
