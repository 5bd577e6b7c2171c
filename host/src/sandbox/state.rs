use super::limiter::Limiter;
use super::wasi::Wasi;

/// The data of a test's store.
pub struct TestState {
    pub wasi: Wasi,
    pub limiter: Limiter,
    /// Where the code section's contents start in the module that runs.
    pub code_start: usize,
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
}
