//! Integers that look like addresses, and blocks at the heap's end, where the allocator's own words are near.

use heap::used;
use std::mem::forget;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const MIB: usize = 1 << 20;

/// A number in each 64 KiB of what memory there is.
static EVERYWHERE: [AtomicUsize; 512] = {
    const NONE: AtomicUsize = AtomicUsize::new(0);
    let mut numbers = [NONE; 512];
    let mut index = 0;
    while index < numbers.len() {
        numbers[index] = AtomicUsize::new(index << 16 | 0x4a30);
        index += 1;
    }
    numbers
};

fn points_into(start: usize, len: usize) -> bool {
    EVERYWHERE.iter().any(|number| (start..start + len).contains(&number.load(Relaxed)))
}

#[test]
fn leak_four_mebibytes_that_integers_point_into() {
    let large = used(vec![1_u8; 4 * MIB]); // lost here
    assert!(points_into(large.as_ptr().addr(), large.len()));
    forget(large);
}

/// Neither is a pointer into the other one's block.
#[test]
fn pass_four_mebibytes_that_a_static_holds() {
    static LARGE: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    *LARGE.lock().unwrap() = used(vec![1; 4 * MIB]); // retained here
    assert!(points_into(LARGE.lock().unwrap().as_ptr().addr(), 4 * MIB));
}

/// The integers are in a block that is reached: every multiple of eight in 512 KiB.
#[test]
fn leak_what_integers_in_a_retained_block_equal() {
    static NUMBERS: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    let lost = used(Box::into_raw(Box::new([1_u8; 40]))).addr(); // lost here
    let (from, len) = (used(MIB), used(64 << 10));
    let mut numbers = Vec::with_capacity(len); // retained here
    numbers.extend((0..len).map(|index| from + index * 8));
    assert!(numbers.contains(&lost));
    *NUMBERS.lock().unwrap() = numbers;
}

/// The integers were computed from nothing that moves with the heap, so they are lost with what they seem to point to.
#[test]
fn leak_blocks_full_of_integers() {
    let from = used(MIB);
    for _ in 0..4 {
        forget(used((0..1000).map(|index| from + index * 16).collect::<Vec<usize>>())); // lost here
    }
}

/// A block of this size, with what is before it in the allocator's bins, and nothing behind it.
fn at_the_top(size: usize) -> Box<[u8]> {
    let mut before: Vec<Box<[u8]>> = Vec::with_capacity(4096);
    loop {
        let block = used(vec![7_u8; size].into_boxed_slice());
        if is_at_the_top(&block) {
            return block;
        }
        before.push(block);
    }
}

/// What is too large for all that was freed is put at the top: is it right behind the block, with nothing but the
/// allocator's own words between?
fn is_at_the_top(block: &[u8]) -> bool {
    let next = used(Vec::<u8>::with_capacity(MIB));
    let between = next.as_ptr().addr().checked_sub(block.as_ptr_range().end.addr());
    between.is_some_and(|between| between < 20)
}

static KEPT: Mutex<Option<Box<[u8]>>> = Mutex::new(None);

macro_rules! sizes {
    ($($size:literal $lost:ident $kept:ident)*) => {
        $(
            #[test]
            fn $lost() {
                forget(at_the_top($size));
            }

            #[test]
            fn $kept() {
                *KEPT.lock().unwrap() = Some(at_the_top($size));
            }
        )*
    };
}

sizes! {
    16 leak_16_bytes_at_the_top pass_16_bytes_at_the_top
    17 leak_17_bytes_at_the_top pass_17_bytes_at_the_top
    18 leak_18_bytes_at_the_top pass_18_bytes_at_the_top
    19 leak_19_bytes_at_the_top pass_19_bytes_at_the_top
    20 leak_20_bytes_at_the_top pass_20_bytes_at_the_top
    21 leak_21_bytes_at_the_top pass_21_bytes_at_the_top
    22 leak_22_bytes_at_the_top pass_22_bytes_at_the_top
    23 leak_23_bytes_at_the_top pass_23_bytes_at_the_top
    24 leak_24_bytes_at_the_top pass_24_bytes_at_the_top
    25 leak_25_bytes_at_the_top pass_25_bytes_at_the_top
    26 leak_26_bytes_at_the_top pass_26_bytes_at_the_top
    27 leak_27_bytes_at_the_top pass_27_bytes_at_the_top
    28 leak_28_bytes_at_the_top pass_28_bytes_at_the_top
    29 leak_29_bytes_at_the_top pass_29_bytes_at_the_top
    30 leak_30_bytes_at_the_top pass_30_bytes_at_the_top
    31 leak_31_bytes_at_the_top pass_31_bytes_at_the_top
}
