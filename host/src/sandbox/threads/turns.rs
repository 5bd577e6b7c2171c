//! The last turns of the threads of a test, for whoever wants to know how it came to its end.

use super::waits::{ThreadId, Wait};
use crate::ledger::Stack;
use std::collections::{BTreeMap, VecDeque};

/// Turns that are kept.
const KEPT: usize = 16;

/// Why a thread's turn was over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnEnd {
    /// It was interrupted.
    Interrupted,
    /// It let others run of its own accord.
    GaveWay,
    /// It spawned a thread.
    Spawned,
    /// It began to wait.
    Waits(Wait),
    /// It ended.
    Ended,
}

/// A turn of a thread that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Whose.
    pub thread: ThreadId,
    /// Why it is over.
    pub end: TurnEnd,
    /// Where, innermost frame first; empty where that is not known.
    pub stack: Stack,
}

/// The turns, up to the one that is going on.
#[derive(Debug, Default)]
pub struct Turns {
    last: VecDeque<Turn>,
    /// Why the threads do not run that others have not yet run after.
    ends: BTreeMap<ThreadId, (TurnEnd, Stack)>,
    running: Option<ThreadId>,
}

impl Turns {
    /// A thread is about to let others run.
    pub fn ends(&mut self, thread: ThreadId, end: TurnEnd, stack: Stack) {
        self.ends.insert(thread, (end, stack));
    }

    /// A thread runs. Its turn is the same as before if no other ran.
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

    /// The turns before the last, and whose that is.
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
