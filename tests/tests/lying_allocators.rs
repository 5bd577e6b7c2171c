//! Allocators that hand out memory that is not theirs, and programs that behave differently when they are watched. Nothing
//! about them is reported as certain.

use airtight::LoadOptions;
use airtight::report::{Heap, TestRecord, Verdict};
use airtight::{Runner, Selection, Subject, config::Config};

/// What a module of these fields has for its one test.
fn test(fields: &str) -> TestRecord {
    let bytes = wat::parse_str(format!("(module {fields})")).unwrap_or_else(|error| panic!("{error}"));
    let runner = Runner::builder(&Config::default(), "default").unwrap().jobs(1).build().unwrap();
    let module = runner.load(bytes, LoadOptions::named("guest")).unwrap();
    let planned = runner.plan(vec![Subject::new(module)], &Selection::default()).unwrap();
    runner.run(&planned, &mut ()).unwrap().canonical.modules.remove(0).tests.remove(0)
}

fn heap(fields: &str) -> Heap {
    let test = test(fields);
    assert_eq!(test.verdict, Verdict::Pass, "{test:?}");
    test.usage.unwrap().heap
}

fn why(fields: &str) -> String {
    heap(fields).why_code.map_or_else(|| "tracked".to_owned(), |why| why.to_string())
}

/// A bump allocator with its pointer at 2048, whose `$malloc` gives what `lie` makes of the block's address `$at`; the program calls it
/// once with 64 bytes. The probe asks for other sizes, and is told the truth.
fn liar(stack: u32, lie: &str) -> String {
    format!(
        r#"(memory (export "memory") 12)
        (global $__stack_pointer (mut i32) (i32.const {stack}))
        (data (i32.const 2048) "\00\00\02\00\01\01\01\01")
        (func $truth (param $size i32) (result i32) (local $at i32)
            (local.set $at (i32.load (i32.const 2048)))
            (i32.store (i32.const 2048)
                (i32.add (local.get $at) (i32.and (i32.add (local.get $size) (i32.const 15)) (i32.const -8))))
            (local.get $at))
        (func $malloc (param $size i32) (result i32) (local $at i32)
            (local.set $at (call $truth (local.get $size)))
            (if (result i32) (i32.eq (local.get $size) (i32.const 64)) (then {lie}) (else (local.get $at))))
        (func $__original_main (result i32) (drop (call $malloc (i32.const 64))) (i32.const 0))
        (func (export "_start") (drop (call $__original_main)))"#
    )
}

#[test]
fn what_an_honest_allocator_gives_is_tracked() {
    let test = test(&liar(1024, "(local.get $at)"));
    let heap = test.usage.unwrap().heap;
    assert_eq!((test.verdict, heap.lost, heap.why_code), (Verdict::Leak, Some(64), None));
}

#[test]
fn a_misaligned_block_is_none() {
    for by in [1, 2, 4] {
        assert_eq!(
            why(&liar(1024, &format!("(i32.add (local.get $at) (i32.const {by}))"))),
            "misaligned-block",
            "{by}"
        );
    }
}

/// It is asked for a multiple of an alignment, and answers by a word in memory.
#[test]
fn a_block_that_posix_memalign_does_not_align_is_none() {
    let asks = |align: u32| {
        let fields = liar(1024, "(local.get $at)").replace(
            "(drop (call $malloc (i32.const 64)))",
            &format!(
                "(drop (call $malloc (i32.const 8)))
                 (drop (call $posix_memalign (i32.const 4096) (i32.const {align}) (i32.const 24)))"
            ),
        );
        format!(
            "{fields} (func $posix_memalign (param $to i32) (param $align i32) (param $size i32) (result i32)
                (i32.store (local.get $to) (call $truth (local.get $size)))
                (i32.const 0))"
        )
    };
    assert_eq!(why(&asks(64)), "misaligned-block");
    let honest = test(&asks(16)).usage.unwrap().heap;
    assert_eq!((honest.why_code, honest.allocations), (None, Some(2)), "16 bytes behind an address that 64 divides");
}

#[test]
fn a_block_on_the_stack_is_none_wherever_the_stack_lies() {
    for (stack, block) in [(1024, 512), (1024, 8), (1024, 1016), (65_536, 60_000), (65_536, 4096)] {
        assert_eq!(why(&liar(stack, &format!("(i32.const {block})"))), "block-on-stack", "{block} below {stack}");
    }
}

#[test]
fn a_block_in_static_data_is_none() {
    for (stack, block) in [(1024, 2048), (1024, 1032), (65_536, 2048), (65_536, 16)] {
        assert_eq!(
            why(&liar(stack, &format!("(i32.const {block})"))),
            "block-in-static-data",
            "{block}, the stack at {stack}"
        );
    }
}

#[test]
fn a_block_within_another_or_outside_of_memory_is_none() {
    assert_eq!(why(&liar(1024, "(i32.const 786432)")), "block-outside-memory");
    assert_eq!(why(&liar(1024, "(i32.const -8)")), "block-outside-memory");
    let twice = liar(1024, "(local.get $at)").replace(
        "(drop (call $malloc (i32.const 64)))",
        "(i32.store (i32.const 2048) (i32.sub (call $malloc (i32.const 64)) (i32.const 0)))
         (drop (call $malloc (i32.const 65)))",
    );
    assert_eq!(why(&twice), "overlapping-blocks");
}

/// An allocator that always lies is found out before any test.
#[test]
fn what_lies_from_the_beginning_is_told_with_the_same_reason() {
    let always = liar(1024, "").replace(
        "(if (result i32) (i32.eq (local.get $size) (i32.const 64)) (then ) (else (local.get $at)))",
        "(i32.add (local.get $at) (i32.const 4))",
    );
    assert_eq!(why(&always), "misaligned-block");
}

/// In the second run the heap lies higher. A program that looks at that keeps its block in the first run alone.
#[test]
fn a_second_run_that_stores_otherwise_is_a_doubt() {
    for (first, second) in [("(i32.const 4096)", "(i32.const 8192)"), ("(i32.const 8192)", "(i32.const 4096)")] {
        let fake = liar(1024, "(local.get $at)").replace(
            "(drop (call $malloc (i32.const 64)))",
            &format!(
                "(local $block i32) (local.set $block (call $malloc (i32.const 64)))
                 (if (i32.lt_u (local.get $block) (i32.const 131200)) (then (i32.store {first} (local.get $block))))
                 (drop {second})"
            ),
        );
        let test = test(&fake);
        let heap = test.usage.unwrap().heap;
        assert_eq!(test.verdict, Verdict::Pass, "what is not certain fails nothing: {heap:?}");
        assert_eq!(heap.doubt_code.as_deref(), Some("other-blocks"), "{heap:?}");
        let doubt = heap.doubt.unwrap();
        assert!(doubt.contains("the address of allocation 1 was in static data in one run alone"), "{doubt}");
    }
}
