//! The stacks of allocations, in a run that captures them.

use crate::ledger::Stack;
use std::collections::{BTreeMap, HashMap};

/// Which allocations' stacks are captured.
#[derive(Debug, Clone, Default)]
pub enum StackCapture {
    /// None.
    #[default]
    Nothing,
    /// The allocations with these numbers. The numbers are in descending order, so that the next one is at the end.
    Numbers(Vec<u64>),
    /// All allocations of the test's own blocks.
    All,
}

impl StackCapture {
    /// The allocations with these numbers.
    pub fn numbers(mut numbers: Vec<u64>) -> Self {
        numbers.sort_unstable_by_key(|number| std::cmp::Reverse(*number));
        Self::Numbers(numbers)
    }

    /// Whether the stack of this allocation is wanted. It must be asked once for each allocation, in order.
    pub fn wants(&mut self, number: u64, own: bool) -> bool {
        match self {
            Self::Nothing => false,
            Self::Numbers(numbers) => numbers.pop_if(|next| *next == number).is_some(),
            Self::All => own,
        }
    }
}

/// Frames that are kept of each end of a stack: as many as a report shows, and enough to find the test's own.
pub const END_FRAMES: usize = 64;

/// Most different stacks that are kept: a recursion that allocates has one for each depth.
const MAX_STACKS: usize = 1 << 16;

/// How many allocations are known by number before those of freed blocks are forgotten for the first time.
const FIRST_PRUNING: usize = 1 << 16;

/// Stacks by the number of the allocation. Each different stack is kept once.
#[derive(Debug, Default)]
pub struct AllocationStacks {
    stacks: Vec<StackTotals>,
    known: HashMap<Stack, usize>,
    by_number: BTreeMap<u64, CapturedStack>,
    /// The stack of each calling context, with how deep it was; `None` if it was not kept.
    by_context: HashMap<i64, Option<(usize, u32)>>,
    left_out: u64,
    prune_at: usize,
    /// Bytes of all stacks that are kept.
    bytes: u64,
}

/// Bytes that one allocation or calling context and one stack count beside the stack's frames: at least what the maps need for one of each.
const NUMBERED: u64 = 64;
const KEPT_STACK: u64 = 128;

/// An allocation whose stack was captured.
#[derive(Debug, Clone, Copy)]
struct CapturedStack {
    /// The index of its stack.
    stack: usize,
    size: u32,
    depth: u32,
}

/// A stack, and what was allocated with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackTotals {
    /// The stack.
    pub stack: Stack,
    /// How many allocations had this stack.
    pub objects: u64,
    /// Their sizes together, in bytes.
    pub space: u64,
}

impl AllocationStacks {
    /// Keeps the stack of an allocation of `size` bytes, and that it is the stack of this calling context. The middle of the stack may
    /// be left out: it was `depth` calls deep. If there are too many different stacks, only the first are kept.
    pub fn enter(&mut self, number: u64, size: u32, (stack, depth): (Stack, u32), context: Option<i64>) {
        let next = self.stacks.len();
        let index = if next == MAX_STACKS {
            self.known.get(&stack).copied()
        } else {
            Some(*self.known.entry(stack).or_insert_with_key(|stack| {
                self.bytes += KEPT_STACK + size_of_val(&**stack) as u64;
                self.stacks.push(StackTotals { stack: Stack::clone(stack), objects: 0, space: 0 });
                next
            }))
        };
        let captured = index.map(|index| (index, depth));
        if let Some(context) = context {
            self.by_context.insert(context, captured);
        }
        self.count(number, size, captured);
    }

    /// The same for an allocation in a calling context whose stack was captured before. Says whether it was.
    pub fn enter_again(&mut self, number: u64, size: u32, context: i64) -> bool {
        let Some(captured) = self.by_context.get(&context).copied() else { return false };
        self.count(number, size, captured);
        true
    }

    fn count(&mut self, number: u64, size: u32, captured: Option<(usize, u32)>) {
        let Some((stack, depth)) = captured else {
            self.left_out += 1;
            return;
        };
        let totals = &mut self.stacks[stack];
        totals.objects += 1;
        totals.space = totals.space.saturating_add(size.into());
        self.by_number.insert(number, CapturedStack { stack, size, depth });
    }

    /// How many bytes are kept.
    pub fn held(&self) -> u64 {
        let numbered = (self.by_number.len() + self.by_context.len()) as u64;
        self.bytes.saturating_add(numbered.saturating_mul(NUMBERED))
    }

    /// Whether so many allocations are known by number that those of freed blocks should be forgotten.
    pub fn is_full(&self) -> bool {
        self.by_number.len() >= self.prune_at.max(FIRST_PRUNING)
    }

    /// Forgets the numbers of freed blocks. Their stacks and sums stay.
    pub fn prune(&mut self, is_live: impl Fn(u64) -> bool) {
        self.by_number.retain(|number, _| is_live(*number));
        self.prune_at = self.by_number.len() * 2;
    }

    /// The index of an allocation's stack in [`AllocationStacks::all`], and how deep the stack was.
    pub fn find(&self, number: u64) -> Option<(usize, u32)> {
        self.by_number.get(&number).map(|captured| (captured.stack, captured.depth))
    }

    /// How many allocations' stacks were wanted but not kept.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Every captured stack, and how much was allocated with it.
    pub fn all(&self) -> &[StackTotals] {
        &self.stacks
    }

    /// The blocks by number, with their sizes in bytes and their stacks, unless they were forgotten.
    pub fn blocks(&self) -> impl Iterator<Item = (u64, u32, &Stack)> {
        let by_number = self.by_number.iter();
        by_number.map(|(number, captured)| (*number, captured.size, &self.stacks[captured.stack].stack))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::RawFrame;

    #[test]
    fn a_stack_is_kept_once_and_found_by_number() {
        let stack = |function| Stack::from([RawFrame { function, offset: Some(1) }]);
        let mut captured = AllocationStacks::default();
        for (number, function) in [(5, 1), (2, 7), (9, 1)] {
            captured.enter(number, 8, (stack(function), 1), None);
        }
        assert_eq!(captured.stacks.len(), 2);
        assert_eq!(captured.find(9), Some((0, 1)));
        assert_eq!(captured.find(3), None);
        assert_eq!(captured.blocks().map(|(number, ..)| number).collect::<Vec<_>>(), [2, 5, 9]);
        let mut some = StackCapture::numbers(vec![9, 2]);
        assert_eq!((1..=10).filter(|&number| some.wants(number, number == 9)).collect::<Vec<_>>(), [2, 9]);
        assert!(
            StackCapture::All.wants(5, true)
                && !StackCapture::All.wants(5, false)
                && !StackCapture::Nothing.wants(5, true)
        );
    }

    #[test]
    fn what_is_gone_is_forgotten_and_stays_counted() {
        let stack = Stack::from([RawFrame { function: 1, offset: Some(1) }]);
        let mut captured = AllocationStacks::default();
        let mut pruned = 0;
        for number in 1..=3 * FIRST_PRUNING as u64 {
            captured.enter(number, 8, (stack.clone(), 1), None);
            if captured.is_full() {
                captured.prune(|number| number % 8 == 0);
                pruned += 1;
            }
        }
        assert!((2..=8).contains(&pruned) && captured.blocks().count() < FIRST_PRUNING * 2, "{pruned}");
        assert_eq!((captured.find(16), captured.find(17)), (Some((0, 1)), None));
        let objects = 3 * FIRST_PRUNING as u64;
        assert_eq!(captured.all(), [StackTotals { stack, objects, space: objects * 8 }]);
    }

    #[test]
    fn what_is_not_kept_is_counted() {
        let stack = |function| Stack::from([RawFrame { function, offset: Some(1) }]);
        let mut captured = AllocationStacks::default();
        for number in 1..=MAX_STACKS as u32 + 2 {
            captured.enter(number.into(), 8, (stack(number), 1), None);
        }
        assert_eq!((captured.left_out(), captured.blocks().count()), (2, MAX_STACKS));
        captured.enter(1 << 40, 8, (stack(1), 1), None);
        assert_eq!(captured.left_out(), 2, "a stack that is known is kept");
    }

    #[test]
    fn a_context_that_was_seen_has_the_stack_of_then() {
        let stack = Stack::from([RawFrame { function: 1, offset: Some(1) }]);
        let mut captured = AllocationStacks::default();
        assert!(!captured.enter_again(1, 8, -7));
        captured.enter(1, 8, (stack.clone(), 5), Some(-7));
        assert!(captured.enter_again(2, 16, -7) && !captured.enter_again(3, 8, 7));
        assert_eq!((captured.find(2), captured.find(3)), (Some((0, 5)), None));
        assert_eq!(captured.all(), [StackTotals { stack, objects: 2, space: 24 }]);
        for number in 10..MAX_STACKS as u64 + 10 {
            let stack = Stack::from([RawFrame { function: number as u32, offset: None }]);
            captured.enter(number, 8, (stack, 1), Some(number as i64));
        }
        assert_eq!(captured.left_out(), 1);
        assert!(captured.enter_again(1 << 40, 8, MAX_STACKS as i64 + 9), "what was left out then is left out again");
        assert_eq!((captured.left_out(), captured.find(1 << 40)), (2, None));
    }

    #[test]
    fn of_more_stacks_than_are_worth_keeping_the_first_are() {
        let stack = |depth: usize| Stack::from([RawFrame { function: 1, offset: Some(depth as u32) }]);
        let mut captured = AllocationStacks::default();
        for number in 0..MAX_STACKS + 5 {
            captured.enter(number as u64, 8, (stack(number), 1), None);
        }
        captured.enter(100_000, 8, (stack(MAX_STACKS - 1), 1), None);
        captured.enter(100_001, 8, (stack(MAX_STACKS), 1), None);
        assert_eq!((captured.stacks.len(), captured.blocks().count()), (MAX_STACKS, MAX_STACKS + 1));
        assert_eq!(captured.find(100_000), Some((MAX_STACKS - 1, 1)));
        assert_eq!(captured.find(100_001), None);
    }
}
