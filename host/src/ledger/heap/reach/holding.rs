//! Which blocks hold which.
//!
//! A block holds another if a word in it is a pointer to it: one that points to the same place of the same block in both runs.
//! Where the place of a pointer within a block depends on addresses, as in a hash table that is keyed by them, the block holds
//! what it points to in each of the two runs, wherever in it the pointers are.
//!
//! Pointers that are in one block in the first run and in another one in the second hold nothing here: a large tree that is keyed
//! by addresses falls into more owners than it has.

use super::moved::{Addresses, BlockOffset, words};
use super::{Comparison, end};

/// For each of some blocks, which of them it holds. The blocks are numbered from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Where among the targets those of each block begin, and where the last block's end.
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

    /// The blocks that this one holds, itself possibly among them; each once, in ascending order.
    pub fn targets(&self, block: usize) -> &[u32] {
        &self.targets[self.starts[block]..self.starts[block + 1]]
    }

    /// The first two words of a block, where they are the same in both runs: the counts of a block that is counted.
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

impl Comparison<'_, '_> {
    /// Which of these blocks hold which. A block is given as its index in the first picture, and told by its index in `among`.
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
