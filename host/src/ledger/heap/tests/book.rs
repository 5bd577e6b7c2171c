//! Rules of the book, each in a test of its own; [`super::model`] tries all of them together.

use crate::ledger::heap::error::BadFreeKind;
use crate::ledger::heap::map::MAX_LIVE_BLOCKS;
use crate::ledger::heap::{AllocationOutcome, AllocatorCall, BadFree, Block, Figures, HeapBook, HeapError, HeapLimits};
use crate::model::{Limit, LimitValues, Tally};

const MEMORY: [u8; 4096] = [0; 4096];

/// A book with the host's window open.
fn open() -> HeapBook {
    let mut book = HeapBook::new(HeapLimits::default());
    book.open_window();
    book
}

/// A call that has no call within it, and whose pointer is not refused.
fn call(book: &mut HeapBook, call: AllocatorCall, result: u32) -> AllocationOutcome {
    book.enter(call).expect("the call is in order");
    book.leave(result, &MEMORY)
}

fn malloc(book: &mut HeapBook, ptr: u32, size: u32) -> AllocationOutcome {
    call(book, AllocatorCall::Malloc { size }, ptr)
}

fn free(book: &mut HeapBook, ptr: u32) {
    assert_eq!(call(book, AllocatorCall::Free { ptr }, 0), AllocationOutcome::Nothing);
}

fn allocated(number: u64, size: u32, own: bool) -> AllocationOutcome {
    AllocationOutcome::Allocated { number, size, own, crossed: None }
}

/// `[live blocks, live bytes, peak, total, allocations, frees, reallocations]`
fn figures(book: &HeapBook) -> [u64; 7] {
    let Figures { live_blocks, live_bytes, peak, total, allocations, frees, reallocations, largest: _ } =
        book.figures().expect("tracked");
    [live_blocks, live_bytes, peak, total, allocations, frees, reallocations]
}

#[test]
fn each_kind_of_allocation_counts_its_size() {
    let mut book = open();
    assert_eq!(malloc(&mut book, 64, 10), allocated(1, 10, true));
    assert_eq!(call(&mut book, AllocatorCall::Calloc { count: 3, size: 7 }, 128), allocated(2, 21, true));
    assert_eq!(call(&mut book, AllocatorCall::Aligned { align: 64, size: 16 }, 192), allocated(3, 16, true));
    assert_eq!(call(&mut book, AllocatorCall::Realloc { ptr: 0, size: 5 }, 256), allocated(4, 5, true));
    book.enter(AllocatorCall::PosixMemalign { to: 8, align: 8, size: 9 }).expect("in order");
    let mut memory = MEMORY;
    memory[8..12].copy_from_slice(&320_u32.to_le_bytes());
    assert_eq!(book.leave(0, &memory), allocated(5, 9, true));
    assert_eq!(figures(&book), [5, 61, 61, 61, 5, 0, 0]);
    assert_eq!(book.blocks().expect("tracked")[4], Block { ptr: 320, size: 9, number: 5, own: true });
    assert_eq!(book.lowest(), Some(64));
}

#[test]
fn a_block_that_is_not_aligned_as_posix_memalign_was_asked_is_none() {
    for (align, aligned) in [(8, true), (64, true), (128, false), (0, true)] {
        let mut book = open();
        book.enter(AllocatorCall::PosixMemalign { to: 8, align, size: 9 }).expect("in order");
        let mut memory = MEMORY;
        memory[8..12].copy_from_slice(&320_u32.to_le_bytes());
        book.leave(0, &memory);
        let expected = if aligned { Ok(1) } else { Err(HeapError::Misaligned) };
        assert_eq!(book.figures().map(|figures| figures.allocations), expected, "{align}");
    }
}

#[test]
fn failures_allocate_nothing() {
    let mut book = open();
    assert_eq!(malloc(&mut book, 0, 10), AllocationOutcome::Nothing);
    assert_eq!(
        call(&mut book, AllocatorCall::Calloc { count: u32::MAX, size: u32::MAX }, 0),
        AllocationOutcome::Nothing
    );
    assert_eq!(call(&mut book, AllocatorCall::Realloc { ptr: 0, size: 0 }, 0), AllocationOutcome::Nothing);
    assert_eq!(
        call(&mut book, AllocatorCall::PosixMemalign { to: 8, align: 8, size: 9 }, 12),
        AllocationOutcome::Nothing
    );
    assert_eq!(
        call(&mut book, AllocatorCall::PosixMemalign { to: 8, align: 8, size: 0 }, 0),
        AllocationOutcome::Nothing
    );
    assert_eq!(figures(&book), [0; 7]);
    assert_eq!((book.trace().events, book.lowest()), (5, None));
}

#[test]
fn blocks_of_no_bytes_are_blocks() {
    let mut book = open();
    malloc(&mut book, 64, 0);
    malloc(&mut book, 80, 0);
    assert_eq!(figures(&book), [2, 0, 0, 0, 2, 0, 0]);
    free(&mut book, 64);
    assert_eq!(book.blocks().expect("tracked").len(), 1);
}

#[test]
fn freeing_nothing_is_fine_and_no_free() {
    let mut book = open();
    free(&mut book, 0);
    assert_eq!(figures(&book), [0; 7]);
}

#[test]
fn a_reallocation_gives_a_block_a_new_number() {
    let mut book = open();
    malloc(&mut book, 64, 10);
    assert_eq!(call(&mut book, AllocatorCall::Realloc { ptr: 64, size: 30 }, 64), allocated(2, 30, true));
    assert_eq!(call(&mut book, AllocatorCall::Realloc { ptr: 64, size: 20 }, 128), allocated(3, 20, true));
    assert_eq!(figures(&book), [1, 20, 30, 60, 1, 0, 2], "both halves are never live at once");
    assert_eq!(book.blocks(), Ok(vec![Block { ptr: 128, size: 20, number: 3, own: true }]));
    let Err(refused) = book.enter(AllocatorCall::Free { ptr: 64 }) else { panic!("the old place is free") };
    assert_eq!(refused.kind, BadFreeKind::Double { number: 2, size: 30 });
}

#[test]
fn a_failed_reallocation_keeps_the_block() {
    let mut book = open();
    malloc(&mut book, 64, 10);
    assert_eq!(call(&mut book, AllocatorCall::Realloc { ptr: 64, size: 3000 }, 0), AllocationOutcome::Nothing);
    assert_eq!(figures(&book), [1, 10, 10, 10, 1, 0, 0]);
    free(&mut book, 64);
}

#[test]
fn a_reallocation_to_nothing_that_returns_nothing_is_ambiguous() {
    let mut book = open();
    malloc(&mut book, 64, 10);
    assert_eq!(call(&mut book, AllocatorCall::Realloc { ptr: 64, size: 0 }, 0), AllocationOutcome::Nothing);
    assert_eq!(book.figures(), Err(HeapError::ZeroRealloc));
    let mut book = open();
    malloc(&mut book, 64, 10);
    assert_eq!(call(&mut book, AllocatorCall::Realloc { ptr: 64, size: 0 }, 64), allocated(2, 0, true));
    assert_eq!(figures(&book), [1, 0, 10, 10, 1, 0, 1]);
}

#[test]
fn only_what_is_allocated_in_the_window_is_the_tests_own() {
    let mut book = HeapBook::new(HeapLimits::default());
    assert_eq!(malloc(&mut book, 64, 10), allocated(1, 10, false));
    book.enter(AllocatorCall::Window).expect("in order");
    assert!(book.window_open());
    assert_eq!(malloc(&mut book, 128, 20), allocated(2, 20, true));
    book.enter(AllocatorCall::Libc).expect("in order");
    assert_eq!(malloc(&mut book, 192, 40), allocated(3, 40, false));
    book.leave(0, &MEMORY);
    free(&mut book, 64);
    book.leave(0, &MEMORY);
    assert!(!book.window_open());
    assert_eq!(figures(&book), [1, 20, 20, 20, 1, 0, 0]);
    free(&mut book, 128);
    assert_eq!(figures(&book), [0, 0, 20, 20, 1, 1, 0], "freed late is freed");
}

#[test]
fn a_reallocation_in_the_window_makes_a_block_the_tests_own_for_good() {
    let mut book = HeapBook::new(HeapLimits::default());
    malloc(&mut book, 64, 10);
    book.open_window();
    assert_eq!(call(&mut book, AllocatorCall::Realloc { ptr: 64, size: 20 }, 64), allocated(2, 20, true));
    assert_eq!(figures(&book), [1, 20, 20, 20, 0, 0, 1]);
    book.close_window();
    assert_eq!(call(&mut book, AllocatorCall::Realloc { ptr: 64, size: 30 }, 64), allocated(3, 30, true));
    assert_eq!(figures(&book), [1, 30, 30, 50, 0, 0, 2]);
    free(&mut book, 64);
    assert_eq!(figures(&book), [0, 0, 30, 50, 0, 1, 2]);
}

#[test]
fn what_an_allocation_calls_is_its_own_affair() {
    let mut book = open();
    book.enter(AllocatorCall::Aligned { align: 8, size: 100 }).expect("in order");
    book.enter(AllocatorCall::Malloc { size: 200 }).expect("in order");
    book.enter(AllocatorCall::Malloc { size: 300 }).expect("in order");
    assert_eq!(book.leave(512, &MEMORY), AllocationOutcome::Nothing);
    assert_eq!(book.leave(512, &MEMORY), AllocationOutcome::Nothing);
    book.enter(AllocatorCall::Free { ptr: 99 }).expect("whatever it frees");
    assert_eq!(book.leave(0, &MEMORY), AllocationOutcome::Nothing);
    assert_eq!(book.leave(520, &MEMORY), allocated(1, 100, true));
    assert_eq!(figures(&book), [1, 100, 100, 100, 1, 0, 0]);
}

#[test]
fn what_a_free_calls_counts_unless_it_is_of_no_block() {
    let mut book = open();
    malloc(&mut book, 64, 10);
    malloc(&mut book, 128, 10);
    book.enter(AllocatorCall::Free { ptr: 64 }).expect("in order");
    book.enter(AllocatorCall::Free { ptr: 64 }).expect("the same event under another name");
    book.enter(AllocatorCall::Realloc { ptr: 56, size: 0 }).expect("likewise");
    book.enter(AllocatorCall::Malloc { size: 1 }).expect("hidden");
    assert_eq!(book.leave(64, &MEMORY), AllocationOutcome::Nothing);
    assert_eq!(book.leave(0, &MEMORY), AllocationOutcome::Nothing);
    assert_eq!(book.leave(0, &MEMORY), AllocationOutcome::Nothing);
    assert_eq!(malloc(&mut book, 192, 5), allocated(3, 5, true));
    free(&mut book, 128);
    assert_eq!(book.leave(0, &MEMORY), AllocationOutcome::Nothing);
    assert_eq!(figures(&book), [1, 5, 20, 25, 3, 2, 0]);
    book.enter(AllocatorCall::Free { ptr: 64 }).expect_err("no longer within");
}

#[test]
fn a_bad_free_says_what_is_known() {
    let mut book = open();
    malloc(&mut book, 64, 10);
    malloc(&mut book, 128, 100);
    free(&mut book, 64);
    let refused = |book: &mut HeapBook, call| {
        let refused: BadFree = book.enter(call).expect_err("not in order");
        book.leave(0, &MEMORY);
        refused.to_string()
    };
    let double = refused(&mut book, AllocatorCall::Free { ptr: 64 });
    assert_eq!(double, "free of a block of 10 bytes that was freed before (allocation 1)");
    let inside = refused(&mut book, AllocatorCall::Free { ptr: 227 });
    assert_eq!(inside, "free of a pointer 99 bytes into the live block of 100 bytes (allocation 2)");
    let unknown = refused(&mut book, AllocatorCall::Realloc { ptr: 228, size: 3 });
    assert_eq!(unknown, "realloc of a pointer to no live block");
    assert_eq!(figures(&book), [1, 100, 110, 110, 2, 1, 0], "the book is as before");
    malloc(&mut book, 64, 4);
    free(&mut book, 64);
    let again = refused(&mut book, AllocatorCall::Realloc { ptr: 64, size: 9 });
    assert_eq!(again, "realloc of a block of 4 bytes that was freed before (allocation 3)");
    malloc(&mut book, 56, 20);
    let both = refused(&mut book, AllocatorCall::Free { ptr: 64 });
    assert_eq!(both, "free of a pointer 8 bytes into the live block of 20 bytes (allocation 4)");
}

#[test]
fn limits_are_told_once_each() {
    let mut book =
        HeapBook::new(HeapLimits::new(&LimitValues::NONE.with(Limit::PeakHeap, 30).with(Limit::Allocations, 2)));
    malloc(&mut book, 16, 1000);
    book.open_window();
    assert_eq!(malloc(&mut book, 1024, 30), allocated(2, 30, true), "not over it");
    let crossed = |left: AllocationOutcome| left.crossed().map(|crossed| Tally::ALL.map(|tally| crossed.get(tally)));
    let second = malloc(&mut book, 1104, 1);
    assert!(matches!(second, AllocationOutcome::Allocated { number: 3, size: 1, own: true, .. }));
    assert_eq!(crossed(second), Some([Some(31), None, None]));
    let third = call(&mut book, AllocatorCall::Realloc { ptr: 1104, size: 50 }, 1104);
    assert!(matches!(third, AllocationOutcome::Allocated { number: 4, size: 50, own: true, .. }));
    assert_eq!(crossed(third), Some([None, Some(3), None]));
    assert_eq!(malloc(&mut book, 1200, 60), allocated(5, 60, true));
}

#[test]
fn the_largest_block_that_is_asked_for_is_watched() {
    let mut book = HeapBook::new(HeapLimits::new(&LimitValues::NONE.with(Limit::LargestAllocation, 30)));
    let largest = |book: &HeapBook| book.figures().unwrap().largest;
    let crossed = |left: AllocationOutcome| left.crossed().map(|crossed| crossed.get(Tally::Largest));
    malloc(&mut book, 16, 1000);
    assert_eq!((largest(&book), crossed(malloc(&mut book, 0, 1000))), (0, None), "not the test's own");
    book.open_window();
    assert_eq!(crossed(malloc(&mut book, 1024, 30)), None, "not over it");
    let refused = call(&mut book, AllocatorCall::Realloc { ptr: 1024, size: 31 }, 0);
    assert!(matches!(refused, AllocationOutcome::Refused { .. }), "{refused:?}");
    assert_eq!((crossed(refused), largest(&book)), (Some(Some(31)), 31));
    // The crossing is reported once; counting goes on.
    assert_eq!(call(&mut book, AllocatorCall::Calloc { count: u32::MAX, size: 2 }, 0), AllocationOutcome::Nothing);
    assert_eq!(largest(&book), 2 * u64::from(u32::MAX));

    let mut book = HeapBook::new(HeapLimits::new(&LimitValues::NONE.with(Limit::LargestAllocation, 30)));
    book.open_window();
    malloc(&mut book, 1024, 20);
    let whole = call(&mut book, AllocatorCall::Realloc { ptr: 1024, size: 40 }, 1024);
    assert_eq!((crossed(whole), largest(&book)), (Some(Some(40)), 40), "a reallocation's whole new size");
}

#[test]
fn memory_may_grow_only_within_the_allocator() {
    let mut book = open();
    for outer in [AllocatorCall::Malloc { size: 1 }, AllocatorCall::Free { ptr: 0 }] {
        book.enter(outer).expect("in order");
        book.memory_grew();
        book.leave(0, &MEMORY);
        assert!(book.figures().is_ok());
    }
    book.enter(AllocatorCall::Window).expect("in order");
    book.memory_grew();
    assert_eq!(book.figures(), Err(HeapError::GrewOutside));
    book.untrack(HeapError::GrewOutside);
    assert_eq!(book.figures(), Err(HeapError::GrewOutside), "the first reason stays");
    assert_eq!(malloc(&mut book, 64, 10), AllocationOutcome::Nothing);
    assert_eq!(book.blocks(), Err(HeapError::GrewOutside));
    book.enter(AllocatorCall::Free { ptr: 64 }).expect("nothing is known of it");
    assert!(book.window_open());
}

#[test]
fn an_allocator_that_misbehaves_is_not_tracked() {
    let mut book = open();
    malloc(&mut book, 64, 10);
    assert_eq!(malloc(&mut book, 64, 10), AllocationOutcome::Nothing);
    assert_eq!(book.figures(), Err(HeapError::Overlapping), "an address that is in use");

    let mut book = open();
    malloc(&mut book, 64, 10);
    malloc(&mut book, 72, 10);
    assert!(book.figures().is_ok(), "not looked for until the end");
    assert_eq!(book.blocks(), Err(HeapError::Overlapping));
    assert_eq!(book.figures(), Err(HeapError::Overlapping));

    let mut book = open();
    malloc(&mut book, 64, 10);
    malloc(&mut book, 128, 10);
    call(&mut book, AllocatorCall::Realloc { ptr: 64, size: 20 }, 128);
    assert_eq!(book.figures(), Err(HeapError::Overlapping));

    for (ptr, outside) in [
        (4080, AllocatorCall::Malloc { size: 17 }),
        (u32::MAX, AllocatorCall::Calloc { count: u32::MAX, size: u32::MAX }),
    ] {
        let mut book = open();
        assert_eq!(call(&mut book, outside, ptr), AllocationOutcome::Nothing);
        assert_eq!(book.figures(), Err(HeapError::OutsideMemory));
    }
    let mut book = open();
    assert_eq!(
        call(&mut book, AllocatorCall::PosixMemalign { to: 4093, align: 8, size: 1 }, 0),
        AllocationOutcome::Nothing
    );
    assert_eq!(book.figures(), Err(HeapError::OutsideMemory));
    let mut book = open();
    assert_eq!(malloc(&mut book, 4080, 16), allocated(1, 16, true), "the last bytes are inside");
}

#[test]
fn a_trap_leaves_the_book_usable() {
    let mut book = open();
    malloc(&mut book, 64, 10);
    for outer in [
        AllocatorCall::Window,
        AllocatorCall::Libc,
        AllocatorCall::Free { ptr: 0 },
        AllocatorCall::Realloc { ptr: 64, size: 9 },
        AllocatorCall::Window,
    ] {
        book.enter(outer).expect("in order");
    }
    book.unwind();
    assert_eq!(malloc(&mut book, 128, 5), allocated(2, 5, true), "the host's window is still open");
    free(&mut book, 64);
    book.enter(AllocatorCall::Free { ptr: 64 }).expect_err("no free is on the way");
    book.close_window();
    assert!(!book.window_open());
    assert_eq!(figures(&book), [1, 5, 15, 15, 2, 1, 0]);
}

#[test]
fn leaving_what_was_not_entered_is_nothing() {
    assert_eq!(open().leave(64, &MEMORY), AllocationOutcome::Nothing);
}

#[test]
fn many_live_blocks_are_kept_and_too_many_are_not() {
    let memory = vec![0; MAX_LIVE_BLOCKS * 8 + 64];
    let mut book = open();
    let mut allocate = |ptr| {
        book.enter(AllocatorCall::Malloc { size: 1 }).expect("in order");
        book.leave(ptr, &memory)
    };
    let count = MAX_LIVE_BLOCKS as u32;
    assert!((1..=count).all(|index| allocate(index * 8) != AllocationOutcome::Nothing));
    assert_eq!(allocate(4), AllocationOutcome::Nothing);
    assert_eq!(book.figures(), Err(HeapError::TooManyBlocks));
    assert_eq!(HeapError::TooManyBlocks.to_string(), "more than 4194304 blocks were live at once");
}

#[test]
fn the_trace_tells_runs_apart_by_all_but_addresses() {
    let run = |window: bool, base: u32, size: u32, fails: bool, which: u32| {
        let mut book = HeapBook::new(HeapLimits::default());
        if window {
            book.open_window();
        }
        malloc(&mut book, base, 10);
        malloc(&mut book, base + 64, 10);
        malloc(&mut book, if fails { 0 } else { base + 128 }, size);
        free(&mut book, base + which);
        book.trace()
    };
    let first = run(true, 64, 5, false, 0);
    assert_eq!(first.events, 4);
    assert_eq!(first, run(true, 1024, 5, false, 0));
    let others = [
        run(false, 64, 5, false, 0),
        run(true, 64, 6, false, 0),
        run(true, 64, 5, true, 0),
        run(true, 64, 5, false, 64),
    ];
    for other in others {
        assert_ne!(first, other);
    }
}

#[test]
fn a_test_that_begins_after_a_set_up_owns_nothing_of_it() {
    let mut setup = open();
    malloc(&mut setup, 64, 10);
    malloc(&mut setup, 128, 20);
    let mut book = setup.clone();
    book.begin_test();
    book.open_window();
    assert_eq!(figures(&book), [0; 7]);
    free(&mut book, 64);
    assert_eq!(figures(&book), [0; 7], "a block of the set-up that the test frees");
    assert_eq!(malloc(&mut book, 64, 5), allocated(3, 5, true));
    call(&mut book, AllocatorCall::Realloc { ptr: 128, size: 30 }, 256);
    assert_eq!(figures(&book), [2, 35, 35, 35, 1, 0, 1], "one that it reallocates is its own from then on");
    assert_eq!(figures(&setup), [2, 30, 30, 30, 2, 0, 0], "the books of the set-up stay");
}

#[test]
fn a_block_that_is_not_aligned_for_what_fits_into_it_is_not_one() {
    for (size, ptr, expected) in [
        (8, 72, Ok(1)),
        (8, 76, Err(HeapError::Misaligned)),
        (100, 65, Err(HeapError::Misaligned)),
        (7, 76, Ok(1)),
        (4, 78, Err(HeapError::Misaligned)),
        (3, 78, Ok(1)),
        (2, 79, Err(HeapError::Misaligned)),
        (1, 79, Ok(1)),
        (0, 79, Ok(1)),
    ] {
        let mut book = open();
        malloc(&mut book, ptr, size);
        assert_eq!(book.figures().map(|figures| figures.allocations), expected, "{size} bytes at {ptr}");
    }
}

#[test]
fn a_block_has_the_alignment_that_was_asked_for() {
    for (align, ptr, expected) in
        [(64, 128, Ok(1)), (64, 160, Err(HeapError::Misaligned)), (0, 160, Ok(1)), (48, 160, Ok(1)), (64, 0, Ok(0))]
    {
        let mut book = open();
        call(&mut book, AllocatorCall::Aligned { align, size: 16 }, ptr);
        assert_eq!(book.figures().map(|figures| figures.allocations), expected, "{align} at {ptr}");
    }
}
