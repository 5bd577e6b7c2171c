//! What compiling a module may take, where a process of its own does it.

use std::time::Duration;

/// The budget of one module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileBudget {
    /// The longest processor time of all its threads together.
    pub time: Duration,
    /// The most memory, in bytes.
    pub memory: u64,
}

impl Default for CompileBudget {
    /// Several times what the worst module known takes that its weight lets through, so that weight alone decides.
    fn default() -> Self {
        Self { time: Duration::from_secs(120), memory: 4 << 30 }
    }
}

impl CompileBudget {
    /// What a module of so many bytes may take: large ones are more work, honest ones too.
    #[must_use]
    pub fn for_size(self, bytes: usize) -> Self {
        /// Several times what a byte of an honest module takes.
        const TIME: Duration = Duration::from_micros(20);
        /// Bytes of memory for a byte of a module.
        const MEMORY: u64 = 32;
        let bytes = bytes as u64;
        let more = TIME.saturating_mul(u32::try_from(bytes).unwrap_or(u32::MAX));
        Self { time: self.time.saturating_add(more), memory: self.memory.saturating_add(MEMORY.saturating_mul(bytes)) }
    }

    /// The time in whole seconds, at least one: the kernel counts no parts of them.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.time.as_secs() + u64::from(self.time.subsec_nanos() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_modules_may_take_more() {
        let budget = CompileBudget { time: Duration::from_millis(1), memory: 1 << 20 };
        assert_eq!((budget.for_size(0), budget.seconds()), (budget, 1));
        let large = budget.for_size(1 << 20);
        assert_eq!((large.seconds(), large.memory), (21, 33 << 20));
        assert!(budget.for_size(usize::MAX).memory == u64::MAX);
    }
}
