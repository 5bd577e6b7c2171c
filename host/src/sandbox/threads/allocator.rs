//! A thread's calls of the allocator.

use super::waits::ThreadId;

/// The calls of the allocator, which no other thread interrupts. What they spend counts for the limit alone, and not for the order of
/// the threads or for time: a second run, whose blocks are elsewhere, spends more or less in them, and is to have the same schedule.
#[derive(Debug, Default)]
pub struct AllocatorTurn {
    /// The thread that is in one, and what all calls before it have spent.
    held: Option<(ThreadId, u64)>,
    /// Whether the engine has interrupted it, so that it goes on at once.
    goes_on: bool,
    /// What all calls have spent: of the one that goes on, as far as is known.
    spent: u64,
    /// What they had spent when the main thread was called.
    spent_before_call: u64,
}

impl AllocatorTurn {
    /// The main thread is called.
    pub fn begin_call(&mut self) {
        *self = Self { spent: self.spent, spent_before_call: self.spent, ..Self::default() };
    }

    /// A thread enters the allocator: until it leaves it, no other runs.
    pub fn hold(&mut self, id: ThreadId) {
        self.held = Some((id, self.spent));
    }

    /// A thread leaves the allocator, in which it has spent so much. Gives whether no other ran meanwhile: not so if it waited in it.
    pub fn release(&mut self, id: ThreadId, spent: u64) -> bool {
        let held = self.held.filter(|(held, _)| *held == id);
        self.spent = held.map_or(self.spent, |(_, before)| before).saturating_add(spent);
        self.break_hold(id);
        held.is_some()
    }

    /// Whether a thread is in the allocator.
    pub fn is_held(&self, id: ThreadId) -> bool {
        self.held.is_some_and(|(held, _)| held == id)
    }

    /// A thread that is in the allocator lets others run, which it is not to do.
    pub fn break_hold(&mut self, id: ThreadId) {
        self.held = self.held.filter(|(held, _)| *held != id);
    }

    /// The thread that is in the allocator was interrupted after a quantum: it goes on at once.
    pub fn interrupted(&mut self, quantum: u64) {
        self.goes_on = true;
        self.spent = self.spent.saturating_add(quantum);
    }

    /// The thread that goes on at once, if there is one.
    pub fn take_interrupted(&mut self) -> Option<ThreadId> {
        let goes_on = std::mem::take(&mut self.goes_on);
        self.held.filter(|_| goes_on).map(|(id, _)| id)
    }

    /// What else counts as calls of the allocator do: for the limit alone.
    pub fn charge(&mut self, fuel: u64) {
        self.spent = self.spent.saturating_add(fuel);
    }

    /// What calls of the allocator have spent since the main thread was called.
    pub fn spent_in_call(&self) -> u64 {
        self.spent - self.spent_before_call
    }
}
