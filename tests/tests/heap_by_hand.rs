//! Allocators written by hand, which behave as no toolchain's allocator does.

use airtight::LoadOptions;
use airtight::config::Config;
use airtight::report::Cause;
use airtight::report::{Report, TestRecord, Verdict};
use airtight::{Runner, Selection, Subject};
use airtight_tests::ALLOCATOR;
use std::path::Path;
use std::time::{Duration, Instant};

fn report(fields: &str, settings: &str) -> Report {
    report_with(fields, settings, true)
}

fn report_with(fields: &str, settings: &str, shortcut: bool) -> Report {
    let bytes = wat::parse_str(format!("(module {fields})")).unwrap_or_else(|error| panic!("{error}"));
    let text = format!("[profile.default]\n{settings}");
    let config = Config::from_str(&text, "airtight.toml", Path::new("/")).unwrap();
    let runner = Runner::builder(&config, "default").unwrap().shortcut(shortcut).build().unwrap();
    let module = runner.load(bytes, LoadOptions::named("guest")).unwrap();
    let subject = Subject::new(module);
    let planned = runner.plan(vec![subject], &Selection::default()).unwrap();
    runner.run(&planned, &mut ()).unwrap()
}

fn test(fields: &str) -> TestRecord {
    report(fields, "").canonical.modules.remove(0).tests.remove(0)
}

fn program(main: &str) -> String {
    format!(
        r#"(func $__original_main (result i32) {main} (i32.const 0))
        (func (export "_start") (drop (call $__original_main)))"#
    )
}

/// What the program keeps between two words of the allocator's is the program's all the same.
#[test]
fn a_static_between_the_allocator_s_words_holds_its_block() {
    for at in [2052, 2080, 2108] {
        let main =
            format!("(i32.store (i32.const {at}) (call $malloc (i32.const 24))) (drop (call $malloc (i32.const 7)))");
        let test = test(&format!("{ALLOCATOR} {}", program(&main)));
        let heap = test.usage.unwrap().heap;
        assert_eq!((heap.retained, heap.lost, &heap.doubt), (Some(24), Some(7), &None), "at {at}: {heap:?}");
    }
    // The allocator's own words hold nothing.
    let main = "(i32.store (i32.const 2112) (call $malloc (i32.const 24)))";
    let heap = test(&format!("{ALLOCATOR} {}", program(main))).usage.unwrap().heap;
    assert_eq!((heap.retained, heap.lost), (Some(0), Some(24)));
}

/// An allocator that takes longer the higher it comes, as lists of free blocks are longer in one run than in another.
const SLOWER: &str = r#"
    (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
    (memory (export "memory") 12)
    (global $__stack_pointer (mut i32) (i32.const 1024))
    (data (i32.const 2048) "\00\10\00\00")
    (func $malloc (param $size i32) (result i32) (local $at i32) (local $turn i32)
        (local.set $at (i32.load (i32.const 2048)))
        (loop $again
            (br_if $again (i32.lt_u (local.tee $turn (i32.add (local.get $turn) (i32.const 64))) (local.get $at))))
        (i32.store (i32.const 2048)
            (i32.add (local.get $at) (i32.and (i32.add (local.get $size) (i32.const 15)) (i32.const -8))))
        (local.get $at))"#;

/// A second run is told the time that the first was told, though it is not at the same place of its fuel.
#[test]
fn a_test_that_is_seeded_by_the_time_is_the_same_again() {
    let main = "(drop (call $malloc (i32.const 100)))
        (drop (call $clock (i32.const 0) (i64.const 1) (i32.const 1024)))
        (i32.store (i32.const 1032) (call $malloc (i32.rem_u (i32.load (i32.const 1024)) (i32.const 1021))))";
    let test = test(&format!("{SLOWER} {}", program(main)));
    let heap = test.usage.unwrap().heap;
    assert_eq!((heap.lost_blocks, heap.retained_blocks, &heap.doubt), (Some(1), Some(1), &None), "{heap:?}");
}

/// An allocator that takes memory as it needs it, and keeps where it is at 1024. There is room for a stack below it.
const GROWING: &str = r#"
    (memory (export "memory") 4)
    (data (i32.const 1024) "\00\40\01\00")
    (func $malloc (param $size i32) (result i32) (local $at i32)
        (local.set $at (i32.load (i32.const 1024)))
        (if (i32.gt_u (i32.add (local.get $at) (local.get $size)) (i32.shl (memory.size) (i32.const 16)))
            (then (if (i32.eq (memory.grow (i32.add (i32.shr_u (local.get $size) (i32.const 16)) (i32.const 1))) (i32.const -1))
                (then (return (i32.const 0))))))
        (i32.store (i32.const 1024)
            (i32.and (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 15)) (i32.const -8)))
        (local.get $at))"#;

/// A stack above the static data has all its room in a second run, too: there, nothing of it reaches the data.
#[test]
fn a_stack_that_is_used_up_to_its_end_spoils_no_static() {
    let guest = r#"(global $__stack_pointer (mut i32) (i32.const 73728))
        (func $deep (local $top i32)
            (local.set $top (global.get $__stack_pointer))
            (global.set $__stack_pointer (i32.sub (local.get $top) (i32.const 60000)))
            (memory.fill (global.get $__stack_pointer) (i32.const 0) (i32.const 60000))
            (global.set $__stack_pointer (local.get $top)))"#;
    let main = "(i32.store (i32.const 8000) (call $malloc (i32.const 48))) (call $deep)";
    let heap = test(&format!("{GROWING} {guest} {}", program(main))).usage.unwrap().heap;
    assert_eq!((heap.lost, heap.retained, &heap.doubt), (Some(0), Some(48), &None), "{heap:?}");
    // What the stack still holds of a block that is gone is not a root.
    let main = "(i32.store (i32.sub (global.get $__stack_pointer) (i32.const 3728)) (call $malloc (i32.const 48)))";
    let heap = test(&format!("{GROWING} {guest} {}", program(main))).usage.unwrap().heap;
    assert_eq!((heap.lost, heap.retained, &heap.doubt), (Some(48), Some(0), &None), "{heap:?}");
}

/// The place of a pointer in a static table may depend on the pointer.
#[test]
fn a_static_table_that_is_keyed_by_addresses_holds_its_blocks() {
    let guest = r#"(global $__stack_pointer (mut i32) (i32.const 1000))
        (func $put (param $block i32)
            (i32.store (i32.add (i32.const 2000)
                (i32.shl (i32.rem_u (i32.shr_u (local.get $block) (i32.const 3)) (i32.const 61)) (i32.const 2))) (local.get $block)))"#;
    let main = "(call $put (call $malloc (i32.const 48))) (call $put (call $malloc (i32.const 24)))
        (drop (call $malloc (i32.const 7)))";
    let heap = test(&format!("{GROWING} {guest} {}", program(main))).usage.unwrap().heap;
    assert_eq!((heap.lost, heap.retained, &heap.doubt), (Some(7), Some(72), &None), "{heap:?}");
}

/// A second run has just as much memory as the first, beside what it is moved by.
#[test]
fn a_test_that_meets_its_memory_limit_meets_it_again() {
    let guest = "(global $__stack_pointer (mut i32) (i32.const 1000))";
    let main = "(i32.store (i32.const 2000) (call $malloc (i32.const 48)))
        (loop $again (br_if $again (call $malloc (i32.const 65520))))";
    for (above, top) in [("", 1000), ("(data (i32.const 2000) \"\\00\")", 73728)] {
        let guest = guest.replace("1000", &top.to_string());
        let report = report(&format!("{GROWING} {guest} {above} {}", program(main)), "memory = \"1MiB\"");
        let heap = report.canonical.modules[0].tests[0].usage.as_ref().unwrap().heap.clone();
        assert_eq!((heap.retained, &heap.doubt), (Some(48), &None), "{heap:?}");
        assert!(heap.lost_blocks > Some(10), "{heap:?}");
    }
}

/// An allocator is called once before any test; whatever it does then, the tests are run, and soon.
#[test]
fn an_allocator_that_does_not_answer_is_not_waited_for() {
    let module = |pages: u32, body: &str| {
        format!(
            r#"(memory (export "memory") {pages})
            (func $malloc (param $size i32) (result i32) {body} (i32.const 4096))
            {}"#,
            program("")
        )
    };
    let mut wrong = Vec::new();
    for (pages, body, why) in [
        (1, "(loop $again (br $again))", "all fuel"),
        (1, "unreachable nop nop nop nop nop nop", "unreachable"),
        // More than the five blocks that it is asked for can need.
        (1, "(if (i32.eq (memory.grow (i32.const 1000)) (i32.const -1)) (then unreachable))", "unreachable"),
        // On a busy machine, time may be up before the fuel is.
        (1, "(loop $again (drop (memory.grow (i32.const 1))) (br $again))", ""),
        (1000, "(loop $again (memory.fill (i32.const 0) (i32.const 0) (i32.const 65000000)) (br $again))", "all fuel"),
    ] {
        let began = Instant::now();
        let test = test(&module(pages, body));
        assert_eq!(test.verdict, Verdict::Pass, "{body}");
        let heap = test.usage.unwrap().heap;
        let told = heap.why.unwrap_or_default();
        let took = began.elapsed();
        if !told.starts_with("its allocator does not answer: ") || !told.contains(why) || took > Duration::from_secs(30)
        {
            wrong.push(format!("{body}: {told}, after {took:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A module may begin with any memory; the allocator's own need is small beside it.
#[test]
fn a_large_memory_to_begin_with_is_no_hindrance() {
    let large = ALLOCATOR.replace("(memory (export \"memory\") 12)", "(memory (export \"memory\") 2000)");
    let heap = test(&format!("{large} {}", program("(drop (call $malloc (i32.const 24)))"))).usage.unwrap().heap;
    assert_eq!((heap.why, heap.lost), (None, Some(24)));
}

/// A recursion that loses a block at each depth: stacks are cut, so that a report stays one that can be read.
#[test]
fn stacks_of_a_deep_recursion_are_kept_at_both_ends() {
    let deep = "(func $deep (param $depth i32)
        (if (local.get $depth) (then (call $deep (i32.sub (local.get $depth) (i32.const 1)))))
        (if (i32.eqz (local.get $depth)) (then (drop (call $malloc (i32.const 24))))))";
    let test = test(&format!("{ALLOCATOR} {deep} {}", program("(call $deep (i32.const 1000))")));
    let leaks = test.details.unwrap().leaks;
    assert_eq!((leaks.len(), leaks[0].bytes), (1, Some(24)));
    let stack = &leaks[0].stack;
    assert_eq!(stack[0].function, "deep");
    let told = &stack.last().unwrap().function;
    let more: usize = told.trim_matches(|letter: char| !letter.is_ascii_digit()).parse().unwrap();
    assert!(more + stack.len() - 1 <= 128, "more than 64 frames of each end: {told}");
}

/// Of tens of thousands of blocks, each different stack is captured once: in a module that numbers its calling contexts, and takes more
/// fuel and more of the host's stack for that. It comes to what comes of capturing each of them.
#[test]
fn many_blocks_have_the_stacks_that_each_has_by_itself() {
    let guest = "(func $lose (drop (call $malloc (i32.const 24))) (drop (call $malloc (i32.const 40))))
        (func $deep (param $depth i32)
            (call $lose)
            (if (local.get $depth) (then
                (call $deep (i32.sub (local.get $depth) (i32.const 1)))
                (call $deep (i32.sub (local.get $depth) (i32.const 1)))
                (call $lose))))";
    let main = |deepest: u32| {
        format!(
            "(local $turn i32)
            (loop $again
                (call $deep (i32.const 3)) (call $lose)
                (br_if $again (i32.lt_u (local.tee $turn (i32.add (local.get $turn) (i32.const 1))) (i32.const 700))))
            (call $once (i32.const {deepest}))"
        )
    };
    // What calls once more behind the recursion keeps its number across that.
    let once = "(func $after)
        (func $once (param $depth i32)
            (if (local.get $depth)
                (then (call $once (i32.sub (local.get $depth) (i32.const 1))) (call $after))
                (else (call $lose))))";
    let test = |deepest: u32, shortcut: bool| {
        let fields = format!("{GROWING} {guest} {once} {}", program(&main(deepest)));
        let mut report = report_with(&fields, "fuel = \"1G\"", shortcut);
        report.canonical.modules.remove(0).tests.remove(0)
    };
    // The deepest recursion that the host's stack has room for has too little of it with numbers.
    let mut deepest = 1 << 20;
    while test(deepest, false).verdict != Verdict::Leak {
        deepest -= deepest / 32;
    }
    for deepest in [10, deepest] {
        let with = test(deepest, true);
        assert_eq!(with.verdict, Verdict::Leak, "{deepest}: {:?}", with.details);
        let heap = &with.usage.as_ref().unwrap().heap;
        assert_eq!((heap.lost_blocks, &heap.doubt), (Some(2 * (700 * (15 + 7 + 1) + 1)), &None), "{deepest}");
        let leaks = &with.details.as_ref().unwrap().leaks;
        assert!(leaks.len() > 1, "{leaks:?}");
        assert_eq!(with, test(deepest, false), "{deepest}");
    }
}

/// A second run, in which blocks are elsewhere, may be ended by the wall clock where the first was not.
#[test]
fn a_second_run_that_the_wall_clock_ends_makes_a_report_that_need_not_come_again() {
    let main = "(if (i32.gt_u (call $malloc (i32.const 24)) (i32.const 60000)) (then (loop $again (br $again))))";
    let report = report(&format!("{ALLOCATOR} {}", program(main)), "timeout = \"1s\"\nfuel = \"1000G\"");
    let test = &report.canonical.modules[0].tests[0];
    assert_eq!(test.verdict, Verdict::Leak, "{test:?}");
    let doubt = test.usage.as_ref().unwrap().heap.doubt.as_deref().unwrap_or_default();
    assert!(doubt.starts_with("a second run differed: the wall-clock limit was reached"), "{doubt}");
    let causes: Vec<Cause> = report.canonical.doubts.iter().map(|doubt| doubt.cause).collect();
    assert_eq!(causes, [Cause::WallClock]);
}

/// A program whose `main` does this and then leaves through `exit(0)`, with its stack below the static data or above it.
fn leaving(main: &str, stack_above: bool) -> String {
    let (top, data) = if stack_above { (73_728, "(data (i32.const 2000) \"\\00\")") } else { (1000, "") };
    format!(
        r#"(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (global $__stack_pointer (mut i32) (i32.const {top}))
        (func $__original_main (result i32) (local $p i32)
            (global.set $__stack_pointer (i32.sub (global.get $__stack_pointer) (i32.const 16)))
            {main}
            (call $exit (i32.const 0)) unreachable)
        (func (export "_start") (drop (call $__original_main)))
        {GROWING} {data}"#
    )
}

/// A program that leaves through `exit(0)` has finished, and its heap is judged: by static data, by the stack of the functions
/// that were running, and by what these may hold in their locals.
#[test]
fn a_program_that_leaves_through_exit_has_its_heap_judged() {
    let block = "(call $malloc (i32.const 40))";
    for (main, lost, retained, code) in [
        (format!("(drop {block})"), 40, 0, None),
        (format!("(i32.store (i32.const 2004) {block})"), 0, 40, None),
        // Its frame of the stack is a root, and what was left of others below it is not.
        (format!("(i32.store offset=8 (global.get $__stack_pointer) {block})"), 0, 40, None),
        (format!("(i32.store (i32.sub (global.get $__stack_pointer) (i32.const 8)) {block})"), 40, 0, None),
        // Nobody sees what a local holds: it may be that block, or another one.
        (format!("(local.set $p {block})"), 0, 40, Some("running-functions")),
        (format!("(local.set $p {block}) (local.set $p (i32.const 0))"), 40, 0, None),
        // What is seen to be reached is so, whatever locals hold.
        (format!("(local.set $p {block}) (i32.store (i32.const 2004) (local.get $p))"), 0, 40, None),
    ] {
        for stack_above in [false, true] {
            let test = test(&leaving(&main, stack_above));
            let heap = test.usage.unwrap().heap;
            assert_eq!((heap.lost, heap.retained), (Some(lost), Some(retained)), "{main} {stack_above} {heap:?}");
            assert_eq!(heap.doubt_code.as_deref(), code, "{main} {stack_above}");
            assert_eq!(test.verdict, if lost == 0 { Verdict::Pass } else { Verdict::Leak }, "{main}");
            assert_eq!(test.details.unwrap().exit_status, Some(0));
        }
    }
}

/// Where it is not known whether a block is lost, a limit on what may be lost is neither kept nor broken.
#[test]
fn a_limit_on_lost_blocks_is_not_judged_by_what_locals_may_hold() {
    let guest = leaving("(local.set $p (call $malloc (i32.const 40)))", false);
    let report = report(&guest, "lost = 10");
    let test = &report.canonical.modules[0].tests[0];
    let message = test.details.as_ref().unwrap().message.as_deref().unwrap();
    assert_eq!(test.verdict, Verdict::Fail);
    assert_eq!(
        message,
        "`lost` cannot be judged: from 0 to 40 bytes, and the limit is 10 (functions were still running when it \
         ended, and a local of theirs may hold it)"
    );
}
