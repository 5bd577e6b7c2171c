//! Retained blocks by who retains them.
//!
//! A variable of static data that points to a block keeps it, and all that this block reaches. What several variables reach is told
//! under the first of them by address: the others keep it, too.

use super::reach::Holding;
use super::sites::{PlacedBlock, Site, SiteSums};
use std::collections::BTreeMap;

/// What one variable keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The number of the variable; `None` for what is kept in a way that is not seen.
    pub by: Option<u32>,
    /// The blocks that it points to.
    pub own: Vec<Site>,
    /// The blocks that these reach.
    pub reaches: Vec<Site>,
}

/// The blocks of each variable, in the order of the variables' numbers; those that none is seen to keep are last. A block is `None`
/// where it is not the test's own: it is not told, but what it holds is. `roots` are the words of static data that point to a block:
/// the number of the variable, and the block.
pub fn kept(blocks: &[Option<PlacedBlock>], holding: &Holding, roots: &[(u32, u32)]) -> Vec<Kept> {
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
            // Through a block of the harness's, the variable holds what that one holds.
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
    fn finish(self, by: Option<u32>) -> Kept {
        Kept { by, own: self.own.finish(), reaches: self.reaches.finish() }
    }
}
