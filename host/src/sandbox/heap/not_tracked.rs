//! Why the heap of a test is not tracked.

use super::module::NoHeap;
use crate::ledger::heap::Untracked;

/// Why the heap of a test is not tracked. Each text completes "heap: not tracked (…)".
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotTracked {
    /// No test of the module has a heap that is tracked.
    #[error(transparent)]
    Module(#[from] NoHeap),
    /// The allocator cannot be called, or its hooks are not.
    #[error("its allocator does not answer: {0}")]
    NoAnswer(String),
    /// There never was an instance.
    #[error("it could not be started")]
    NotStarted,
    /// There was an instance, and it ended before the test could begin.
    #[error("it ended before its heap was there")]
    EndedBefore,
    /// A few units of fuel are the hooks', and the engine does not say how many.
    #[error("its fuel ended in a call of the allocator, a few units early at most")]
    FuelEnded,
    /// The books of the heap were given up.
    #[error(transparent)]
    Books(#[from] Untracked),
}
