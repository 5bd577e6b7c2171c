//! Blocks by the place where they were allocated.

use super::Block;
use crate::ledger::{ScopeId, Stack};
use std::collections::HashMap;

/// All blocks that were allocated with the same stack in the same scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The stack. Blocks whose stack is not known are one site together, with `None`.
    pub stack: Option<Stack>,
    /// How many blocks.
    pub blocks: u64,
    /// The sum of their sizes, in bytes.
    pub bytes: u64,
    /// The number of the first of them that was allocated.
    pub first: u64,
    /// The scope that allocated them.
    pub scope: ScopeId,
}

/// Groups blocks by their stacks and scopes. The sites are in the order of their first allocations.
pub fn sites(blocks: &[(Block, Option<Stack>)], scope: impl Fn(&Block) -> ScopeId) -> Vec<Site> {
    let mut places: HashMap<(Option<&Stack>, ScopeId), usize> = HashMap::new();
    let mut sites: Vec<Site> = Vec::new();
    for (block, stack) in blocks {
        let scope = scope(block);
        let place = *places.entry((stack.as_ref(), scope)).or_insert_with(|| {
            sites.push(Site { stack: stack.clone(), blocks: 0, bytes: 0, first: block.number, scope });
            sites.len() - 1
        });
        let site = &mut sites[place];
        site.blocks += 1;
        site.bytes += u64::from(block.size);
        site.first = site.first.min(block.number);
    }
    sites.sort_by_key(|site| site.first);
    sites
}
