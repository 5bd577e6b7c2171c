//! Calls of the allocator by threads.

use super::waits::ThreadId;

/// The calls of the allocator. No other thread interrupts such a call. What the calls spend counts only for the limit on
/// fuel, not for the order of threads or for time. The reason is the second run: its blocks are elsewhere, so these calls
/// spend more or less, and yet it must have the same schedule.
#[derive(Debug, Default)]
pub struct AllocatorTurn {
    /// The thread that is in the allocator, and what all calls before had spent.
    held: Option<(ThreadId, u64)>,
    /// Whether the engine has interrupted that thread, so that it goes on at once.
    goes_on: bool,
    /// What all calls have spent so far. Of the call that goes on, only whole quanta are known.
    spent: u64,
    /// What all calls had spent when the main thread was called.
    spent_before_call: u64,
}

impl AllocatorTurn {
    /// Notes that the main thread is called.
    pub fn begin_call(&mut self) {
        *self = Self { spent: self.spent, spent_before_call: self.spent, ..Self::default() };
    }

    /// Notes that a thread enters the allocator: no other thread runs until it leaves.
    pub fn hold(&mut self, id: ThreadId) {
        self.held = Some((id, self.spent));
    }

    /// Notes that a thread leaves the allocator, in which it has spent `spent`. Returns whether no other thread ran
    /// meanwhile: one did if this thread waited in there.
    pub fn release(&mut self, id: ThreadId, spent: u64) -> bool {
        let held = self.held.filter(|(held, _)| *held == id);
        self.spent = held.map_or(self.spent, |(_, before)| before).saturating_add(spent);
        self.break_hold(id);
        held.is_some()
    }

    /// Whether this thread is in the allocator.
    pub fn is_held(&self, id: ThreadId) -> bool {
        self.held.is_some_and(|(held, _)| held == id)
    }

    /// Notes that a thread in the allocator lets others run, which it should not do.
    pub fn break_hold(&mut self, id: ThreadId) {
        self.held = self.held.filter(|(held, _)| *held != id);
    }

    /// Notes that the thread in the allocator was interrupted after a quantum. It goes on at once.
    pub fn interrupted(&mut self, quantum: u64) {
        self.goes_on = true;
        self.spent = self.spent.saturating_add(quantum);
    }

    /// Takes the thread that goes on at once, if there is one.
    pub fn take_interrupted(&mut self) -> Option<ThreadId> {
        let goes_on = std::mem::take(&mut self.goes_on);
        self.held.filter(|_| goes_on).map(|(id, _)| id)
    }

    /// Charges fuel that counts as a call of the allocator does: only for the limit.
    pub fn charge(&mut self, fuel: u64) {
        self.spent = self.spent.saturating_add(fuel);
    }

    /// What calls of the allocator have spent since the main thread was called.
    pub fn spent_in_call(&self) -> u64 {
        self.spent - self.spent_before_call
    }
}
