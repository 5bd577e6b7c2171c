//! What is known of the allocations of one test.

use super::tally::Tally;
use crate::ledger::Stack;
use std::collections::{HashMap, HashSet};

/// What is known of the allocations of one test.
#[derive(Default)]
pub struct Allocations {
    /// Whether who asks is told where there is no memory, by the stack of the request.
    pub(super) heard: HashMap<Stack, bool>,
    /// Those that are noted, by their stacks and what was open.
    pub(super) noted: HashSet<(Stack, u64)>,
    /// Blocks that are live, by their addresses, with the places where they were asked for: of those whose failure is heard.
    pub(super) live: HashMap<u32, u64>,
    /// The same by place.
    pub(super) tally: Tally,
    /// The one that is being made.
    pub(super) pending: Option<Pending>,
    /// Where the last one was asked for that failed on purpose.
    pub(super) failed_at: Option<Stack>,
    /// How many were made since.
    pub(super) since: u32,
}

/// An allocation that is about to be made.
#[derive(Debug, Clone, Copy)]
pub struct BegunAllocation {
    pub(super) nth: u32,
    /// Whether it is to fail.
    pub fails: bool,
    /// Whether its stack is wanted.
    pub wants_stack: bool,
}

/// What an allocation asks for.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    pub bytes: u64,
    /// Where the address of the block is put, by a function that does not return it.
    pub to: Option<u32>,
    /// The block that it takes the place of.
    pub old: Option<u32>,
}

/// An allocation that is being made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    pub request: Request,
    pub fails: bool,
    /// Its place, where it is followed.
    pub place: Option<u64>,
    /// Whether it asks again for what was refused.
    pub is_again: bool,
}

impl Allocations {
    /// A figure of the live blocks, by place.
    pub fn figure(&self) -> u64 {
        self.tally.figure()
    }
}
