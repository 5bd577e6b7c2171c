//! Blocks that nothing reaches at the end.

use heap::{block, used};
use std::alloc::{Layout, alloc};
use std::cell::{Cell, RefCell};
use std::ffi::CString;
use std::mem::{ManuallyDrop, forget};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

#[test]
fn leak_a_forgotten_box() {
    forget(used(Box::new([1_u8; 40]))); // lost here
}

#[test]
fn leak_a_leaked_box() {
    used(Box::leak(Box::new([1_u64; 5]))); // lost here
}

#[test]
fn leak_a_raw_box() {
    used(Box::into_raw(Box::new(7_u32))); // lost here
}

#[test]
fn leak_a_box_that_is_dropped_by_hand_or_not() {
    let _kept = used(ManuallyDrop::new(Box::new([0_u8; 33]))); // lost here
    let mut dropped = ManuallyDrop::new(Box::new([0_u8; 44]));
    // SAFETY: dropped once, and not used again.
    unsafe { ManuallyDrop::drop(&mut dropped) };
}

#[test]
fn leak_a_temporary_directory() {
    forget(used(std::env::temp_dir())); // lost here
}

#[test]
fn leak_a_string() {
    forget(used(String::from("thirteen left"))); // lost here
}

#[test]
fn leak_a_leaked_str() {
    let text = used("ab".repeat(50)); // lost here
    used(text.leak());
}

#[test]
fn leak_a_c_string() {
    used(CString::new("four").unwrap().into_raw()); // lost here
}

#[test]
fn leak_a_vector_with_room_to_spare() {
    let mut numbers = Vec::<u32>::with_capacity(100); // lost here
    numbers.push(1);
    forget(used(numbers));
}

#[test]
fn leak_a_zeroed_vector() {
    forget(used(vec![0_u64; 1000])); // lost here
}

/// The block is where it was allocated last: at the last growth.
#[test]
fn leak_a_vector_that_grew() {
    let mut numbers = Vec::new();
    for number in 0..100_u32 {
        numbers.push(number); // lost here
    }
    forget(used(numbers));
}

#[test]
fn leak_a_vector_of_boxes() {
    let mut boxes = Vec::with_capacity(10); // lost here
    for number in 0..10_u64 {
        boxes.push(Box::new(number)); // lost here
    }
    forget(used(boxes));
}

#[test]
fn leak_a_nested_vector() {
    let mut rows = Vec::<Vec<u8>>::with_capacity(3); // lost here
    rows.push(vec![1; 10]); // lost here
    rows.push(vec![1; 20]); // lost here
    rows.push(Vec::new());
    forget(used(rows));
}

#[test]
fn leak_a_boxed_closure() {
    let (a, b) = used((1_u64, 2_u32));
    let closure: Box<dyn Fn() -> u64> = Box::new(move || a + u64::from(b)); // lost here
    assert_eq!(closure(), 3);
    forget(used(closure));
}

#[test]
fn leak_inside_a_closure() {
    let forget_one = || forget(block::<48>()); // lost here
    forget_one();
}

fn forget_generic<T: Default>(count: usize) {
    for _ in 0..count {
        forget(used(Box::<T>::default()));
    }
}

#[test]
fn leak_inside_a_generic_function() {
    forget_generic::<[u8; 24]>(2); // lost here
    forget_generic::<u32>(3); // lost here
}

#[test]
fn leak_a_thousand_at_one_place() {
    for number in 0..1000_u32 {
        forget(used(Box::new([number; 3]))); // lost here
    }
}

#[test]
fn leak_at_two_places() {
    forget(used(Box::new([1_u8; 100]))); // lost here
    forget(used(Box::new([2_u8; 200]))); // lost here
}

#[test]
fn leak_one_of_two() {
    let first = used(Box::new([1_u8; 64]));
    forget(used(Box::new([2_u8; 65]))); // lost here
    drop(first);
}

#[test]
fn leak_nothing_but_blocks_of_no_use() {
    forget(used(Box::new(()))); // Takes no memory.
    forget(used(Vec::<u8>::new()));
    // SAFETY: the layout is not empty.
    used(unsafe { alloc(Layout::new::<u8>()) }); // lost here
}

struct Node {
    next: RefCell<Option<Rc<Node>>>,
    payload: [u32; 4],
}

impl Node {
    fn new() -> Rc<Self> {
        used(Rc::new(Self { next: RefCell::default(), payload: [1; 4] }))
    }
}

// Two counts, a borrow flag, a pointer and the payload.
const _: () = assert!(size_of::<Node>() == 24);

#[test]
fn leak_a_cycle_of_two() {
    let (one, other) = (Node::new(), Node::new()); // lost here
    *one.next.borrow_mut() = Some(Rc::clone(&other));
    *other.next.borrow_mut() = Some(Rc::clone(&one));
    assert_eq!(one.payload, other.payload);
}

#[test]
fn leak_a_cycle_of_one() {
    let one = Node::new(); // lost here
    *one.next.borrow_mut() = Some(Rc::clone(&one));
}

#[test]
fn pass_a_cycle_that_was_broken() {
    let (one, other) = (Node::new(), Node::new());
    *one.next.borrow_mut() = Some(Rc::clone(&other));
    *other.next.borrow_mut() = Some(Rc::clone(&one));
    one.next.take();
}

struct Shared {
    other: OnceLock<Arc<Shared>>,
    seen: Cell<u32>,
}

const _: () = assert!(size_of::<Shared>() == 12);

#[test]
#[allow(clippy::arc_with_non_send_sync)]
fn leak_a_cycle_of_arcs() {
    let one = used(Arc::new(Shared { other: OnceLock::new(), seen: Cell::new(1) })); // lost here
    let other = used(Arc::new(Shared { other: OnceLock::new(), seen: Cell::new(2) })); // lost here
    assert!(one.other.set(Arc::clone(&other)).is_ok());
    assert!(other.other.set(Arc::clone(&one)).is_ok());
    assert_eq!(one.seen.get() + other.seen.get(), 3);
}

struct Tree {
    children: Vec<Tree>,
    name: String,
}

/// The counts of an `Rc` that a weak reference keeps, with its dead value.
#[test]
fn leak_a_weak_reference() {
    let weak = Rc::downgrade(&used(Rc::new([0_u8; 50]))); // lost here
    assert!(weak.upgrade().is_none());
    forget(used(weak));
}

/// Only the root was forgotten; the rest is reached from lost blocks alone.
#[test]
fn leak_a_tree() {
    let leaf = |name: &str| Tree { children: Vec::new(), name: name.to_owned() }; // lost here
    let branch = Tree { children: vec![leaf("left"), leaf("right")], name: "branch".to_owned() }; // lost here
    let root = used(Box::new(branch)); // lost here
    assert_eq!(root.children[1].name.len() + root.children[0].children.len(), 5);
    assert_eq!(root.name, "branch");
    forget(root);
}

struct Link {
    _next: Option<Box<Link>>,
    _number: u32,
}

#[test]
fn leak_a_list_by_its_head() {
    let mut head = None;
    for number in 0..50 {
        head = Some(Box::new(Link { _next: head, _number: number })); // lost here
    }
    forget(used(head));
}

/// The last link points to the first: no link is the head.
#[test]
fn leak_a_ring() {
    const LINKS: usize = 10;
    let links: Vec<*mut [usize; 4]> = (0..LINKS).map(|_| Box::into_raw(Box::new([0; 4]))).collect(); // lost here
    for (index, &link) in links.iter().enumerate() {
        // SAFETY: the links are live, and only this function has them.
        unsafe { (*link)[3] = links[(index + 1) % LINKS] as usize };
    }
}

/// What a lost block points to is lost too, even past its end and with the lowest bits set.
#[test]
fn leak_by_an_end_and_a_tag() {
    let end = used(Box::into_raw(Box::new([1_u8; 24]))) as usize + 24; // lost here
    let tagged = used(Box::into_raw(Box::new([1_u32; 9]))) as usize | 3; // lost here
    forget(used(Box::new([end, tagged]))); // lost here
}

#[inline(never)]
fn deep(depth: u32, block: &[u8; 72]) -> u32 {
    let copies = used([std::ptr::from_ref(block); 16]);
    match depth {
        0 => copies.len() as u32,
        _ => deep(depth - 1, block) + 1,
    }
}

/// Many dead frames hold its address.
#[test]
fn leak_what_only_the_dead_stack_knows() {
    let block = used(Box::leak(Box::new([1_u8; 72]))); // lost here
    assert_eq!(deep(100, block), 116);
}

/// A freed block still holds the address, as the allocator leaves it.
#[test]
fn leak_what_only_freed_memory_knows() {
    let mut freed = used(vec![0_usize; 64]);
    freed[40] = used(Box::into_raw(Box::new([1_u8; 56]))) as usize; // lost here
    drop(freed);
}

/// The pointer was kept, and then overwritten.
#[test]
fn leak_what_a_static_knew() {
    static KEPT: std::sync::Mutex<Option<Box<[u8; 88]>>> = std::sync::Mutex::new(None);
    *KEPT.lock().unwrap() = Some(Box::new([1; 88])); // lost here
    forget(KEPT.lock().unwrap().take());
}
