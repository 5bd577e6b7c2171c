use super::code::CodeMap;
use super::fuel_counts::FuelCounts;
use super::heap::{Floor, HeapState};
use super::limiter::Limiter;
use super::panics::PanicWatch;
use super::rerun::{InexactFuel, SLACK, StackCapture, UsedUp};
use super::scopes::Scopes;
use super::threads::{MemoryLimit, Seat, Shared, THREAD_FUEL};
use super::wasi::{TracedEvent, Wasi};
use crate::ledger::heap::HeapLimits;
use crate::model::RefusedGrowth;
use std::sync::{Arc, PoisonError};
use wasmtime::{AsContextMut, Memory, ResourceLimiter};

/// The data of a test's store.
pub struct TestState {
    pub wasi: Shared<Wasi>,
    pub limiter: Limiter,
    pub heap: Shared<HeapState>,
    pub panics: PanicWatch,
    pub code: Arc<CodeMap>,
    /// The guest's memory, once it was looked up: by name, which is dear. `None` for a guest with threads, whose memory is shared.
    pub memory: Option<Memory>,
    /// The fuel that earlier calls into the same instance spent.
    pub spent_before: u64,
    /// The fuel that the current call began with.
    pub budget: u64,
    /// The thread that the store runs, if the module has threads.
    pub thread: Option<Seat>,
    /// The fuel that this thread spends in the allocator.
    pub allocator: AllocatorFuel,
    /// The fuel that the current call of the test had spent before clean-ups of a subtest interrupted it.
    pub spent_before_cleanups: u64,
    /// The test's subtests.
    pub scopes: Scopes,
    /// In which functions its fuel is spent, where its module tells.
    pub counts: FuelCounts,
    /// The limit on the memory that all threads share, in the store of the main one; for one memory `limiter` is asked alone.
    pub memory_limit: Option<MemoryLimit>,
}

/// The fuel that a thread spends in calls of the allocator, counted apart. See [`Seat::hold`].
#[derive(Debug, Default)]
pub struct AllocatorFuel {
    /// How many nested calls of the allocator the thread is in.
    depth: u32,
    /// The fuel that was left when the outermost call began.
    left: u64,
    /// The fuel that finished calls have spent, within the current call into the guest.
    spent: u64,
}

impl TestState {
    /// Notes that a thread enters a function of the allocator, with `left` units of fuel.
    pub fn enter_allocator(&mut self, left: u64) {
        let Some(seat) = &self.thread else { return };
        if self.allocator.depth == 0 {
            self.allocator.left = left;
            seat.hold();
        }
        self.allocator.depth += 1;
    }

    /// Whether the thread is in a function of the allocator.
    pub fn is_in_allocator(&self) -> bool {
        self.allocator.depth > 0
    }

    /// Notes that a thread leaves a function of the allocator, with `left` units of fuel. For the outermost function,
    /// returns whether no other thread ran meanwhile; otherwise `None`.
    pub fn leave_allocator(&mut self, left: u64) -> Option<bool> {
        let seat = self.thread.as_ref()?;
        self.allocator.depth = self.allocator.depth.checked_sub(1)?;
        if self.allocator.depth > 0 {
            return None;
        }
        let spent = self.allocator.left.saturating_sub(left);
        self.allocator.spent += spent;
        let was_alone = seat.release(spent);
        self.spent(left);
        Some(was_alone)
    }

    /// Forgets the allocator calls in which the main thread was when a trap ended it. `left` is the fuel that was left.
    pub fn unwind(&mut self, left: u64) {
        if self.allocator.depth > 0 {
            self.allocator.depth = 1;
            self.leave_allocator(left);
        }
        if let Some(book) = self.heap.book() {
            book.unwind();
        }
    }

    /// Draws the memory of the test, where it is drawn, when `left` is left of the current call's fuel.
    pub fn draw(&mut self, left: u64) {
        if self.heap.pen.is_some() {
            let (fuel, linear) = (self.spent(left), self.memory_now());
            self.heap.draw(fuel, linear);
        }
    }

    /// Lets clean-ups use some bytes of memory above the cap.
    pub fn open_memory_reserve(&mut self, bytes: u64) {
        self.limiter.open_reserve(bytes);
        self.on_shared_memory(|limiter| limiter.open_reserve(bytes));
    }

    /// Restores the test's own cap on memory, before the test is called again.
    pub fn close_memory_reserve(&mut self) {
        self.limiter.close_reserve();
        self.on_shared_memory(Limiter::close_reserve);
    }

    fn on_shared_memory(&self, work: impl FnOnce(&mut Limiter)) {
        if let Some(limit) = &self.memory_limit {
            work(&mut limit.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Opens the books of the heap.
    pub fn begin_heap(&mut self, limits: HeapLimits, capture: StackCapture, floor: Floor) {
        let size = self.memory_now();
        self.heap.begin(limits, capture, floor);
        self.heap.shared_memory_is(size, true);
    }

    /// Raises the cap on memory by the bytes that the host itself adds to it.
    pub fn widen_memory(&mut self, bytes: u64) {
        self.limiter.widen(bytes);
        self.on_shared_memory(|limiter| limiter.widen(bytes));
    }

    /// The number of the thread that the store runs; 0 if the module has no threads.
    pub fn thread_id(&self) -> u32 {
        self.thread.as_ref().map_or(0, Seat::id)
    }

    /// Adds to the trace how memory has grown since it was last looked at; the place is not known. Returns the number of
    /// the thread.
    pub fn trace_memory(&mut self) -> u32 {
        let (thread, size) = (self.thread_id(), self.memory_now());
        let has_threads = self.thread.is_some();
        if let Some(trace) = self.wasi.trace() {
            if has_threads {
                trace.shared_memory_is(size);
            }
            trace.flush(None, thread);
        }
        thread
    }

    /// Adds an event to the trace, with the present fuel, thread and subtest. `left` is what is left of the current call's
    /// fuel.
    pub fn trace(&mut self, left: u64, event: TracedEvent) {
        if self.wasi.trace().is_none() {
            return;
        }
        let thread = self.trace_memory();
        let fuel = Some(self.spent(left));
        if let Some(trace) = self.wasi.trace() {
            trace.push(TracedEvent { fuel, thread, ..event });
        }
    }

    /// Linear memory now, in bytes.
    pub fn memory_now(&self) -> u64 {
        self.thread.as_ref().map_or_else(|| self.limiter.now(), Seat::memory_size)
    }

    /// The largest size that the test gave its linear memory, and the growth that it was refused.
    pub fn memory_use(&self) -> (u64, Option<RefusedGrowth>) {
        let mut used = (self.limiter.peak(), self.limiter.refused());
        self.on_shared_memory(|limiter| used = (limiter.peak(), limiter.refused()));
        used
    }

    /// The fuel that all threads have spent since the test began, clean-ups included. `left` is what is left of the current
    /// call's fuel.
    pub fn spent(&self, left: u64) -> u64 {
        let own = self.spent_in_store(left);
        self.thread.as_ref().map_or(own, |seat| seat.tell_spent(own))
    }

    /// The fuel that all threads have spent in the current call into the guest. `left` is what is left of it.
    pub fn spent_in_call(&self, left: u64) -> u64 {
        match &self.thread {
            None => self.budget.saturating_sub(left),
            Some(seat) => seat.spent_in_call(self.spent_in_store(left)),
        }
    }

    /// Fuel spent in this store, by a thread without its calls of the allocator.
    pub fn spent_in_store(&self, left: u64) -> u64 {
        let left = if self.allocator.depth > 0 { self.allocator.left } else { left };
        let spent = self.budget.saturating_sub(left).saturating_sub(self.allocator.spent);
        self.spent_before.saturating_add(spent)
    }

    /// The fuel that the current call of the test has spent, without clean-ups of its subtests. `left` is what is left of
    /// it.
    pub fn spent_by_test(&self, left: u64) -> u64 {
        self.spent_before_cleanups.saturating_add(self.spent_in_call(left))
    }

    /// The module tells in which function fuel is spent from here on, where `left` is left. What clean-ups spend is not the test's.
    pub fn count_fuel(&mut self, told: u32, left: u64) {
        if !self.scopes.cleanups.running {
            let spent = self.spent_by_test(left);
            if let Some(start) = self.wasi.go_start().filter(|_| self.code.is_go()) {
                self.counts.begin_test(start);
            }
            self.counts.tell(told, spent);
        }
    }

    /// Interrupts the current call of the test for clean-ups, of which each has fuel of its own. Gives what is left of the
    /// test's: [`refuel`] goes on with that. `None` where its other threads go on meanwhile: see [`lend`].
    pub fn suspend(&mut self, left: u64) -> Option<u64> {
        if self.thread.is_some() {
            return None;
        }
        self.spent_before_cleanups = self.spent_by_test(left);
        Some(left.saturating_sub(self.heap.slack.given()))
    }

    /// Ends the current call into the guest, with `left` units of fuel left. Begins another call that may spend `fuel`.
    /// Returns the fuel to set, which is more if the call has slack.
    fn next_budget(&mut self, left: u64, fuel: u64) -> u64 {
        self.spent_before = self.spent_in_store(left);
        self.allocator = AllocatorFuel::default();
        self.heap.slack.end(left);
        self.budget = fuel.saturating_add(self.heap.slack.begin());
        self.budget
    }

    /// The fuel that is left after a hook has given back its own cost.
    pub fn exact_fuel(&mut self, left: u64, back: u64) -> Result<u64, InexactFuel> {
        let exact = self.heap.slack.hook(left, back)?;
        if exact.slack_ends {
            self.budget = self.budget.saturating_sub(SLACK);
        }
        Ok(exact.fuel)
    }

    /// What is left of `left` after a bulk operation is charged `units`. `back` is what the hook cost.
    ///
    /// # Errors
    /// [`UsedUp`] if the charge uses up the fuel, or [`InexactFuel`].
    pub fn charge(&mut self, left: u64, back: u64, units: u32) -> wasmtime::Result<u64> {
        let fuel = self.exact_fuel(left, back)?;
        Ok(self.heap.slack.charge(fuel, units.into()).ok_or(UsedUp)?)
    }
}

/// Begins another call into the guest, with fuel of its own.
///
/// # Errors
/// The engine counts no fuel.
pub fn refuel(mut store: impl AsContextMut<Data = TestState>, fuel: u64) -> wasmtime::Result<()> {
    let mut store = store.as_context_mut();
    let left = store.get_fuel()?;
    let mut budget = store.data_mut().next_budget(left, fuel);
    if let Some(seat) = &store.data().thread {
        seat.refuel(budget);
        budget = THREAD_FUEL;
        store.data_mut().budget = budget;
    }
    store.set_fuel(budget)
}

/// Fuel that is lent to a nested call, in the main thread of a test whose other threads go on meanwhile. What the nested
/// call spends does not count for the test's limit; what other threads spend does.
#[derive(Debug)]
#[must_use = "the limit on fuel is the test's own again when it is settled"]
pub struct Lent(u64);

/// Lends fuel to a nested call.
///
/// # Errors
/// The engine counts no fuel.
pub fn lend(mut store: impl AsContextMut<Data = TestState>, fuel: u64) -> wasmtime::Result<Lent> {
    let mut store = store.as_context_mut();
    let left = store.get_fuel()?;
    let budget = store.data_mut().next_budget(left, fuel);
    if let Some(seat) = &store.data().thread {
        seat.lend(budget);
    }
    store.set_fuel(budget)?;
    Ok(Lent(budget))
}

/// Ends a nested call to which fuel was lent.
pub fn settle(mut store: impl AsContextMut<Data = TestState>, Lent(budget): Lent) {
    let mut store = store.as_context_mut();
    let left = store.get_fuel().unwrap_or(0);
    store.data_mut().spent(left);
    store.data_mut().next_budget(left, THREAD_FUEL);
    store.data_mut().budget = THREAD_FUEL;
    if let Some(seat) = &store.data().thread {
        seat.settle(budget, budget.saturating_sub(left));
    }
    // Fuel was set before, so the engine counts it.
    let _ = store.set_fuel(THREAD_FUEL);
}

impl ResourceLimiter for TestState {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let (before, bytes) = (current as u64, desired as u64);
        // Memory that is created with the instance does not count as growth, nor does memory that the engine creates for
        // itself.
        let grows = before > 0 && before == self.limiter.now();
        let allowed = self.limiter.memory_growing(current, desired, maximum)?;
        if let Some(trace) = self.wasi.trace().filter(|_| grows) {
            match maximum {
                _ if !allowed => trace.memory_grew(before, bytes, Some("refused")),
                Some(maximum) if desired > maximum => trace.memory_grew(before, bytes, Some("over its own maximum")),
                _ => trace.memory_grew(before, bytes, None),
            }
        }
        // After the test, the host itself makes memory grow, to read what a panic says.
        if let (true, false, Some(book)) = (allowed, self.panics.is_read(), self.heap.book()) {
            book.memory_grew();
        }
        Ok(allowed)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.limiter.table_growing(current, desired, maximum)
    }
}
