//! When the last pointers to the blocks of a test's lots went, as its report tells it.

use crate::ledger::heap::owners::Lot;
use crate::ledger::heap::pointer_watch::PointerEnd;
use crate::model::Frame;
use crate::model::resource::{HeldBy, LastPointerRecord, PointerWent};
use crate::sandbox::heap::HeapEnd;
use crate::sandbox::rerun::{LastPointer, LastPointers, last_pointers};
use crate::sandbox::{Job, Run};
use std::collections::HashMap;

/// Of how many lots it is told. The others say that they are too many.
const MAX_LOTS: usize = 64;

/// What is told of lots.
pub struct ToldPointers {
    /// For each lot.
    pub told: Vec<Option<LastPointerRecord>>,
    /// See [`LastPointers`].
    pub host_leak: u64,
    pub by_wall_clock: bool,
}

/// Finds out when the last pointers to these lots went. `first` is the first run, and `end` is the end of its heap.
/// `origins` tells since which allocation blocks are where they are that were reallocated.
pub fn last_pointers_of(
    job: &Job<'_>,
    (first, end): (&Run, &HeapEnd),
    (lots, origins): (&[Lot], &HashMap<u64, u64>),
) -> ToldPointers {
    let since = |number: &u64| origins.get(number).copied().unwrap_or(*number);
    let examples = lots.iter().filter(|lot| !lot.example.is_empty()).take(MAX_LOTS);
    let examples: Vec<Vec<u64>> = examples.map(|lot| lot.example.iter().map(since).collect()).collect();
    let LastPointers { told, host_leak, by_wall_clock } = last_pointers(job, (first, end), &examples);
    let is_told = told.is_some();
    let mut told = told.into_iter().flatten();
    let mut of_lot = |lot: &Lot| match (lot.held_by, lot.example.is_empty()) {
        (HeldBy::Several, _) => None,
        (_, true) => Some(LastPointerRecord::not_known("its blocks are more than what is followed")),
        (_, false) => Some(match told.next() {
            Some(last) => record(job, last),
            None => LastPointerRecord::not_known("the test leaves more than what is followed"),
        }),
    };
    let told = lots.iter().map(|lot| of_lot(lot).filter(|_| is_told)).collect();
    ToldPointers { told, host_leak, by_wall_clock }
}

fn record(job: &Job<'_>, last: LastPointer) -> LastPointerRecord {
    match last {
        LastPointer::NotKnown(why) => LastPointerRecord::not_known(why),
        LastPointer::NeverInMemory => LastPointerRecord::new(PointerWent::NeverInMemory, None),
        LastPointer::Went(how, stack) => {
            let went = match how {
                PointerEnd::Overwritten => PointerWent::Overwritten,
                PointerEnd::OutOfScope => PointerWent::OutOfScope,
                PointerEnd::Freed => PointerWent::Freed,
            };
            let frames = job.module.symbols.frames_of_allocation(&stack);
            LastPointerRecord::new(went, Frame::innermost_own(&frames).cloned())
        }
    }
}
