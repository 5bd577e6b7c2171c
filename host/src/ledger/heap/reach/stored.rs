//! Whether the second run kept in static data what the first kept there.
//!
//! A program that can tell the second run from the first could drop a pointer there, and a block that it holds would be taken for
//! lost. That is seen where one run has the address of a lost block in a word of static data, and the other has in its place neither
//! that address nor the same number. In the parts of blocks it is not: what nobody wrote there is cleared in the second run.

use super::moved::{Addresses, words};
use super::{Comparison, Mismatch};

impl Comparison<'_, '_> {
    /// Fails where a block that is not reached is kept in the static data of one run alone.
    ///
    /// # Errors
    /// [`Mismatch::Stored`], with the first such block.
    pub fn check_stored(&self, reached: &[bool]) -> Result<(), Mismatch> {
        // What is left of a dead stack among static data differs for other reasons.
        if !self.first.only_live || !reached.contains(&false) {
            return Ok(());
        }
        let blocks = self.first.blocks;
        let lost: Vec<usize> = (0..blocks.len()).filter(|&at| blocks[at].own && !reached[at]).collect();
        let here = Addresses::new(lost.iter().map(|&at| (blocks[at].ptr, blocks[at].size)));
        let there = Addresses::new(lost.iter().map(|&at| (self.twin.starts[at], blocks[at].size)));
        let of_roots = self
            .roots
            .iter()
            .flat_map(|root| words(&self.first.memory, &self.twin, (root.start, root.end.into(), root.start)));
        let of_globals = self.first.globals.iter().copied().zip(self.twin.globals.iter().copied());
        let kept = of_roots.chain(of_globals).filter(|(word, other)| word != other).find_map(|(word, other)| {
            let starts = here.places(word).chain(there.places(other));
            starts.filter(|(_, offset)| *offset == 0).map(|(nth, _)| lost[nth as usize]).next()
        });
        match kept {
            Some(index) => Err(Mismatch::Stored { number: blocks[index].number }),
            None => Ok(()),
        }
    }
}
