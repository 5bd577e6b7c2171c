//! Pointers that stand at another place in the second run. For example, a hash table whose keys are addresses has another order
//! if the addresses are others.
//!
//! A word that is the same in both runs is not a pointer, since the blocks moved. A word that differs may point to a place in a
//! block. It does if the other run has a word anywhere that points to the same place of the same block, and that also differs
//! from the word which the first run has there.
//!
//! A block is reached by such pointers if they reach it in both runs: in the first run by the pointers of the first, in the
//! second by those of the second. One run is not enough. In the first run, what is left of a freed block within a block in use
//! looks like pointers; in the second run it is cleared. And the blocks of a lost list do point to each other in both runs, so
//! that pointers alone, without a way from a root, prove nothing.
//!
//! Words of static data are looked at only if everything in it is live: the words of a dead stack stand at other places, too.

use super::{HeapWalk, Picture, Twin, end, word_at};
use crate::ledger::heap::{Block, Parts};
use std::ops::{Range, RangeInclusive};

/// A place in a block: the index of the block in the first run, and the bytes from its start. The type is small on purpose: a
/// hostile heap can be full of pointers.
pub(super) type BlockOffset = (u32, u32);

impl HeapWalk<'_, '_> {
    /// Continues the search with pointers that stand at another place in the second run.
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

    /// The places in blocks not yet reached to which a differing word points in the first run, and a differing word in the
    /// second run. Sorted.
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

    /// The blocks that are reached in one of the two runs, from the roots and from the blocks that are already known to be
    /// reached.
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

/// A block or a root: its start and its end in the first run, and its start in the second run.
pub(super) type TwinRange = (u32, u64, u32);

/// The words of a range, each as the first run has it and as the second run has it.
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
    /// No word outside of this range points to a block.
    bounds: RangeInclusive<u32>,
}

impl Addresses {
    /// Blocks with these addresses and sizes, numbered in this order.
    pub(super) fn new(blocks: impl Iterator<Item = (u32, u32)>) -> Self {
        // A `u32` is enough for the index: a book holds some millions of blocks at most.
        let mut blocks: Vec<_> = blocks.zip(0..).map(|((start, size), index)| (start, size, index)).collect();
        blocks.sort_unstable();
        let lowest = blocks.first().map_or(u32::MAX, |(start, ..)| *start);
        let highest = blocks.iter().map(|(start, size, _)| start.saturating_add(*size)).max().unwrap_or(0);
        Self { blocks, bounds: lowest..=highest }
    }

    /// The places that a word points to. There are two of them if one block ends at the address at which the next one starts.
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
