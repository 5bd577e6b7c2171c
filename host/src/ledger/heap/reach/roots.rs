//! Which words of static data point to which blocks.

use super::MemoryComparison;
use super::moved::{Addresses, words};

impl MemoryComparison<'_, '_> {
    /// The words of static data that point to one of these blocks, to the same place of it in both runs. For each: the address
    /// of the word, and the block as its index in `among`. In the order of the addresses.
    pub fn root_words(&self, among: &[usize]) -> Vec<(u32, u32)> {
        let (blocks, starts) = (self.first.blocks, &self.twin.starts);
        let here = Addresses::new(among.iter().map(|&index| (blocks[index].ptr, blocks[index].size)));
        let mut found = Vec::new();
        for root in &self.roots {
            let part = (root.start, root.end.into(), root.start);
            let first = root.start.next_multiple_of(4);
            for ((word, other), nth) in words(&self.first.memory, &self.twin, part).zip(0_u32..) {
                let places = here
                    .places(word)
                    .filter(|(node, offset)| starts[among[*node as usize]].wrapping_add(*offset) == other);
                found.extend(places.map(|(node, _)| (first + 4 * nth, node)));
            }
        }
        found.sort_unstable();
        found
    }
}
