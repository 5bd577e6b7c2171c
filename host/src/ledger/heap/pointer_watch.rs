//! When the last pointer to a block went.
//!
//! A run is told of everything that it writes to memory. With that, this book knows which words hold a pointer to a watched block at
//! each moment, and when the last of them went. A word counts while it is in use: in static data outside of the allocator's own, in a
//! live block, in a mutable global, or in the shadow stack above the stack pointer. What a word that was never written holds is of no
//! account, and so is what is below the stack pointer: functions that call no other may keep something there.
//!
//! As in [`super::reach`], a word is a pointer to a block if it is the address of one of the block's bytes, or of the byte behind the
//! last. Locals of WebAssembly are not seen. So what is known is when the last pointer *in memory* went.

use super::parts::word_at;
use crate::ledger::Stack;
use std::collections::{BTreeMap, HashMap};
use std::ops::{Range, RangeInclusive};

/// Most words that are followed at once.
const MOST_WORDS: usize = 1 << 16;

/// Blocks of which is told when the last pointer to any of them went: one block, or those of a cycle. Their own words do not count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchedBlocks {
    /// The numbers of their allocations: of a block that was reallocated and stayed where it was, of the first of these.
    pub numbers: Vec<u64>,
    /// At which time that the last pointer goes the stack is wanted: 1 for the first.
    pub capture: Option<u64>,
}

/// Where words are in use that are no blocks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchedGround {
    /// Static data.
    pub data: Range<u32>,
    /// Parts of it that are an allocator's own.
    pub allocator: Vec<Range<u32>>,
    /// Words of these parts that may be the program's: they are, where they hold the address at which a block begins.
    pub gaps: Vec<Range<u32>>,
    /// Where the shadow stack begins.
    pub stack_top: u32,
}

/// How the last pointer in memory went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointerEnd {
    /// Something else was written where it was.
    Overwritten,
    /// It was in the frame of a function that returned.
    OutOfScope,
    /// It was in a block that was freed or made smaller.
    Freed,
}

/// What is known of watched blocks at the end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedEnd {
    /// How often the last pointer went: it may have come back from where it is not seen.
    pub times: u64,
    /// How many words hold one still.
    pub words: u64,
    /// How it went the last time.
    pub last: Option<PointerEnd>,
    /// Whether something is not known: for example, the host wrote where a pointer was.
    pub unsure: bool,
    /// The stack that was wanted.
    pub stack: Option<Stack>,
}

/// What an instance has to know so that it tells only of what matters: all other writes are of words that neither hold nor get a
/// pointer to a watched block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchFilter {
    /// The lowest address to which a pointer counts.
    pub low: u32,
    /// How many addresses there are from it on; 0 while no watched block exists.
    pub span: u32,
    /// The lowest word of the stack that holds a pointer; the highest address while there is none.
    pub stack: u32,
}

/// Something written to memory, before it is.
#[derive(Debug, Clone, Copy)]
pub enum MemoryWrite<'a> {
    /// These bytes at this address.
    Bytes(u32, &'a [u8]),
    /// So many bytes from the second address to the first.
    Copy(u32, u32, u32),
    /// This byte, so many times, at this address.
    Fill(u32, u8, u32),
}

/// Which watched blocks a word points to: two, if one ends where the next one begins.
type Targets = [Option<u32>; 2];

#[derive(Debug, Clone, Copy)]
struct Word {
    value: u32,
    to: Targets,
}

#[derive(Debug, Clone, Copy)]
struct LiveBlock {
    size: u32,
    /// The watched blocks that it is one of.
    watched: Option<u32>,
}

#[derive(Debug, Default)]
struct Tally {
    capture: Option<u64>,
    words: u64,
    /// Whether a word went since it was last settled.
    fell: bool,
    wants_stack: bool,
    times: u64,
    last: Option<PointerEnd>,
    unsure: bool,
    stack: Option<Stack>,
    /// Whether a word held one when the test's own code was left.
    held: bool,
}

/// The book of the pointers to watched blocks, while a run goes on.
#[derive(Debug, Default)]
pub struct PointerWatch {
    ground: WatchedGround,
    tallies: Vec<Tally>,
    by_number: HashMap<u64, u32>,
    live: BTreeMap<u32, LiveBlock>,
    /// The watched blocks that are live: their addresses.
    watched: BTreeMap<u32, (u32, u32)>,
    on_stack: BTreeMap<u32, Word>,
    elsewhere: BTreeMap<u32, Word>,
    /// By the index of the global.
    in_globals: BTreeMap<u32, Word>,
    fell: Vec<u32>,
    gave_up: bool,
    /// Whether other code than the test's own runs.
    outside: bool,
}

impl PointerWatch {
    /// A book in which nothing has happened yet.
    pub fn new(groups: &[WatchedBlocks], ground: WatchedGround) -> Self {
        let numbers = |(at, group): (usize, &WatchedBlocks)| {
            group.numbers.iter().map(move |number| (*number, at as u32)).collect::<Vec<_>>()
        };
        Self {
            by_number: groups.iter().enumerate().flat_map(numbers).collect(),
            tallies: groups.iter().map(|group| Tally { capture: group.capture, ..Tally::default() }).collect(),
            ground,
            ..Self::default()
        }
    }

    /// What the instance is to tell of from now on.
    pub fn filter(&self) -> WatchFilter {
        let stack = self.on_stack.first_key_value().map_or(u32::MAX, |(at, _)| *at);
        match self.bounds().filter(|_| !self.gave_up) {
            Some(bounds) => {
                WatchFilter { low: *bounds.start(), span: (bounds.end() - bounds.start()).saturating_add(1), stack }
            }
            None => WatchFilter { low: 0, span: 0, stack },
        }
    }

    /// Whether what follows is done outside of the test's own code. Of what is gone by then, nobody there has a pointer: what seems to be
    /// one was left on the stack, and is copied with what lies around it.
    pub fn goes_outside(&mut self, outside: bool) {
        if outside && !self.outside {
            self.tallies.iter_mut().for_each(|tally| tally.held = tally.words > 0);
        }
        self.outside = outside;
    }

    /// A block was allocated.
    pub fn allocated(&mut self, number: u64, ptr: u32, size: u32) {
        let watched = self.by_number.get(&number).copied();
        self.live.insert(ptr, LiveBlock { size, watched });
        if let Some(group) = watched {
            self.watched.insert(ptr, (size, group));
        }
    }

    /// An allocation stored the address of its block at `at`.
    pub fn stored(&mut self, at: u32, sp: u32, memory: &[u8]) {
        if let Some(value) = word_at(memory, at as usize).filter(|_| at.is_multiple_of(4)) {
            self.set(at, value, sp, memory);
        }
        self.settle(PointerEnd::Overwritten);
    }

    /// The block at this address is to be freed. Says whether a stack is wanted.
    pub fn freed(&mut self, ptr: u32, memory: &[u8]) -> bool {
        let Some(block) = self.forget(ptr) else { return false };
        for at in self.words_in(ptr, block.size) {
            self.clear(at, memory);
        }
        self.settle(PointerEnd::Freed)
    }

    /// The block at `old` was reallocated to `ptr`: its words have moved with it. Says whether a stack is wanted.
    pub fn reallocated(&mut self, old: u32, (number, ptr, size): (u64, u32, u32), sp: u32, memory: &[u8]) -> bool {
        let watched = self.watched.contains_key(&old) && old == ptr;
        let before = if watched { self.live.remove(&old) } else { self.forget(old) };
        let Some(before) = before else { return false };
        let mut moved = Vec::new();
        for at in self.words_in(old, before.size) {
            if let Some(word) = self.elsewhere.remove(&at) {
                self.fall(word.to);
                moved.push((at - old, word.value));
            }
        }
        self.allocated(number, ptr, size);
        if let Some(group) = before.watched.filter(|_| watched) {
            self.stays(ptr, size, group);
        }
        for (offset, value) in moved.into_iter().filter(|(offset, _)| offset + 4 <= size) {
            self.set(ptr + offset, value, sp, memory);
        }
        self.settle(PointerEnd::Freed)
    }

    /// Something is about to be written to memory. Says whether a stack is wanted.
    pub fn write(&mut self, write: MemoryWrite<'_>, sp: u32, memory: &[u8]) -> bool {
        let (at, len) = match write {
            MemoryWrite::Bytes(at, bytes) => (at, bytes.len() as u32),
            MemoryWrite::Copy(at, _, len) | MemoryWrite::Fill(at, _, len) => (at, len),
        };
        let end = u64::from(at) + u64::from(len);
        let from_end = if let MemoryWrite::Copy(_, from, _) = write { u64::from(from) + u64::from(len) } else { 0 };
        let Some(bounds) = self.bounds().filter(|_| len > 0 && end.max(from_end) <= memory.len() as u64) else {
            return false;
        };
        let byte = |address: u32| match write {
            MemoryWrite::Bytes(..) | MemoryWrite::Copy(..) | MemoryWrite::Fill(..)
                if address < at || u64::from(address) >= end =>
            {
                memory[address as usize]
            }
            MemoryWrite::Bytes(at, bytes) => bytes[(address - at) as usize],
            MemoryWrite::Copy(at, from, _) => memory[(from + (address - at)) as usize],
            MemoryWrite::Fill(_, byte, _) => byte,
        };
        for word in (at & !3..=(end - 1) as u32 & !3).step_by(4) {
            let value = u32::from_le_bytes([0, 1, 2, 3].map(|nth| byte(word + nth)));
            if bounds.contains(&value) {
                self.set(word, value, sp, memory);
            } else {
                self.clear(word, memory);
            }
        }
        self.settle(PointerEnd::Overwritten)
    }

    /// A global other than the stack pointer is about to be set. Says whether a stack is wanted.
    pub fn set_global(&mut self, index: u32, value: u32) -> bool {
        if let Some(word) = self.in_globals.remove(&index) {
            self.fall(word.to);
        }
        let to = self.targets(value);
        if to != [None; 2] {
            self.rise(to);
            self.in_globals.insert(index, Word { value, to });
        }
        self.settle(PointerEnd::Overwritten)
    }

    /// The stack pointer is about to be moved to `sp`: what is below it is not in use any more. Says whether a stack is wanted.
    pub fn stack_is(&mut self, sp: u32, memory: &[u8]) -> bool {
        while let Some((&at, _)) = self.on_stack.first_key_value().filter(|(at, _)| **at < sp) {
            self.clear(at, memory);
        }
        self.settle(PointerEnd::OutOfScope)
    }

    /// Takes the stack that was wanted.
    pub fn captured(&mut self, stack: &Stack) {
        for tally in &mut self.tallies {
            if std::mem::take(&mut tally.wants_stack) {
                tally.stack = Some(stack.clone());
            }
        }
    }

    /// What is known at the end, in the order in which the blocks were given.
    pub fn finish(self) -> Vec<WatchedEnd> {
        let gave_up = self.gave_up;
        let end = |tally: Tally| WatchedEnd {
            times: tally.times,
            words: tally.words,
            last: tally.last,
            unsure: tally.unsure || gave_up,
            stack: tally.stack,
        };
        self.tallies.into_iter().map(end).collect()
    }

    /// The addresses to which a pointer counts; `None` while no watched block is live.
    fn bounds(&self) -> Option<RangeInclusive<u32>> {
        let low = *self.watched.first_key_value()?.0;
        let high = self.watched.iter().map(|(ptr, (size, _))| ptr.saturating_add(*size)).max()?;
        Some(low..=high)
    }

    /// A watched block stays where it is, with another size.
    fn stays(&mut self, ptr: u32, size: u32, group: u32) {
        self.live.insert(ptr, LiveBlock { size, watched: Some(group) });
        self.watched.insert(ptr, (size, group));
        let mut beyond = 0;
        for words in [&mut self.on_stack, &mut self.elsewhere, &mut self.in_globals] {
            words.retain(|_, word| {
                let is_beyond = word.value > ptr.saturating_add(size);
                for target in word.to.iter_mut().filter(|target| is_beyond && **target == Some(group)) {
                    *target = None;
                    beyond += 1;
                }
                word.to != [None; 2]
            });
        }
        (0..beyond).for_each(|_| self.fall([Some(group), None]));
    }

    /// Takes a live block out.
    fn forget(&mut self, ptr: u32) -> Option<LiveBlock> {
        let block = self.live.remove(&ptr)?;
        if let Some(group) = block.watched {
            // It is live at the end of the run that this one repeats, so this one is another.
            self.watched.remove(&ptr);
            self.tallies[group as usize].unsure = true;
        }
        Some(block)
    }

    /// The words of a block that are followed.
    fn words_in(&self, ptr: u32, size: u32) -> Vec<u32> {
        self.elsewhere.range(ptr..ptr.saturating_add(size)).map(|(at, _)| *at).collect()
    }

    /// A word holds this value from now on.
    fn set(&mut self, at: u32, value: u32, sp: u32, memory: &[u8]) {
        self.clear(at, memory);
        let mut to = self.targets(value);
        if to == [None; 2] {
            return;
        }
        let on_stack = at >= sp && at < self.ground.stack_top;
        if !on_stack {
            let (in_use, within) = self.use_of(at, value);
            if !in_use {
                return;
            }
            for target in &mut to {
                target.take_if(|group| within == Some(*group));
            }
            if to == [None; 2] {
                return;
            }
        }
        if self.on_stack.len() + self.elsewhere.len() >= MOST_WORDS {
            self.gave_up = true;
            return;
        }
        self.rise(to);
        if on_stack { &mut self.on_stack } else { &mut self.elsewhere }.insert(at, Word { value, to });
    }

    /// Whether a word that is not on the stack is in use, if it holds this value; and which of the watched blocks it lies in.
    fn use_of(&self, at: u32, value: u32) -> (bool, Option<u32>) {
        let WatchedGround { data, allocator, gaps, .. } = &self.ground;
        if data.contains(&at) {
            let lies_in = |ranges: &[Range<u32>]| ranges.iter().any(|range| range.contains(&at));
            let is_program_s = !lies_in(allocator) || (lies_in(gaps) && self.live.contains_key(&value));
            return (is_program_s, None);
        }
        let Some((ptr, block)) = self.live.range(..=at).next_back() else { return (false, None) };
        (u64::from(at - ptr) + 4 <= u64::from(block.size), block.watched)
    }

    /// A word does not hold any more what it held.
    fn clear(&mut self, at: u32, memory: &[u8]) {
        let Some(word) = self.on_stack.remove(&at).or_else(|| self.elsewhere.remove(&at)) else { return };
        self.fall(word.to);
        if word_at(memory, at as usize) != Some(word.value) {
            // The host wrote there, as calls of it do. When is not known.
            for group in word.to.into_iter().flatten() {
                self.tallies[group as usize].unsure = true;
            }
        }
    }

    fn rise(&mut self, to: Targets) {
        to.into_iter().flatten().for_each(|group| self.tallies[group as usize].words += 1);
    }

    fn fall(&mut self, to: Targets) {
        for group in to.into_iter().flatten() {
            let tally = &mut self.tallies[group as usize];
            tally.words -= 1;
            if !std::mem::replace(&mut tally.fell, true) {
                self.fell.push(group);
            }
        }
    }

    /// Ends one step of the run. Says whether the stack of it is wanted.
    fn settle(&mut self, how: PointerEnd) -> bool {
        let mut wants = false;
        for group in self.fell.drain(..) {
            let tally = &mut self.tallies[group as usize];
            tally.fell = false;
            if tally.words == 0 && (tally.held || !self.outside) {
                tally.times += 1;
                tally.last = Some(how);
                tally.held = false;
                tally.wants_stack = tally.capture == Some(tally.times);
                wants |= tally.wants_stack;
            }
        }
        wants
    }

    /// The watched blocks that a value points to.
    fn targets(&self, value: u32) -> Targets {
        let mut below = self.watched.range(..=value).rev().take(2);
        let mut next = || below.next().filter(|(ptr, (size, _))| value - **ptr <= *size).map(|(_, (_, group))| *group);
        let (first, second) = (next(), next());
        [first, second.filter(|group| Some(*group) != first)]
    }
}
