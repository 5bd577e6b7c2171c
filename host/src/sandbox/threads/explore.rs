//! Chooses which thread runs next, under one of many schedules: by random priorities and points of preemption.
//!
//! Each thread gets a random priority. Of the threads that can run, the one with the highest priority does. At some points,
//! the running thread gets the lowest priority of all. A point comes before a step, which is an atomic operation, a quantum
//! without one, or a host call that lets others run. There are three ways to choose points; the schedule's number decides
//! between them:
//!
//! - One to four points, drawn from so many steps as the number decides. This is PCT (Burckhardt and others, "A Randomized
//!   Scheduler with Probabilistic Guarantees of Finding Bugs", 2010).
//! - A point at each step, with a probability that the number decides. It finds sooner what takes few steps.
//! - Each step has a random priority. There is a point if the priority of a thread's next step is below that of another
//!   thread. This is partial order sampling (Yuan and others, "Partial Order Aware Concurrency Sampling", 2018).
//!
//! Steps during which only one thread can run do not count. Under half of the schedules, a spawned thread has a lower
//! priority than the threads before it: then several are spawned before the first of them runs.
//!
//! A thread that runs for long while others could also gets the lowest priority, because a thread that spins for another
//! would run for ever. So does a thread that gives way of its own accord.

use super::waits::ThreadId;
use crate::model::Exploration;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::collections::{BTreeMap, VecDeque};

/// The fuel of a step in which no atomic operation comes first.
pub const TURN: u64 = 1_000;

/// Most steps that a thread takes in a row while others could run.
const IN_A_ROW: u32 = 2_000;

/// The first priority for a thread that gets the lowest one: it is below that of any thread that never did.
const LATEST: i64 = -(1 << 33);

/// Most points, if they are drawn from steps.
const POINTS: u32 = 4;

/// Which steps are points.
#[derive(Debug)]
enum Points {
    /// These steps, in order.
    At(VecDeque<u64>),
    /// Any step, with a probability of one in `of`.
    Often { random: Box<ChaCha8Rng>, of: u32 },
    /// Any step whose own priority is below that of another thread.
    Sampled { random: Box<ChaCha8Rng> },
}

/// Chooses who runs next.
#[derive(Debug)]
pub struct Explorer {
    random: ChaCha8Rng,
    priorities: BTreeMap<ThreadId, i64>,
    points: Points,
    /// Says which of the points count.
    schedule: Exploration,
    /// How many points there were so far.
    met: u32,
    steps: u64,
    last: Option<ThreadId>,
    in_a_row: u32,
    /// Whether a thread that is met for the first time gets a lower priority than the others.
    is_late: bool,
    /// The priority for the next thread that gets the lowest one.
    lowest: i64,
    preemptions: u32,
}

impl Explorer {
    /// The choices of a schedule, for a test with this seed.
    pub fn new(seed: u64, schedule: &Exploration) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed ^ schedule.number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let stream = |random: &mut ChaCha8Rng| Box::new(ChaCha8Rng::seed_from_u64(random.next_u64()));
        let is_late = random.next_u32().is_multiple_of(2);
        let points = if schedule.number.is_multiple_of(3) {
            // Small numbers are more likely, because most tests take few steps.
            let among = 1_u64 << (3 + (random.next_u32() % 10).min(random.next_u32() % 10));
            let points = 1 + random.next_u32() % POINTS;
            let mut at: Vec<u64> = (0..points).map(|_| random.next_u64() % among).collect();
            at.sort_unstable();
            Points::At(at.into())
        } else if schedule.number % 3 == 1 {
            let of = 1 << (1 + random.next_u32() % 7);
            Points::Often { random: stream(&mut random), of }
        } else {
            Points::Sampled { random: stream(&mut random) }
        };
        Self {
            random,
            priorities: BTreeMap::new(),
            points,
            schedule: schedule.clone(),
            met: 0,
            steps: 0,
            last: None,
            in_a_row: 0,
            is_late,
            lowest: LATEST,
            preemptions: 0,
        }
    }

    /// The index in the queue of the thread to run.
    pub fn choose(&mut self, ready: &VecDeque<(ThreadId, u32)>) -> usize {
        let mut best = self.best(ready);
        let id = ready.get(best).map(|(id, _)| *id);
        if let Some(id) = id.filter(|id| Some(*id) == self.last)
            && self.step(id, ready)
        {
            best = self.best(ready);
        }
        let next = ready.get(best).map(|(id, _)| *id);
        if next != self.last {
            self.in_a_row = 0;
        }
        self.last = next;
        best
    }

    /// Notes that the running thread is about to take a step. Returns whether other threads run first.
    pub fn step(&mut self, id: ThreadId, ready: &VecDeque<(ThreadId, u32)>) -> bool {
        self.meet(ready);
        let others = ready.iter().filter(|(other, _)| *other != id);
        let Some(highest) = others.filter_map(|(other, _)| self.priorities.get(other).copied()).max() else {
            self.in_a_row = 0;
            return false;
        };
        self.in_a_row += 1;
        if self.is_point(id, highest) {
            self.preemptions += 1;
            if !matches!(self.points, Points::Sampled { .. }) {
                self.give_way(id);
            }
            self.in_a_row = 0;
            return true;
        }
        // The thread goes on, even if a lower priority was drawn for its step.
        if matches!(self.points, Points::Sampled { .. }) && self.priorities.get(&id).is_none_or(|own| *own <= highest) {
            self.priorities.insert(id, highest + 1);
        }
        if self.in_a_row > IN_A_ROW {
            self.give_way(id);
            return true;
        }
        false
    }

    /// Gives a thread the lowest priority of all.
    pub fn give_way(&mut self, id: ThreadId) {
        self.priorities.insert(id, self.lowest);
        self.lowest -= 1;
        self.in_a_row = 0;
    }

    /// Whether this step of a thread is a point that counts. `highest` is the highest priority of the other threads.
    fn is_point(&mut self, id: ThreadId, highest: i64) -> bool {
        self.steps += 1;
        let is_point = match &mut self.points {
            Points::At(at) => at.front().is_some_and(|at| *at <= self.steps) && at.pop_front().is_some(),
            Points::Often { random, of } => random.next_u32().is_multiple_of(*of),
            Points::Sampled { random } => {
                let own = i64::from(random.next_u32());
                self.priorities.insert(id, own);
                own < highest
            }
        };
        if !is_point {
            return false;
        }
        self.met += 1;
        self.schedule.counts(self.met - 1)
    }

    /// Gives a priority to each thread that is met for the first time.
    fn meet(&mut self, ready: &VecDeque<(ThreadId, u32)>) {
        for (id, _) in ready {
            if !self.priorities.contains_key(id) {
                let random = i64::from(self.random.next_u32());
                let behind = if self.is_late && !self.priorities.is_empty() { LATEST + 1 } else { 0 };
                self.priorities.insert(*id, behind + random);
            }
        }
    }

    fn best(&mut self, ready: &VecDeque<(ThreadId, u32)>) -> usize {
        self.meet(ready);
        let all = ready.iter().enumerate();
        all.max_by_key(|(at, (id, _))| (self.priorities.get(id), usize::MAX - at)).map_or(0, |(at, _)| at)
    }

    /// Forgets a thread that has ended.
    pub fn forget(&mut self, id: ThreadId) {
        self.priorities.remove(&id);
    }

    /// How many points there were, and how many of them let another thread run.
    pub fn met(&self) -> Preemptions {
        Preemptions { points: self.met, happened: self.preemptions }
    }
}

/// What came of the points of a schedule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Preemptions {
    /// How many points there were, whether they counted or not.
    pub points: u32,
    /// How many of them interrupted a thread, so that another one ran.
    pub happened: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::Range;

    fn ready(ids: Range<u32>) -> VecDeque<(ThreadId, u32)> {
        ids.map(|id| (id, 0)).collect()
    }

    #[test]
    fn without_points_the_first_goes_on_for_long_and_not_for_ever() {
        let mut explorer = Explorer::new(1, &Exploration::new(5).with_points([]));
        let first = explorer.choose(&ready(0..4));
        let runs = (0..10_000).take_while(|_| explorer.choose(&ready(0..4)) == first).count();
        assert_eq!(runs as u32, IN_A_ROW);
        assert_eq!(explorer.met().happened, 0);
    }

    /// All of them can run all the time, and each takes step after step until it is interrupted. Two that interrupt each other by turns have
    /// lower and lower priorities, so that one of them runs for long in the end and becomes the last.
    #[test]
    fn whoever_can_run_does_so_within_a_bound_under_any_schedule() {
        for (number, threads) in (0..40).flat_map(|number| [2, 3, 7].map(|threads| (number, threads))) {
            let mut explorer = Explorer::new(number, &Exploration::new(number));
            let mut queue = ready(0..threads);
            let (mut steps, mut last) = (0, vec![0; threads as usize]);
            while steps < 60_000 {
                let next = explorer.choose(&queue);
                let running = queue.remove(next).unwrap();
                let waited: u32 = steps - std::mem::replace(&mut last[running.0 as usize], steps);
                assert!(waited <= (2 * threads + 2) * IN_A_ROW, "{number}: {} of {threads} waited {waited}", running.0);
                steps += 1;
                while !explorer.step(running.0, &queue) {
                    steps += 1;
                }
                last[running.0 as usize] = steps;
                queue.push_back(running);
            }
            assert!(
                last.iter().all(|last| steps - last <= (2 * threads + 2) * IN_A_ROW),
                "{number}: {last:?} of {steps}"
            );
        }
    }

    #[test]
    fn each_point_is_one_preemption_at_most_and_a_number_is_one_order() {
        for number in 0..50 {
            let order = |schedule: Exploration| {
                let mut explorer = Explorer::new(1, &schedule);
                let order: Vec<usize> = (0..5_000).map(|_| explorer.choose(&ready(0..3))).collect();
                (order, explorer.met())
            };
            let whole = Exploration::new(number);
            let (all, met) = order(whole.clone());
            assert_eq!(order(whole.clone()).0, all);
            assert!(met.happened <= met.points && (number % 3 > 0 || met.points <= POINTS));
            assert!(order(whole.with_points([1])).1.happened <= 1);
        }
    }
}
