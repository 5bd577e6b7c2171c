//! Everything that is written down while a test runs: what it said and what it wants cleaned up.

use crate::cleanups::{Cleanups, Prepared};
use crate::journal::Journal;
use airtight_abi::State;
use airtight_abi::journal::Kind;
use std::sync::atomic::{AtomicU32, Ordering};

/// A test's book. In memory it starts with an [`State`], as the host reads it.
#[repr(C)]
pub(crate) struct Book {
    version: AtomicU32,
    flags: AtomicU32,
    /// Counted up before a clean-up is there and down after it is gone, so that it is never too low.
    pending: AtomicU32,
    journal: Journal,
    cleanups: Cleanups,
}

#[cfg(target_arch = "wasm32")]
const _: () = {
    use std::mem::offset_of;
    assert!(offset_of!(Book, version) == offset_of!(State, version));
    assert!(offset_of!(Book, flags) == offset_of!(State, flags));
    assert!(offset_of!(Book, pending) == offset_of!(State, pending_cleanups));
    assert!(offset_of!(Book, journal) == offset_of!(State, journal_ptr));
    assert!(offset_of!(State, journal_len) == offset_of!(State, journal_ptr) + size_of::<*mut u8>());
};

impl Book {
    pub(crate) const fn new() -> Self {
        Self {
            version: AtomicU32::new(State::VERSION),
            flags: AtomicU32::new(0),
            pending: AtomicU32::new(0),
            journal: Journal::new(),
            cleanups: Cleanups::new(),
        }
    }

    /// Sets flags and writes an entry; the flags come first, for the case that there is no memory for the entry.
    pub(crate) fn enter(&self, flags: u32, kind: Kind, at: &str, text: &str) {
        self.set(flags);
        if !self.journal.push(kind, at, text) {
            self.set(State::TRUNCATED);
        }
    }

    fn set(&self, flags: u32) {
        self.flags.fetch_or(flags, Ordering::Release);
    }

    pub(crate) fn has(&self, flags: u32) -> bool {
        self.flags.load(Ordering::Acquire) & flags != 0
    }

    /// Whether the test left nothing to say and nothing to do.
    pub(crate) fn is_blank(&self) -> bool {
        self.flags.load(Ordering::Acquire) == 0 && self.pending.load(Ordering::Acquire) == 0
    }

    pub(crate) fn add_cleanup(&self, job: impl FnOnce() + 'static) {
        let job = Cleanups::prepare(job);
        self.pending.fetch_add(1, Ordering::Release);
        self.cleanups.push(job);
    }

    /// Removes the clean-up that was added last.
    pub(crate) fn take_cleanup(&self) -> Option<Prepared> {
        let job = self.cleanups.pop();
        match job {
            Some(_) => self.pending.fetch_sub(1, Ordering::Release),
            // A trap in `add_cleanup` may have left it too high.
            None => self.pending.swap(0, Ordering::Release),
        };
        job
    }

    pub(crate) fn journal(&self) -> Vec<u8> {
        self.journal.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use airtight_abi::journal::entries;

    #[test]
    fn a_book_is_blank_until_something_is_written() {
        let book = Book::new();
        assert!(book.is_blank());
        book.enter(State::FAILED, Kind::Failure, "a:1:1", "wrong");
        assert!(!book.is_blank() && book.has(State::FAILED) && !book.has(State::SKIPPED));
        assert_eq!(entries(&book.journal()).count(), 1);
    }

    #[test]
    fn an_entry_without_room_is_flagged() {
        let book = Book::new();
        book.enter(State::FAILED, Kind::Failure, "", &"x".repeat(airtight_abi::journal::CAP));
        assert!(book.has(State::FAILED) && book.has(State::TRUNCATED));
    }

    #[test]
    fn pending_counts_what_is_left() {
        let book = Book::new();
        book.add_cleanup(|| {});
        assert!(!book.is_blank());
        book.take_cleanup().unwrap().run();
        assert!(book.is_blank() && book.take_cleanup().is_none());
    }
}
