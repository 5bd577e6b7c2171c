//! Tests that do not finish, or whose heap cannot be known.

use heap::c::{free, malloc, realloc};
use heap::{block, used};
use std::mem::forget;

#[test]
fn fail_with_live_blocks() {
    let _live = block::<40>();
    forget(block::<50>());
    panic!("on the way");
}

#[test]
fn fail_by_returning_an_error() -> Result<(), &'static str> {
    forget(block::<50>());
    Err("returned")
}

#[test]
fn exit_with_live_blocks() {
    forget(block::<50>());
    std::process::exit(0);
}

#[test]
fn trap_with_live_blocks() {
    forget(block::<50>());
    std::process::abort();
}

#[test]
fn memory_with_live_blocks() {
    let mut all = Vec::new();
    loop {
        all.push(used(vec![1_u8; 1 << 20]));
    }
}

#[test]
fn fail_a_double_free() {
    let pointer = used(Box::into_raw(block::<40>())).cast();
    // SAFETY: none: the second is what airtight has to see.
    unsafe {
        free(pointer);
        free(used(pointer)); // freed here
    }
}

/// Another block has the address by then, for a moment.
#[test]
fn fail_a_double_free_of_a_used_address() {
    let pointer = used(Box::into_raw(block::<40>())).cast();
    // SAFETY: none: the last is what airtight has to see.
    unsafe {
        free(pointer);
        let again = used(malloc(40));
        assert_eq!(again, pointer);
        free(again);
        free(used(pointer)); // freed here
    }
}

#[test]
fn fail_freeing_the_middle() {
    let pointer = used(Box::into_raw(block::<64>())).wrapping_byte_add(16).cast();
    // SAFETY: none: it is what airtight has to see.
    unsafe { free(pointer) }; // freed here
}

#[test]
fn fail_freeing_a_static() {
    static TEXT: [u64; 8] = [7; 8];
    // SAFETY: none: it is what airtight has to see.
    unsafe { free(used(TEXT.as_ptr().cast_mut().wrapping_add(2).cast())) }; // freed here
}

#[test]
fn fail_reallocating_what_was_freed() {
    let pointer = used(Box::into_raw(block::<40>())).cast();
    // SAFETY: none: the second is what airtight has to see.
    unsafe {
        free(pointer);
        used(realloc(used(pointer), 80)); // freed here
    }
}

/// Memory that no function of the allocator's took: who knows what is in it.
#[test]
#[cfg(target_arch = "wasm32")]
fn pass_memory_grown_by_hand() {
    assert_ne!(core::arch::wasm32::memory_grow::<0>(1), usize::MAX);
    drop(block::<40>());
}

/// As an allocator of the test's own would: what is kept there is not half counted.
#[test]
#[cfg(target_arch = "wasm32")]
fn pass_forgotten_beside_memory_grown_by_hand() {
    forget(block::<40>());
    let page = core::arch::wasm32::memory_grow::<0>(1) << 16;
    // SAFETY: the page is new, and nobody else has it.
    unsafe { std::ptr::with_exposed_provenance_mut::<u64>(page).write_volatile(7) };
}

/// Asking how much there is takes nothing.
#[test]
#[cfg(target_arch = "wasm32")]
fn leak_after_growing_by_no_page() {
    assert_ne!(core::arch::wasm32::memory_grow::<0>(0), usize::MAX);
    forget(block::<40>()); // lost here
}

#[test]
#[should_panic]
fn pass_should_panic() {
    forget(block::<40>());
    panic!("as it should");
}

#[test]
#[ignore]
fn skip_ignored() {
    forget(block::<40>());
}
