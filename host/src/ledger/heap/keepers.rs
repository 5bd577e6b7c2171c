//! Retained blocks, by the static variables that keep them.
//!
//! A static variable that points to a block keeps this block and everything that the block reaches. A block that several
//! variables keep is listed once: under the one with the lowest address.

use super::reach::Holding;
use super::sites::{PlacedBlock, Site, SiteSums};
use std::collections::BTreeMap;

/// The blocks that one variable keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptBlocks {
    /// The number of the variable; `None` for blocks that no variable was seen to keep.
    pub by: Option<u32>,
    /// The blocks that it points to.
    pub own: Vec<Site>,
    /// Further blocks that are reached from `own`.
    pub reaches: Vec<Site>,
}

/// The blocks that each variable keeps, in the order of the variables' numbers; last come the blocks that no variable was seen
/// to keep.
///
/// `blocks` has `None` for a block that is not the test's own. Such a block is not listed, but blocks that it holds are.
/// `roots` are the words of static data that point to a block: the number of the variable, and the block.
pub fn kept(blocks: &[Option<PlacedBlock>], holding: &Holding, roots: &[(u32, u32)]) -> Vec<KeptBlocks> {
    let mut by_variable: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (variable, block) in roots {
        by_variable.entry(*variable).or_default().push(*block);
    }
    let mut seen = vec![false; blocks.len()];
    let mut all = Vec::new();
    for (variable, direct) in by_variable {
        let mut sums = KeptSums::default();
        let mut pending: Vec<(u32, bool)> = direct.into_iter().map(|block| (block, true)).collect();
        let mut next = 0;
        while let Some(&(node, direct)) = pending.get(next) {
            next += 1;
            let at = node as usize;
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            if let Some(block) = &blocks[at] {
                if direct { sums.own.add(block) } else { sums.reaches.add(block) }
            }
            // A variable that points to a block which is not the test's own counts as pointing to the blocks that this one
            // holds.
            let through = direct && blocks[at].is_none();
            pending.extend(holding.targets(at).iter().map(|target| (*target, through)));
        }
        all.push(sums.finish(Some(variable)));
    }
    let mut others = KeptSums::default();
    blocks
        .iter()
        .zip(&seen)
        .filter(|(_, seen)| !**seen)
        .flat_map(|(block, _)| block)
        .for_each(|block| others.own.add(block));
    all.push(others.finish(None));
    all.retain(|kept| !kept.own.is_empty());
    all
}

#[derive(Default)]
struct KeptSums {
    own: SiteSums,
    reaches: SiteSums,
}

impl KeptSums {
    fn finish(self, by: Option<u32>) -> KeptBlocks {
        KeptBlocks { by, own: self.own.finish(), reaches: self.reaches.finish() }
    }
}
