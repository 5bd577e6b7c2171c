//! The C library's allocator, called as C code calls it.

use heap::c::{EINVAL, aligned_alloc, calloc, free, malloc, posix_memalign, realloc, strdup};
use heap::used;
use std::ffi::{CStr, c_void};
use std::ptr::null_mut;

/// More than there can be: refused without asking for memory.
const TOO_MUCH: usize = usize::MAX - 15;

// In this file, each block is freed once at most, and only written to while it is live.

#[test]
fn leak_malloc() {
    used(unsafe { malloc(40) }); // lost here
}

#[test]
fn leak_malloc_of_nothing() {
    assert!(!used(unsafe { malloc(0) }).is_null()); // lost here
}

#[test]
fn leak_calloc() {
    let block = used(unsafe { calloc(7, 6) }).cast::<[u8; 42]>(); // lost here
    assert_eq!(unsafe { *block }, [0; 42]);
}

#[test]
fn pass_calloc_of_more_than_can_be_counted() {
    assert!(used(unsafe { calloc(1 << 16, (1 << 16) + 1) }).is_null());
}

#[test]
fn pass_malloc_of_too_much() {
    assert!(used(unsafe { malloc(TOO_MUCH) }).is_null());
}

#[test]
fn leak_realloc_of_null() {
    used(unsafe { realloc(null_mut(), 50) }); // lost here
}

#[test]
fn leak_realloc_to_more() {
    let block = used(unsafe { malloc(10) });
    used(unsafe { realloc(block, 5000) }); // lost here
}

#[test]
fn leak_realloc_to_less() {
    let block = used(unsafe { malloc(5000) });
    used(unsafe { realloc(block, 10) }); // lost here
}

/// A block between keeps it from growing in place.
#[test]
fn leak_realloc_that_moved() {
    let block = used(unsafe { malloc(100) });
    let between = used(unsafe { malloc(100) });
    let moved = used(unsafe { realloc(block, 100_000) }); // lost here
    assert_ne!(moved, block);
    unsafe { free(between) };
}

/// It fails, and what was there stays.
#[test]
fn leak_realloc_that_failed() {
    let block = used(unsafe { malloc(60) }); // lost here
    assert!(used(unsafe { realloc(block, TOO_MUCH) }).is_null());
}

#[test]
fn pass_realloc_that_failed() {
    let block = used(unsafe { malloc(60) });
    assert!(used(unsafe { realloc(block, TOO_MUCH) }).is_null());
    unsafe { free(block) };
}

/// Sizes from 1 to 64 KiB by doubling.
#[test]
fn leak_a_chain_of_reallocations() {
    let mut block = null_mut();
    for shift in 0..=16 {
        block = used(unsafe { realloc(block, 1 << shift) }); // lost here
    }
}

/// This allocator keeps the block then, as one of no bytes.
#[test]
fn leak_realloc_to_nothing() {
    let block = used(unsafe { malloc(60) });
    assert!(!used(unsafe { realloc(block, 0) }).is_null()); // lost here
}

#[test]
fn leak_posix_memalign() {
    let mut block = null_mut();
    assert_eq!(unsafe { posix_memalign(&mut block, 256, 100) }, 0); // lost here
    assert_eq!(used(block).addr() % 256, 0);
}

#[test]
fn pass_posix_memalign_that_failed() {
    let mut block = null_mut();
    assert_eq!(unsafe { posix_memalign(&mut block, 3, 100) }, EINVAL);
    assert_ne!(unsafe { posix_memalign(&mut block, 64, TOO_MUCH) }, 0);
    assert!(used(block).is_null());
}

#[test]
fn leak_aligned_alloc() {
    assert_eq!(used(unsafe { aligned_alloc(1024, 2048) }).addr() % 1024, 0); // lost here
}

#[test]
fn pass_freeing_null() {
    unsafe { free(used(null_mut())) };
}

#[test]
fn pass_everything_freed() {
    let mut aligned = null_mut();
    assert_eq!(unsafe { posix_memalign(&mut aligned, 32, 30) }, 0);
    let all: [*mut c_void; 4] = unsafe { [malloc(10), calloc(4, 5), realloc(null_mut(), 40), aligned_alloc(64, 64)] };
    for block in used(all).into_iter().chain([aligned]) {
        unsafe { free(block) };
    }
}

/// What a function of libc allocates for the test is the test's.
#[test]
fn leak_strdup() {
    let copy = used(unsafe { strdup(c"eleven char".as_ptr()) }); // lost here
    assert_eq!(unsafe { CStr::from_ptr(copy) }, c"eleven char");
}
