//! Which thread of a test runs next. Nothing but the test's seed decides it: no clock and no thread of the host.
//!
//! Of the threads that can run, one of the first few in the queue is drawn. A thread that has been passed over a number of times
//! comes first, so that each runs within a bound however busy the others are. Time moves on to the next timer only when no thread
//! can run.

use super::explore::{self, Explorer, Preemptions};
use super::turns::{Turn, TurnEnd, Turns};
use crate::ledger::Stack;
use crate::model::Exploration;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// The number of a thread: what the guest knows it by. The main one is 0.
pub type ThreadId = u32;

/// The thread that the test begins with.
pub const MAIN: ThreadId = 0;

/// Fuel after which a thread that runs is asked to let others run: some microseconds.
pub const QUANTUM: u64 = 10_000;

/// How many threads at the head of the queue one is drawn of.
const DRAWN_OF: usize = 8;

/// How often a thread at the head of the queue may be passed over.
const PASSED_OVER: u32 = 8;

/// Words of which is known which thread changed them from 0. A lock that is held is one.
const MOST_WORDS: usize = 1 << 16;

/// The largest number of a thread: wasi-threads keeps the upper bits.
const MAX_ID: ThreadId = (1 << 29) - 1;

/// What a thread waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// That another thread notifies of this address.
    Address(u32),
    /// That time passes.
    Time,
    /// That something becomes of a descriptor: in words, where nothing but another thread can bring it about.
    Descriptor(String),
}

/// Why a thread that waited runs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// It was notified, or is to look again.
    Told,
    /// Its time is up.
    TimedOut,
}

/// A wait of a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// For what.
    pub wait: Wait,
    /// When it is up, in nanoseconds of the test.
    pub due: Option<u64>,
    /// When it began.
    pub since: u64,
    /// Its place among all waits.
    nth: u64,
}

/// A thread that has not ended.
#[derive(Debug, Default)]
struct Thread {
    spawned: Option<Stack>,
    name: Option<Arc<str>>,
    waiting: Option<Waiting>,
    wake: Option<Wake>,
    /// Fuel that it has spent, as far as is known: all of it when it calls the host, else without its last quantum.
    spent: u64,
    /// What it had spent when it began to run.
    slice: u64,
    /// Whether it is to end where it is.
    stops: bool,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Run this thread.
    Run(ThreadId),
    /// No thread can run before this time.
    Sleep(u64),
    /// No thread will ever run.
    Never,
}

/// The threads of a test, and the order in which they run.
#[derive(Debug)]
pub struct Schedule {
    random: ChaCha8Rng,
    threads: BTreeMap<ThreadId, Thread>,
    /// Those that can run, each with how often it was passed over.
    ready: VecDeque<(ThreadId, u32)>,
    timers: BTreeSet<(u64, ThreadId)>,
    addresses: BTreeMap<(u32, u64), ThreadId>,
    descriptors: BTreeSet<ThreadId>,
    waits: u64,
    /// The thread that was last told to run, until it waits or lets others run.
    running: Option<ThreadId>,
    /// Threads that are to begin, each with what it is given.
    spawned: Vec<(ThreadId, i32)>,
    last_id: ThreadId,
    most: usize,
    refused: bool,
    /// Who decides, where the test is run under one of many schedules.
    explorer: Option<Explorer>,
    /// Fuel after which a thread is asked to let others run.
    quantum: u64,
    spent: u64,
    spent_before_call: u64,
    fuel: u64,
    allocator: AllocatorTurn,
    owners: BTreeMap<u32, ThreadId>,
    /// The last turns, where they are to be told.
    turns: Option<Turns>,
}

/// The calls of the allocator, which no other thread interrupts. What they spend counts for the limit alone, and not for the order of
/// the threads or for time: a second run, whose blocks are elsewhere, spends more or less in them, and is to have the same schedule.
#[derive(Debug, Default)]
struct AllocatorTurn {
    /// The thread that is in one, and what all calls before it have spent.
    held: Option<(ThreadId, u64)>,
    /// Whether the engine has interrupted it, so that it goes on at once.
    goes_on: bool,
    /// What all calls have spent: of the one that goes on, as far as is known.
    spent: u64,
    /// What they had spent when the main thread was called.
    spent_before_call: u64,
}

impl Schedule {
    /// Of a test that begins with its main thread, and may have `most` others at once.
    pub fn new(seed: u64, most: usize) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            threads: BTreeMap::from([(MAIN, Thread::default())]),
            ready: VecDeque::new(),
            timers: BTreeSet::new(),
            addresses: BTreeMap::new(),
            descriptors: BTreeSet::new(),
            waits: 0,
            running: None,
            spawned: Vec::new(),
            last_id: MAIN,
            most,
            refused: false,
            explorer: None,
            quantum: QUANTUM,
            spent: 0,
            spent_before_call: 0,
            fuel: 0,
            allocator: AllocatorTurn::default(),
            owners: BTreeMap::new(),
            turns: None,
        }
    }

    /// The same under one of many schedules.
    pub fn explored(mut self, seed: u64, schedule: &Exploration) -> Self {
        self.explorer = Some(Explorer::new(seed, schedule));
        self.quantum = explore::TURN;
        self
    }

    /// The same, with its last turns kept.
    pub fn followed(mut self) -> Self {
        self.turns = Some(Turns::default());
        self
    }

    /// Whether the last turns are kept.
    pub fn is_followed(&self) -> bool {
        self.turns.is_some()
    }

    /// A thread is about to let others run, at this place.
    pub fn turn_ends(&mut self, id: ThreadId, end: TurnEnd, stack: Stack) {
        if let Some(turns) = &mut self.turns {
            turns.ends(id, end, stack);
        }
    }

    /// The last turns, and which thread runs after them.
    pub fn take_turns(&mut self) -> (Vec<Turn>, Option<ThreadId>) {
        self.turns.as_mut().map(Turns::take).unwrap_or_default()
    }

    /// Whether the threads run under one of many schedules.
    pub fn is_explored(&self) -> bool {
        self.explorer.is_some()
    }

    /// A thread is about to take a step. Gives whether others run before.
    pub fn step(&mut self, id: ThreadId) -> bool {
        if self.is_held(id) {
            return false;
        }
        self.explorer.as_mut().is_some_and(|explorer| explorer.step(id, &self.ready))
    }

    /// A thread lets others run of its own accord.
    pub fn give_way(&mut self, id: ThreadId) {
        if let Some(explorer) = &mut self.explorer {
            explorer.give_way(id);
        }
    }

    /// A thread has changed a word to this value, which is 0 where the old one was not, or the other way round.
    pub fn word_changed(&mut self, id: ThreadId, address: u32, value: u32) {
        if value == 0 {
            self.owners.remove(&address);
        } else if self.owners.len() < MOST_WORDS || self.owners.contains_key(&address) {
            self.owners.insert(address, id);
        }
    }

    /// The thread that changed the word at an address from 0, where that is known.
    pub fn owner(&self, address: u32) -> Option<ThreadId> {
        self.owners.get(&address).copied()
    }

    /// Fuel after which a thread is asked to let others run.
    pub fn quantum(&self) -> u64 {
        self.quantum
    }

    /// How often a thread was interrupted where its schedule says so.
    pub fn preemptions(&self) -> Preemptions {
        self.explorer.as_ref().map(Explorer::met).unwrap_or_default()
    }

    /// From here on, all threads together may spend `fuel`.
    pub fn refuel(&mut self, fuel: u64) {
        self.fuel = fuel;
        self.spent_before_call = self.spent;
        self.allocator = AllocatorTurn {
            spent: self.allocator.spent,
            spent_before_call: self.allocator.spent,
            ..AllocatorTurn::default()
        };
    }

    /// A thread enters the allocator: until it leaves it, no other runs.
    pub fn hold(&mut self, id: ThreadId) {
        self.allocator.held = Some((id, self.allocator.spent));
    }

    /// A thread leaves the allocator, in which it has spent so much. Gives whether no other ran meanwhile: not so if it waited in it.
    pub fn release(&mut self, id: ThreadId, spent: u64) -> bool {
        let held = self.allocator.held.filter(|(held, _)| *held == id);
        self.allocator.spent = held.map_or(self.allocator.spent, |(_, before)| before).saturating_add(spent);
        self.allocator.held = self.allocator.held.filter(|(held, _)| *held != id);
        held.is_some()
    }

    fn is_held(&self, id: ThreadId) -> bool {
        self.allocator.held.is_some_and(|(held, _)| held == id)
    }

    /// A thread that is in the allocator lets others run, which it is not to do.
    fn break_hold(&mut self, id: ThreadId) {
        self.allocator.held = self.allocator.held.filter(|(held, _)| *held != id);
    }

    /// The main thread is called.
    pub fn begin_call(&mut self) {
        self.begin(MAIN);
    }

    /// A call of the main thread has returned, or is given up.
    pub fn end_call(&mut self) {
        self.set_aside(MAIN);
    }

    /// A thread is not run again.
    pub fn set_aside(&mut self, id: ThreadId) {
        self.forget_wait(id);
        self.ready.retain(|(ready, _)| *ready != id);
    }

    /// A thread that can run from now on.
    fn begin(&mut self, id: ThreadId) {
        self.ready.push_back((id, 0));
    }

    /// Another thread; `None` where there are too many.
    pub fn spawn(&mut self, given: i32, spawned: Stack, name: Option<Arc<str>>) -> Option<ThreadId> {
        // The main thread is not counted.
        if self.threads.len() > self.most || self.last_id == MAX_ID {
            self.refused = true;
            return None;
        }
        self.last_id += 1;
        self.threads.insert(self.last_id, Thread { spawned: Some(spawned), name, ..Thread::default() });
        self.spawned.push((self.last_id, given));
        self.begin(self.last_id);
        Some(self.last_id)
    }

    /// Whether there was one too many.
    pub fn was_refused(&self) -> bool {
        self.refused
    }

    /// The threads that are to begin since this was last asked.
    pub fn take_spawned(&mut self) -> Vec<(ThreadId, i32)> {
        std::mem::take(&mut self.spawned)
    }

    /// What is to be done now that it is `now`.
    pub fn next(&mut self, now: u64) -> Next {
        if let (true, Some((id, _))) = (std::mem::take(&mut self.allocator.goes_on), self.allocator.held) {
            self.running = Some(id);
            return Next::Run(id);
        }
        while let Some(&(due, id)) = self.timers.first() {
            if due > now {
                break;
            }
            self.wake(id, Wake::TimedOut);
        }
        let Some(&(_, passed)) = self.ready.front() else {
            return self.timers.first().map_or(Next::Never, |(due, _)| Next::Sleep(*due));
        };
        let at = match self.ready.len().min(DRAWN_OF) {
            _ if self.explorer.is_some() => self.explorer.as_mut().map_or(0, |explorer| explorer.choose(&self.ready)),
            1 => 0,
            _ if passed >= PASSED_OVER => 0,
            some => (self.random.next_u32() as usize) % some,
        };
        for (_, passed) in self.ready.iter_mut().take(at) {
            *passed += 1;
        }
        let (id, _) = self.ready.remove(at).unwrap_or((MAIN, 0));
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.slice = thread.spent;
        }
        self.running = Some(id);
        if let Some(turns) = &mut self.turns {
            turns.runs(id);
        }
        Next::Run(id)
    }

    /// A thread lets others run.
    pub fn yielded(&mut self, id: ThreadId) {
        self.break_hold(id);
        self.running = None;
        self.begin(id);
    }

    /// A thread that was told to run does not run any more, and has not ended. If it neither waits nor let others run, it was
    /// interrupted after a quantum; what it has spent beyond that is told when it calls the host.
    pub fn paused(&mut self, id: ThreadId) {
        if self.running.take() == Some(id) {
            if self.is_held(id) {
                self.allocator.goes_on = true;
                self.allocator.spent = self.allocator.spent.saturating_add(self.quantum);
                return;
            }
            self.spend(id, self.quantum);
            self.begin(id);
        }
    }

    /// A thread begins to wait.
    pub fn wait(&mut self, id: ThreadId, wait: Wait, due: Option<u64>, now: u64) {
        self.break_hold(id);
        self.running = None;
        self.waits += 1;
        let nth = self.waits;
        match &wait {
            Wait::Address(address) => {
                self.addresses.insert((*address, nth), id);
            }
            Wait::Descriptor(_) => {
                self.descriptors.insert(id);
            }
            Wait::Time => {}
        }
        if let Some(due) = due {
            self.timers.insert((due, id));
        }
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.waiting = Some(Waiting { wait, due, since: now, nth });
        }
    }

    /// Wakes the threads that wait longest for this address, `most` at most. Gives how many.
    pub fn notify(&mut self, address: u32, most: u32) -> u32 {
        let mut told = 0;
        while told < most {
            let Some((_, &id)) = self.addresses.range((address, 0)..=(address, u64::MAX)).next() else { break };
            self.wake(id, Wake::Told);
            told += 1;
        }
        told
    }

    /// Something may have become of a descriptor: who waits for one looks again.
    pub fn descriptors_changed(&mut self) {
        while let Some(&id) = self.descriptors.first() {
            self.wake(id, Wake::Told);
        }
    }

    fn wake(&mut self, id: ThreadId, why: Wake) {
        self.forget_wait(id);
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.wake = Some(why);
        }
        self.begin(id);
    }

    fn forget_wait(&mut self, id: ThreadId) {
        let Some(waiting) = self.threads.get_mut(&id).and_then(|thread| thread.waiting.take()) else { return };
        if let Some(due) = waiting.due {
            self.timers.remove(&(due, id));
        }
        if let Wait::Address(address) = waiting.wait {
            self.addresses.remove(&(address, waiting.nth));
        }
        self.descriptors.remove(&id);
    }

    /// Why a thread that waited runs again.
    pub fn woken(&mut self, id: ThreadId) -> Wake {
        self.threads.get_mut(&id).and_then(|thread| thread.wake.take()).unwrap_or(Wake::Told)
    }

    /// A thread's name.
    pub fn name(&self, id: ThreadId) -> Option<Arc<str>> {
        self.threads.get(&id)?.name.clone()
    }

    /// What a thread waits for.
    pub fn waiting(&self, id: ThreadId) -> Option<&Waiting> {
        self.threads.get(&id)?.waiting.as_ref()
    }

    /// A thread has ended. Gives where it was spawned.
    pub fn ended(&mut self, id: ThreadId) -> Option<Stack> {
        self.break_hold(id);
        self.set_aside(id);
        if let Some(explorer) = &mut self.explorer {
            explorer.forget(id);
        }
        self.turn_ends(id, TurnEnd::Ended, [].into());
        self.threads.remove(&id)?.spawned
    }

    /// A thread is to end where it is, as soon as it runs.
    pub fn stop(&mut self, id: ThreadId) {
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.stops = true;
        }
    }

    /// Whether a thread is to end where it is.
    pub fn stops(&self, id: ThreadId) -> bool {
        self.threads.get(&id).is_some_and(|thread| thread.stops)
    }

    /// A thread tells all that it has spent. Gives what all have spent together.
    pub fn tell_spent(&mut self, id: ThreadId, spent: u64) -> u64 {
        let known = self.threads.get(&id).map_or(0, |thread| thread.spent);
        self.spend(id, spent.saturating_sub(known));
        self.spent
    }

    /// Whether a thread has run for as long as it may before others do.
    pub fn is_due(&self, id: ThreadId) -> bool {
        !self.is_held(id) && self.threads.get(&id).is_some_and(|thread| thread.spent - thread.slice >= self.quantum)
    }

    fn spend(&mut self, id: ThreadId, more: u64) {
        self.spent = self.spent.saturating_add(more);
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.spent = thread.spent.saturating_add(more);
        }
    }

    /// What all threads have spent together, without calls of the allocator.
    pub fn spent(&self) -> u64 {
        self.spent
    }

    /// What they have spent since the main thread was called, calls of the allocator included.
    pub fn spent_in_call(&self) -> u64 {
        let in_allocator = self.allocator.spent - self.allocator.spent_before_call;
        (self.spent - self.spent_before_call).saturating_add(in_allocator)
    }

    /// Whether they have spent more than they may.
    pub fn is_out_of_fuel(&self) -> bool {
        self.spent_in_call() > self.fuel
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn schedule(others: u32) -> Schedule {
        let mut schedule = Schedule::new(7, 1000);
        schedule.refuel(u64::MAX);
        schedule.begin_call();
        for _ in 0..others {
            schedule.spawn(0, [].into(), None).unwrap();
        }
        schedule
    }

    fn run(schedule: &mut Schedule) -> ThreadId {
        match schedule.next(0) {
            Next::Run(id) => id,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_seed_is_a_schedule() {
        let order = |seed| {
            let mut schedule = Schedule::new(seed, 10);
            schedule.refuel(u64::MAX);
            schedule.begin_call();
            (0..3).for_each(|_| assert!(schedule.spawn(0, [].into(), None).is_some()));
            let mut order = Vec::new();
            for _ in 0..64 {
                let id = run(&mut schedule);
                order.push(id);
                schedule.paused(id);
            }
            order
        };
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
    }

    #[test]
    fn the_longest_waiters_are_told_first() {
        let mut schedule = schedule(3);
        for id in [2, 1, 3] {
            schedule.ready.retain(|(ready, _)| *ready != id);
            schedule.wait(id, Wait::Address(8), None, 0);
        }
        assert_eq!(schedule.notify(12, u32::MAX), 0);
        assert_eq!(schedule.notify(8, 2), 2);
        assert_eq!((schedule.waiting(2), schedule.waiting(1)), (None, None));
        assert_eq!(schedule.waiting(3).unwrap().wait, Wait::Address(8));
        assert_eq!(schedule.notify(8, u32::MAX), 1);
        assert_eq!(schedule.woken(3), Wake::Told);
    }

    #[test]
    fn time_is_up_once_and_in_order() {
        let mut schedule = schedule(2);
        schedule.ready.clear();
        schedule.wait(1, Wait::Address(8), Some(50), 0);
        schedule.wait(2, Wait::Time, Some(20), 0);
        assert_eq!(schedule.next(10), Next::Sleep(20));
        assert_eq!(schedule.next(20), Next::Run(2));
        assert_eq!(schedule.woken(2), Wake::TimedOut);
        assert_eq!(schedule.notify(8, 1), 1);
        assert_eq!(schedule.next(60), Next::Run(1));
        assert_eq!(schedule.woken(1), Wake::Told, "it was told before its time was up");
        assert_eq!(schedule.next(60), Next::Never);
    }

    #[test]
    fn who_ends_is_nowhere_any_more() {
        let mut schedule = schedule(1);
        schedule.ready.clear();
        schedule.wait(1, Wait::Descriptor("it".into()), Some(5), 0);
        schedule.ended(1);
        schedule.descriptors_changed();
        assert_eq!(schedule.next(10), Next::Never);
        assert!(schedule.waiting(1).is_none());
    }

    #[test]
    fn more_threads_than_there_may_be_are_refused() {
        let mut schedule = Schedule::new(0, 2);
        assert_eq!([(); 3].map(|()| schedule.spawn(0, [].into(), None)), [Some(1), Some(2), None]);
        assert!(schedule.was_refused());
        schedule.ended(1);
        assert_eq!(schedule.spawn(0, [].into(), None), Some(3), "numbers are not used again");
    }

    #[test]
    fn fuel_is_counted_over_all_threads() {
        let mut schedule = schedule(1);
        schedule.refuel(2 * QUANTUM);
        schedule.running = Some(1);
        schedule.paused(1);
        assert_eq!(schedule.tell_spent(1, QUANTUM + 7), QUANTUM + 7);
        assert_eq!(schedule.tell_spent(MAIN, QUANTUM), 2 * QUANTUM + 7);
        assert!(schedule.is_out_of_fuel());
    }

    proptest! {
        /// Whoever can run does so within the bound, whatever the seed.
        #[test]
        fn nobody_starves(seed: u64, others in 1..40_u32) {
            let mut schedule = Schedule::new(seed, 100);
            schedule.refuel(u64::MAX);
        schedule.begin_call();
            (0..others).for_each(|_| assert!(schedule.spawn(0, [].into(), None).is_some()));
            let bound = others as usize + 1 + DRAWN_OF * PASSED_OVER as usize;
            let mut last = BTreeMap::new();
            for step in 0..2000_usize {
                let id = run(&mut schedule);
                schedule.paused(id);
                let waited = step - last.insert(id, step).unwrap_or(0);
                prop_assert!(waited <= bound, "{} waited for {}", id, waited);
            }
            prop_assert_eq!(last.len() as u32, others + 1);
        }
    }
}
