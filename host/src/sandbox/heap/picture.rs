//! A copy of what is needed at a test's end to tell lost blocks from retained ones.

use crate::ledger::heap::reach::{Picture, ThreadStack};
use crate::ledger::heap::{Block, Parts};
use std::ops::Range;

/// What is known of the memory of a thread that was ended where it was.
#[derive(Debug, Clone)]
pub struct LeftThread {
    /// Its number.
    pub id: u32,
    /// Its shadow stack's pointer.
    pub stack_pointer: Option<u32>,
    /// The values of its other globals.
    pub globals: Vec<u32>,
}

/// Memory and live blocks at the end of a test.
#[derive(Debug)]
pub struct EndPicture {
    /// Static data and blocks, one after another.
    pub(super) bytes: Vec<u8>,
    /// Where in memory they are.
    pub(super) parts: Vec<Range<u64>>,
    /// Every live block, by address.
    pub blocks: Vec<Block>,
    pub(super) roots: Vec<Range<u32>>,
    pub(super) stack: Range<u32>,
    pub(super) stacks: Vec<ThreadStack>,
    /// The stacks of threads that had not ended: the numbers of the blocks, and whose they are.
    pub(super) owners: Vec<(u64, u32)>,
    /// Whether the roots hold nothing dead.
    pub(super) only_live: bool,
    pub(super) globals: Vec<u32>,
    /// Blocks up to this number are held by whoever forked the subtest; 0 of all else that runs.
    pub foundation: u64,
}

impl EndPicture {
    /// The stacks of threads.
    pub fn stacks(&self) -> &[ThreadStack] {
        &self.stacks
    }

    /// The stacks of threads that had not ended: the numbers of the blocks, and whose they are.
    pub fn owners(&self) -> &[(u64, u32)] {
        &self.owners
    }

    /// The picture in the ledger's form. A second run's is looked at from the roots of the first.
    pub fn picture<'a>(&'a self, first: &'a Self) -> Picture<'a> {
        let memory = Parts::copied(&self.parts, &self.bytes);
        Picture {
            memory,
            blocks: &self.blocks,
            roots: &first.roots,
            stack: self.stack.clone(),
            stacks: &self.stacks,
            only_live: first.only_live,
            globals: &self.globals,
            foundation: first.foundation,
        }
    }
}
