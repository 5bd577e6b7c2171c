//! What one run of a test is equipped with, so that another run can be compared with it.

use super::answers::Answers;
use super::slack::Allowances;
use super::stacks::StackCapture;
use crate::instrument::CONTEXT_FUEL;
use crate::ledger::heap::reach::Lookout;
use crate::sandbox::heap::WatchPlan;

/// The equipment of a run. The default is that of a first run: answers are recorded, and nothing is captured or moved.
#[derive(Debug, Clone, Default)]
pub struct Instruments {
    /// Which calls into the guest have fuel beyond their own.
    pub allowances: Allowances,
    /// The host's answers that differ between two runs: they are recorded or replayed.
    pub answers: Answers,
    /// Which allocations' stacks are captured.
    pub capture: StackCapture,
    /// How all that the test allocates is moved; `None` leaves it where it is.
    pub shift: Option<Shift>,
    /// How many counted allocator calls the run may make. When it begins one more, it ends as if its fuel had. See
    /// [`Trace::events`](crate::ledger::heap::Trace::events).
    pub allocator_calls: Option<u64>,
    /// Whether a picture of the heap's end is taken even if the test's policy does not ask for it.
    pub picture: bool,
    /// Whether the module numbers its calling contexts, which costs fuel.
    pub tells_contexts: bool,
    /// What tells whether the run has shown all that it was done for: then it ends there.
    pub lookout: Option<Lookout>,
    /// The pointers to which blocks are followed.
    pub watch: Option<WatchPlan>,
}

/// How all that a test allocates is moved.
#[derive(Debug, Clone, Copy)]
pub struct Shift {
    /// By how many bytes: a whole number of pages of linear memory.
    pub distance: u64,
    /// Whether the run only has as much more linear memory as the shift itself takes. It is so if the first run met its
    /// limit.
    pub narrow: bool,
}

/// Fuel that a run with moved blocks may have beyond its limit: its allocator may do more work.
const EXTRA_FUEL: u64 = 1 << 24;

impl Instruments {
    /// The fuel of each call of the test, if its limit is `limit`.
    pub fn fuel(&self, limit: u64) -> u64 {
        let most = if self.tells_contexts { limit.saturating_mul(CONTEXT_FUEL) } else { limit };
        most.saturating_add(self.extra_fuel())
    }

    /// Fuel beyond the test's own.
    pub(super) fn extra_fuel(&self) -> u64 {
        let watch = self.watch.as_ref().map_or(0, |plan| plan.extra_fuel);
        watch.saturating_add(if self.shift.is_some() { EXTRA_FUEL } else { 0 })
    }
}
