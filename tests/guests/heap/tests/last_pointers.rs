//! Lost blocks whose last pointer in memory goes in different ways, each where its name and how it goes are written: see `tests/tests/last_pointers.rs`.

use heap::{block, used};
use std::cell::RefCell;
use std::mem::forget;
use std::ptr::null_mut;
use std::rc::Rc;

struct Holder {
    page: *mut [u8; 24],
    others: [u32; 3],
}

/// Nothing but the holder knows the page: what was on the stack is gone.
#[inline(never)]
fn holder() -> Box<Holder> {
    used(Box::new(Holder { page: Box::into_raw(block::<24>()), others: [1, 2, 3] }))
}

#[inline(never)]
fn lets_a_raw_pointer_go() {
    let raw = used(Box::into_raw(block::<24>()));
    assert!(!raw.is_null());
} // leak_a_raw_pointer_that_goes_out_of_scope: out-of-scope

#[test]
fn leak_a_raw_pointer_that_goes_out_of_scope() {
    lets_a_raw_pointer_go(); // lost here
    assert_eq!(used(1), 1);
}

#[inline(never)]
fn forgets() {
    let page = used(block::<30>());
    forget(page);
} // leak_what_is_forgotten: out-of-scope

#[test]
fn leak_what_is_forgotten() {
    forgets(); // lost here
    assert_eq!(used(1), 1);
}

#[inline(never)]
fn overwrites(holder: &mut Holder) {
    holder.others[0] = 5;
    holder.page = null_mut(); // leak_what_a_field_pointed_to: overwritten
    holder.others[1] = 6;
}

#[test]
fn leak_what_a_field_pointed_to() {
    let mut holder = holder(); // lost here
    overwrites(&mut holder);
    assert_eq!(used(&holder).others, [5, 6, 3]);
}

#[inline(never)]
fn fills(holder: &mut Holder) {
    // SAFETY: zeros are a holder.
    unsafe { std::ptr::write_bytes(holder, 0, 1) }; // leak_what_memset_cleared_the_pointer_of: overwritten
}

#[test]
fn leak_what_memset_cleared_the_pointer_of() {
    let mut holder = holder(); // lost here
    fills(&mut holder);
    assert_eq!(used(&holder).others, [0; 3]);
}

/// The buffer still has the pointers when it is empty. They go with it.
#[inline(never)]
fn clears() {
    let mut pages: Vec<*mut [u8; 24]> = Vec::new();
    let take = |pages: &mut Vec<_>| pages.push(Box::into_raw(block::<24>()));
    take(&mut pages);
    take(&mut pages);
    pages.clear();
    assert!(used(&pages).is_empty());
    drop(pages); // leak_what_a_cleared_list_pointed_to: freed
}

#[test]
fn leak_what_a_cleared_list_pointed_to() {
    clears(); // lost here
    assert_eq!(used(1), 1);
}

#[inline(never)]
fn frees(holder: Box<Holder>) {
    assert_eq!(holder.others[2], 3);
    drop(holder); // leak_the_child_of_what_is_freed: freed
}

#[test]
fn leak_the_child_of_what_is_freed() {
    frees(holder()); // lost here
    assert_eq!(used(1), 1);
}

struct Peer {
    other: RefCell<Option<Rc<Peer>>>,
}

#[inline(never)]
fn ties() {
    let peer = || used(Rc::new(Peer { other: RefCell::default() }));
    let (one, other) = (peer(), peer());
    *one.other.borrow_mut() = Some(Rc::clone(&other));
    *other.other.borrow_mut() = Some(Rc::clone(&one));
    assert_eq!(Rc::strong_count(&one), 2);
} // leak_a_cycle_of_peers: out-of-scope

#[test]
fn leak_a_cycle_of_peers() {
    ties(); // lost here
    assert_eq!(used(1), 1);
}

thread_local! {
    static LAST: RefCell<*mut [u8; 24]> = const { RefCell::new(null_mut()) };
}

#[inline(never)]
fn keeps() {
    LAST.with(|last| *last.borrow_mut() = Box::into_raw(block::<24>()));
}

#[inline(never)]
fn keeps_another() {
    LAST.with(|last| *last.borrow_mut() = null_mut()); // leak_what_a_static_pointed_to: overwritten
}

#[test]
fn leak_what_a_static_pointed_to() {
    keeps(); // lost here
    keeps_another();
    assert_eq!(used(1), 1);
}

#[inline(never)]
fn grows() {
    let mut numbers = Vec::with_capacity(2);
    numbers.extend([1_u32, 2]);
    used(&mut numbers).extend([3, 4, 5, 6]);
    forget(numbers);
} // leak_what_grew: out-of-scope

#[test]
fn leak_what_grew() {
    grows(); // lost here
    assert_eq!(used(1), 1);
}
