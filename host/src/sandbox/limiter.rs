//! The memory limit: the engine asks here before every growth.

use crate::catalogue::MAX_TABLE_ELEMENTS;
use crate::model::RefusedGrowth;
use wasmtime::ResourceLimiter;

/// What the engine sets aside for the exceptions that one test throws, in bytes of address space. It only takes memory of
/// the host for exceptions that were thrown. Compilers give no memory this size, so that it can be told from the guest's
/// memory.
pub const EXCEPTION_HEAP: u64 = 1027 << 16;

/// Caps one instance's linear memory and remembers what it refused.
#[derive(Debug)]
pub struct Limiter {
    limit: u64,
    /// By how many bytes the cap was raised for what the host itself adds to the guest's memory.
    widened: u64,
    /// Bytes above the cap that clean-ups may use while they run; `None` if none is running.
    reserve: Option<u64>,
    peak: u64,
    now: u64,
    refused: Option<RefusedGrowth>,
    /// How many more growths may be refused before the call ends; `None` if refusals do not end it.
    refusals_left: Option<u64>,
    exceptions: Exceptions,
}

/// Most growths that clean-ups may be refused.
const MOST_REFUSALS_OF_CLEANUPS: u64 = 1_000;

/// Ends a guest that asks for memory again and again. A refusal costs hardly any fuel, but it costs the host time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it was refused memory again and again")]
pub struct TooManyRefusals;

/// The engine's memory for exceptions. The engine asks for it in the same way as for the guest's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exceptions {
    /// The module has no exceptions.
    None,
    /// The module has exceptions, and the engine may ask for memory for them.
    Declared,
    /// The engine has the memory.
    Granted,
}

impl Limiter {
    /// A limiter with this cap in bytes. `throws` is whether the module has exceptions.
    pub fn new(limit: u64, throws: bool) -> Self {
        let exceptions = if throws { Exceptions::Declared } else { Exceptions::None };
        Self { limit, widened: 0, reserve: None, peak: 0, now: 0, refused: None, refusals_left: None, exceptions }
    }

    /// The answer to the engine if it asks for the memory of exceptions; otherwise `None`. That memory never grows.
    fn for_exceptions(&mut self, current: u64, desired: u64) -> Option<bool> {
        match self.exceptions {
            Exceptions::Declared if (current, desired) == (0, EXCEPTION_HEAP) => {
                self.exceptions = Exceptions::Granted;
                Some(true)
            }
            Exceptions::Granted if current == EXCEPTION_HEAP && self.now != EXCEPTION_HEAP => Some(false),
            _ => None,
        }
    }

    /// Ends the call when it is refused one growth more than `most`.
    pub fn end_after_refusals(&mut self, most: u64) {
        self.refusals_left = Some(most);
    }

    /// Lets clean-ups use some bytes above the cap. What they use and what they are refused does not count as the test's.
    /// Together they may be refused [`MOST_REFUSALS_OF_CLEANUPS`] growths: a refusal costs hardly any of their fuel.
    pub fn open_reserve(&mut self, bytes: u64) {
        self.reserve = Some(bytes);
        self.refusals_left = Some(MOST_REFUSALS_OF_CLEANUPS);
    }

    /// Sets the cap of a test that begins now, in bytes. `before` was the cap of its set-up. The test is not charged with
    /// the memory as large as it is now, nor with what was refused before.
    pub fn begin_test(&mut self, before: u64, limit: u64) {
        self.limit = self.limit.saturating_sub(before).saturating_add(limit);
        (self.peak, self.refused) = (self.now, None);
    }

    /// Raises the cap by the bytes that the host itself adds to the guest's memory.
    pub fn widen(&mut self, bytes: u64) {
        self.limit = self.limit.saturating_add(bytes);
        self.widened = self.widened.saturating_add(bytes);
    }

    /// By how many bytes the cap was raised so far.
    pub fn widened(&self) -> u64 {
        self.widened
    }

    /// Restores the test's own cap, before it is called again.
    pub fn close_reserve(&mut self) {
        self.reserve = None;
        self.refusals_left = None;
    }

    /// The largest size that the test itself gave its linear memory, in bytes.
    pub fn peak(&self) -> u64 {
        self.peak
    }

    /// The size of linear memory now, in bytes.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// What the test itself was refused: the first growth, and how many growths in all.
    pub fn refused(&self) -> Option<RefusedGrowth> {
        self.refused
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let (current, desired) = (current as u64, desired as u64);
        if let Some(answer) = self.for_exceptions(current, desired) {
            return Ok(answer);
        }
        // Above the module's own maximum, the engine refuses whatever the answer is.
        let own_maximum = maximum.is_some_and(|maximum| desired > maximum as u64);
        let allowed = desired <= self.limit.saturating_add(self.reserve.unwrap_or(0));
        let own = self.reserve.is_none();
        if allowed && !own_maximum {
            self.now = desired;
            if own {
                self.peak = self.peak.max(desired);
            }
        } else if !allowed && own {
            let first = RefusedGrowth { current, desired, limit: self.limit, times: 0 };
            self.refused.get_or_insert(first).times += 1;
        }
        if let (false, Some(left)) = (allowed, &mut self.refusals_left) {
            *left = left.checked_sub(1).ok_or(TooManyRefusals)?;
        }
        Ok(allowed)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_remembered_and_the_reserve_opens() {
        let mut limiter = Limiter::new(100, false);
        assert!(limiter.memory_growing(0, 100, None).unwrap());
        assert!(!limiter.memory_growing(100, 101, None).unwrap());
        assert!(!limiter.memory_growing(100, 500, None).unwrap());
        let refused = limiter.refused().unwrap();
        assert_eq!((refused.current, refused.desired, refused.limit, refused.times), (100, 101, 100, 2));
        limiter.open_reserve(10);
        assert!(limiter.memory_growing(100, 110, None).unwrap());
        assert!(!limiter.memory_growing(110, 111, None).unwrap());
        assert_eq!((limiter.now(), limiter.peak()), (110, 100), "what clean-ups use is not the test's");
        assert_eq!(limiter.refused().unwrap().times, 2);
        limiter.close_reserve();
        assert!(!limiter.memory_growing(105, 106, None).unwrap());
        assert_eq!(limiter.refused().unwrap().times, 3);
    }

    #[test]
    fn refusals_may_be_counted_down() {
        let mut limiter = Limiter::new(100, false);
        limiter.end_after_refusals(2);
        let mut ask = |bytes| limiter.memory_growing(0, bytes, None).map_err(|error| error.is::<TooManyRefusals>());
        assert_eq!(
            [ask(101), ask(100), ask(101), ask(101), ask(101)],
            [Ok(false), Ok(true), Ok(false), Err(true), Err(true)]
        );
    }

    #[test]
    fn the_memory_for_exceptions_is_not_the_guest_s_and_never_grows() {
        let heap = EXCEPTION_HEAP as usize;
        let mut limiter = Limiter::new(100, true);
        assert!(limiter.memory_growing(0, heap, None).unwrap());
        assert!(limiter.memory_growing(0, 50, None).unwrap());
        assert!(!limiter.memory_growing(heap, 2 * heap, None).unwrap());
        assert_eq!((limiter.now(), limiter.peak(), limiter.refused()), (50, 50, None));
        assert!(!limiter.memory_growing(0, heap, None).unwrap(), "it asks once");
        assert!(!Limiter::new(100, false).memory_growing(0, heap, None).unwrap(), "the guest's own");
    }
}
