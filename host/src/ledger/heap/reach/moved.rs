//! Pointers that are at another place in the second run. A hash table whose keys are addresses, for example, has another order
//! in a run whose addresses are others.
//!
//! A word that is the same in both runs is not a pointer, since the blocks moved. A word that differs is taken for a pointer to a
//! place in a block if the second run holds, anywhere, a word that points to the same place of the same block; that one too has
//! to differ from what the first run has there.
//!
//! Words of static data are looked at only where everything in it is live: words of a dead stack are at other places too.

use super::{HeapWalk, Twin, end, word_at};
use crate::ledger::heap::{Block, Parts};
use std::ops::Range;

/// A place in a block: the block's index among those of the first run, and bytes from its start. It is kept small, since a
/// hostile heap can be full of pointers.
type BlockOffset = (u32, u32);

impl HeapWalk<'_, '_> {
    /// Continues the search with pointers that are at another place in the second run. What they reach is searched both ways.
    pub(super) fn follow_moved(&mut self, roots: &[Range<u32>]) {
        let (blocks, Some(twin)) = (self.picture.blocks, &self.twin) else { return };
        if !self.reached.contains(&false) {
            return;
        }
        let roots = if self.picture.only_live { roots } else { &[] };
        let roots = roots.iter().map(|root| (root.start, u64::from(root.end), root.start));
        let here = Addresses::new(blocks, blocks.iter().map(|block| block.ptr));
        let there = Addresses::new(blocks, twin.starts.iter().copied());
        let all = blocks.iter().zip(&twin.starts).map(|(block, other)| (block.ptr, end(block), *other));
        let all = all.chain(roots.clone()).flat_map(|part| differing(&self.picture.memory, twin, part));
        let places = all.flat_map(|(_, word)| there.places(word));
        let mut pointers: Vec<BlockOffset> = places.filter(|(index, _)| !self.reached[*index as usize]).collect();
        pointers.sort_unstable();
        pointers.dedup();
        if pointers.is_empty() {
            return;
        }
        for root in roots {
            self.scan_moved(root, &here, &pointers);
        }
        let mut left: Vec<usize> = (0..blocks.len()).filter(|index| self.reached[*index]).collect();
        // Each block is searched once for such pointers, however it was reached.
        loop {
            left.extend(self.follow());
            let Some(index) = left.pop() else { return };
            let other = self.twin.as_ref().map_or(0, |twin| twin.starts[index]);
            self.scan_moved((blocks[index].ptr, end(&blocks[index]), other), &here, &pointers);
        }
    }

    fn scan_moved(&mut self, part: TwinRange, here: &Addresses, pointers: &[BlockOffset]) {
        let Some(twin) = &self.twin else { return };
        for (word, _) in differing(&self.picture.memory, twin, part) {
            for place in here.places(word) {
                let index = place.0 as usize;
                if !self.reached[index] && pointers.binary_search(&place).is_ok() {
                    self.mark(index);
                }
            }
        }
    }
}

/// The addresses at which a block or a root starts and ends in the first run, and at which it starts in the second.
type TwinRange = (u32, u64, u32);

/// The words of a range that differ between the runs: each as it is in the first, and as it is in the second.
fn differing<'m>(
    memory: &Parts<'m>,
    twin: &Twin<'_, 'm>,
    (start, end, other): TwinRange,
) -> impl Iterator<Item = (u32, u32)> + use<'m> {
    let first = u64::from(start).next_multiple_of(4);
    let there = twin.memory.from(u64::from(other) + (first - u64::from(start)));
    let words = usize::try_from(end.saturating_sub(first) / 4).unwrap_or(usize::MAX);
    let words = memory.from(first).chunks_exact(4).zip(there.chunks_exact(4)).take(words);
    words
        .filter(|(here, there)| here != there)
        .filter_map(|(here, there)| Some((word_at(here, 0)?, word_at(there, 0)?)))
}

/// The blocks of one run by their addresses.
struct Addresses {
    /// Address, size and index of each block, in the order of the addresses.
    blocks: Vec<(u32, u32, u32)>,
}

impl Addresses {
    fn new(blocks: &[Block], starts: impl Iterator<Item = u32>) -> Self {
        // A book holds some millions of blocks at most.
        let sized = starts.zip(blocks).zip(0..).map(|((start, block), index)| (start, block.size, index));
        let mut blocks: Vec<_> = sized.collect();
        blocks.sort_unstable();
        Self { blocks }
    }

    /// The places that a word points to. They are two where one block ends at the address at which the next one starts.
    fn places(&self, word: u32) -> impl Iterator<Item = BlockOffset> + use<> {
        let after = self.blocks.partition_point(|(start, ..)| *start <= word);
        let found = |before: usize| {
            let (start, size, index) = *self.blocks.get(after.checked_sub(before)?)?;
            (word - start <= size).then_some((index, word - start))
        };
        [found(1), found(2)].into_iter().flatten()
    }
}
