//! Pointers that are at another place in the second run. A hash table whose keys are addresses, for example, has another order
//! in a run whose addresses are others.
//!
//! A word that is the same in both runs is not a pointer, since the blocks moved. A word that differs may be a pointer to a
//! place in a block if the other run holds, anywhere, a word that points to the same place of the same block; that one too has
//! to differ from what the first run has there.
//!
//! A block is reached by such pointers if it is in both runs, in each by the pointers of that run alone. One run is not enough:
//! what is left of a freed block in a block that is in use looks like pointers in the first run, and is cleared in the second.
//! The blocks of a list that is lost do point to each other, in both.
//!
//! Words of static data are looked at only where everything in it is live: words of a dead stack are at other places too.

use super::{HeapWalk, Picture, Twin, end, word_at};
use crate::ledger::heap::{Block, Parts};
use std::ops::{Range, RangeInclusive};

/// A place in a block: the block's index among those of the first run, and bytes from its start. It is kept small, since a
/// hostile heap can be full of pointers.
pub(super) type BlockOffset = (u32, u32);

impl HeapWalk<'_, '_> {
    /// Continues the search with pointers that are at another place in the second run.
    pub(super) fn follow_moved(&mut self, roots: &[Range<u32>]) {
        let (blocks, Some(twin)) = (self.picture.blocks, self.twin) else { return };
        if !self.reached.contains(&false) {
            return;
        }
        let roots = if self.picture.only_live { roots } else { &[] };
        let search = MovedSearch {
            picture: self.picture,
            memory: &self.picture.memory,
            twin,
            blocks,
            roots: roots.iter().map(|root| (root.start, u64::from(root.end), root.start)).collect(),
            here: Addresses::new(blocks.iter().map(|block| (block.ptr, block.size))),
            there: Addresses::new(twin.starts.iter().zip(blocks).map(|(start, block)| (*start, block.size))),
        };
        let pointers = search.pointers(&self.reached);
        if pointers.is_empty() {
            return;
        }
        let [first, second] = [Side::First, Side::Second].map(|side| search.reach(side, &self.reached, &pointers));
        for ((reached, first), second) in self.reached.iter_mut().zip(first).zip(second) {
            *reached |= first && second;
        }
    }
}

/// One of the two runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    First,
    Second,
}

struct MovedSearch<'s, 'm> {
    picture: &'s Picture<'m>,
    memory: &'s Parts<'m>,
    twin: &'s Twin<'s, 'm>,
    blocks: &'s [Block],
    roots: Vec<TwinRange>,
    here: Addresses,
    there: Addresses,
}

impl MovedSearch<'_, '_> {
    fn block(&self, index: usize) -> TwinRange {
        let block = &self.blocks[index];
        let dead = self.picture.dead(block);
        (block.ptr + dead, end(block), self.twin.starts[index] + dead)
    }

    /// The places to which words point that differ, in both runs, in blocks that are not reached without them. Sorted.
    fn pointers(&self, reached: &[bool]) -> Vec<BlockOffset> {
        let parts = || (0..self.blocks.len()).map(|index| self.block(index)).chain(self.roots.iter().copied());
        let differing =
            || parts().flat_map(|part| words(self.memory, self.twin, part)).filter(|(here, there)| here != there);
        let sorted = |places: &mut dyn Iterator<Item = BlockOffset>| {
            let mut places: Vec<_> = places.filter(|(index, _)| !reached[*index as usize]).collect();
            places.sort_unstable();
            places.dedup();
            places
        };
        let there = sorted(&mut differing().flat_map(|(_, word)| self.there.places(word)));
        let here = differing().flat_map(|(word, _)| self.here.places(word));
        sorted(&mut here.filter(|place| there.binary_search(place).is_ok()))
    }

    /// The blocks that are reached in one run, from those that are reached in any case.
    fn reach(&self, side: Side, reached: &[bool], pointers: &[BlockOffset]) -> Vec<bool> {
        let mut reached = reached.to_vec();
        let mut pending: Vec<TwinRange> = self.roots.clone();
        pending.extend((0..reached.len()).filter(|index| reached[*index]).map(|index| self.block(index)));
        while let Some(part) = pending.pop() {
            for (here, there) in words(self.memory, self.twin, part) {
                let places = if side == Side::First { self.here.places(here) } else { self.there.places(there) };
                for (index, offset) in places {
                    let at = index as usize;
                    if reached[at] {
                        continue;
                    }
                    let same = self.blocks[at].ptr.wrapping_add(offset) == here
                        && self.twin.starts[at].wrapping_add(offset) == there;
                    if same || (here != there && pointers.binary_search(&(index, offset)).is_ok()) {
                        reached[at] = true;
                        pending.push(self.block(at));
                    }
                }
            }
        }
        reached
    }
}

/// The addresses at which a block or a root starts and ends in the first run, and at which it starts in the second.
pub(super) type TwinRange = (u32, u64, u32);

/// The words of a range: each as it is in the first run, and as it is in the second.
pub(super) fn words<'m>(
    memory: &Parts<'m>,
    twin: &Twin<'_, 'm>,
    (start, end, other): TwinRange,
) -> impl Iterator<Item = (u32, u32)> + use<'m> {
    let first = u64::from(start).next_multiple_of(4);
    let there = twin.memory.from(u64::from(other) + (first - u64::from(start)));
    let words = usize::try_from(end.saturating_sub(first) / 4).unwrap_or(usize::MAX);
    let words = memory.from(first).chunks_exact(4).zip(there.chunks_exact(4)).take(words);
    words.filter_map(|(here, there)| Some((word_at(here, 0)?, word_at(there, 0)?)))
}

/// Blocks of one run by their addresses.
pub(super) struct Addresses {
    /// Address, size and index of each block, in the order of the addresses.
    blocks: Vec<(u32, u32, u32)>,
    /// No word outside of these points to one.
    bounds: RangeInclusive<u32>,
}

impl Addresses {
    /// Blocks with these addresses and sizes, which are numbered in this order.
    pub(super) fn new(blocks: impl Iterator<Item = (u32, u32)>) -> Self {
        // A book holds some millions of blocks at most.
        let mut blocks: Vec<_> = blocks.zip(0..).map(|((start, size), index)| (start, size, index)).collect();
        blocks.sort_unstable();
        let lowest = blocks.first().map_or(u32::MAX, |(start, ..)| *start);
        let highest = blocks.iter().map(|(start, size, _)| start.saturating_add(*size)).max().unwrap_or(0);
        Self { blocks, bounds: lowest..=highest }
    }

    /// The places that a word points to. They are two where one block ends at the address at which the next one starts.
    pub(super) fn places(&self, word: u32) -> impl Iterator<Item = BlockOffset> + use<> {
        // Most words are far from any block.
        let near = self.bounds.contains(&word);
        let after = if near { self.blocks.partition_point(|(start, ..)| *start <= word) } else { 0 };
        let found = |before: usize| {
            let (start, size, index) = *self.blocks.get(after.checked_sub(before)?)?;
            (word - start <= size).then_some((index, word - start))
        };
        [found(1), found(2)].into_iter().flatten()
    }
}
