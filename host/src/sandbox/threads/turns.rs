//! The last turns of the threads of a test: they show how it came to its end.

use super::waits::{ThreadId, Wait};
use crate::ledger::Stack;
use std::collections::{BTreeMap, VecDeque};

/// How many turns are kept.
const KEPT: usize = 16;

/// Why a thread's turn ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnEnd {
    /// The thread was interrupted.
    Interrupted,
    /// The thread let others run of its own accord.
    GaveWay,
    /// It spawned a thread.
    Spawned,
    /// It began to wait.
    Waits(Wait),
    /// The thread ended.
    Ended,
}

/// A turn that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The thread whose turn it was.
    pub thread: ThreadId,
    /// Why the turn ended.
    pub end: TurnEnd,
    /// The stack at its end, innermost frame first; empty if that is not known.
    pub stack: Stack,
}

/// The turns before the one that is going on.
#[derive(Debug, Default)]
pub struct Turns {
    last: VecDeque<Turn>,
    /// For each thread that has stopped since it last ran: why, and on which stack.
    ends: BTreeMap<ThreadId, (TurnEnd, Stack)>,
    running: Option<ThreadId>,
    /// The thread that has to tell its place.
    asked: Option<ThreadId>,
}

impl Turns {
    /// Asks a thread for its place.
    pub fn ask(&mut self, thread: ThreadId) {
        self.asked = Some(thread);
    }

    /// Whether a thread has to tell its place. It is asked once.
    pub fn take_question(&mut self, thread: ThreadId) -> bool {
        self.asked.take_if(|asked| *asked == thread).is_some()
    }

    /// Notes that a thread is about to let others run.
    pub fn ends(&mut self, thread: ThreadId, end: TurnEnd, stack: Stack) {
        self.ends.insert(thread, (end, stack));
    }

    /// Notes that a thread runs. If no other thread ran in between, it is still the same turn.
    pub fn runs(&mut self, thread: ThreadId) {
        let before = self.running.replace(thread);
        if let Some(before) = before.filter(|before| *before != thread) {
            let (end, stack) = self.ends.remove(&before).unwrap_or_else(|| (TurnEnd::Interrupted, [].into()));
            if self.last.len() == KEPT {
                self.last.pop_front();
            }
            self.last.push_back(Turn { thread: before, end, stack });
        }
        self.ends.remove(&thread);
    }

    /// Takes the turns before the last one, and returns whose turn the last one is.
    pub fn take(&mut self) -> (Vec<Turn>, Option<ThreadId>) {
        (std::mem::take(&mut self.last).into(), self.running)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_ends_when_another_thread_runs() {
        let mut turns = Turns::default();
        turns.runs(0);
        turns.ends(0, TurnEnd::GaveWay, [].into());
        turns.runs(0);
        turns.runs(1);
        turns.ends(1, TurnEnd::Ended, [].into());
        turns.runs(2);
        let turn = |thread, end| Turn { thread, end, stack: [].into() };
        assert_eq!(turns.take(), (vec![turn(0, TurnEnd::Interrupted), turn(1, TurnEnd::Ended)], Some(2)));
        (0..100).for_each(|nth| turns.runs(nth % 2));
        assert_eq!(turns.take().0.len(), KEPT);
    }
}
