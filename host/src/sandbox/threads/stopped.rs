//! Threads that were ended where they were.

use super::waits::{ThreadId, Wait, Waiting};
use crate::ledger::Stack;
use crate::sandbox::stop::WallClock;
use std::fmt;
use std::sync::Arc;

/// A thread was ended by the host, to see where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the thread was stopped")]
pub struct Stopped;

/// Why all threads of a test were ended, beside a trap or an exit of one.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the test was ended")]
pub struct EndedAll {
    pub why: EndReason,
    /// Where the thread was that ran last.
    pub stack: Stack,
}

/// What ended all threads of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// They have spent all the fuel.
    Fuel,
    /// The time is up, or the run is interrupted.
    Clock(WallClock),
}

/// A thread that has not ended by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct StoppedThread {
    /// Its number: the main thread is 0.
    pub id: ThreadId,
    /// Its name, where it has one that is known.
    pub name: Option<Arc<str>>,
    /// Where it was spawned; `None` for the main thread.
    pub spawned: Option<Stack>,
    /// Where it is, innermost frame first.
    pub stack: Stack,
    /// What it waits for; `None` if it runs.
    pub wait: Option<Wait>,
    /// The thread that changed the word it waits for from 0: if that is a lock, the thread that holds it.
    pub holder: Option<ThreadId>,
    /// The thread in whose stack, or beside it, the word lies that it waits for: if it joins a thread, that one.
    pub joined: Option<ThreadId>,
    /// For how long, in nanoseconds of the test's time.
    pub waited: u64,
}

impl StoppedThread {
    pub(super) fn new(
        (id, name): (ThreadId, Option<Arc<str>>),
        spawned: Option<Stack>,
        stack: Stack,
        (waiting, now): (Option<Waiting>, u64),
        (holder, joined): (Option<ThreadId>, Option<ThreadId>),
    ) -> Self {
        let waited = waiting.as_ref().map_or(0, |waiting| now.saturating_sub(waiting.since));
        Self { id, name, spawned, stack, wait: waiting.map(|waiting| waiting.wait), holder, joined, waited }
    }
}

/// No thread of a test can ever run again.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub struct Deadlocked {
    /// All of them, the main thread first.
    pub threads: Vec<StoppedThread>,
}

impl fmt::Display for Deadlocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.threads.len() {
            1 => f.write_str("its only thread waits for what no other is there to do"),
            count => write!(f, "none of its {count} threads can ever go on: each waits for another"),
        }
    }
}
