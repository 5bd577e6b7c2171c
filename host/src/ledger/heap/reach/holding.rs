//! Which blocks hold which other blocks.
//!
//! Block A holds block B if a word in A points to B, at the same place of B in both runs. In some blocks the place of a pointer
//! depends on addresses, as in a hash table that is keyed by them. Such a block holds B if it has a pointer to the same place
//! of B in each of the two runs, wherever in it the pointers stand.
//!
//! A pointer that stands in one block in the first run, and in another block in the second run, holds nothing here. So a large
//! tree that is keyed by addresses is split among more owners than it has.

use super::moved::{Addresses, BlockOffset, words};
use super::{MemoryComparison, end};

/// For each of some blocks, which of the others (or itself) it holds. The blocks are numbered from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// For each block, the index in `targets` at which its targets begin; at the end, the length of `targets`.
    starts: Vec<usize>,
    targets: Vec<u32>,
    /// The first two words of each block.
    first_words: Vec<Option<[u32; 2]>>,
}

impl Holding {
    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.first_words.len()
    }

    /// The blocks that this block holds, possibly itself among them; each once, in ascending order.
    pub fn targets(&self, block: usize) -> &[u32] {
        &self.targets[self.starts[block]..self.starts[block + 1]]
    }

    /// The first two words of a block, if they are the same in both runs. In a block with counted references these are its
    /// counts.
    pub fn first_words(&self, block: usize) -> Option<[u32; 2]> {
        self.first_words[block]
    }

    #[cfg(test)]
    pub(in crate::ledger::heap) fn of_lists(lists: &[&[u32]], first_words: Vec<Option<[u32; 2]>>) -> Self {
        let mut starts = vec![0];
        starts.extend(lists.iter().scan(0, |sum, list| {
            *sum += list.len();
            Some(*sum)
        }));
        Self { starts, targets: lists.concat(), first_words }
    }
}

impl MemoryComparison<'_, '_> {
    /// Which of these blocks hold which. `among` has the blocks as indices into the first picture; the result numbers them by
    /// their positions in `among`.
    pub fn holding(&self, among: &[usize]) -> Holding {
        let (blocks, starts) = (self.first.blocks, &self.twin.starts);
        let here = Addresses::new(among.iter().map(|&index| (blocks[index].ptr, blocks[index].size)));
        let there = Addresses::new(among.iter().map(|&index| (starts[index], blocks[index].size)));
        let mut holding =
            Holding { starts: vec![0], targets: Vec::new(), first_words: Vec::with_capacity(among.len()) };
        for &index in among {
            let dead = self.first.dead(&blocks[index]);
            let part = (blocks[index].ptr + dead, end(&blocks[index]), starts[index] + dead);
            let mut found: Vec<u32> = Vec::new();
            let (mut moved_here, mut moved_there) = (Vec::new(), Vec::new());
            let mut first = [None; 2];
            for (nth, (word, other)) in words(&self.first.memory, &self.twin, part).enumerate() {
                if let Some(kept) = first.get_mut(nth) {
                    *kept = (word == other).then_some(word);
                }
                let before = found.len();
                let same = |&(node, offset): &BlockOffset| starts[among[node as usize]].wrapping_add(offset) == other;
                found.extend(here.places(word).filter(same).map(|(node, _)| node));
                if found.len() == before && word != other {
                    moved_here.extend(here.places(word));
                    moved_there.extend(there.places(other));
                }
            }
            moved_there.sort_unstable();
            found.extend(
                moved_here.iter().filter(|place| moved_there.binary_search(place).is_ok()).map(|(node, _)| node),
            );
            found.sort_unstable();
            found.dedup();
            holding.targets.append(&mut found);
            holding.starts.push(holding.targets.len());
            let [one, two] = first;
            holding
                .first_words
                .push(one.zip(two).filter(|_| dead == 0 && blocks[index].ptr % 4 == 0).map(<[u32; 2]>::from));
        }
        holding
    }
}
