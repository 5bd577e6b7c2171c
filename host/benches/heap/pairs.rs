//! Blocks of mixed small sizes, allocated and freed; and the same loops without, to be subtracted.

#![cfg(test)]

use std::alloc::{Layout, alloc, dealloc};
use std::hint::black_box;

const PAIRS: usize = 20_000_000;

/// The size of the next block, from 1 to 256 bytes: half of them have at most 32.
fn next_size(state: &mut u32) -> usize {
    *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    let bits = *state >> 16;
    let most = if bits & 1 == 0 { 31 } else { 255 };
    (bits >> 1 & most) as usize + 1
}

fn allocate(size: usize) -> *mut u8 {
    let layout = Layout::from_size_align(size, 1).unwrap();
    // SAFETY: The size is not 0.
    black_box(unsafe { alloc(layout) })
}

fn free(block: *mut u8, size: usize) {
    let layout = Layout::from_size_align(size, 1).unwrap();
    // SAFETY: It comes from `allocate`, with this size, and is freed once.
    unsafe { dealloc(black_box(block), layout) }
}

/// What `allocate` and `free` are where nothing is allocated.
fn pretend_to_allocate(size: usize) -> *mut u8 {
    black_box(std::ptr::without_provenance_mut(size))
}

fn pretend_to_free(block: *mut u8, size: usize) {
    black_box((block, size));
}

/// Each block is freed at once.
fn at_once(allocate: impl Fn(usize) -> *mut u8, free: impl Fn(*mut u8, usize)) {
    let mut state = 1;
    for _ in 0..PAIRS {
        let size = next_size(&mut state);
        free(allocate(size), size);
    }
}

/// A block is freed when 255 others were allocated after it.
fn in_turn(allocate: impl Fn(usize) -> *mut u8, free: impl Fn(*mut u8, usize)) {
    let mut state = 1;
    let mut live = [(); 256].map(|()| {
        let size = next_size(&mut state);
        (allocate(size), size)
    });
    for index in 0..PAIRS {
        let size = next_size(&mut state);
        let (old, old_size) = std::mem::replace(&mut live[index % 256], (allocate(size), size));
        free(old, old_size);
    }
    for (block, size) in live {
        free(block, size);
    }
}

#[test]
fn pairs_at_once() {
    at_once(allocate, free);
}

#[test]
fn nothing_at_once() {
    at_once(pretend_to_allocate, pretend_to_free);
}

#[test]
fn pairs_in_turn() {
    in_turn(allocate, free);
}

#[test]
fn nothing_in_turn() {
    in_turn(pretend_to_allocate, pretend_to_free);
}

/// Blocks that nothing reaches any more.
#[test]
fn a_million_lost() {
    (0..1_000_000).for_each(|_| _ = allocate(24));
}
