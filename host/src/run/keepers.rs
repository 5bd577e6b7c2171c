//! Which variables keep the blocks that a test retained.

use crate::ledger::heap::Block;
use crate::ledger::heap::keepers::{KeptBlocks, kept};
use crate::ledger::heap::reach::MemoryComparison;
use crate::ledger::heap::sites::PlacedBlock;
use crate::model::resource::VariableRecord;
use crate::symbols::Symbols;

/// The retained blocks, grouped by the variable that keeps them, and these variables by number. `retained` are the test's
/// own blocks, in the order of their numbers.
pub fn keepers(
    comparison: &MemoryComparison<'_, '_>,
    (blocks, reached): (&[Block], &[bool]),
    retained: &[PlacedBlock],
    symbols: &Symbols,
) -> (Vec<KeptBlocks>, Vec<VariableRecord>) {
    let mut among: Vec<usize> = (0..blocks.len()).filter(|index| reached[*index]).collect();
    among.sort_unstable_by_key(|index| blocks[*index].number);
    let mut own = retained.iter().peekable();
    let is_own = |index: &usize| own.next_if(|placed| placed.block.number == blocks[*index].number).copied();
    let placed: Vec<Option<PlacedBlock>> = among.iter().map(is_own).collect();
    let mut variables: Vec<VariableRecord> = Vec::new();
    let mut last = None;
    let mut roots = Vec::new();
    // The words are sorted by address, so that the words of one variable follow each other.
    for (address, block) in comparison.root_words(&among) {
        let Some((start, variable)) = symbols.variable_at(address) else { continue };
        if last != Some(start) {
            last = Some(start);
            variables.push(variable);
        }
        roots.push((variables.len() as u32 - 1, block));
    }
    (kept(&placed, &comparison.holding(&among), &roots), variables)
}
