//! One test whose calls fail: what it does as it is, which failures its calls can have, and what is kept of a run with failures.

use super::judge::{FaultOutcome, Judge, alike};
use super::options::{FUEL_BEYOND, FUEL_TIMES};
use super::way_out::{KnownCalls, WayOut};
use crate::ledger::Stack;
use crate::model::Frame;
use crate::policy::{Call, Fault};
use crate::report::faults::{NotTried, SweptTest};
use crate::run::{FaultEnd, FaultSubject, FaultedRun, HostBug, HostPaths};
use crate::sandbox::wasi::NotedCall;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// A test whose calls fail.
pub struct Sweep<'a> {
    /// The place of its module.
    pub module: usize,
    pub subject: FaultSubject<'a>,
    pub counts: SweptTest,
    /// Whether the search of it is not the same on every machine.
    pub is_doubtful: bool,
    plain: FaultedRun,
    known: KnownCalls,
    /// What all its runs so far have read from the host, where that is noted.
    reads: Mutex<Option<HostPaths>>,
}

/// A run with failures.
pub struct FaultJob {
    /// The place of its test.
    pub test: usize,
    pub faults: Vec<Fault>,
    /// Where the last of the calls is that fail.
    pub stack: Stack,
    /// The place among the jobs of the one with the first failure alone, of a pair.
    pub after: Option<usize>,
}

/// What is kept of a run with failures.
#[derive(Default)]
pub struct FaultTrial {
    pub outcome: FaultOutcome,
    /// Where its last failure was; `None` where it did not come to all of them.
    pub failed_at: Option<Stack>,
    pub by_wall_clock: bool,
    /// What can fail on the way out of its failure.
    pub way_out: WayOut,
    /// What runs with a second failure are compared with, where there are to be some.
    pub run: Option<FaultedRun>,
}

/// Why the calls of a test are not made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSwept {
    #[error("the wall clock ended it")]
    ByWallClock,
    #[error("it does not come to its end as it is")]
    NoEnd,
}

/// Which of the failures of a test's calls are tried: those with their places.
type Listed = Vec<(Fault, Stack)>;

/// What a test's run as it is leads to.
pub enum SweepStart<'a> {
    /// Its calls are made to fail: these failures, for a start.
    Ready(Box<Sweep<'a>>, Listed),
    /// They are not.
    LeftOut(NotSwept),
}

impl<'a> Sweep<'a> {
    /// Runs a test as it is, and lists the failures that its calls can have.
    ///
    /// # Errors
    /// A bug of ours.
    pub fn begin(module: usize, subject: FaultSubject<'a>) -> Result<SweepStart<'a>, HostBug> {
        let plain = subject.run(&[], None)?;
        if plain.by_wall_clock {
            return Ok(SweepStart::LeftOut(NotSwept::ByWallClock));
        }
        if plain.end != (FaultEnd::Ended { passed: true }) {
            return Ok(SweepStart::LeftOut(NotSwept::NoEnd));
        }
        let fuel = plain.fuel.saturating_mul(FUEL_TIMES).saturating_add(FUEL_BEYOND);
        let mut counts = SweptTest {
            test: subject.test.name.to_string(),
            calls: plain.watched.calls.len() as u64 + plain.watched.allocations,
            calls_omitted: plain.watched.calls_omitted,
            unheard: plain.watched.unheard,
            ..SweptTest::default()
        };
        let (mut listed, mut seen) = (Vec::new(), HashSet::new());
        // Those that are alike were put together where they were made.
        counts.alike = plain.watched.allocations.saturating_sub(plain.watched.allocation_places.len() as u64);
        counts.failures = counts.alike;
        for call in plain.watched.calls.iter().chain(&plain.watched.allocation_places) {
            for failure in call.failures() {
                counts.failures += 1;
                if seen.insert(alike(call, failure)) {
                    listed.push((Fault { call: call.call, nth: call.nth, failure }, Stack::clone(&call.stack)));
                } else {
                    counts.alike += 1;
                }
            }
        }
        let known = KnownCalls::from_run(&plain);
        let subject = subject.with_fuel(fuel);
        let reads = Mutex::new(plain.reads.clone());
        let sweep = Self { module, subject, counts, is_doubtful: false, plain, known, reads };
        Ok(SweepStart::Ready(Box::new(sweep), listed))
    }

    /// Runs it with one of its calls failing. Of those on the way out, at most so many failures are to be tried.
    ///
    /// # Errors
    /// A bug of ours.
    pub fn fail_one(&self, fault: Fault, pairs: usize) -> Result<FaultTrial, HostBug> {
        let mut run = self.run(&[fault], Some(&self.plain))?;
        let mut tried = FaultTrial::new(&run, 1);
        tried.outcome = Judge { subject: &self.subject, before: &[&self.plain] }.judge(&run);
        if tried.failed_at.is_some() {
            tried.way_out = WayOut::taken_from(&mut run, &self.known, pairs);
        }
        tried.run = (!tried.way_out.failures.is_empty()).then_some(run);
        Ok(tried)
    }

    /// Runs it with two of its calls failing. `first` is its run with the first of them alone.
    ///
    /// # Errors
    /// A bug of ours.
    pub fn fail_two(&self, faults: &[Fault], first: &FaultTrial) -> Result<FaultTrial, HostBug> {
        let run = self.run(faults, first.run.as_ref())?;
        let before: Vec<&FaultedRun> = [Some(&self.plain), first.run.as_ref()].into_iter().flatten().collect();
        let outcome = Judge { subject: &self.subject, before: &before }.judge_pair(&run, &first.outcome);
        Ok(FaultTrial { outcome, ..FaultTrial::new(&run, faults.len()) })
    }

    /// Runs it with these of its calls failing. `before` is its run in which all of them fail but the last.
    fn run(&self, faults: &[Fault], before: Option<&FaultedRun>) -> Result<FaultedRun, HostBug> {
        let run = self.subject.run(faults, before.map(|before| &before.watched.stacks))?;
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        match (&mut *reads, &run.reads) {
            (Some(Ok(all)), Some(Ok(paths))) => all.extend(paths.iter().cloned()),
            (all, Some(Err(why))) => *all = Some(Err(why)),
            _ => {}
        }
        drop(reads);
        Ok(run)
    }

    /// What its runs have read from the host, where that is noted.
    pub fn reads(&self) -> Option<HostPaths> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All runs with one failure are over: of its own calls those are kept that a judge of two failures asks for.
    pub fn forget_calls(&mut self) {
        self.known = KnownCalls::default();
        self.plain.watched.stacks = Arc::default();
        let removes = |call: &NotedCall| call.succeeded && matches!(call.call, Call::Remove | Call::RemoveDir);
        self.plain.watched.calls.retain(removes);
        self.plain.watched.calls.shrink_to_fit();
    }

    /// Counts failures that were not tried, by the place of the call that was to fail.
    pub fn not_tried(&mut self, stack: &Stack, count: u64) {
        let stack = self.subject.frames_of(stack);
        let at = Frame::innermost_own(&stack).cloned().unwrap_or_default();
        match self.counts.not_tried.iter_mut().find(|known| known.at == at) {
            Some(known) => known.count += count,
            None => self.counts.not_tried.push(NotTried { at, count }),
        }
    }
}

impl FaultTrial {
    /// A run that was to have so many failures.
    fn new(run: &FaultedRun, failures: usize) -> Self {
        let last = run.watched.injected.last().filter(|_| run.watched.injected.len() >= failures);
        let failed_at = last.map(|(_, call)| Stack::clone(&call.stack));
        Self { failed_at, by_wall_clock: run.by_wall_clock, ..Self::default() }
    }
}
