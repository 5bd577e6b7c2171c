//! Guests whose threads allocate, as WebAssembly text: allocators that are honest, and others.

use super::guests::{SPAWN, TELL_0, WAIT_AT_0, message, run_under};
use crate::model::{Heap, TestRecord, Verdict};

/// An allocator that gives one block after the other, from the second page on, and takes none back. What comes next is at address 32.
pub(super) const BUMP: &str = r#"(func $malloc (export "malloc") (param $size i32) (result i32)
        (local $found i32) (local $next i32)
        (local.set $found (i32.load (i32.const 32)))
        (if (i32.eqz (local.get $found)) (then (local.set $found (i32.const 65536))))
        (local.set $next (i32.add (local.get $found) (i32.and (i32.add (local.get $size) (i32.const 7)) (i32.const -8))))
        (if (i32.gt_u (local.get $next) (i32.shl (memory.size) (i32.const 16)))
            (then (if (i32.lt_s (memory.grow (i32.add (i32.const 1) (i32.shr_u (local.get $size) (i32.const 16)))) (i32.const 0))
                (then (return (i32.const 0))))))
        (i32.store (i32.const 32) (local.get $next))
        (local.get $found))
    (func $free (export "free") (param i32) nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop)"#;

fn heap(record: &TestRecord) -> &Heap {
    &record.usage.as_ref().unwrap().heap
}

/// Allocates a block of `size` bytes, and stores its address at `at`.
fn keep(size: u32, at: u32) -> String {
    format!("(i32.store (i32.const {at}) (call $malloc (i32.const {size})))")
}

fn allocating(allocator: &str, main: &str, thread: &str) -> TestRecord {
    run_under("[profile.default]\nfuel = \"20M\"", allocator, &format!("{SPAWN} {WAIT_AT_0} {main}"), thread)
}

#[test]
fn what_threads_lose_is_lost_and_what_static_data_reaches_is_retained() {
    let main = format!("(drop (call $malloc (i32.const 20))) {}", keep(40, 64));
    let thread = format!("(drop (call $malloc (i32.const 100))) {} {TELL_0}", keep(8, 72));
    let record = allocating(BUMP, &main, &thread);
    let heap = heap(&record);
    assert_eq!((heap.lost, heap.lost_blocks), (Some(120), Some(2)), "{record:?}");
    assert_eq!((heap.retained, heap.allocations, heap.doubt.as_deref()), (Some(48), Some(4), None));
    assert_eq!(record.verdict, Verdict::Leak);
}

#[test]
fn an_allocator_that_waits_leaves_the_heap_untracked() {
    let wait = "(func $malloc (param i32) (result i32)
        (drop (memory.atomic.wait32 (i32.const 8) (i32.const 0) (i64.const 1000))) (i32.const 131072))";
    let spin = "(func $malloc (param i32) (result i32) (drop (call $yield)) (drop (call $yield)) (i32.const 131072))";
    for allocator in [wait, spin] {
        let record = allocating(allocator, "", &format!("(drop (call $malloc (i32.const 8))) {TELL_0}"));
        assert_eq!(
            heap(&record).why_code.as_deref(),
            Some("block-outside-memory"),
            "it is tried before, whether it spins or waits: {record:?}"
        );
        assert_eq!(record.verdict, Verdict::Pass, "{}", message(&record));
    }
    // `calloc` waits when the test calls it, and not when the host tries it.
    let later = format!(
        "{BUMP} (func $calloc (param i32 i32) (result i32)
            (drop (memory.atomic.wait32 (i32.const 8) (i32.const 0) (i64.const 1000)))
            (call $malloc (i32.mul (local.get 0) (local.get 1))))"
    );
    let record = allocating(&later, "", &format!("(drop (call $calloc (i32.const 1) (i32.const 8))) {TELL_0}"));
    assert_eq!(heap(&record).why_code.as_deref(), Some("allocator-waited"), "{record:?}");
}

#[test]
fn memory_that_grows_beside_the_allocator_is_seen() {
    let record = allocating(BUMP, "", &format!("(drop (memory.grow (i32.const 1))) {TELL_0}"));
    assert_eq!(heap(&record).why_code.as_deref(), Some("grew-outside"), "{record:?}");
    let record = allocating(BUMP, "", &format!("(drop (call $malloc (i32.const 66000))) {TELL_0}"));
    assert_eq!((heap(&record).why_code.as_deref(), heap(&record).lost), (None, Some(66_000)), "{record:?}");
}

#[test]
fn a_bad_free_in_a_thread_fails_the_test_there() {
    let record = allocating(BUMP, "", "(call $free (i32.const 12345))");
    assert_eq!(record.verdict, Verdict::Fail);
    assert!(message(&record).contains("free"), "{}", message(&record));
}

#[test]
fn an_allocator_that_never_returns_ends_with_the_fuel() {
    let endless = "(func $malloc (param i32) (result i32)
        (loop $again (br_if $again (i32.eq (i32.load (i32.const 0)) (i32.load (i32.const 4))))) (i32.const 131072))
        (func $calloc (param i32 i32) (result i32) (i32.const 131072) nop nop nop nop nop nop nop nop nop nop nop)";
    let record = allocating(endless, "", &format!("(drop (call $malloc (i32.const 8))) {TELL_0}"));
    assert_eq!(record.verdict, Verdict::Timeout, "{record:?}");
    assert_eq!(record.usage.unwrap().fuel, Some(20_000_000));
}

#[test]
fn a_thread_that_has_not_ended_may_hold_more_than_is_seen() {
    let thread = "(local $p i32) (local.set $p (call $malloc (i32.const 16)))
        (i32.atomic.store (i32.const 0) (i32.const 1)) (drop (memory.atomic.notify (i32.const 0) (i32.const 1)))
        (drop (memory.atomic.wait32 (i32.const 8) (i32.const 0) (i64.const -1)))
        (i32.store (local.get $p) (i32.const 1))";
    let record = allocating(BUMP, "", thread);
    let heap = heap(&record);
    assert_eq!((heap.lost, heap.doubt_code.as_deref()), (Some(0), Some("running-functions")), "{record:?}");
}
