//! An allocator of the user's own, as tests that count allocations have it: every block comes through it.

use heap::used;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::mem::forget;

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count(layout: Layout) -> *mut u8 {
    ALLOCATIONS.with(|allocations| allocations.set(allocations.get() + 1));
    // SAFETY: the caller's own promise.
    unsafe { System.alloc(layout) }
}

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is the system's.
        unsafe { System.dealloc(block, layout) }
    }
}

#[test]
fn pass_what_is_counted_and_freed() {
    let before = ALLOCATIONS.get();
    drop(used(vec![1_u8; 100]));
    assert_eq!(ALLOCATIONS.get(), before + 1);
}

#[test]
fn leak_through_a_counting_allocator() {
    forget(used(Box::new([1_u8; 40]))); // lost here
}

#[test]
fn leak_a_vector_through_a_counting_allocator() {
    let mut bytes = Vec::with_capacity(8); // lost here
    bytes.push(1_u8);
    forget(used(bytes));
}
