//! The threads of a test, as far as its heap is concerned: the hooked functions that each thread is within, and the blocks that
//! are stacks.

use super::nesting::Nesting;
use std::collections::BTreeMap;

/// The threads other than the acting one, and the stacks of all threads.
#[derive(Debug, Clone, Default)]
pub(super) struct Threads {
    /// The acting thread: the one that the guest is running. The main thread is 0.
    acting: u32,
    /// The calls that each of the other threads is within.
    others: BTreeMap<u32, Nesting>,
    /// The live blocks that are stacks of threads, by their numbers.
    pub(super) stacks: BTreeMap<u64, StackBlock>,
}

/// A block that is the stack of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StackBlock {
    /// The address of its first byte.
    pub ptr: u32,
    /// Its size in bytes.
    pub size: u32,
    /// The thread whose stack it is; `None` if the thread was not spawned.
    pub thread: Option<u32>,
}

impl Threads {
    /// Makes a thread the acting one. `nesting` belongs to the acting thread: it is exchanged if that changes.
    #[inline]
    pub(super) fn switch(&mut self, nesting: &mut Nesting, thread: u32) {
        if thread != self.acting {
            let next = self.others.remove(&thread).unwrap_or_default();
            self.others.insert(self.acting, std::mem::replace(nesting, next));
            self.acting = thread;
        }
    }

    /// The acting thread.
    #[inline]
    pub(super) fn acting(&self) -> u32 {
        self.acting
    }

    /// Notes that a thread is spawned. Its blocks are the test's own if the thread that spawns it has a window open.
    pub(super) fn begin(&mut self, thread: u32, spawner: &Nesting) {
        let mut nesting = Nesting::default();
        nesting.set_host_window(spawner.window_open());
        self.others.insert(thread, nesting);
        if let (true, Some(mut last)) = (spawner.makes_thread(), self.stacks.last_entry()) {
            last.get_mut().thread.get_or_insert(thread);
        }
    }

    /// Notes that a thread has ended. It is not the acting one.
    pub(super) fn end(&mut self, thread: u32) {
        self.others.remove(&thread);
    }
}

#[cfg(test)]
mod tests {
    use crate::ledger::heap::{AllocatorCall, HeapBook, HeapLimits};

    fn allocate(book: &mut HeapBook, thread: u32, at: u32) {
        book.act_as(thread);
        book.enter(AllocatorCall::Malloc { size: 8 }).unwrap();
        book.leave(at, &[0; 4096]);
    }

    /// Which blocks, by address, are the test's own.
    fn own(book: &mut HeapBook) -> Vec<(u32, bool)> {
        book.blocks().unwrap().iter().map(|block| (block.ptr, block.own)).collect()
    }

    #[test]
    fn what_a_thread_allocates_belongs_to_whoever_spawned_it() {
        let mut book = HeapBook::new(HeapLimits::default());
        book.spawned(1);
        book.enter(AllocatorCall::Window).unwrap();
        book.spawned(2);
        allocate(&mut book, 1, 104);
        allocate(&mut book, 2, 200);
        allocate(&mut book, 0, 304);
        // A function that one thread is in says nothing of another.
        book.act_as(2);
        book.enter(AllocatorCall::Libc).unwrap();
        allocate(&mut book, 0, 400);
        allocate(&mut book, 2, 504);
        assert_eq!(own(&mut book), [(104, false), (200, true), (304, true), (400, true), (504, false)]);
        book.act_as(0);
        book.thread_ended(2);
        allocate(&mut book, 2, 600);
        assert_eq!(own(&mut book)[5], (600, false), "nothing is left of a thread that ended");
    }

    #[test]
    fn the_block_that_a_thread_is_made_with_is_its_stack() {
        let mut book = HeapBook::new(HeapLimits::default());
        book.open_window();
        book.enter(AllocatorCall::MakesThread).unwrap();
        allocate(&mut book, 0, 104);
        book.spawned(7);
        book.leave(0, &[0; 4096]);
        assert_eq!([103, 104, 111, 112].map(|address| book.thread_at(address)), [None, Some(7), Some(7), None]);
        allocate(&mut book, 0, 200);
        assert_eq!(own(&mut book), [(104, false), (200, true)]);
        assert_eq!(book.thread_stacks().keys().copied().collect::<Vec<_>>(), [1]);
        book.enter(AllocatorCall::Free { ptr: 104 }).unwrap();
        book.leave(0, &[0; 4096]);
        assert!(book.thread_stacks().is_empty());
    }

    #[test]
    fn a_trap_of_the_main_thread_ends_none_of_the_calls_of_others() {
        let mut book = HeapBook::new(HeapLimits::default());
        book.open_window();
        book.spawned(1);
        book.enter(AllocatorCall::Libc).unwrap();
        book.act_as(1);
        book.enter(AllocatorCall::Libc).unwrap();
        book.unwind();
        allocate(&mut book, 0, 104);
        allocate(&mut book, 1, 200);
        assert_eq!(own(&mut book), [(104, true), (200, false)]);
    }
}
