//! A test's clocks.
//!
//! Virtual, unless the policy grants real time: the wall clock starts at a fixed instant and moves with the fuel that the
//! test spends, one nanosecond a unit. It stands still inside a host call, and a sleep moves it on without waiting.
//! Nanoseconds have 64 bits, which end in the year 2554: there the clock stops.
//!
//! Real time is the host's. It is read once a host call, so it stands still inside one, too. The monotonic clock starts at
//! the same figure on every host. Processor time is fuel in either case: a sleep takes none.

use crate::policy;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use wasi_common::snapshots::preview_1::types::Clockid;

/// Where every test's monotonic clock starts: a day after an imagined boot, so that subtracting a little does not underflow.
pub const MONOTONIC_START: u64 = 86_400_000_000_000;

/// How many nanoseconds a unit of fuel takes.
pub const NANOS_PER_FUEL: u64 = 1;

/// The resolution that the guest is given for every clock, in nanoseconds.
pub const RESOLUTION: u64 = 1;

/// One test's clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// Fuel spent since the program began, as of the current host call.
    spent: u64,
    /// What the wall clock showed when the test began, in nanoseconds since 1970.
    start: u64,
    source: Source,
}

#[derive(Debug, Clone, Copy)]
enum Source {
    /// `slept`: how many nanoseconds were slept.
    Virtual { slept: u64 },
    /// The host's time as of the current host call: `wall` since 1970, `elapsed` since the test began, both in nanoseconds.
    Real { began: Instant, wall: u64, elapsed: u64 },
}

impl Clock {
    /// The clock of a test that begins now.
    pub fn new(policy: policy::Clock) -> Self {
        match policy {
            policy::Clock::Virtual { start } => Self { spent: 0, start, source: Source::Virtual { slept: 0 } },
            policy::Clock::Real => {
                let wall = host_wall();
                Self { spent: 0, start: wall, source: Source::Real { began: Instant::now(), wall, elapsed: 0 } }
            }
        }
    }

    /// Sets the clock for a host call: by the fuel spent so far, or by the host's clocks.
    pub fn set_spent(&mut self, spent: u64) {
        self.spent = spent;
        self.look();
    }

    /// Fuel spent since the program began, as of the current host call.
    pub fn spent(&self) -> u64 {
        self.spent
    }

    /// Reads the host's clocks, if the test has real time.
    pub fn look(&mut self) {
        if let Source::Real { began, wall, elapsed } = &mut self.source {
            *wall = host_wall();
            *elapsed = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        }
    }

    /// Whether time passes by itself, so that a sleep has to wait.
    pub fn is_real(&self) -> bool {
        matches!(self.source, Source::Real { .. })
    }

    /// What the wall clock showed when the test began, in nanoseconds since 1970.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Nanoseconds since the test began.
    pub fn elapsed(&self) -> u64 {
        match self.source {
            Source::Virtual { slept } => self.processor().saturating_add(slept),
            Source::Real { elapsed, .. } => elapsed,
        }
    }

    /// Nanoseconds since 1970.
    pub fn realtime(&self) -> u64 {
        match self.source {
            Source::Virtual { .. } => self.start.saturating_add(self.elapsed()),
            Source::Real { wall, .. } => wall,
        }
    }

    /// What the monotonic clock shows, in nanoseconds.
    pub fn monotonic(&self) -> u64 {
        MONOTONIC_START.saturating_add(self.elapsed())
    }

    /// Processor time, in nanoseconds.
    pub fn processor(&self) -> u64 {
        self.spent.saturating_mul(NANOS_PER_FUEL)
    }

    /// What one of WASI's clocks shows, in nanoseconds.
    pub fn shows(&self, id: Clockid) -> u64 {
        match id {
            Clockid::Realtime => self.realtime(),
            Clockid::Monotonic => self.monotonic(),
            Clockid::ProcessCputimeId | Clockid::ThreadCputimeId => self.processor(),
        }
    }

    /// Moves virtual time on until `elapsed` nanoseconds after the test began. It never goes back. Real time is left alone:
    /// it passes by itself.
    pub fn sleep_until(&mut self, elapsed: u64) {
        let missing = elapsed.saturating_sub(self.elapsed());
        if let Source::Virtual { slept } = &mut self.source {
            *slept = slept.saturating_add(missing);
        }
    }
}

/// The host's time in nanoseconds since 1970: 0 before 1970, and the largest number after 2554.
fn host_wall() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const START: u64 = policy::Clock::DEFAULT_START;

    #[test]
    fn fuel_and_sleep_move_it_and_nothing_overflows() {
        let mut clock = Clock::new(policy::Clock::default());
        clock.set_spent(5);
        clock.sleep_until(15);
        assert_eq!(clock.shows(Clockid::Realtime), START + 15);
        assert_eq!(clock.shows(Clockid::Monotonic), MONOTONIC_START + 15);
        assert_eq!(clock.shows(Clockid::ProcessCputimeId), 5, "sleeping takes no processor time");
        clock.set_spent(7);
        assert_eq!(clock.elapsed(), 17);
        clock.sleep_until(3);
        assert_eq!(clock.elapsed(), 17, "it does not go back");
        clock.sleep_until(u64::MAX);
        clock.set_spent(u64::MAX);
        for id in [Clockid::Realtime, Clockid::Monotonic, Clockid::ThreadCputimeId] {
            assert_eq!(clock.shows(id), u64::MAX);
        }
    }

    #[test]
    fn it_starts_where_the_policy_says() {
        let clock = Clock::new(policy::Clock::Virtual { start: 42 });
        assert_eq!((clock.start(), clock.realtime(), clock.monotonic()), (42, 42, MONOTONIC_START));
        assert!(!clock.is_real());
    }

    #[test]
    fn real_time_passes_by_itself_and_stands_still_between_two_looks() {
        let before = host_wall();
        let mut clock = Clock::new(policy::Clock::Real);
        assert!(clock.is_real() && clock.start() >= before);
        clock.sleep_until(u64::MAX);
        assert_eq!((clock.elapsed(), clock.monotonic()), (0, MONOTONIC_START));
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(clock.elapsed(), 0);
        clock.set_spent(9);
        assert!(clock.elapsed() >= 2_000_000 && clock.realtime() <= host_wall());
        assert_eq!(clock.processor(), 9);
    }
}
