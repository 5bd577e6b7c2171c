//! Which thread runs next under one of many schedules: bounded random priorities and points of preemption.
//!
//! Each thread gets a random priority, and of those that can run the one with the highest does. At some points the thread that runs becomes
//! the last of all. Schedules with an even number have four points, drawn among so many turns as the number decides: that is PCT
//! (Burckhardt and others, "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", 2010). Those with an odd number have a
//! point at each turn with a probability that the number decides, which finds what takes few turns sooner. Turns in which only one
//! thread can run do not count.
//!
//! A thread that runs for long while others could becomes the last, too: one that spins for another would run for ever.

use super::schedule::ThreadId;
use crate::model::Exploration;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

/// Fuel of a turn: so little that a thread can be interrupted at nearly every call and loop.
pub const TURN: u64 = 20;

/// Turns that a thread has in a row while others could run.
const IN_A_ROW: u32 = 2_000;

/// How many points a schedule with an even number has.
const POINTS: usize = 4;

/// Where a schedule has points.
#[derive(Debug)]
enum Points {
    /// At these turns, in order.
    At(VecDeque<u64>),
    /// At each turn, with a probability of one in `of`.
    Often { random: Box<ChaCha8Rng>, of: u32 },
}

/// Who runs next.
#[derive(Debug)]
pub struct Explorer {
    random: ChaCha8Rng,
    priorities: BTreeMap<ThreadId, i64>,
    points: Points,
    /// Which of the points count.
    counted: Range<u32>,
    /// How many of them there were.
    met: u32,
    turn: u64,
    last: Option<ThreadId>,
    in_a_row: u32,
    /// The priority of the next that becomes the last.
    lowest: i64,
    preemptions: u32,
}

impl Explorer {
    /// Of a schedule, for a test with this seed.
    pub fn new(seed: u64, schedule: &Exploration) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed ^ schedule.number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let points = if schedule.number.is_multiple_of(2) {
            let among = 1_u64 << (3 + random.next_u32() % 10);
            let mut at: Vec<u64> = (0..POINTS).map(|_| random.next_u64() % among).collect();
            at.sort_unstable();
            Points::At(at.into())
        } else {
            let of = 1 << (1 + random.next_u32() % 7);
            Points::Often { random: Box::new(ChaCha8Rng::seed_from_u64(random.next_u64())), of }
        };
        Self {
            random,
            priorities: BTreeMap::new(),
            points,
            counted: schedule.points.clone(),
            met: 0,
            turn: 0,
            last: None,
            in_a_row: 0,
            lowest: -1,
            preemptions: 0,
        }
    }

    /// The place in the queue of the thread to run.
    pub fn choose(&mut self, ready: &VecDeque<(ThreadId, u32)>) -> usize {
        let mut best = self.best(ready);
        let id = ready.get(best).map(|(id, _)| *id);
        let goes_on = id.is_some() && id == self.last;
        let could_others = ready.len() > 1;
        self.in_a_row = if goes_on && could_others { self.in_a_row + 1 } else { 0 };
        let is_point = could_others && goes_on && self.is_point();
        if (is_point || self.in_a_row > IN_A_ROW)
            && let Some(id) = id
        {
            self.priorities.insert(id, self.lowest);
            self.lowest -= 1;
            self.in_a_row = 0;
            best = self.best(ready);
            self.preemptions += u32::from(is_point);
        }
        self.last = ready.get(best).map(|(id, _)| *id);
        best
    }

    /// Whether this turn is at a point that counts.
    fn is_point(&mut self) -> bool {
        self.turn += 1;
        let is_point = match &mut self.points {
            Points::At(at) => at.front().is_some_and(|at| *at <= self.turn) && at.pop_front().is_some(),
            Points::Often { random, of } => random.next_u32().is_multiple_of(*of),
        };
        if !is_point {
            return false;
        }
        self.met += 1;
        self.counted.contains(&(self.met - 1))
    }

    fn best(&mut self, ready: &VecDeque<(ThreadId, u32)>) -> usize {
        for (id, _) in ready {
            if !self.priorities.contains_key(id) {
                let priority = i64::from(self.random.next_u32());
                self.priorities.insert(*id, priority);
            }
        }
        let all = ready.iter().enumerate();
        all.max_by_key(|(at, (id, _))| (self.priorities.get(id), usize::MAX - at)).map_or(0, |(at, _)| at)
    }

    /// A thread is gone.
    pub fn forget(&mut self, id: ThreadId) {
        self.priorities.remove(&id);
    }

    /// How many points there were, and at how many of them another thread went on.
    pub fn met(&self) -> Preemptions {
        Preemptions { points: self.met, happened: self.preemptions }
    }
}

/// What came of the points of a schedule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Preemptions {
    /// How many there were, whether they counted or not.
    pub points: u32,
    /// At how many a thread was interrupted, and another one ran.
    pub happened: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(ids: Range<u32>) -> VecDeque<(ThreadId, u32)> {
        ids.map(|id| (id, 0)).collect()
    }

    #[test]
    fn without_points_the_first_goes_on_for_long_and_not_for_ever() {
        let mut explorer = Explorer::new(1, &Exploration::new(5).with_points(0..0));
        let first = explorer.choose(&ready(0..4));
        let runs = (0..10_000).take_while(|_| explorer.choose(&ready(0..4)) == first).count();
        assert_eq!(runs as u32, IN_A_ROW);
        assert_eq!(explorer.met().happened, 0);
    }

    #[test]
    fn each_point_is_one_preemption_at_most_and_a_number_is_one_order() {
        for number in 0..50 {
            let order = |points: Range<u32>| {
                let mut explorer = Explorer::new(1, &Exploration::new(number).with_points(points));
                let order: Vec<usize> = (0..5_000).map(|_| explorer.choose(&ready(0..3))).collect();
                (order, explorer.met())
            };
            let (whole, met) = order(0..u32::MAX);
            assert_eq!(order(0..u32::MAX).0, whole);
            assert!(met.happened <= met.points && (number % 2 == 1 || met.points <= POINTS as u32));
            assert!(order(1..2).1.happened <= 1);
        }
    }
}
