//! Threads that the host ended where they were.

use super::waits::{ThreadId, Wait, Waiting};
use crate::ledger::Stack;
use crate::sandbox::stop::WallClock;
use std::fmt;
use std::sync::Arc;

/// The host ended a thread, to see where it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the thread was stopped")]
pub struct ThreadEnded;

/// Why the host ended all threads of a test. A trap or an exit of a thread is not such a reason.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the test was ended")]
pub struct EndedAll {
    pub why: EndReason,
    /// The stack of the thread that ran last.
    pub stack: Stack,
}

/// The reason why the host ended all threads of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The threads have spent all the fuel.
    Fuel,
    /// The wall-clock time is up, or the run is interrupted.
    Clock(WallClock),
}

/// A thread that had not ended by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct StoppedThread {
    /// Its number: the main thread is 0.
    pub id: ThreadId,
    /// Its name, where it has one that is known.
    pub name: Option<Arc<str>>,
    /// Where it was spawned; `None` for the main thread.
    pub spawned: Option<Stack>,
    /// The stack where it is, innermost frame first.
    pub stack: Stack,
    /// What it waits for; `None` if it could run.
    pub wait: Option<Wait>,
    /// The thread that changed from 0 the word at which this one waits. If the word is a lock, that thread holds it.
    pub holder: Option<ThreadId>,
    /// The thread that has the word at which this one waits in its stack, or beside it. If this one joins a thread, it is
    /// that one.
    pub joined: Option<ThreadId>,
    /// How long it has waited, in nanoseconds of the test's time.
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
pub struct ThreadDeadlock {
    /// All threads, the main one first.
    pub threads: Vec<StoppedThread>,
}

impl fmt::Display for ThreadDeadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.threads.len() {
            1 => f.write_str("its only thread waits for what no other is there to do"),
            count => write!(f, "none of its {count} threads can ever go on: each waits for another"),
        }
    }
}
