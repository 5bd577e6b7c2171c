use super::code::CodeMap;
use super::heap::{HeapState, NearDry, SLACK};
use super::limiter::Limiter;
use super::wasi::Wasi;
use std::sync::Arc;
use wasmtime::ResourceLimiter;

/// The data of a test's store.
pub struct TestState {
    pub wasi: Wasi,
    pub limiter: Limiter,
    pub heap: HeapState,
    pub code: Arc<CodeMap>,
    /// Fuel spent in earlier calls of the same instance.
    pub spent_before: u64,
    /// Fuel the current call began with.
    pub budget: u64,
}

impl TestState {
    /// Fuel spent since the test began, when `left` is left of the current call's.
    pub fn spent(&self, left: u64) -> u64 {
        self.spent_before.saturating_add(self.budget.saturating_sub(left))
    }

    /// Begins another call with so much fuel: what to set it to.
    pub fn budget(&mut self, fuel: u64) -> u64 {
        self.budget = fuel.saturating_add(self.heap.next_budget());
        self.budget
    }

    /// The fuel that is left when a hook has given back its own cost.
    pub fn exact_fuel(&mut self, left: u64, back: u64) -> Result<u64, NearDry> {
        let (fuel, slack_ends) = self.heap.exact_fuel(left, back)?;
        if slack_ends {
            self.budget = self.budget.saturating_sub(SLACK);
        }
        Ok(fuel)
    }
}

impl ResourceLimiter for TestState {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> anyhow::Result<bool> {
        let allowed = self.limiter.memory_growing(current, desired, maximum)?;
        if let (true, Some(book)) = (allowed, self.heap.book()) {
            book.memory_grew();
        }
        Ok(allowed)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> anyhow::Result<bool> {
        self.limiter.table_growing(current, desired, maximum)
    }
}
