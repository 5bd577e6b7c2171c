//! Tests that leave nothing: every figure is exact.

use heap::{block, used};
use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Mutex;

#[test]
fn pass_nothing() {}

#[test]
fn pass_one_block() {
    drop(block::<100>());
}

/// It is the answer of a function whose body is airtight's own, by the module's allocator.
#[test]
fn pass_a_temporary_directory() {
    drop(used(std::env::temp_dir()));
}

#[test]
fn pass_two_at_once() {
    let first = block::<100>();
    let second = block::<50>();
    drop(first);
    drop(second);
}

#[test]
fn pass_two_after_one_another() {
    drop(block::<100>());
    drop(block::<50>());
}

/// Room for 4, 8, 16, 32, 64 and 128 numbers.
#[test]
fn pass_a_vector_that_grew() {
    let mut numbers = Vec::new();
    for number in 0..100_u32 {
        numbers.push(number);
    }
    drop(used(numbers));
}

/// Room for 8, 16 and 32 bytes, then for what is there.
#[test]
fn pass_a_vector_that_shrank() {
    let mut bytes = Vec::new();
    for byte in 0..20_u8 {
        bytes.push(byte);
    }
    let exact = used(bytes).into_boxed_slice();
    assert_eq!(exact.len(), 20);
}

#[test]
fn pass_a_queue() {
    let mut queue = VecDeque::with_capacity(8);
    for number in 0..1000_u64 {
        queue.push_back(number);
        if queue.len() == 8 {
            queue.pop_front();
        }
    }
    drop(used(queue));
}

#[test]
fn pass_ten_thousand_blocks() {
    let blocks: Vec<Box<[u8; 10]>> = (0..10_000).map(|_| block()).collect();
    drop(used(blocks));
}

/// One block, shared.
#[test]
fn pass_counted_references() {
    let one = used(Rc::new(RefCell::new([0_u32; 7])));
    let others: [Rc<RefCell<[u32; 7]>>; 5] = std::array::from_fn(|_| Rc::clone(&one));
    drop(one);
    assert_eq!(Rc::strong_count(&others[0]), 5);
}

/// Freed when a static lets go of it.
#[test]
fn pass_a_static_that_was_emptied() {
    static KEPT: Mutex<Vec<Box<[u8; 16]>>> = Mutex::new(Vec::new());
    KEPT.lock().unwrap().push(block());
    drop(std::mem::take(&mut *KEPT.lock().unwrap()));
}

fn aligned(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

#[test]
fn pass_every_alignment() {
    for shift in 4..=16 {
        let layout = aligned(24, 1 << shift);
        // SAFETY: the layout is not empty, and the block is freed with it.
        unsafe {
            let block = used(alloc(layout));
            assert_eq!(block.addr() % layout.align(), 0);
            dealloc(block, layout);
        }
    }
}

/// Rust reallocates what is aligned by hand: a new block, a copy and a free.
#[test]
fn pass_an_aligned_block_that_grew() {
    let layout = aligned(100, 64);
    // SAFETY: the layout is not empty, and the block is freed with the one that it has by then.
    unsafe {
        let block = used(alloc_zeroed(layout));
        let block = used(realloc(block, layout, 200));
        dealloc(block, aligned(200, 64));
    }
}

#[test]
fn leak_aligned_blocks() {
    // SAFETY: the layouts are not empty.
    unsafe {
        used(alloc(aligned(100, 16))); // lost here
        used(alloc(aligned(200, 64))); // lost here
        used(alloc_zeroed(aligned(300, 4096))); // lost here
        used(alloc(aligned(1, 65536))); // lost here
    }
}

#[test]
fn leak_an_aligned_box() {
    #[repr(align(128))]
    struct Aligned(#[expect(dead_code, reason = "its size counts")] [u8; 100]);
    std::mem::forget(used(Box::new(Aligned([1; 100])))); // lost here
}

#[test]
fn pass_at_program_end() {
    static LATE: Mutex<Option<Box<[u8; 70]>>> = Mutex::new(None);
    extern "C" fn free() {
        drop(LATE.lock().unwrap().take());
    }
    heap::at_exit(free);
    *LATE.lock().unwrap() = Some(block());
}

/// The destructor of a thread-local is not run at the end of a program on wasm.
#[test]
fn pass_a_thread_local_that_is_never_dropped() {
    struct Frees(Option<Box<[u8; 80]>>);
    impl Drop for Frees {
        fn drop(&mut self) {
            self.0.take();
        }
    }
    thread_local!(static LOCAL: RefCell<Frees> = const { RefCell::new(Frees(None)) });
    LOCAL.with_borrow_mut(|local| local.0 = Some(Box::new([7; 80]))); // retained here
}
