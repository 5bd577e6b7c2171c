//! The memory limit: every growth is asked for here.

use crate::catalogue::MAX_TABLE_ELEMENTS;
use crate::report::model::RefusedGrowth;
use wasmtime::ResourceLimiter;

/// Caps one instance's linear memory and remembers what it refused.
#[derive(Debug)]
pub struct Limiter {
    limit: u64,
    reserve: u64,
    peak: u64,
    now: u64,
    refused: Option<RefusedGrowth>,
}

impl Limiter {
    /// With a cap in bytes.
    pub fn new(limit: u64) -> Self {
        Self { limit, reserve: 0, peak: 0, now: 0, refused: None }
    }

    /// Lets clean-ups use some bytes above the cap.
    pub fn open_reserve(&mut self, bytes: u64) {
        self.reserve = bytes;
    }

    /// Highest linear memory so far, in bytes.
    pub fn peak(&self) -> u64 {
        self.peak
    }

    /// Linear memory now, in bytes.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// What was refused: the first growth, and how many in all.
    pub fn refused(&self) -> Option<RefusedGrowth> {
        self.refused
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> anyhow::Result<bool> {
        let (current, desired) = (current as u64, desired as u64);
        // Over the module's own maximum the engine refuses, whatever we say.
        let own_maximum = maximum.is_some_and(|maximum| desired > maximum as u64);
        let allowed = desired <= self.limit.saturating_add(self.reserve);
        if allowed && !own_maximum {
            self.now = desired;
            self.peak = self.peak.max(desired);
        } else if !allowed {
            let first = RefusedGrowth { current, desired, limit: self.limit, times: 0 };
            self.refused.get_or_insert(first).times += 1;
        }
        Ok(allowed)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> anyhow::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_remembered_and_the_reserve_opens() {
        let mut limiter = Limiter::new(100);
        assert!(limiter.memory_growing(0, 100, None).unwrap());
        assert!(!limiter.memory_growing(100, 101, None).unwrap());
        assert!(!limiter.memory_growing(100, 500, None).unwrap());
        let refused = limiter.refused().unwrap();
        assert_eq!((refused.current, refused.desired, refused.limit, refused.times), (100, 101, 100, 2));
        limiter.open_reserve(10);
        assert!(limiter.memory_growing(100, 110, None).unwrap());
        assert_eq!(limiter.peak(), 110);
    }
}
