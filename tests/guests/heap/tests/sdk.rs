//! Tests of the SDK: the host calls them without a harness, and then their clean-ups.

use airtight::T;
use heap::{block, used};
use std::mem::forget;
use std::sync::Mutex;

#[airtight::test]
fn pass_nothing(_: &mut T) {}

#[airtight::test]
fn pass_everything_freed(_: &mut T) {
    let first = block::<100>();
    drop(block::<50>());
    drop(first);
}

#[airtight::test]
fn leak_one_block(_: &mut T) {
    forget(block::<40>()); // lost here
}

#[airtight::test]
fn leak_in_a_loop(_: &mut T) {
    for _ in 0..3 {
        forget(block::<21>()); // lost here
    }
}

static KEPT: Mutex<Option<Box<[u8; 64]>>> = Mutex::new(None);

#[airtight::test]
fn pass_kept_by_a_static(_: &mut T) {
    *KEPT.lock().unwrap() = Some(block()); // retained here
}

/// The closure is a block too, with the list's two words and what it owns.
#[airtight::test]
fn pass_freed_by_a_clean_up(t: &mut T) {
    let owned = block::<40>();
    t.cleanup(move || drop(owned));
}

#[airtight::test]
fn pass_a_static_emptied_by_a_clean_up(t: &mut T) {
    *KEPT.lock().unwrap() = Some(block());
    t.cleanup(|| drop(KEPT.lock().unwrap().take()));
}

#[airtight::test]
fn leak_in_a_clean_up(t: &mut T) {
    t.cleanup(|| forget(block::<55>())); // lost here
}

/// The test's own was not lost before the clean-up ran.
#[airtight::test]
fn leak_by_a_clean_up(t: &mut T) {
    let owned = block::<66>(); // lost here
    t.cleanup(move || forget(used(owned)));
}

#[airtight::test]
fn pass_kept_by_a_clean_up(t: &mut T) {
    t.cleanup(|| *KEPT.lock().unwrap() = Some(block())); // retained here
}

#[airtight::test]
fn pass_a_temporary_directory(t: &mut T) {
    std::fs::write(t.temp_dir().join("file"), "text").unwrap();
}

#[airtight::test]
fn pass_a_logged_line(t: &mut T) {
    t.log("a line");
}

#[airtight::test]
fn fail_with_live_blocks(_: &mut T) {
    forget(block::<40>());
    panic!("on the way");
}

#[airtight::test(should_panic)]
fn pass_should_panic_with_live_blocks(_: &mut T) {
    forget(block::<40>());
    panic!("as it should");
}

#[airtight::test]
fn skip_with_live_blocks(t: &mut T) {
    forget(block::<40>());
    t.skip("in the middle");
}

#[airtight::test]
fn exit_with_live_blocks(_: &mut T) {
    forget(block::<40>());
    std::process::exit(0);
}

#[airtight::test(largest_allocation = "64B")]
fn memory_one_block_larger_than_it_may_be(_: &mut T) {
    drop(block::<64>());
    drop(block::<65>());
}

#[airtight::test(largest_allocation = "1MiB")]
fn memory_one_block_that_there_is_no_memory_for(_: &mut T) {
    let claimed: usize = used(1 << 30);
    assert!(Vec::<u8>::new().try_reserve_exact(claimed).is_err());
}

#[airtight::test(largest_allocation = "64B")]
fn pass_many_blocks_as_large_as_they_may_be(_: &mut T) {
    let _all = [block::<64>(), block::<64>()];
}

#[airtight::test(fuel = "1M")]
fn timeout_with_live_blocks(_: &mut T) {
    forget(block::<40>());
    loop {
        used(());
    }
}

#[airtight::test]
fn fail_a_double_free_in_a_clean_up(t: &mut T) {
    let address = used(Box::into_raw(block::<40>())).addr();
    t.cleanup(move || {
        // SAFETY: none: the second is what airtight has to see.
        unsafe {
            heap::c::free(std::ptr::with_exposed_provenance_mut(address));
            heap::c::free(std::ptr::with_exposed_provenance_mut(used(address))); // freed here
        }
    });
}

#[airtight::test]
#[cfg(target_arch = "wasm32")]
fn pass_memory_grown_by_hand(_: &mut T) {
    assert_ne!(core::arch::wasm32::memory_grow::<0>(1), usize::MAX);
}
