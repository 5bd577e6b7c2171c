//! Blocks at the end of the largest memory, where addresses could overflow.

use crate::ledger::heap::{AllocationOutcome, AllocatorCall, Block, HeapBook, HeapError, HeapLimits};

/// A memory of 4 GiB. The host takes no room for it while nothing in it is touched.
fn largest() -> Vec<u8> {
    vec![0; 1 << 32]
}

fn malloc(ptr: u32, size: u32, memory: &[u8]) -> (HeapBook, AllocationOutcome) {
    let mut book = HeapBook::new(HeapLimits::default());
    book.open_window();
    book.enter(AllocatorCall::Malloc { size }).expect("in order");
    let left = book.leave(ptr, memory);
    (book, left)
}

#[test]
fn a_block_may_end_where_addresses_do() {
    let memory = largest();
    for (ptr, size) in [(u32::MAX - 15, 16), (u32::MAX, 1), (1 << 31, 1 << 31), (u32::MAX, 0)] {
        let (mut book, left) = malloc(ptr, size, &memory);
        assert!(matches!(left, AllocationOutcome::Allocated { number: 1, .. }), "{size} bytes at {ptr}: {left:?}");
        assert_eq!(book.figures().expect("tracked").live_bytes, u64::from(size));
        assert_eq!(book.fresh().end, u64::from(ptr) + u64::from(size));
        assert_eq!(book.blocks(), Ok(vec![Block { ptr, size, number: 1, own: true }]));
    }
}

#[test]
fn a_block_does_not_go_on_at_the_beginning() {
    let memory = largest();
    for (ptr, size) in [(u32::MAX, 2), (u32::MAX - 15, 17), (8, u32::MAX), (u32::MAX, u32::MAX)] {
        let (book, left) = malloc(ptr, size, &memory);
        assert_eq!(
            (left, book.figures()),
            (AllocationOutcome::Nothing, Err(HeapError::OutsideMemory)),
            "{size} bytes at {ptr}"
        );
    }
}
