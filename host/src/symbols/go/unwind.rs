//! Reads a goroutine's stack from linear memory.

use super::GoTables;
use crate::ledger::RawFrame;

/// How many frames are followed at most.
const MOST: usize = 4096;

impl GoTables {
    /// The calls of the goroutine that is calling the host by this function, innermost first. `memory` is the guest's memory,
    /// and `top` the goroutine's stack pointer. `None` if the stack is not one that Go's compiler makes.
    pub fn unwind(&self, memory: &[u8], function: u32, top: u32) -> Option<Vec<RawFrame>> {
        let mut frames = vec![RawFrame { function, offset: None }];
        let mut at = u64::from(top).checked_add(self.import_frame_size(function)?)?;
        while frames.len() < MOST {
            let (function, block) = self.place(word(memory, at)?)?;
            // The outermost function of a goroutine belongs to the runtime, and tells a reader nothing.
            let Some(size) = self.frame_size(function, block) else { break };
            frames.push(RawFrame::of_go(function, block));
            at = at.checked_add(8)?.checked_add(size)?;
        }
        Some(frames)
    }
}

fn word(memory: &[u8], at: u64) -> Option<u64> {
    memory.get(usize::try_from(at).ok()?..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}
