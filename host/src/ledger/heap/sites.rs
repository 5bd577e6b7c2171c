//! Blocks by the place where they were allocated.

use super::Block;
use crate::ledger::ScopeId;
use std::collections::{HashMap, HashSet};

/// A block, and where it was allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacedBlock {
    /// The block.
    pub block: Block,
    /// The number of the place. Blocks whose place is not known share one number.
    pub place: u32,
    /// How many calls deep the stack was, if a recursion allocated the block.
    pub depth: Option<u32>,
    /// The scope that allocated it.
    pub scope: ScopeId,
}

/// All blocks that were allocated at the same place in the same scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The number of the place.
    pub place: u32,
    /// How many blocks.
    pub blocks: u64,
    /// The sum of their sizes, in bytes.
    pub bytes: u64,
    /// The number of the first of them that was allocated.
    pub first: u64,
    /// The scope that allocated them.
    pub scope: ScopeId,
    /// At how many depths of a recursion they were allocated; 0 if there was no recursion.
    pub depths: u64,
}

/// Groups blocks by their places and scopes. The sites are in the order of their first allocations.
pub fn sites<'b>(blocks: impl IntoIterator<Item = &'b PlacedBlock>) -> Vec<Site> {
    let mut sums = SiteSums::default();
    blocks.into_iter().for_each(|block| sums.add(block));
    sums.finish()
}

/// Sites that blocks are added to.
#[derive(Debug, Default)]
pub(super) struct SiteSums {
    sites: Vec<Site>,
    depths: Vec<HashSet<u32>>,
    known: HashMap<(u32, ScopeId), usize>,
}

impl SiteSums {
    pub(super) fn add(&mut self, placed: &PlacedBlock) {
        let PlacedBlock { block, place, depth, scope } = *placed;
        let index = *self.known.entry((place, scope)).or_insert_with(|| {
            self.sites.push(Site { place, blocks: 0, bytes: 0, first: block.number, scope, depths: 0 });
            self.depths.push(HashSet::new());
            self.sites.len() - 1
        });
        let site = &mut self.sites[index];
        site.blocks += 1;
        site.bytes += u64::from(block.size);
        site.first = site.first.min(block.number);
        self.depths[index].extend(depth);
    }

    /// The sites, in the order of their first allocations.
    pub(super) fn finish(mut self) -> Vec<Site> {
        for (site, depths) in self.sites.iter_mut().zip(&self.depths) {
            site.depths = depths.len() as u64;
        }
        self.sites.sort_by_key(|site| site.first);
        self.sites
    }
}
