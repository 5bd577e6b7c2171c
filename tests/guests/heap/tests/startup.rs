//! What was allocated before the test began is not the test's.

use heap::{block, used};
use std::sync::Mutex;

static EARLY: Mutex<Vec<Box<[u8; 24]>>> = Mutex::new(Vec::new());

/// Runs before `main`.
#[used]
#[cfg_attr(target_family = "wasm", unsafe(link_section = ".init_array"))]
static CONSTRUCTOR: extern "C" fn() = early;

extern "C" fn early() {
    EARLY.lock().unwrap().extend([Box::new([1; 24]), Box::new([2; 24])]);
    std::mem::forget(used(Box::new([3_u8; 500])));
}

fn early_is_there() -> bool {
    EARLY.lock().unwrap().len() == 2
}

#[test]
fn pass_early_blocks_are_not_the_test_s() {
    assert!(early_is_there());
}

#[test]
fn pass_early_blocks_that_the_test_frees() {
    assert!(early_is_there());
    drop(std::mem::take(&mut *EARLY.lock().unwrap()));
}

/// What the test adds is its own; the vector has room for four.
#[test]
fn pass_a_block_beside_early_ones() {
    EARLY.lock().unwrap().push(block()); // retained here
}

/// What was not the test's own becomes it where the test reallocates it.
#[test]
fn pass_an_early_vector_that_the_test_grows() {
    assert!(early_is_there());
    EARLY.lock().unwrap().reserve_exact(100); // retained here
}

#[test]
fn leak_an_early_vector_that_the_test_grows() {
    let mut early = std::mem::take(&mut *EARLY.lock().unwrap());
    early.reserve_exact(100); // lost here
    std::mem::forget(used(early));
}

#[test]
fn leak_beside_early_blocks() {
    assert!(early_is_there());
    std::mem::forget(block::<44>()); // lost here
}
