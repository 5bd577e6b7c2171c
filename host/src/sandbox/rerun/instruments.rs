//! What one run of a test is done with, so that another run can be compared with it.

use super::answers::Answers;
use super::slack::Allowances;
use super::stacks::StackCapture;

/// What a run is done with. The default is for a first run: answers are recorded, and nothing is captured or moved.
#[derive(Debug, Clone, Default)]
pub struct Instruments {
    /// The calls into the guest that have fuel beyond their own.
    pub allowances: Allowances,
    /// The host's answers that differ between two runs: recorded, or replayed.
    pub answers: Answers,
    /// Which allocations' stacks are captured.
    pub capture: StackCapture,
    /// How everything that the test allocates is moved; `None` leaves it where it is.
    pub shift: Option<Shift>,
    /// The run ends, as if its fuel had, when it has made so many allocator calls that count and begins another. See
    /// [`Trace::events`](crate::ledger::heap::Trace::events).
    pub allocator_calls: Option<u64>,
    /// Whether the end of the heap is pictured where the test's policy does not ask for it.
    pub picture: bool,
}

/// How everything that a test allocates is moved.
#[derive(Debug, Clone, Copy)]
pub struct Shift {
    /// By so many bytes, a number of pages of linear memory.
    pub distance: u64,
    /// Whether the run may have only as much more linear memory as the shift itself takes: the first run met its limit.
    pub narrow: bool,
}

/// Fuel that a run whose blocks are moved may have beyond its limit: its allocator may take other ways.
const EXTRA_FUEL: u64 = 1 << 24;

impl Instruments {
    /// The fuel of each call of the test, where its limit is `limit`.
    pub fn fuel(&self, limit: u64) -> u64 {
        limit.saturating_add(self.extra_fuel())
    }

    /// Fuel beyond the test's own.
    pub(super) fn extra_fuel(&self) -> u64 {
        if self.shift.is_some() { EXTRA_FUEL } else { 0 }
    }
}
