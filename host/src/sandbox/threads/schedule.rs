//! Chooses which thread of a test runs next. Only the test's seed decides: no clock, and no thread of the host.
//!
//! Of the threads that can run, one is drawn from the first few in the queue. A thread that was passed over often enough
//! comes first: so each runs within a bound, however busy the others are. Time moves on to the next timer only when no
//! thread can run.

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

/// The fuel for spawning a thread, or for being refused one. The host makes a store and an instance for each thread, which
/// takes it about as many nanoseconds.
const SPAWN_FUEL: u64 = 20_000;

/// The fuel after which a running thread is asked to let others run: some microseconds.
pub const QUANTUM: u64 = 10_000;

/// From how many threads at the head of the queue the next one is drawn.
const DRAWN_OF: usize = 8;

/// How often the thread at the head of the queue may be passed over.
const PASSED_OVER: u32 = 8;

/// Most words for which it is known which thread changed them from 0. A held lock is such a word.
const MOST_WORDS: usize = 1 << 16;

/// The largest number of a thread: wasi-threads reserves the upper bits.
const MAX_ID: ThreadId = (1 << 29) - 1;

/// A thread that has not ended.
#[derive(Debug, Default)]
struct Thread {
    spawned: Option<Stack>,
    name: Option<Arc<str>>,
    waiting: Option<Waiting>,
    wake: Option<Wake>,
    /// The fuel that it has spent, as far as is known: all of it when the thread calls the host, otherwise without its last
    /// quantum.
    spent: u64,
    /// The fuel that it had spent when its turn began.
    slice: u64,
    /// Whether it has to end where it is.
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
    /// The threads that can run, each with how often it was passed over.
    ready: VecDeque<(ThreadId, u32)>,
    waits: Waits,
    /// The thread that was told to run last, until it waits or lets others run.
    running: Option<ThreadId>,
    /// The threads that have to begin, each with its argument.
    spawned: Vec<(ThreadId, i32)>,
    last_id: ThreadId,
    most: usize,
    refused: u64,
    /// Chooses the next thread instead, if the test is run under one of many schedules.
    explorer: Option<Explorer>,
    /// The fuel after which a thread is asked to let others run.
    quantum: u64,
    spent: u64,
    spent_before_call: u64,
    fuel: u64,
    /// What nested calls of the main thread spent of the fuel that was lent to them.
    spent_of_lent: u64,
    allocator: AllocatorTurn,
    owners: BTreeMap<u32, ThreadId>,
    /// The last turns, if they are kept.
    turns: Option<Turns>,
}

impl Schedule {
    /// The schedule of a test that begins with its main thread, and may have `most` other threads at once.
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

    /// Makes it one of many schedules.
    pub fn explored(mut self, seed: u64, schedule: &Exploration) -> Self {
        self.explorer = Some(Explorer::new(seed, schedule));
        self.quantum = explore::TURN;
        self
    }

    /// Keeps the last turns.
    pub fn followed(mut self) -> Self {
        self.turns = Some(Turns::default());
        self
    }

    /// Whether the last turns are kept.
    pub fn is_followed(&self) -> bool {
        self.turns.is_some()
    }

    /// Notes that a thread is about to let others run, on this stack.
    pub fn turn_ends(&mut self, id: ThreadId, end: TurnEnd, stack: Stack) {
        if let Some(turns) = &mut self.turns {
            turns.ends(id, end, stack);
        }
    }

    /// Asks a thread for the place at which it was interrupted: it tells that when it runs next, and nothing else.
    pub fn ask_place(&mut self, id: ThreadId) {
        if let Some(turns) = &mut self.turns {
            turns.ask(id);
        }
    }

    /// Whether a thread that runs has to tell its place, and nothing else. It is asked once.
    pub fn take_question(&mut self, id: ThreadId) -> bool {
        self.turns.as_mut().is_some_and(|turns| turns.take_question(id))
    }

    /// Takes the last turns, and returns which thread runs after them.
    pub fn take_turns(&mut self) -> (Vec<Turn>, Option<ThreadId>) {
        self.turns.as_mut().map(Turns::take).unwrap_or_default()
    }

    /// Whether the threads run under one of many schedules.
    pub fn is_explored(&self) -> bool {
        self.explorer.is_some()
    }

    /// Notes that a thread is about to take a step. Returns whether other threads run before.
    pub fn step(&mut self, id: ThreadId) -> bool {
        if self.allocator.is_held(id) {
            return false;
        }
        self.explorer.as_mut().is_some_and(|explorer| explorer.step(id, &self.ready))
    }

    /// Notes that a thread lets others run of its own accord.
    pub fn give_way(&mut self, id: ThreadId) {
        if let Some(explorer) = &mut self.explorer {
            explorer.give_way(id);
        }
    }

    /// Notes that a thread has changed a word to this value: from 0 to another value, or to 0.
    pub fn word_changed(&mut self, id: ThreadId, address: u32, value: u32) {
        if value == 0 {
            self.owners.remove(&address);
        } else if self.owners.len() < MOST_WORDS || self.owners.contains_key(&address) {
            self.owners.insert(address, id);
        }
    }

    /// The thread that changed the word at an address from 0, if that is known.
    pub fn owner(&self, address: u32) -> Option<ThreadId> {
        self.owners.get(&address).copied()
    }

    /// The fuel after which a thread is asked to let others run.
    pub fn quantum(&self) -> u64 {
        self.quantum
    }

    /// How often a thread was interrupted where its schedule says so.
    pub fn preemptions(&self) -> Preemptions {
        self.explorer.as_ref().map(Explorer::met).unwrap_or_default()
    }

    /// From now on, all threads together may spend `fuel`.
    pub fn refuel(&mut self, fuel: u64) {
        self.fuel = fuel;
        self.spent_before_call = self.spent;
        self.spent_of_lent = 0;
        self.allocator.begin_call();
    }

    /// Lets the threads spend `fuel` more, until it is settled.
    pub fn lend(&mut self, fuel: u64) {
        self.fuel = self.fuel.saturating_add(fuel);
    }

    /// Ends the loan of `lent`. The `spent` part of it does not count.
    pub fn settle(&mut self, lent: u64, spent: u64) {
        self.fuel = self.fuel.saturating_sub(lent);
        self.spent_of_lent = self.spent_of_lent.saturating_add(spent);
    }

    /// Notes that a thread enters the allocator: no other thread runs until it leaves.
    pub fn hold(&mut self, id: ThreadId) {
        self.allocator.hold(id);
    }

    /// Notes that a thread leaves the allocator, in which it has spent `spent`. Returns whether no other thread ran
    /// meanwhile: one did if this thread waited in there.
    pub fn release(&mut self, id: ThreadId, spent: u64) -> bool {
        self.allocator.release(id, spent)
    }

    /// Notes that the main thread is called.
    pub fn begin_call(&mut self) {
        self.begin(MAIN);
    }

    /// Notes that a call of the main thread has returned or is given up.
    pub fn end_call(&mut self) {
        self.set_aside(MAIN);
    }

    /// Removes a thread from the queue: it is not run again.
    pub fn set_aside(&mut self, id: ThreadId) {
        self.forget_wait(id);
        self.ready.retain(|(ready, _)| *ready != id);
    }

    /// Adds a thread to the queue: it can run from now on.
    fn begin(&mut self, id: ThreadId) {
        self.ready.push_back((id, 0));
    }

    /// Spawns a thread; `None` if there are too many. Its cost counts for the limit on fuel, as calls of the allocator do,
    /// and changes neither the time nor whose turn it is.
    pub fn spawn(&mut self, given: i32, spawned: Stack, name: Option<Arc<str>>) -> Option<ThreadId> {
        self.allocator.charge(SPAWN_FUEL);
        // The main thread is not counted in `most`.
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

    /// How often a thread was refused.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Takes the threads that have to begin since the last call.
    pub fn take_spawned(&mut self) -> Vec<(ThreadId, i32)> {
        std::mem::take(&mut self.spawned)
    }

    /// What to do next at the time `now`.
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

    /// Notes that a thread lets others run.
    pub fn yielded(&mut self, id: ThreadId) {
        self.allocator.break_hold(id);
        self.running = None;
        self.begin(id);
    }

    /// Notes that a thread has stopped running without having ended. If it neither waits nor let others run, it was
    /// interrupted after a quantum. What it has spent beyond that is told when it calls the host. Returns whether others
    /// may run although it did nothing that lets them.
    pub fn paused(&mut self, id: ThreadId) -> bool {
        if self.running.take() != Some(id) {
            return false;
        }
        if self.allocator.is_held(id) {
            self.allocator.interrupted(self.quantum);
            return false;
        }
        self.spend(id, self.quantum);
        self.begin(id);
        true
    }

    /// Notes that a thread waits, since this time.
    pub fn wait(&mut self, id: ThreadId, wait: Wait, due: Option<u64>, since: u64) {
        self.allocator.break_hold(id);
        self.running = None;
        let waiting = self.waits.begin(id, wait, due, since);
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.waiting = Some(waiting);
        }
    }

    /// Wakes the threads that have waited longest at this address, at most `most`. Returns how many.
    pub fn notify(&mut self, address: u32, most: u32) -> u32 {
        let mut told = 0;
        while told < most {
            let Some(id) = self.waits.first_at(address) else { break };
            self.wake(id, Wake::Told);
            told += 1;
        }
        told
    }

    /// Wakes all threads that wait for a descriptor: something may have changed there, so they look again.
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

    /// What a thread waits for; `None` if it does not wait.
    pub fn waiting(&self, id: ThreadId) -> Option<&Waiting> {
        self.threads.get(&id)?.waiting.as_ref()
    }

    /// Notes that a thread has ended. Returns where it was spawned. The main thread is called again, for clean-ups: what it has spent so
    /// far stays known.
    pub fn ended(&mut self, id: ThreadId) -> Option<Stack> {
        self.allocator.break_hold(id);
        self.set_aside(id);
        if let Some(explorer) = &mut self.explorer {
            explorer.forget(id);
        }
        self.turn_ends(id, TurnEnd::Ended, [].into());
        let Thread { spawned, spent, slice, .. } = self.threads.remove(&id)?;
        if id == MAIN {
            self.threads.insert(MAIN, Thread { spent, slice, ..Thread::default() });
        }
        spawned
    }

    /// Makes a thread end where it is, as soon as it runs.
    pub fn stop(&mut self, id: ThreadId) {
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.stops = true;
        }
    }

    /// Whether a thread has to end where it is.
    pub fn stops(&self, id: ThreadId) -> bool {
        self.threads.get(&id).is_some_and(|thread| thread.stops)
    }

    /// Notes all the fuel that a thread has spent. Returns what all threads together have spent.
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

    /// The fuel that all threads together have spent, without calls of the allocator.
    pub fn spent(&self) -> u64 {
        self.spent
    }

    /// The fuel that all threads have spent since the main thread was called, with calls of the allocator.
    pub fn spent_in_call(&self) -> u64 {
        let spent = (self.spent - self.spent_before_call).saturating_add(self.allocator.spent_in_call());
        spent.saturating_sub(self.spent_of_lent)
    }

    /// Whether the threads have spent more fuel than they may.
    pub fn is_out_of_fuel(&self) -> bool {
        self.spent_in_call() > self.fuel
    }
}

#[cfg(test)]
mod tests;
