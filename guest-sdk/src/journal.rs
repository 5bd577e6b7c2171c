//! The journal of a test, in memory that is whole at every instruction.

use airtight_abi::journal::{CAP, HEADER, Kind, header};
use std::mem::ManuallyDrop;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

/// A buffer that only grows. Its first two fields are those of [`airtight_abi::State`].
///
/// The host may read it after a trap anywhere: bytes come before the length that covers them, and a larger buffer holds
/// all that the smaller one did before it takes its place. The atomics are for that order, not for threads.
#[repr(C)]
pub(crate) struct Journal {
    bytes: AtomicPtr<u8>,
    len: AtomicU32,
    /// Of the buffer, or 0 where a trap left that unknown.
    capacity: AtomicU32,
}

const SMALLEST: u32 = 256;

impl Journal {
    pub(crate) const fn new() -> Self {
        Self { bytes: AtomicPtr::new(ptr::null_mut()), len: AtomicU32::new(0), capacity: AtomicU32::new(0) }
    }

    /// Adds an entry, and tells whether there was room for it.
    #[must_use]
    pub(crate) fn push(&self, kind: Kind, at: &str, text: &str) -> bool {
        let len = self.len.load(Ordering::Relaxed);
        let (Some(said), Some(end)) = lengths(len, at, text) else {
            return false;
        };
        self.reserve(end);
        let mut to = self.bytes.load(Ordering::Relaxed).wrapping_add(len as usize);
        for part in [&header(kind, said)[..], at.as_bytes(), b"\0", text.as_bytes()] {
            // SAFETY: `reserve` made room for `end` bytes, which is `len` and all parts; `to` is past what was read or
            // lent out, and no part lies in the buffer.
            unsafe { ptr::copy_nonoverlapping(part.as_ptr(), to, part.len()) };
            to = to.wrapping_add(part.len());
        }
        self.len.store(end, Ordering::Release);
        true
    }

    /// A copy of what was said so far.
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        self.copy(0)
    }

    fn copy(&self, capacity: u32) -> Vec<u8> {
        let len = self.len.load(Ordering::Acquire) as usize;
        let mut copy = Vec::with_capacity(len.max(capacity as usize));
        if len > 0 {
            // SAFETY: the buffer's first `len` bytes are written, and the slice is gone before anything else happens.
            copy.extend_from_slice(unsafe { slice::from_raw_parts(self.bytes.load(Ordering::Relaxed), len) });
        }
        copy
    }

    fn reserve(&self, needed: u32) {
        let capacity = self.capacity.load(Ordering::Relaxed);
        if needed <= capacity {
            return;
        }
        let mut larger = ManuallyDrop::new(self.copy(needed.next_power_of_two().max(SMALLEST)));
        self.capacity.store(0, Ordering::Release);
        let old = self.bytes.swap(larger.as_mut_ptr(), Ordering::AcqRel);
        // At most twice the cap: no bit is lost.
        self.capacity.store(larger.capacity() as u32, Ordering::Release);
        free(old, capacity);
    }
}

/// Lengths of an entry after its header, and of the journal with it, if they are within the cap.
fn lengths(len: u32, at: &str, text: &str) -> (Option<u32>, Option<u32>) {
    let said = at.len().saturating_add(text.len()).saturating_add(1);
    let end = said.saturating_add(HEADER).saturating_add(len as usize);
    let checked = |n: usize| u32::try_from(n).ok().filter(|n| *n as usize <= CAP);
    (checked(said), checked(end))
}

fn free(bytes: *mut u8, capacity: u32) {
    if capacity > 0 {
        // SAFETY: `reserve` took the buffer from a `Vec` of this capacity, and has put another in its place.
        drop(unsafe { Vec::from_raw_parts(bytes, 0, capacity as usize) });
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        free(*self.bytes.get_mut(), *self.capacity.get_mut());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use airtight_abi::journal::entries;

    #[test]
    fn what_is_pushed_is_read() {
        let journal = Journal::new();
        let texts: Vec<String> = (0..40).map(|n| "x".repeat(n * 7)).collect();
        for text in &texts {
            assert!(journal.push(Kind::Failure, "src/lib.rs:1:2", text));
        }
        let bytes = journal.to_vec();
        let read: Vec<_> = entries(&bytes).map(Result::unwrap).collect();
        assert!(read.iter().all(|entry| entry.at.as_deref() == Some("src/lib.rs:1:2")));
        assert!(read.iter().map(|entry| &*entry.text).eq(&texts));
    }

    #[test]
    fn a_full_journal_stays_whole() {
        let journal = Journal::new();
        assert!(!journal.push(Kind::Failure, "", &"x".repeat(CAP)));
        while journal.push(Kind::Failure, "a:1:1", &"x".repeat(CAP / 10)) {}
        assert!(journal.push(Kind::Failure, "", "a short one still fits"));
        let bytes = journal.to_vec();
        assert!(bytes.len() <= CAP && entries(&bytes).all(|entry| entry.is_ok()));
        assert_eq!(entries(&bytes).count(), 10);
    }
}
