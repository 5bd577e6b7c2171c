//! Blocks by the place where they were allocated.

use super::Block;
use crate::ledger::Stack;
use std::collections::HashMap;

/// Blocks that were allocated with one stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The stack; `None` for all blocks whose stack is not known.
    pub stack: Option<Stack>,
    /// How many blocks.
    pub blocks: u64,
    /// Their bytes together.
    pub bytes: u64,
    /// The lowest of their numbers.
    pub first: u64,
}

/// Groups blocks by their stacks, in the order of the first allocation of each.
pub fn sites(blocks: &[(Block, Option<Stack>)]) -> Vec<Site> {
    let mut places: HashMap<Option<&Stack>, usize> = HashMap::new();
    let mut sites: Vec<Site> = Vec::new();
    for (block, stack) in blocks {
        let place = *places.entry(stack.as_ref()).or_insert_with(|| {
            sites.push(Site { stack: stack.clone(), blocks: 0, bytes: 0, first: block.number });
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
