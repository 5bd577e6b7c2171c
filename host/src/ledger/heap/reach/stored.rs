//! Whether both runs kept the same pointers in static data.
//!
//! A program that can tell the second run from the first could drop a pointer in one of them, and a block that it still holds
//! would be taken for lost. This is noticed here: a word of static data has the address of a lost block in one run, and in the
//! other run neither that block's address nor the same number. Words within blocks are not checked in this way, because bytes
//! that nobody wrote are cleared in the second run.

use super::moved::{Addresses, words};
use super::{MemoryComparison, Mismatch};

impl MemoryComparison<'_, '_> {
    /// Fails if the static data of one run alone holds the address of a block that is not reached.
    ///
    /// # Errors
    /// [`Mismatch::Stored`], with the first such block.
    pub fn check_stored(&self, reached: &[bool]) -> Result<(), Mismatch> {
        // Dead values of a stack among static data differ for other reasons.
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
