//! The clock of a test, and changes of that setting.

use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a test's clocks show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Time moves with the fuel that the test spends, one nanosecond a unit, and a sleep moves it on without waiting.
    Virtual {
        /// What the wall clock shows when the test starts, in nanoseconds since 1970.
        start: u64,
    },
    /// The clocks are the host's, and a sleep really waits. What the test does may then depend on the machine, so that the
    /// report is not reproducible.
    Real,
}

impl Clock {
    /// Where the virtual wall clock starts by default: 2024-01-01T00:00:00Z.
    pub const DEFAULT_START: u64 = 1_704_067_200_000_000_000;

    /// The latest start: many languages count nanoseconds in 63 bits, which end on 2262-04-11.
    pub const LATEST_START: u64 = i64::MAX as u64;

    /// The clock as the report's policy shows it.
    pub(super) fn record(self) -> Value {
        match self {
            Self::Virtual { start } => json!({ "kind": "virtual", "start": timestamp(start) }),
            Self::Real => json!({ "kind": "real" }),
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::Virtual { start: Self::DEFAULT_START }
    }
}

/// A change of [`Clock`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockPatch {
    /// Virtual time. Without a start, the start of the clock before the change stays; if that is the real clock, it is
    /// [`Clock::DEFAULT_START`].
    Virtual {
        /// See [`Clock::Virtual`].
        start: Option<u64>,
    },
    /// See [`Clock::Real`].
    Real,
}

impl ClockPatch {
    /// The clock after the change.
    pub(super) fn applied_to(self, clock: Clock) -> Clock {
        match (self, clock) {
            (Self::Real, _) => Clock::Real,
            (Self::Virtual { start: Some(start) }, _) => Clock::Virtual { start },
            (Self::Virtual { start: None }, Clock::Virtual { start }) => Clock::Virtual { start },
            (Self::Virtual { start: None }, Clock::Real) => Clock::default(),
        }
    }
}

/// RFC 3339, UTC, with as many decimals as are needed.
fn timestamp(nanos: u64) -> String {
    let time: SystemTime = UNIX_EPOCH + Duration::from_nanos(nanos);
    humantime::format_rfc3339(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_written_as_it_is_read() {
        assert_eq!(timestamp(Clock::DEFAULT_START), "2024-01-01T00:00:00Z");
        assert_eq!(timestamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(Clock::LATEST_START), "2262-04-11T23:47:16.854775807Z");
        let read = humantime::parse_rfc3339("2262-04-11T23:47:16.854775807Z").unwrap();
        assert_eq!(read.duration_since(UNIX_EPOCH).unwrap().as_nanos(), u128::from(Clock::LATEST_START));
    }

    #[test]
    fn patches_keep_the_start_where_they_name_none() {
        let (real, again) = (ClockPatch::Real, ClockPatch::Virtual { start: None });
        let at = |start| ClockPatch::Virtual { start: Some(start) };
        assert_eq!(again.applied_to(at(5).applied_to(Clock::default())), Clock::Virtual { start: 5 });
        assert_eq!(real.applied_to(Clock::default()), Clock::Real);
        assert_eq!(at(7).applied_to(Clock::Real), Clock::Virtual { start: 7 });
        assert_eq!(again.applied_to(Clock::Real), Clock::default());
    }
}
