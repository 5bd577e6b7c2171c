//! Which thread of a test runs next. Nothing but the test's seed decides it: no clock and no thread of the host.
//!
//! Of the threads that can run, one of the first few in the queue is drawn. A thread that has been passed over a number of times
//! comes first, so that each runs within a bound however busy the others are. Time moves on to the next timer only when no thread
//! can run.

use super::allocator::AllocatorTurn;
use super::explore::{self, Explorer, Preemptions};
use super::turns::{Turn, TurnEnd, Turns};
use super::waits::{MAIN, ThreadId, Wait, Waiting, Waits, Wake};
use crate::ledger::Stack;
use crate::model::Exploration;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Fuel that it costs to spawn a thread, or to be refused one: the host makes a store and an instance for each, which takes it about
/// so many nanoseconds.
const SPAWN_FUEL: u64 = 20_000;

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
    waits: Waits,
    /// The thread that was last told to run, until it waits or lets others run.
    running: Option<ThreadId>,
    /// Threads that are to begin, each with what it is given.
    spawned: Vec<(ThreadId, i32)>,
    last_id: ThreadId,
    most: usize,
    refused: u64,
    /// Who decides, where the test is run under one of many schedules.
    explorer: Option<Explorer>,
    /// Fuel after which a thread is asked to let others run.
    quantum: u64,
    spent: u64,
    spent_before_call: u64,
    fuel: u64,
    /// What was spent in calls of the main thread to which fuel was lent.
    spent_of_lent: u64,
    allocator: AllocatorTurn,
    owners: BTreeMap<u32, ThreadId>,
    /// The last turns, where they are to be told.
    turns: Option<Turns>,
}

impl Schedule {
    /// Of a test that begins with its main thread, and may have `most` others at once.
    pub fn new(seed: u64, most: usize) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            threads: BTreeMap::from([(MAIN, Thread::default())]),
            ready: VecDeque::new(),
            waits: Waits::default(),
            running: None,
            spawned: Vec::new(),
            last_id: MAIN,
            most,
            refused: 0,
            explorer: None,
            quantum: QUANTUM,
            spent: 0,
            spent_before_call: 0,
            fuel: 0,
            spent_of_lent: 0,
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
        if self.allocator.is_held(id) {
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
        self.spent_of_lent = 0;
        self.allocator.begin_call();
    }

    /// So much more may be spent, until it is settled.
    pub fn lend(&mut self, fuel: u64) {
        self.fuel = self.fuel.saturating_add(fuel);
    }

    /// Of what was lent, so much was spent, which does not count.
    pub fn settle(&mut self, lent: u64, spent: u64) {
        self.fuel = self.fuel.saturating_sub(lent);
        self.spent_of_lent = self.spent_of_lent.saturating_add(spent);
    }

    /// A thread enters the allocator: until it leaves it, no other runs.
    pub fn hold(&mut self, id: ThreadId) {
        self.allocator.hold(id);
    }

    /// A thread leaves the allocator, in which it has spent so much. Gives whether no other ran meanwhile: not so if it waited in it.
    pub fn release(&mut self, id: ThreadId, spent: u64) -> bool {
        self.allocator.release(id, spent)
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

    /// Another thread; `None` where there are too many. What that costs counts for the limit on fuel, as calls of the allocator do, and
    /// moves neither time nor whose turn it is.
    pub fn spawn(&mut self, given: i32, spawned: Stack, name: Option<Arc<str>>) -> Option<ThreadId> {
        self.allocator.charge(SPAWN_FUEL);
        // The main thread is not counted.
        if self.threads.len() > self.most || self.last_id == MAX_ID {
            self.refused += 1;
            return None;
        }
        self.last_id += 1;
        self.threads.insert(self.last_id, Thread { spawned: Some(spawned), name, ..Thread::default() });
        self.spawned.push((self.last_id, given));
        self.begin(self.last_id);
        Some(self.last_id)
    }

    /// How often there was one too many.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// The threads that are to begin since this was last asked.
    pub fn take_spawned(&mut self) -> Vec<(ThreadId, i32)> {
        std::mem::take(&mut self.spawned)
    }

    /// What is to be done now that it is `now`.
    pub fn next(&mut self, now: u64) -> Next {
        if let Some(id) = self.allocator.take_interrupted() {
            self.running = Some(id);
            return Next::Run(id);
        }
        while let Some((due, id)) = self.waits.first_timer() {
            if due > now {
                break;
            }
            self.wake(id, Wake::TimedOut);
        }
        let Some(&(_, passed)) = self.ready.front() else {
            return self.waits.first_timer().map_or(Next::Never, |(due, _)| Next::Sleep(due));
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
        self.allocator.break_hold(id);
        self.running = None;
        self.begin(id);
    }

    /// A thread that was told to run does not run any more, and has not ended. If it neither waits nor let others run, it was
    /// interrupted after a quantum; what it has spent beyond that is told when it calls the host.
    pub fn paused(&mut self, id: ThreadId) {
        if self.running.take() == Some(id) {
            if self.allocator.is_held(id) {
                self.allocator.interrupted(self.quantum);
                return;
            }
            self.spend(id, self.quantum);
            self.begin(id);
        }
    }

    /// A thread begins to wait.
    pub fn wait(&mut self, id: ThreadId, wait: Wait, due: Option<u64>, now: u64) {
        self.allocator.break_hold(id);
        self.running = None;
        let waiting = self.waits.begin(id, wait, due, now);
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.waiting = Some(waiting);
        }
    }

    /// Wakes the threads that wait longest for this address, `most` at most. Gives how many.
    pub fn notify(&mut self, address: u32, most: u32) -> u32 {
        let mut told = 0;
        while told < most {
            let Some(id) = self.waits.first_at(address) else { break };
            self.wake(id, Wake::Told);
            told += 1;
        }
        told
    }

    /// Something may have become of a descriptor: who waits for one looks again.
    pub fn descriptors_changed(&mut self) {
        while let Some(id) = self.waits.first_for_descriptor() {
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
        self.waits.end(id, &waiting);
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
        self.allocator.break_hold(id);
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
        !self.allocator.is_held(id)
            && self.threads.get(&id).is_some_and(|thread| thread.spent - thread.slice >= self.quantum)
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
        let spent = (self.spent - self.spent_before_call).saturating_add(self.allocator.spent_in_call());
        spent.saturating_sub(self.spent_of_lent)
    }

    /// Whether they have spent more than they may.
    pub fn is_out_of_fuel(&self) -> bool {
        self.spent_in_call() > self.fuel
    }
}

#[cfg(test)]
mod tests;
