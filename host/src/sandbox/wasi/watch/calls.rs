//! What is noted of calls that can fail.

use super::stacks::CallStacks;
use crate::ledger::Stack;
use crate::policy::{Call, Failure, Fault};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The most calls that are noted of one test.
pub const MAX_NOTED: usize = 100_000;

/// The most misuses that are noted of one test.
pub const MAX_MISUSES: usize = 100;

/// What was seen of the calls of one test.
#[derive(Debug, Default)]
pub struct WatchedCalls {
    /// The test's own calls that can fail, in order; empty if they are not noted.
    pub calls: Vec<NotedCall>,
    /// How many more such calls there were.
    pub calls_omitted: u64,
    /// How many allocations there were of its own that are told to who asks where there is no memory; 0 where they are not noted.
    pub allocations: u64,
    /// Those of them that differ by place, or by what was open: in their order.
    pub allocation_places: Vec<NotedCall>,
    /// How many other allocations there were: who asks for them does not hear of it.
    pub unheard: u64,
    /// Whether the allocator gave what it was to refuse.
    pub is_unrefused: bool,
    /// Whether an allocation was made at the place of one that had failed on purpose.
    pub allocates_again: bool,
    /// The calls that failed as the policy says, in order.
    pub injected: Vec<(Fault, NotedCall)>,
    /// The misuses, in order.
    pub misuses: Vec<Misuse>,
    /// The paths of files whose last write failed, or wrote less than it was asked to.
    pub half_written: BTreeSet<Arc<str>>,
    /// Sums of what is in files at the end: of all that are left where nothing was to fail, else of those that are half written
    /// or written on.
    pub sums: BTreeMap<Arc<str>, [u8; 32]>,
    /// The stacks of its calls, for runs that go the same way; empty if calls are not noted.
    pub stacks: Arc<CallStacks>,
}

/// A call that can fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotedCall {
    /// What it does.
    pub call: Call,
    /// The call's number among those of the same kind, from 1.
    pub nth: u32,
    /// What it acts on: a path, or a name of a socket. Empty for sleeps and spawns.
    pub object: Arc<str>,
    /// The new path, if the call renames.
    pub to: Option<Arc<str>>,
    /// The guest's stack.
    pub stack: Stack,
    /// Whether the call may make a file.
    pub creates: bool,
    /// How many bytes the call was to move, or how many nanoseconds to sleep.
    pub amount: u64,
    /// A figure that is the same where the same handles are open, and as many files and blocks are there, by where they were acquired.
    pub open: u64,
    /// Whether the guest was told that the call succeeded.
    pub succeeded: bool,
}

impl NotedCall {
    /// An allocation of so many bytes, with the figure of what is open.
    pub fn of_allocation(nth: u32, stack: Stack, (amount, open): (u64, u64)) -> Self {
        let (object, to, creates, succeeded) = (Arc::from(""), None, false, true);
        Self { call: Call::Allocate, nth, object, to, stack, creates, amount, open, succeeded }
    }

    /// The failures that it can honestly have.
    pub fn failures(&self) -> impl Iterator<Item = Failure> + '_ {
        self.call.failures().iter().copied().filter(|failure| match failure {
            Failure::NoSpace if self.call == Call::Open => self.creates,
            Failure::NotFound => !self.creates,
            Failure::Short => self.amount > 1,
            _ => true,
        })
    }
}

/// A call that should not have been made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misuse {
    /// What is wrong with it.
    pub kind: MisuseKind,
    /// What the call acted on, named as when it was open.
    pub object: Arc<str>,
    /// The guest's stack.
    pub stack: Stack,
}

/// What is wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MisuseKind {
    /// The call closes a descriptor that is already closed.
    DoubleClose,
    /// The call uses a descriptor that is already closed.
    UseAfterClose,
    /// The call writes to a file after another write to it failed, and does not write the same.
    WriteAfterFailure,
}
