//! What threads that had not ended hold: handles that they opened, and heap blocks that only their stacks reach.

use crate::ledger::Handle;
use crate::ledger::heap::reach::{MemoryComparison, Picture, ThreadStack, plain};
use crate::sandbox::heap::EndPicture;
use std::collections::BTreeMap;

/// Most threads whose stacks are looked at. With more, nothing is said of what their stacks reach.
const MOST: usize = 32;

/// Most blocks that are looked at for all threads together: each thread takes another look at the heap.
const MOST_LOOKS: usize = 1 << 22;

/// Blocks of the test's own that only the stack of one thread reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldBlocks {
    pub thread: u32,
    pub blocks: u64,
    pub bytes: u64,
}

/// What each thread holds, by its number.
#[derive(Debug, Default)]
pub struct Holdings {
    handles: BTreeMap<u32, u64>,
    blocks: BTreeMap<u32, HeldBlocks>,
}

impl Holdings {
    /// What each thread holds of these open handles and these blocks.
    pub fn new(open: &[Handle], held: &[HeldBlocks]) -> Self {
        let mut handles = BTreeMap::new();
        for thread in open.iter().filter_map(|handle| handle.thread) {
            *handles.entry(thread).or_default() += 1;
        }
        Self { handles, blocks: held.iter().map(|held| (held.thread, *held)).collect() }
    }

    /// How many handles are open that this thread opened.
    pub fn handles(&self, thread: u32) -> u64 {
        self.handles.get(&thread).copied().unwrap_or(0)
    }

    /// How many blocks only this thread's stack reaches, and their bytes.
    pub fn blocks(&self, thread: u32) -> (u64, u64) {
        self.blocks.get(&thread).map_or((0, 0), |held| (held.blocks, held.bytes))
    }
}

/// The blocks that only the stack of one thread reaches. If there is a second run like the first, they must be so in both.
pub fn held_blocks(first: &EndPicture, second: Option<&EndPicture>) -> Vec<HeldBlocks> {
    let threads = first.owners().len();
    if threads == 0 || threads > MOST || threads.saturating_mul(first.blocks.len()) > MOST_LOOKS {
        return Vec::new();
    }
    let reach = |only: Option<u64>| {
        let live = |stacks: &[ThreadStack]| -> Vec<ThreadStack> {
            let alone = |stack: &ThreadStack| stack.live_from.filter(|_| Some(stack.number) == only);
            stacks.iter().map(|stack| ThreadStack { live_from: alone(stack), ..*stack }).collect()
        };
        let own = live(first.stacks());
        let here = Picture { stacks: &own, ..first.picture(first) };
        let Some(second) = second else { return Some(plain(&here)) };
        let others = live(second.stacks());
        let there = Picture { stacks: &others, ..second.picture(first) };
        MemoryComparison::new(&here, &there).ok().map(|both| both.reached())
    };
    let Some(without) = reach(None) else { return Vec::new() };
    let of_one = |(number, thread): &(u64, u32)| {
        let with = reach(Some(*number))?;
        let mut held = HeldBlocks { thread: *thread, blocks: 0, bytes: 0 };
        for (block, _) in first
            .blocks
            .iter()
            .zip(with.iter().zip(&without))
            .filter(|(block, (with, without))| block.own && **with && !**without)
        {
            held.blocks += 1;
            held.bytes += u64::from(block.size);
        }
        (held.blocks > 0).then_some(held)
    };
    first.owners().iter().filter_map(of_one).collect()
}
