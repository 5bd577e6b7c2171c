//! A second run of a test, after the first: its blocks are elsewhere in memory, and stacks are captured.

use super::attempts::run_with;
use super::doubt::HeapDoubt;
use super::instruments::{Instruments, Shift};
use super::moved;
use super::stacks::{AllocationStacks, StackCapture};
use crate::ledger::heap::reach::{Lookout, References};
use crate::sandbox::ending::Ending;
use crate::sandbox::heap::{self, HeapEnd};
use crate::sandbox::job::Job;
use crate::sandbox::outcome::Run;
use crate::sandbox::wasi::Streams;
use std::collections::HashMap;
use std::sync::atomic::Ordering;

/// What a second run came to.
#[derive(Debug)]
pub struct SecondRun {
    /// The end of the second run's heap, or why it says nothing about the first run's.
    pub end: Result<SecondEnd, HeapDoubt>,
    /// Host descriptors that the second run left open: a bug of airtight's own.
    pub host_leak: u64,
    /// Whether the wall clock ended the second run.
    pub by_wall_clock: bool,
}

/// How a second run ended that did what the first did.
#[derive(Debug)]
pub enum SecondEnd {
    /// It came to its end.
    Whole(Box<HeapEnd>),
    /// It was ended where it had shown all: the words that seemed to hold the blocks are pointers, and these are the blocks'
    /// stacks.
    Early(AllocationStacks),
}

impl SecondEnd {
    /// Takes out which blocks stayed where they were when they were reallocated: see [`HeapEnd::origins`].
    pub fn take_origins(&mut self) -> HashMap<u64, u64> {
        match self {
            Self::Whole(end) => std::mem::take(&mut end.origins),
            Self::Early(_) => HashMap::new(),
        }
    }

    /// The stacks that the run captured.
    pub fn stacks(&self) -> &AllocationStacks {
        match self {
            Self::Whole(end) => &end.stacks,
            Self::Early(stacks) => stacks,
        }
    }
}

/// Runs a test a second time, if that is possible. `first` is the first run, and `end` is the end of its heap.
pub fn second_run(job: &Job<'_>, (first, end): (&Run, &HeapEnd), capture: StackCapture) -> SecondRun {
    let refused = |doubt| SecondRun { end: Err(doubt), host_leak: 0, by_wall_clock: false };
    if let Some(grant) = job.grants.policy().unrepeatable() {
        return refused(HeapDoubt::Unrepeatable(grant));
    }
    if first.remains.inherited_input {
        return refused(HeapDoubt::Unrepeatable("standard input of the program that runs it"));
    }
    if first.ended_by_wall_clock() || matches!(first.ending, Ending::Interrupted) {
        return refused(HeapDoubt::OutOfTime);
    }
    let instruments = Instruments {
        answers: end.answers.replay(),
        lookout: lookout(job, (first, end), &capture),
        capture,
        shift: Some(Shift::beyond(extent(end), first.refused.is_some())),
        allocator_calls: end.calls_at_fuel_end,
        picture: true,
        ..Instruments::default()
    };
    let job = quiet(job);
    let moved = moved::begin(&job, instruments.shift).map(|job| compared((first, end), &job, instruments.clone()));
    match moved {
        Some(certain) if certain.end.is_ok() => certain,
        // One in which all is done again has the last word: where its blocks are, it has more memory left.
        in_doubt => {
            let host_leak = in_doubt.map_or(0, |in_doubt| in_doubt.host_leak);
            let again = from_the_start((first, end), &job, instruments);
            SecondRun { host_leak: again.host_leak + host_leak, ..again }
        }
    }
}

/// Runs a test with all done again that comes before it.
fn from_the_start((first, end): (&Run, &HeapEnd), job: &Job<'_>, instruments: Instruments) -> SecondRun {
    let begins_fresh = job.after.is_none() && job.ready.is_none() && job.fork.is_none() && first.forks.is_empty();
    let may_tell = job.shortcut && begins_fresh;
    let job = job.clone().repeating();
    let stacks = match &instruments.capture {
        StackCapture::Nothing => 0,
        StackCapture::Numbers(numbers) => numbers.len() as u64,
        StackCapture::All => end.figures.allocations,
    };
    let Some(module) = may_tell.then(|| job.module.telling_contexts(stacks)).flatten() else {
        return compared((first, end), &job, instruments);
    };
    let telling = Instruments { tells_contexts: true, ..instruments.clone() };
    let second = compared((first, end), &Job { module, ..job.clone() }, telling);
    // What is added to the module takes room on the host's stack: a test that uses up that stack ends otherwise with it.
    if second.end.is_ok() || second.by_wall_clock || job.interrupted.load(Ordering::Relaxed) {
        return second;
    }
    tracing::debug!(
        "{} {}: run once more, each stack captured: {:?}",
        job.module.name,
        job.test,
        second.end.as_ref().err()
    );
    let plain = compared((first, end), &job, instruments);
    SecondRun { host_leak: plain.host_leak + second.host_leak, ..plain }
}

/// Runs a test with these instruments, and compares the run with the first.
fn compared((first, end): (&Run, &HeapEnd), job: &Job<'_>, instruments: Instruments) -> SecondRun {
    let second = run_with(job, instruments);
    let by_wall_clock = second.seen.is_none() && second.ended_by_wall_clock();
    let host_leak = second.host_leak;
    let interrupted = job.interrupted.load(Ordering::Relaxed);
    SecondRun { end: compare(first, end, second, interrupted), host_leak, by_wall_clock }
}

/// The same test, of which nothing is shown or kept beside what a run comes to.
pub(super) fn quiet<'a>(job: &Job<'a>) -> Job<'a> {
    Job {
        streams: Streams::Captured,
        keep_changes: false,
        inject_host_leak: false,
        captures: false,
        traces: None,
        draws_timeline: false,
        notes_reads: false,
        ..job.clone()
    }
}

/// What ends the second run early; `None` if it has to come to its end. For a profile it has, and so it has if the user asks for
/// no shortcuts.
fn lookout(job: &Job<'_>, (first, end): (&Run, &HeapEnd), capture: &StackCapture) -> Option<Lookout> {
    let is_plain = job.module.threads.is_none() && job.fork.is_none() && first.forks.is_empty();
    let may_be_cut = job.shortcut && is_plain && matches!(capture, StackCapture::Numbers(_));
    let picture = end.picture.as_ref().filter(|_| may_be_cut && end.calls_at_fuel_end.is_none())?;
    Some(Lookout::new(References::of_retained(&picture.picture(picture))?, &end.trail))
}

/// The bytes from the first live block to the end of the last one.
pub(super) fn extent(end: &HeapEnd) -> u64 {
    heap::extent(end.picture.iter().flat_map(|picture| picture.blocks.iter().copied()))
}

/// The end of the second run's heap, if the second run did what the first one did.
fn compare(first: &Run, first_end: &HeapEnd, second: Run, interrupted: bool) -> Result<SecondEnd, HeapDoubt> {
    if interrupted {
        return Err(HeapDoubt::Interrupted);
    }
    if let Some(stacks) = second.seen {
        return Ok(SecondEnd::Early(stacks));
    }
    let end = second.heap.map_err(HeapDoubt::NotTracked)?;
    let ended = second.ending.words();
    // If fuel ended the first run, the second may come further: then only its allocator calls are compared.
    if first_end.calls_at_fuel_end.is_none() && ended != first.ending.words() {
        return Err(HeapDoubt::Ending(ended));
    }
    if end.trace != first_end.trace {
        return Err(HeapDoubt::Allocations);
    }
    Ok(SecondEnd::Whole(end))
}
