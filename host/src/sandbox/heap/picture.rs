//! A copy of what is needed at a test's end to tell lost blocks from retained ones.

use crate::ledger::heap::reach::{Picture, ThreadStack};
use crate::ledger::heap::{Block, Parts};
use std::ops::Range;

/// The memory of a thread that the host ended where it was.
#[derive(Debug, Clone)]
pub struct LeftThread {
    /// Its number.
    pub id: u32,
    /// The thread's shadow stack pointer.
    pub stack_pointer: Option<u32>,
    /// The values of the thread's other globals.
    pub globals: Vec<u32>,
}

/// The memory and the live blocks at the end of a test.
#[derive(Debug)]
pub struct EndPicture {
    /// The bytes of static data and blocks, one part after another.
    pub(super) bytes: Vec<u8>,
    /// The addresses of these parts.
    pub(super) parts: Vec<Range<u64>>,
    /// Every live block, by address.
    pub blocks: Vec<Block>,
    pub(super) roots: Vec<Range<u32>>,
    pub(super) stack: Range<u32>,
    pub(super) stacks: Vec<ThreadStack>,
    /// For each block that is the stack of a thread which had not ended: the block's number, and the thread's.
    pub(super) owners: Vec<(u64, u32)>,
    /// Whether the roots hold only live values. They do not if the shadow stack lies among the static data.
    pub(super) only_live: bool,
    pub(super) globals: Vec<u32>,
    /// Blocks up to this number are held by whoever forked the subtest; 0 of all else that runs.
    pub foundation: u64,
}

impl EndPicture {
    /// Where the static data ends that was searched.
    pub fn data_end(&self) -> u32 {
        self.roots.iter().map(|root| root.end).max().unwrap_or(0)
    }

    /// The stacks of threads.
    pub fn stacks(&self) -> &[ThreadStack] {
        &self.stacks
    }

    /// For each block that is the stack of a thread which had not ended: the block's number, and the thread's.
    pub fn owners(&self) -> &[(u64, u32)] {
        &self.owners
    }

    /// The picture in the ledger's form. The roots are those of `first`, so that both runs are looked at from the same
    /// ones.
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
