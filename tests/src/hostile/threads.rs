//! Modules with threads that try to make the host run out of something.

use super::{Expect, Hostile, wat};
use crate::sdk::{STATE, sdk_module, state};

const CLASS: &str = "threads";

const SPAWN: &str = "(drop (call $spawn (i32.const 0)))";
const WAIT: &str = "(drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))";

/// What a thread does, for ever; `$n` counts.
fn for_ever(what: &str) -> String {
    format!("(loop $again (local.set $n (i32.add (local.get $n) (i32.const 1))) {what} (br $again))")
}

/// So many threads are spawned.
fn spawned(count: u32) -> String {
    format!(
        "(loop $more (drop (call $spawn (local.get $n))) (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $more (i32.lt_u (local.get $n) (i32.const {count}))))"
    )
}

/// A module whose memory has these bounds, and whose main function and other threads do this.
fn module(name: &str, expect: &'static str, memory: &str, main: &str, thread: &str) -> Hostile {
    let bytes = wat(&format!(
        r#"(module
            (import "env" "memory" (memory {memory} shared))
            (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
            (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
            (func (export "_start") (local $n i32) {main})
            (func (export "wasi_thread_start") (param $id i32) (param $given i32) (local $n i32) {thread}))"#
    ));
    Hostile::new(CLASS, format!("{CLASS}_{name}"), Expect::Verdict(expect), bytes)
}

pub fn all() -> Vec<Hostile> {
    let spawns = for_ever("(drop (call $spawn (local.get $n)))");
    let everywhere = "(i32.and (i32.shl (local.get $n) (i32.const 2)) (i32.const 0xfffc))";
    let waits = for_ever(&format!("(drop (memory.atomic.wait32 {everywhere} (i32.const 0) (i64.const 1)))"));
    let storm = for_ever(&format!("(drop (memory.atomic.notify {everywhere} (i32.const -1)))"));
    let locks = for_ever(
        "(drop (i32.atomic.rmw.xchg (i32.and (i32.shl (local.get $n) (i32.const 2)) (i32.const 0x3ffffc)) (local.get $n)))",
    );
    let grows = for_ever("(drop (memory.grow (i32.const 1)))");
    let yields = for_ever("(drop (call $yield))");
    let some = format!("{SPAWN} {SPAWN}");
    let small = "1 64";
    let mut all = vec![
        // A thread that waits is a leak, and ten thousand are one entry of the report.
        module("ten_thousand_that_wait", "leak", small, &spawned(10_000), WAIT),
        module("ten_thousand_in_turn", "pass", small, &format!("{} {}", spawned(10_000), "(drop (call $yield))"), ""),
        module("spawned_for_ever", "timeout", small, &spawns, ""),
        module("spawned_for_ever_by_each", "timeout", small, &spawns, &spawns),
        module("spawned_for_ever_while_they_wait", "timeout", small, &spawns, WAIT),
        // Each has some turns when the test is over, and is ended then.
        module("spawned_while_the_test_ends", "leak", small, SPAWN, &format!("{SPAWN} {WAIT}")),
        module("that_never_end_when_the_test_does", "leak", small, &some, &yields),
        module("lock_words_everywhere", "timeout", "64 64", &format!("{SPAWN} {locks}"), &locks),
        module("grow_at_once", "timeout", "1 65536", &format!("{some} {some} {grows}"), &grows),
        module(
            "grow_at_once_and_trap",
            "memory",
            "1 65536",
            &format!(
                "{} unreachable",
                "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))"
            ),
            "",
        ),
        module("maximum_is_no_claim", "pass", "1 65536", SPAWN, ""),
        module("minimum_over_the_limit", "memory", "1000 65536", SPAWN, ""),
        module(
            "trap_while_thousands_wait",
            "fail",
            small,
            &format!("{} {WAIT}", spawned(3_000)),
            &format!("(if (i32.eq (local.get $given) (i32.const 900)) (then unreachable)) {WAIT}"),
        ),
        module("deadlock_of_thousands", "timeout", small, &format!("{} {WAIT}", spawned(1_000)), WAIT),
    ];
    for (name, main, thread) in [
        ("wait_everywhere_and_storm", &waits, &storm),
        ("storm_and_wait_everywhere", &storm, &waits),
        ("wait_everywhere", &waits, &waits),
        ("storm", &storm, &storm),
        ("yield", &yields, &yields),
    ] {
        all.push(module(name, "timeout", small, &format!("{some} {main}"), thread));
    }
    all.extend(of_the_sdk());
    all
}

/// What a test of the SDK does, what its subtests and clean-ups do, and what its other threads do.
fn sdk_test(name: &str, expect: &'static str, [test, enter, cleanup, thread]: [&str; 4]) -> Hostile {
    let fields = format!(
        r#"(import "env" "memory" (memory 1 64 shared))
        (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
        (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
        (import "airtight" "scope_run" (func $run (param i32 i32 i32 i32 i32) (result i32)))
        (export "memory" (memory 0))
        (func $test (result i32) (local $n i32) {test} (i32.const {STATE}))
        (func (export "airtight:subtest") (param i32 i32) (result i32) (local $n i32) {enter} (i32.const 0))
        (func (export "airtight:next-cleanup") (param i32) (result i32) (i32.const 2048))
        (func $cleanup (result i32) (local $n i32) {cleanup} (i32.const 1))
        (func (export "wasi_thread_start") (param $id i32) (param $given i32) (local $n i32) {thread})"#
    );
    let pending = u32::from(!cleanup.is_empty());
    let module = sdk_module(&state(pending, 0, 0), &fields);
    Hostile::new(CLASS, format!("{CLASS}_{name}"), Expect::Verdict(expect), module)
}

/// Tests of the SDK whose threads go on while the host runs clean-ups and subtests.
fn of_the_sdk() -> Vec<Hostile> {
    let subtest =
        format!("(drop (call $run (i32.const {STATE}) (i32.const 2048) (i32.const 1) (i32.const 0) (i32.const 0)))");
    let spawns = for_ever("(drop (call $spawn (local.get $n)))");
    vec![
        sdk_test("spawned_in_clean_ups_while_they_wait", "fail", ["", "", &spawns, WAIT]),
        sdk_test("spawned_in_clean_ups_by_each", "fail", ["", "", &spawns, &spawns]),
        sdk_test("spawned_in_a_subtest_for_ever", "timeout", [&subtest, &spawns, "", ""]),
        sdk_test("that_trap_while_a_subtest_waits", "fail", [&format!("{SPAWN} {subtest}"), WAIT, "", "unreachable"]),
        sdk_test("deadlock_in_a_subtest", "timeout", [&format!("{SPAWN} {subtest}"), WAIT, "", WAIT]),
        sdk_test("that_run_a_subtest", "fail", [&format!("{SPAWN} {WAIT}"), "", "", &subtest]),
        sdk_test("in_a_subtest_without_end", "fail", [&subtest, &subtest, "", ""]),
    ]
}
