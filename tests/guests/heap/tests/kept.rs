//! Blocks that static data still reaches at the end.

use heap::{block, used};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::mem::forget;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::Relaxed};
use std::sync::{LazyLock, Mutex, OnceLock};

/// An address in static data. Each test has an instance, and so a static, of its own.
static ADDRESS: AtomicUsize = AtomicUsize::new(0);

fn keep(address: usize) {
    ADDRESS.store(address, Relaxed);
}

#[test]
fn pass_an_address() {
    keep(Box::into_raw(block::<40>()).addr()); // retained here
}

#[test]
fn pass_the_middle() {
    keep(Box::into_raw(block::<1000>()).addr() + 500); // retained here
}

#[test]
fn pass_the_last_byte() {
    keep(Box::into_raw(block::<36>()).addr() + 35); // retained here
}

/// As the end of a slice's iterator.
#[test]
fn pass_one_past_the_end() {
    keep(Box::into_raw(block::<36>()).addr() + 36); // retained here
}

#[test]
fn leak_two_past_the_end() {
    keep(Box::into_raw(block::<36>()).addr() + 37); // lost here
}

#[test]
fn leak_one_before_the_start() {
    keep(Box::into_raw(block::<36>()).addr() - 1); // lost here
}

#[test]
fn pass_a_tagged_address() {
    keep(Box::into_raw(block::<40>()).addr() | 1); // retained here
}

/// No word of memory is the address.
#[test]
fn leak_a_disguised_address() {
    keep(!Box::into_raw(block::<40>()).addr()); // lost here
}

#[test]
fn pass_a_once_lock() {
    static ONCE: OnceLock<Vec<u8>> = OnceLock::new();
    ONCE.get_or_init(|| vec![1; 77]); // retained here
}

/// In a second run, with other addresses, such a table has another order.
#[test]
fn pass_a_table_keyed_by_addresses() {
    static BY_ADDRESS: Mutex<Option<HashMap<usize, Box<[u8; 40]>>>> = Mutex::new(None);
    let mut table = HashMap::with_capacity(100); // retained here
    for _ in 0..50 {
        let held = block::<40>(); // retained here
        table.insert(held.as_ptr().addr(), held);
    }
    *BY_ADDRESS.lock().unwrap() = Some(table);
}

/// Each bucket is a list, whose heads are elsewhere in a second run, and whose members follow others.
#[test]
fn pass_lists_by_addresses() {
    struct Node {
        next: Option<Box<Node>>,
        _rest: [u8; 36],
    }
    static LISTS: Mutex<Vec<Option<Box<Node>>>> = Mutex::new(Vec::new());
    let mut lists = LISTS.lock().unwrap();
    lists.resize_with(8, || None); // retained here
    for _ in 0..30 {
        let mut node = Box::new(Node { next: None, _rest: [1; 36] }); // retained here
        let hash = (&raw const *node).addr().wrapping_mul(0x9E37_79B1) >> 29;
        node.next = lists[hash].take();
        lists[hash] = Some(node);
    }
}

#[test]
fn pass_a_growing_static() {
    static GROWS: Mutex<Vec<u64>> = Mutex::new(Vec::new());
    for number in 0..100 {
        GROWS.lock().unwrap().push(number); // retained here
    }
}

#[test]
fn pass_a_mutable_static() {
    static mut TEXTS: Vec<String> = Vec::new();
    // SAFETY: there is one thread, and no other reference.
    let texts = unsafe { &mut *(&raw mut TEXTS) };
    texts.reserve_exact(2); // retained here
    texts.push("one".to_owned()); // retained here
    texts.push("three".to_owned()); // retained here
}

/// A table of four places for pairs of eight bytes, a byte for each place, and eight more.
#[test]
fn pass_a_lazy_map() {
    static MAP: LazyLock<Mutex<HashMap<u32, u32>>> = LazyLock::new(Mutex::default);
    for key in 0..3 {
        MAP.lock().unwrap().insert(key, key); // retained here
    }
}

#[test]
fn pass_a_map_of_texts() {
    static MAP: LazyLock<Mutex<HashMap<String, Box<[u8; 100]>>>> = LazyLock::new(Mutex::default);
    let key = used("a key".to_owned()); // retained here
    MAP.lock().unwrap().insert(key, block()); // retained here
}

#[test]
fn pass_a_thread_local_without_destructor() {
    thread_local!(static LOCAL: Cell<Option<&'static [u8; 60]>> = const { Cell::new(None) });
    LOCAL.set(Some(Box::leak(block()))); // retained here
}

#[test]
fn pass_a_thread_local_with_destructor() {
    thread_local!(static LOCAL: RefCell<Vec<Box<[u8; 60]>>> = const { RefCell::new(Vec::new()) });
    LOCAL.with_borrow_mut(|local| local.reserve_exact(1)); // retained here
    LOCAL.with_borrow_mut(|local| local.push(block())); // retained here
}

#[test]
fn pass_a_lazy_thread_local() {
    thread_local!(static LOCAL: Vec<u16> = vec![7; 33]); // retained here
    LOCAL.with(|local| assert_eq!(local.len(), 33)); // retained here
}

struct Link {
    _next: Option<Box<Link>>,
    _number: u32,
}

#[test]
fn pass_a_list_kept_by_its_head() {
    static HEAD: AtomicPtr<Link> = AtomicPtr::new(std::ptr::null_mut());
    let mut head = Box::new(Link { _next: None, _number: 0 }); // retained here
    for number in 1..50 {
        head = Box::new(Link { _next: Some(head), _number: number }); // retained here
    }
    HEAD.store(Box::into_raw(head), Relaxed);
}

/// The first half of the list is lost, the second is reached from its middle.
#[test]
fn leak_half_a_list() {
    static MIDDLE: AtomicPtr<Link> = AtomicPtr::new(std::ptr::null_mut());
    let mut head = None;
    for number in 0..25 {
        head = Some(Box::new(Link { _next: head, _number: number })); // retained here
    }
    let mut middle = head.unwrap();
    MIDDLE.store(&mut *middle, Relaxed);
    for number in 25..50 {
        middle = Box::new(Link { _next: Some(middle), _number: number }); // lost here
    }
    forget(used(middle));
}

/// A retained cycle is one that a static knows.
#[test]
fn pass_a_cycle_that_is_known() {
    let ring: Vec<*mut [usize; 2]> = (0..2).map(|_| Box::into_raw(Box::new([0; 2]))).collect(); // retained here
    for (index, &one) in ring.iter().enumerate() {
        // SAFETY: they are live, and only this function has them.
        unsafe { (*one)[1] = ring[1 - index] as usize };
    }
    keep(ring[0] as usize);
}

#[test]
fn leak_beside_what_is_retained() {
    keep(Box::into_raw(block::<40>()).addr()); // retained here
    forget(block::<41>()); // lost here
}

/// The harness takes the hook away again, after the test.
#[test]
fn pass_a_panic_hook() {
    let seen = used([1_u64; 3]);
    std::panic::set_hook(Box::new(move |_| assert_eq!(used(seen)[0], 1)));
    std::panic::set_hook(Box::new(move |_| assert_eq!(used(seen)[1], 1)));
}
