//! The stacks of a test's calls of the host. To capture one costs many times what a call does, and a run in which a call is to fail goes
//! the way of the run before it until then: up to there its stacks are known.

use crate::ledger::Stack;
use std::sync::Arc;

/// The stacks of a run's calls, in order, each with the fuel that was spent by then.
#[derive(Debug, Default)]
pub struct CallStacks(Vec<(u64, Stack)>);

/// The stacks of a run that is under way: those that are known of another run, and those of its own calls.
#[derive(Default)]
pub struct StackBook {
    /// Those of a run that goes the same way, as long as this one does.
    known: Option<Arc<CallStacks>>,
    /// Those of this run so far, where they are kept.
    own: Option<CallStacks>,
    /// How many of them are kept at most.
    most: usize,
    /// How many calls there were.
    calls: usize,
}

impl StackBook {
    /// Of its own stacks, at most so many are kept; with `None`, no list of them is.
    pub fn new(known: Option<Arc<CallStacks>>, most: Option<usize>) -> Self {
        Self { known, own: most.map(|_| CallStacks::default()), most: most.unwrap_or(0), calls: 0 }
    }

    /// The stack of the next call, if it is known. `spent` is the fuel spent by now: it is another one where the run went another way.
    pub fn next(&mut self, spent: u64) -> Option<Stack> {
        let next = self.known.as_ref()?.0.get(self.calls).filter(|(then, _)| *then == spent);
        let Some((_, stack)) = next.cloned() else {
            self.part();
            return None;
        };
        self.add(spent, &stack);
        Some(stack)
    }

    /// Keeps the stack of a call that was captured.
    pub fn add(&mut self, spent: u64, stack: &Stack) {
        self.calls += 1;
        if let Some(own) = self.own.as_mut().filter(|own| own.0.len() < self.most) {
            own.0.push((spent, Stack::clone(stack)));
        }
    }

    /// From here on, the run goes its own way.
    pub fn part(&mut self) {
        self.known = None;
    }

    /// The stacks of the run.
    pub fn finish(self) -> CallStacks {
        self.own.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::RawFrame;

    fn stack(function: u32) -> Stack {
        [RawFrame { function, offset: None }].into()
    }

    #[test]
    fn stacks_are_known_as_long_as_the_run_goes_the_same_way() {
        let mut plain = StackBook::new(None, Some(10));
        for nth in 1..=4 {
            assert_eq!(plain.next(nth * 10), None);
            plain.add(nth * 10, &stack(u32::try_from(nth).unwrap()));
        }
        let known = Arc::new(plain.finish());
        let mut other = StackBook::new(Some(Arc::clone(&known)), Some(10));
        assert_eq!(other.next(10), Some(stack(1)));
        assert_eq!(other.next(20), Some(stack(2)));
        assert_eq!(other.next(31), None, "it has spent something else");
        other.add(31, &stack(9));
        assert_eq!(other.next(40), None, "and does not come back to that way");
        let own: Vec<u64> = other.finish().0.iter().map(|(spent, _)| *spent).collect();
        assert_eq!(own, [10, 20, 31]);
        let mut parted = StackBook::new(Some(known), None);
        assert_eq!(parted.next(10), Some(stack(1)));
        parted.part();
        assert_eq!((parted.next(20), parted.finish().0.len()), (None, 0));
    }
}
