//! Proof that every host descriptor opened for a test is closed again. Whatever owns a descriptor carries a
//! [`DescriptorToken`], which is counted when it is made and when it is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of host descriptors open for one test. It costs nothing until the first one.
#[derive(Debug, Default, Clone)]
pub struct HostCount(Option<Arc<AtomicU64>>);

impl HostCount {
    /// A token for a descriptor that was just opened. Keep it beside the descriptor's owner.
    pub fn track(&mut self) -> DescriptorToken {
        let count = self.0.get_or_insert_default();
        count.fetch_add(1, Ordering::Relaxed);
        DescriptorToken(Arc::clone(count))
    }

    /// The same count, for another owner of descriptors.
    pub fn share(&mut self) -> Self {
        Self(Some(Arc::clone(self.0.get_or_insert_default())))
    }

    /// How many descriptors are open now.
    pub fn open(&self) -> u64 {
        self.0.as_ref().map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

/// Counts one host descriptor for as long as the token lives.
#[derive(Debug)]
pub struct DescriptorToken(Arc<AtomicU64>);

impl Drop for DescriptorToken {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_lives() {
        let mut count = HostCount::default();
        assert_eq!(count.open(), 0);
        let first = count.track();
        let second = count.track();
        assert_eq!(count.open(), 2);
        drop(first);
        assert_eq!(count.open(), 1);
        drop(second);
        assert_eq!(count.open(), 0);
    }

    #[test]
    fn a_shared_count_is_one() {
        let mut count = HostCount::default();
        let mut shared = count.share();
        let held = (count.track(), shared.track());
        assert_eq!((count.open(), shared.open()), (2, 2));
        drop(held);
        assert_eq!((count.open(), shared.open()), (0, 0));
    }
}
