//! Everything that is written down while a test runs: what it said and what it wants cleaned up.

use crate::cleanups::{Cleanups, PreparedJob, Tag};
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
    /// How many subtests are running, each within the one before.
    depth: AtomicU32,
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
            depth: AtomicU32::new(0),
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

    pub(crate) fn flags(&self) -> u32 {
        self.flags.load(Ordering::Acquire)
    }

    /// How many subtests are running, each within the one before.
    pub(crate) fn depth(&self) -> u32 {
        self.depth.load(Ordering::Acquire)
    }

    /// A subtest begins.
    pub(crate) fn enter_scope(&self) {
        self.depth.fetch_add(1, Ordering::Release);
    }

    /// The subtest at this depth has ended. How it ended is not how the test around it ends, for which these flags were set
    /// before; a failure stays one.
    pub(crate) fn leave_scope(&self, depth: u32, before: u32) {
        self.depth.store(depth - 1, Ordering::Release);
        let kept = self.flags() & (State::FAILED | State::TRUNCATED);
        self.flags.store(before | kept, Ordering::Release);
    }

    pub(crate) fn add_cleanup(&self, tag: Tag, job: impl FnOnce() + 'static) {
        let job = Cleanups::prepare(tag, job);
        self.pending.fetch_add(1, Ordering::Release);
        self.cleanups.insert(job);
    }

    /// Removes the clean-up whose turn it is, if it is of a scope of this depth or a deeper one.
    pub(crate) fn take_cleanup(&self, depth: u32) -> Option<PreparedJob> {
        let job = self.cleanups.pop(depth);
        match job {
            Some(_) => self.pending.fetch_sub(1, Ordering::Release),
            // A trap in `add_cleanup` may have left it too high.
            None if depth == 0 => self.pending.swap(0, Ordering::Release),
            None => 0,
        };
        job
    }

    /// The clean-ups that wait.
    #[cfg(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1"))]
    pub(crate) fn cleanups(&self) -> &Cleanups {
        &self.cleanups
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
        let tag = || Tag { name: None, priority: 0, depth: 0, at: std::panic::Location::caller() };
        book.add_cleanup(tag(), || {});
        assert!(!book.is_blank());
        book.take_cleanup(0).unwrap().run();
        assert!(book.is_blank() && book.take_cleanup(0).is_none());
    }

    #[test]
    fn a_subtest_leaves_its_failure_and_nothing_else() {
        let book = Book::new();
        book.enter_scope();
        book.enter(State::SKIPPED | State::FAILED | State::PANICKED, Kind::Skip, "", "later");
        assert_eq!(book.depth(), 1);
        book.leave_scope(1, State::FATAL);
        assert_eq!((book.depth(), book.flags()), (0, State::FAILED | State::FATAL));
    }
}
