//! When the last pointers to lost blocks went: two further runs of a test that leaves some.
//!
//! Both follow the pointers to the blocks, as a module that tells of its writes. As in a second run, all blocks are elsewhere, and in
//! each of the two elsewhere again: what looks like a pointer in one of them, and is an integer, does not in the other. The first tells how
//! often the last pointer to each block went; the second has to say the same, and captures the stack of the last time.
//!
//! What the module tells costs fuel. These runs get more, and the host answers as in the first run, clocks included, so that the test
//! does the same. If it does not, or if the two differ, nothing is told.

use super::attempts::run_with;
use super::instruments::{Instruments, Shift};
use super::second::{extent, quiet};
use super::stacks::StackCapture;
use crate::ledger::Stack;
use crate::ledger::heap::pointer_watch::{PointerEnd, WatchedBlocks, WatchedEnd};
use crate::sandbox::heap::{HeapEnd, WatchPlan};
use crate::sandbox::job::Job;
use crate::sandbox::outcome::Run;
use std::sync::atomic::Ordering;

/// Most fuel that a test may have spent, with its set-up, so that its pointers are followed. Following them takes some times as long.
const MOST_FUEL: u64 = 1 << 28;

/// Most allocations that it may have made. The live ones are kept in order.
const MOST_ALLOCATIONS: u64 = 1 << 18;

/// How many times the fuel of the first run a watched run may spend: more than any added code costs.
const FUEL_FACTOR: u64 = 64;

/// When the last pointer to a lost block went, or to all of a cycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LastPointer {
    /// It went in this way, at this stack.
    Went(PointerEnd, Stack),
    /// No word of memory ever held one.
    NeverInMemory,
    /// It is not known, for this reason.
    NotKnown(String),
}

/// What the runs came to.
#[derive(Debug, Default)]
pub struct LastPointers {
    /// In the order in which the blocks were given; `None` for tests of which this is not told.
    pub told: Option<Vec<LastPointer>>,
    /// Host descriptors that the runs left open: a bug of airtight's own.
    pub host_leak: u64,
    /// Whether the wall clock ended one of them.
    pub by_wall_clock: bool,
}

/// Finds out when the last pointers to these blocks went, each given by the numbers of their allocations. `first` is the first run, and
/// `end` is the end of its heap.
pub fn last_pointers(job: &Job<'_>, (first, end): (&Run, &HeapEnd), blocks: &[Vec<u64>]) -> LastPointers {
    let forks = job.fork.is_some() || !first.forks.is_empty();
    let is_told = job.module.threads.is_none() && !forks && end.calls_at_fuel_end.is_none();
    let Some(picture) = end.picture.as_ref().filter(|_| is_told && !blocks.is_empty()) else {
        return LastPointers::default();
    };
    let not_known = |why: String| Some(blocks.iter().map(|_| LastPointer::NotKnown(why.clone())).collect());
    let mut found = LastPointers::default();
    if let Some(why) = too_much(job, (first, end)) {
        found.told = not_known(why.to_owned());
        return found;
    }
    let job = quiet(job).repeating();
    let module = match job.module.watching() {
        Ok(module) => module,
        Err(why) => {
            found.told = not_known(format!("its module cannot be made to tell of its writes: {why}"));
            return found;
        }
    };
    let job = Job { module, ..job };
    let shift = Shift::beyond(extent(end), first.refused.is_some());
    let mut watched = |shift: Shift, groups: Vec<WatchedBlocks>| {
        let extra_fuel = first.fuel.saturating_mul(FUEL_FACTOR);
        let instruments = Instruments {
            answers: end.answers.replay(),
            // New blocks are cleared, as in a second run.
            capture: StackCapture::numbers(Vec::new()),
            shift: Some(shift),
            watch: Some(WatchPlan { groups, data_end: picture.data_end(), extra_fuel }),
            ..Instruments::default()
        };
        let run = run_with(&job, instruments);
        found.host_leak += run.host_leak;
        found.by_wall_clock |= run.ended_by_wall_clock();
        if job.interrupted.load(Ordering::Relaxed) {
            return Err("interrupted".to_owned());
        }
        repeated((first, end), run)
    };
    let group = |(numbers, capture): (&Vec<u64>, Option<u64>)| WatchedBlocks { numbers: numbers.clone(), capture };
    let counted = watched(shift, blocks.iter().map(|numbers| group((numbers, None))).collect());
    let told = counted.and_then(|counted| {
        let groups = blocks.iter().zip(&counted).map(|(numbers, end)| group((numbers, Some(end.times))));
        let captured = watched(shift.other(), groups.collect())?;
        Ok(counted.iter().zip(captured).map(|(counted, captured)| last_pointer(counted, captured)).collect())
    });
    found.told = told.map_or_else(not_known, Some);
    found
}

/// Why following the pointers of a test would take too long, if it would.
fn too_much(job: &Job<'_>, (first, end): (&Run, &HeapEnd)) -> Option<&'static str> {
    if first.fuel > MOST_FUEL {
        return Some("the test runs longer than its pointers are followed");
    }
    // Its set-up is called again in each of the runs.
    let set_up = job.after.map_or(0, |after| after.image.spent());
    if first.fuel.saturating_add(set_up) > MOST_FUEL {
        return Some("the test and its set-up run longer than its pointers are followed");
    }
    if end.figures.allocations > MOST_ALLOCATIONS {
        return Some("the test allocates more than what is followed");
    }
    (!end.answers.are_all()).then_some("the test calls the host more often than what it was answered is kept")
}

/// What a watched run tells, if it did what the first run did.
fn repeated((first, end): (&Run, &HeapEnd), run: Run) -> Result<Vec<WatchedEnd>, String> {
    let heap =
        run.heap.map_err(|why| format!("in a run that follows its pointers, its heap was not tracked: {why}"))?;
    let ended = run.ending.words();
    if ended != first.ending.words() {
        return Err(format!("a run that follows its pointers ended otherwise: {ended}"));
    }
    if heap.trace != end.trace {
        return Err("a run that follows its pointers allocated otherwise".to_owned());
    }
    Ok(heap.watched)
}

/// When the last pointer went, from what two runs tell of it.
fn last_pointer(counted: &WatchedEnd, captured: WatchedEnd) -> LastPointer {
    let not_known = |why: &str| LastPointer::NotKnown(why.to_owned());
    if counted.unsure || captured.unsure {
        return not_known("calls of the host wrote where a pointer to it was, or there were too many");
    }
    let what = |end: &WatchedEnd| (end.times, end.words, end.last);
    if what(counted) != what(&captured) {
        return not_known("a number looked like a pointer to it");
    }
    match (captured.words, captured.last, captured.stack) {
        (0, None, _) => LastPointer::NeverInMemory,
        (0, Some(how), Some(stack)) => LastPointer::Went(how, stack),
        (0, Some(_), None) => not_known("the stack was not captured"),
        _ => not_known("a word of memory still has its address, where nothing is in use any more"),
    }
}
