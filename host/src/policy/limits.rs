//! The limits that a test runs under.

use crate::model::{Breach, Limit, LimitValues};
use serde::{Serialize, Serializer};
use std::time::Duration;

/// Fuel given to each clean-up after the test's own budget is spent: 1,000,000,000 units.
pub const CLEANUP_FUEL: u64 = 1_000_000_000;

/// Wall-clock time for all clean-ups of a test together, after the test's own time is over: 30 seconds, or the test's `timeout`
/// if that is less.
pub const CLEANUP_TIME: Duration = Duration::from_secs(30);

/// Linear memory that clean-ups may use above the test's cap: 1 MiB.
pub const CLEANUP_MEMORY_RESERVE: u64 = 1 << 20;

/// The limits of one test: the value of each [`Limit`] that is set.
///
/// ```
/// use airtight::policy::{Limit, Limits};
/// let limits = Limits::default().with(Limit::Memory, 16 << 20);
/// assert_eq!(limits.get(Limit::Memory), Some(16 << 20));
/// assert_eq!(limits.get(Limit::PeakHeap), None, "no limit unless there is one");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits(LimitValues);

impl Limits {
    /// The value of a limit: bytes, fuel, a count or milliseconds. `None` means that it is not set.
    #[must_use]
    pub fn get(&self, limit: Limit) -> Option<u64> {
        self.0.get(limit)
    }

    /// The most that a limit allows: `u64::MAX` if it is not set.
    #[must_use]
    pub fn most(&self, limit: Limit) -> u64 {
        self.get(limit).unwrap_or(u64::MAX)
    }

    /// The time that a limit allows.
    #[must_use]
    pub fn time(&self, limit: Limit) -> Duration {
        Duration::from_millis(self.most(limit))
    }

    /// Sets a limit.
    pub fn set(&mut self, limit: Limit, value: u64) {
        self.0.set(limit, Some(value));
    }

    /// The same limits with one of them set.
    #[must_use]
    pub fn with(mut self, limit: Limit, value: u64) -> Self {
        self.set(limit, value);
        self
    }

    /// Sets every limit that `values` set.
    pub fn apply(&mut self, values: &LimitValues) {
        self.0 = values.or(&self.0);
    }

    /// The values of all limits.
    #[must_use]
    pub fn values(&self) -> &LimitValues {
        &self.0
    }

    /// The limits that the report's policy states, by their keys: all that are set and can change a verdict.
    pub(super) fn recorded(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let recorded = self.0.iter().filter(|(limit, _)| limit.row().breach != Breach::Note);
        recorded.map(|(limit, value)| (limit.row().key, value))
    }
}

impl Default for Limits {
    /// The default of each limit, from its row.
    fn default() -> Self {
        Self(Limit::ALL.into_iter().filter_map(|limit| Some((limit, limit.row().default?))).collect())
    }
}

/// As the report's policy states them.
impl Serialize for Limits {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.recorded())
    }
}
