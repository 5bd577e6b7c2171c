//! The virtual clock: it starts at a fixed instant and moves with the fuel the test spends, one nanosecond a unit. It
//! stands still inside a host call, and a sleep moves it on without waiting.

/// Where every test's wall clock starts: 2024-01-01T00:00:00Z, in nanoseconds since 1970.
pub const REALTIME_START: u64 = 1_704_067_200_000_000_000;

/// Where every test's monotonic clock starts: a day after an imagined boot, so that subtracting a little does not underflow.
pub const MONOTONIC_START: u64 = 86_400_000_000_000;

/// Nanoseconds a unit of fuel takes.
pub const NANOS_PER_FUEL: u64 = 1;

/// The resolution the guest is told, in nanoseconds.
pub const RESOLUTION: u64 = 1;

/// One test's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct Clock {
    /// Fuel spent since the test began, as of the current host call.
    pub spent: u64,
    slept: u64,
}

impl Clock {
    /// Nanoseconds since the test began.
    pub fn elapsed(&self) -> u64 {
        self.spent.saturating_mul(NANOS_PER_FUEL).saturating_add(self.slept)
    }

    /// Nanoseconds since 1970.
    pub fn realtime(&self) -> u64 {
        REALTIME_START.saturating_add(self.elapsed())
    }

    /// Nanoseconds of the monotonic clock.
    pub fn monotonic(&self) -> u64 {
        MONOTONIC_START.saturating_add(self.elapsed())
    }

    /// Sets it by the fuel spent so far.
    pub fn set_spent(&mut self, spent: u64) {
        self.spent = spent;
    }

    /// Moves the clock on by a sleep.
    pub fn sleep(&mut self, nanos: u64) {
        self.slept = self.slept.saturating_add(nanos);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fuel_and_sleep_move_it_and_nothing_overflows() {
        let mut clock = Clock { spent: 5, ..Clock::default() };
        clock.sleep(10);
        assert_eq!(clock.realtime(), REALTIME_START + 15);
        assert_eq!(clock.monotonic(), MONOTONIC_START + 15);
        clock.sleep(u64::MAX);
        assert_eq!(clock.realtime(), u64::MAX);
    }
}
