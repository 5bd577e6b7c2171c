//! How a run of a test went.

use super::ending::Ending;
use super::forked::ForkImage;
use super::fuel_counts::FuelCounts;
use super::heap::{HeapEnd, NotTracked};
use super::image::{ImageError, InstanceImage};
use super::panics::RaisedPanic;
use super::rerun::AllocationStacks;
use super::rounds::RoundLevels;
use super::sdk::SdkOutcome;
use super::threads::{Preemptions, StoppedThread, Turn};
use super::wasi::Remains;
use crate::model::RefusedGrowth;
use crate::model::timeline::TimelinePoint;
use std::ops::Range;

/// How a run of a test went.
#[derive(Debug)]
pub struct Run {
    /// How the call of the test ended.
    pub ending: Ending,
    /// The fuel of all calls of the test together, without clean-ups.
    pub fuel: u64,
    /// Where that was spent, where its module tells.
    pub counts: FuelCounts,
    /// The highest that it made its linear memory, in bytes, without clean-ups.
    pub linear_peak: u64,
    /// The growth that the limit refused the test, without clean-ups.
    pub refused: Option<RefusedGrowth>,
    /// Whether an exception left the test; `None` if that is not seen.
    pub unwound: Option<bool>,
    /// The end of the test's heap, or why it was not seen.
    pub heap: Result<Box<HeapEnd>, NotTracked>,
    /// The stacks that it captured, if it is a second run that was ended where it had shown all. Nothing else of it counts.
    pub seen: Option<AllocationStacks>,
    /// What the instance held before and after each call that was made in it.
    pub rounds: Vec<RoundLevels>,
    /// The SDK's own account of the test; `None` for tests of other harnesses.
    pub sdk: Option<SdkOutcome>,
    /// The panic that ended the test, if one is expected and did.
    pub panic: Option<RaisedPanic>,
    /// The threads that had not ended when the test was over.
    pub threads: Vec<StoppedThread>,
    /// How many threads were refused because there were already as many as allowed.
    pub refused_threads: u64,
    /// Whether a thread other than the main one ended the test, by a trap or an exit.
    pub in_spawned_thread: bool,
    /// The last turns of the test's threads, if they are kept, and which thread ran at the end.
    pub turns: (Vec<Turn>, Option<u32>),
    /// How often a thread was interrupted where the schedule says so.
    pub preemptions: Preemptions,
    /// What was open at the end, after clean-ups, and what was printed.
    pub remains: Remains,
    /// The subtests that it forked and that are to be run.
    pub forks: Vec<ForkImage>,
    /// What its instance held at the end, where that was to be captured and it passed.
    pub captured: Option<Result<Box<InstanceImage>, ImageError>>,
    /// The addresses of bytes of memory that are others at the end than where its calls began, if that was asked for.
    pub changed: Vec<Range<u32>>,
    /// Host descriptors that are still open after the store was dropped. If it is not 0, that is a bug of airtight's own.
    pub host_leak: u64,
    /// Its memory over its fuel, where that was drawn.
    pub timeline: Option<Vec<TimelinePoint>>,
    /// Whether more attempts would have made its fuel exact, or more would be known of its module, and there was no time for them.
    pub late: bool,
}

impl Run {
    /// Whether the wall clock ended the test, or a call that the host made after it, or left no time to make the figures
    /// exact.
    pub fn ended_by_wall_clock(&self) -> bool {
        let afterwards = self.sdk.as_ref().is_some_and(|said| said.by_wall_clock)
            || self.panic.as_ref().is_some_and(|panic| panic.by_wall_clock);
        let probed_late = matches!(self.heap, Err(NotTracked::NoAnswerInTime));
        self.late || probed_late || afterwards || matches!(self.ending, Ending::Wall { .. })
    }

    /// The outcome of a test that could not be started.
    pub(super) fn not_started(ending: Ending) -> Self {
        Self {
            ending,
            fuel: 0,
            counts: FuelCounts::default(),
            linear_peak: 0,
            refused: None,
            unwound: None,
            heap: Err(NotTracked::NotStarted),
            seen: None,
            rounds: Vec::new(),
            sdk: None,
            panic: None,
            threads: Vec::new(),
            refused_threads: 0,
            in_spawned_thread: false,
            turns: (Vec::new(), None),
            preemptions: Preemptions::default(),
            remains: Remains::default(),
            forks: Vec::new(),
            captured: None,
            changed: Vec::new(),
            host_leak: 0,
            timeline: None,
            late: false,
        }
    }
}
