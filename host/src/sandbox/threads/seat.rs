//! What a store knows of the thread that it runs.

use super::schedule::{Next, Schedule};
use super::stopped::ThreadEnded;
use super::turns::TurnEnd;
use super::waits::{MAIN, ThreadId, Wait, Wake};
use crate::ledger::Stack;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wasmtime::SharedMemory;

/// The fuel of a thread's store. It is more than all threads together may spend, because only their sum is limited.
pub const THREAD_FUEL: u64 = u64::MAX / 4;

/// The threads of one test, and whose turn it is. One host thread runs them all, so that nobody ever waits for the lock.
#[derive(Clone)]
pub struct Board(Arc<Mutex<Schedule>>);

impl Board {
    pub(super) fn new(schedule: Schedule) -> Self {
        Self(Arc::new(Mutex::new(schedule)))
    }

    /// The schedule. It must not be held while a guest is called.
    pub(super) fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn next(&self, now: u64) -> Next {
        self.schedule().next(now)
    }
}

/// The thread that a store runs, and the memory that it shares with the others.
#[derive(Clone)]
pub struct Seat {
    pub(super) id: ThreadId,
    pub(super) board: Board,
    pub(super) memory: SharedMemory,
}

impl Seat {
    pub(super) fn new(id: ThreadId, board: Board, memory: SharedMemory) -> Self {
        Self { id, board, memory }
    }

    /// Tells what the thread has spent. Returns what all threads of the test have spent.
    pub fn tell_spent(&self, own: u64) -> u64 {
        self.board.schedule().tell_spent(self.id, own)
    }

    /// The same when the thread calls the host.
    ///
    /// # Errors
    /// It is to end where it is.
    pub fn enter_host(&self, own: u64) -> Result<u64, ThreadEnded> {
        let mut schedule = self.board.schedule();
        if schedule.stops(self.id) { Err(ThreadEnded) } else { Ok(schedule.tell_spent(self.id, own)) }
    }

    /// Tells what the thread has spent. Gives what all have spent since the main thread was called.
    pub fn spent_in_call(&self, own: u64) -> u64 {
        let mut schedule = self.board.schedule();
        schedule.tell_spent(self.id, own);
        schedule.spent_in_call()
    }

    /// From now on, all threads together may spend `fuel`.
    pub fn refuel(&self, fuel: u64) {
        self.board.schedule().refuel(fuel);
    }

    /// Lends fuel to a nested call of the main thread.
    pub fn lend(&self, fuel: u64) {
        self.board.schedule().lend(fuel);
    }

    /// Ends the loan of `lent`, of which `spent` was spent.
    pub fn settle(&self, lent: u64, spent: u64) {
        self.board.schedule().settle(lent, spent);
    }

    /// Whether the thread has to end where it is.
    pub fn stops(&self) -> bool {
        self.board.schedule().stops(self.id)
    }

    /// The thread's number.
    pub fn id(&self) -> ThreadId {
        self.id
    }

    /// Whether this is the thread that the test began with.
    pub fn is_main(&self) -> bool {
        self.id == MAIN
    }

    /// Notes that the thread enters the allocator: no other thread runs until it leaves.
    pub fn hold(&self) {
        self.board.schedule().hold(self.id);
    }

    /// Notes that the thread leaves the allocator, in which it has spent `spent`. Returns whether no other thread ran
    /// meanwhile.
    pub fn release(&self, spent: u64) -> bool {
        self.board.schedule().release(self.id, spent)
    }

    /// Whether the threads run under one of many schedules.
    pub(super) fn is_explored(&self) -> bool {
        self.board.schedule().is_explored()
    }

    /// Notes that the thread is about to take a step. Returns whether other threads run before.
    pub(super) fn step(&self) -> bool {
        self.board.schedule().step(self.id)
    }

    /// Notes that the thread is about to let others run.
    pub(super) fn turn_ends(&self, end: TurnEnd, stack: impl FnOnce() -> Stack) {
        let mut schedule = self.board.schedule();
        if schedule.is_followed() {
            schedule.turn_ends(self.id, end, stack());
        }
    }

    /// Whether the thread was run only to tell where a quantum interrupted it. If so, keeps that.
    pub fn tells_place(&self, stack: impl FnOnce() -> Stack) -> bool {
        let mut schedule = self.board.schedule();
        let is_asked = schedule.take_question(self.id);
        if is_asked {
            schedule.turn_ends(self.id, TurnEnd::Interrupted, stack());
        }
        is_asked
    }

    pub(super) fn is_due(&self) -> bool {
        self.board.schedule().is_due(self.id)
    }

    /// The thread begins to wait, or goes on with a wait that began at `since`. Gives whether that is to be told.
    pub(super) fn wait(&self, wait: Wait, due: Option<u64>, since: u64) -> bool {
        let mut schedule = self.board.schedule();
        schedule.wait(self.id, wait, due, since);
        schedule.is_followed()
    }

    /// Why the thread that waited runs again.
    ///
    /// # Errors
    /// It is to end where it is.
    pub(super) fn woken(&self) -> Result<Wake, ThreadEnded> {
        let mut schedule = self.board.schedule();
        if schedule.stops(self.id) { Err(ThreadEnded) } else { Ok(schedule.woken(self.id)) }
    }

    /// Wakes `most` threads at most that wait for this address. Gives how many, and whether the thread has run for as long as it may.
    pub(super) fn notify(&self, address: u32, most: u32) -> (u32, bool) {
        let mut schedule = self.board.schedule();
        (schedule.notify(address, most), schedule.is_due(self.id))
    }

    /// The bytes of the memory. They are there as long as the seat is, because a memory only grows. A reference made from
    /// this must be gone before a thread runs.
    pub(super) fn bytes(&self) -> *mut [u8] {
        let data = self.memory.data();
        std::ptr::slice_from_raw_parts_mut(data.as_ptr().cast::<u8>().cast_mut(), data.len())
    }

    /// Looks at the memory while no thread runs.
    pub fn look<R>(&self, look: impl FnOnce(&[u8]) -> R) -> R {
        // SAFETY: the reference is gone when the look is over, and no thread runs meanwhile.
        look(unsafe { &*self.bytes() })
    }

    /// Makes the memory one page larger. Returns how many pages it had; `None` if it is full.
    pub fn grow_by_a_page(&self) -> Option<u64> {
        self.memory.grow(1).ok()
    }

    /// The size of the memory in bytes.
    pub fn memory_size(&self) -> u64 {
        self.memory.data_size() as u64
    }
}
