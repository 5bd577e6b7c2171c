//! The time and memory that compiling a module may take, if a process of its own does it.

use std::time::Duration;

/// The budget for compiling one module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileBudget {
    /// The most processor time, of all threads of the process together.
    pub time: Duration,
    /// The most memory, in bytes.
    pub memory: u64,
}

impl Default for CompileBudget {
    /// Several times what any known module takes that its weight does not refuse: in practice the weight decides, and the
    /// budget does not.
    fn default() -> Self {
        Self { time: Duration::from_secs(120), memory: 4 << 30 }
    }
}

impl CompileBudget {
    /// The budget for a module of so many bytes. Large modules are given more: they are more work even if they are harmless.
    #[must_use]
    pub fn for_size(self, bytes: usize) -> Self {
        /// Time for each byte of the module: several times what harmless modules take.
        const TIME: Duration = Duration::from_micros(20);
        /// Bytes of memory for each byte of the module.
        const MEMORY: u64 = 32;
        let bytes = bytes as u64;
        let more = TIME.saturating_mul(u32::try_from(bytes).unwrap_or(u32::MAX));
        Self { time: self.time.saturating_add(more), memory: self.memory.saturating_add(MEMORY.saturating_mul(bytes)) }
    }

    /// The time in whole seconds, rounded up: the kernel does not count parts of a second.
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
