//! SDK tests with threads, as WebAssembly text: subtests and clean-ups among threads.

use super::guests::{SPAWN, TELL_0, WAIT_AT_0, message};
use super::heap_guests::BUMP;
use crate::config::Config;
use crate::model::{TestRecord, Verdict};
use crate::run::{Runner, Selection, Subject};
use crate::sandbox::LoadOptions;
use airtight_abi::State;
use std::path::Path;

/// The address of the SDK's state.
const STATE: u32 = 1024;

/// The address of the name of all subtests.
const NAME: u32 = 2048;

/// The bodies of the functions of a module with one test.
struct Parts<'a> {
    test: &'a str,
    /// What a subtest does, by its parameter `$function`.
    enter: &'a str,
    /// What the test's other threads do.
    thread: &'a str,
    cleanup: &'a str,
    /// How many clean-ups there are at first. `next` is the body that returns the address of a subtest's next clean-up.
    pending: u32,
    next: &'a str,
    /// Other functions.
    functions: &'a str,
}

const PARTS: Parts<'_> = Parts {
    test: "",
    enter: "",
    thread: "",
    cleanup: "(i32.const 0)",
    pending: 0,
    next: "(i32.const 0)",
    functions: "",
};

fn run_with(config: &str, parts: &Parts<'_>) -> TestRecord {
    let Parts { test, enter, thread, cleanup, pending, next, functions } = parts;
    let body = "name\0demo::test\0export\0airtight:test/demo::test\0file\0src/lib.rs\0line\x001\0";
    let len = u32::try_from(body.len()).unwrap().to_le_bytes();
    let record = b"ATR1".iter().copied().chain(len).chain(body.bytes()).map(|byte| format!("\\{byte:02x}"));
    let record: String = record.collect();
    // Each thread has an instance of its own. Data segments would be copied again by each and undo what threads have done.
    // So the test writes its state itself.
    let text = format!(
        r#"(module
            (import "env" "memory" (memory 1 100 shared))
            (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
            (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (import "airtight" "scope_run" (func $run (param i32 i32 i32 i32 i32) (result i32)))
            (export "memory" (memory 0))
            (global $__stack_pointer (mut i32) (i32.const {STATE}))
            (func $test (export "airtight:test/demo::test") (result i32)
                (i32.store (i32.const {STATE}) (i32.const {version}))
                (i32.store (i32.const {pending_at}) (i32.const {pending}))
                (i32.store8 (i32.const {NAME}) (i32.const 97))
                {test}
                (i32.const {STATE}))
            {functions}
            (func (export "airtight:subtest") (param $function i32) (param $data i32) (result i32) {enter} (i32.const 0))
            (func (export "airtight:state") (result i32) (i32.const {STATE}))
            (func (export "airtight:cleanup") (result i32) {cleanup})
            (func (export "airtight:next-cleanup") (param $depth i32) (result i32) {next})
            (func (export "airtight:flush") (result i32) (i32.const 0))
            (func (export "wasi_thread_start") (param $id i32) (param $given i32) {thread})
            (@custom "airtight.tests" "{record}"))"#,
        version = State::VERSION,
        pending_at = STATE + 8,
    );
    let config = Config::from_str(config, "airtight.toml", Path::new("/")).unwrap();
    let runner = Runner::builder(&config, "default").unwrap().jobs(1).build().unwrap();
    let module = runner.load(wat::parse_str(text).unwrap(), LoadOptions::named("guest")).unwrap();
    assert!(module.has_threads());
    let plan = runner.plan(vec![Subject::new(module)], &Selection::default()).unwrap();
    let report = runner.run(&plan, &mut ()).unwrap();
    report.canonical.modules[0].tests[0].clone()
}

fn run(parts: &Parts<'_>) -> TestRecord {
    run_with("[profile.default]\nfuel = \"50M\"", parts)
}

/// Runs a subtest that calls this function. The test traps if the subtest's answer is another one.
fn subtest(function: u32, answer: i32) -> String {
    format!(
        "(if (i32.ne (call $run (i32.const {STATE}) (i32.const {NAME}) (i32.const 1) (i32.const {function}) (i32.const 0))
            (i32.const {answer})) (then unreachable))"
    )
}

/// The names and verdicts of a test's subtests.
fn subtests(record: &TestRecord) -> Vec<(&str, Verdict)> {
    let details = record.details.as_ref();
    let all = details.into_iter().flat_map(|details| &details.subtests);
    all.map(|subtest| (subtest.name.as_str(), subtest.verdict)).collect()
}

/// Tells the other thread, and waits until that thread has answered.
const MEETS: &str =
    "(i32.atomic.store (i32.const 0) (i32.const 1)) (drop (memory.atomic.notify (i32.const 0) (i32.const -1)))
    (drop (memory.atomic.wait32 (i32.const 8) (i32.const 0) (i64.const -1)))";

/// What the other thread does: waits to be told, and answers.
const ANSWERS: &str = "(drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))
    (i32.atomic.store (i32.const 8) (i32.const 1)) (drop (memory.atomic.notify (i32.const 8) (i32.const -1)))";

#[test]
fn a_subtest_waits_for_another_thread_and_one_that_traps_ends_alone() {
    let test = format!("{SPAWN} {} {} {}", subtest(1, 0), subtest(2, 1), subtest(3, 0));
    let enter = format!(
        "(if (i32.eq (local.get $function) (i32.const 1)) (then {MEETS}))
        (if (i32.eq (local.get $function) (i32.const 2)) (then unreachable))
        (if (i32.eq (local.get $function) (i32.const 3)) (then {}))",
        subtest(0, 0)
    );
    let record = run(&Parts { test: &test, enter: &enter, thread: ANSWERS, ..PARTS });
    let found = [("a", Verdict::Pass), ("a#01", Verdict::Fail), ("a#02", Verdict::Pass), ("a#02/a", Verdict::Pass)];
    assert_eq!(subtests(&record), found, "{record:?}");
    assert_eq!(record.verdict, Verdict::Fail);
}

#[test]
fn what_ends_the_test_in_a_subtest_is_told_there() {
    let test = format!("{SPAWN} {}", subtest(1, 0));
    let waits = "(drop (memory.atomic.wait32 (i32.const 16) (i32.const 0) (i64.const -1)))";
    let trapped = run(&Parts { test: &test, enter: waits, thread: "unreachable", ..PARTS });
    assert_eq!(trapped.verdict, Verdict::Fail, "{trapped:?}");
    assert_eq!(subtests(&trapped).len(), 1);
    let stuck = run(&Parts { test: &test, enter: waits, thread: WAIT_AT_0, ..PARTS });
    assert_eq!(stuck.verdict, Verdict::Timeout, "{stuck:?}");
    assert!(message(&stuck).starts_with("none of its 2 threads can ever go on"), "{}", message(&stuck));
    let spins = "(loop $again (br $again))";
    let out = run(&Parts { test: &test, enter: spins, thread: WAIT_AT_0, ..PARTS });
    assert_eq!((out.verdict, out.usage.unwrap().fuel), (Verdict::Timeout, Some(50_000_000)));
}

/// The number of clean-ups that are left is at 4096; each clean-up takes one away.
const NEXT: &str = "(select (i32.const 3072) (i32.const 0) (i32.load (i32.const 4096)))";

/// Whichever thread ends the test, and however. That the clean-up fails shows that it ran.
#[test]
fn clean_ups_run_where_another_thread_ends_the_test() {
    let cleanup = "(if (i32.eqz (i32.load (i32.const 4096))) (then (return (i32.const 0))))
        (i32.store (i32.const 4096) (i32.const 0)) unreachable";
    let test = format!("(i32.store (i32.const 4096) (i32.const 1)) {SPAWN} {WAIT_AT_0}");
    for (thread, verdict) in [
        ("unreachable", Verdict::Fail),
        ("(call $exit (i32.const 3))", Verdict::Exit),
        (WAIT_AT_0, Verdict::Timeout),
        ("(loop $again (br $again))", Verdict::Timeout),
    ] {
        let record = run(&Parts { test: &test, thread, cleanup, pending: 1, next: NEXT, ..PARTS });
        assert_eq!(record.verdict, verdict, "{thread}: {record:?}");
        let details = record.details.unwrap();
        assert_eq!((details.cleanups.len(), details.suppressed.len()), (1, 1), "{thread}: {details:?}");
    }
}

#[test]
fn clean_ups_of_a_subtest_have_fuel_of_their_own_while_threads_go_on() {
    let take_one = "(i32.store (i32.const 4096) (i32.sub (i32.load (i32.const 4096)) (i32.const 1)))";
    // The record of the next clean-up says how deep the scope is in which it was registered.
    let register = "(i32.store (i32.const 4096) (i32.const 2)) (i32.store (i32.const 3100) (i32.const 1))";
    // The second of the two clean-ups never ends.
    let endless =
        format!("{take_one} (if (i32.eqz (i32.load (i32.const 4096))) (then (loop $again (br $again)))) (i32.const 1)");
    let test = format!("{SPAWN} {} {} {MEETS}", subtest(1, 1), subtest(2, 0));
    let enter = format!("(if (i32.eq (local.get $function) (i32.const 1)) (then {register}))");
    let parts =
        Parts { test: &test, enter: &enter, thread: ANSWERS, cleanup: &endless, pending: 1, next: NEXT, ..PARTS };
    let record = run(&parts);
    assert_eq!(subtests(&record), [("a", Verdict::Fail), ("a#01", Verdict::Pass)], "{record:?}");
    assert!(
        record.usage.as_ref().unwrap().fuel.unwrap() < 1_000_000,
        "the clean-up's fuel is not the test's: {record:?}"
    );
    // What the other thread spends meanwhile is the test's.
    let spins = run(&Parts { thread: "(loop $again (br $again))", ..parts });
    assert_eq!((spins.verdict, spins.usage.unwrap().fuel), (Verdict::Timeout, Some(50_000_000)));
}

/// No thread interrupts a call of the allocator. One that a trap has ended is over.
#[test]
fn after_a_clean_up_that_traps_in_the_allocator_other_threads_run() {
    let traps = "(if (i32.eq (local.get $size) (i32.const 77)) (then unreachable)) (local.set $found (i32.load (i32.const 32)))";
    let allocator = BUMP.replace("(local.set $found (i32.load (i32.const 32)))", traps);
    let cleanup = "(i32.store (i32.const 4096) (i32.const 0)) (drop (call $malloc (i32.const 77))) (i32.const 1)";
    let register = "(i32.store (i32.const 4096) (i32.const 1)) (i32.store (i32.const 3100) (i32.const 1))";
    let enter = format!("(if (i32.eq (local.get $function) (i32.const 1)) (then {register}))");
    let spins = format!("{TELL_0} (loop $again (br_if $again (i32.eqz (i32.atomic.load (i32.const 8)))))");
    let test = format!("{SPAWN} (drop (call $malloc (i32.const 8))) {} {spins}", subtest(1, 1));
    let parts = Parts { test: &test, enter: &enter, thread: ANSWERS, cleanup, pending: 1, next: NEXT, ..PARTS };
    let record = run(&Parts { functions: &allocator, ..parts });
    assert_eq!((subtests(&record), record.verdict), (vec![("a", Verdict::Fail)], Verdict::Fail), "{record:?}");
    let usage = record.usage.unwrap();
    assert!(usage.heap.tracked && usage.fuel.unwrap() < 1_000_000, "{usage:?}");
}

#[test]
fn clean_ups_that_spawn_for_ever_end() {
    let spawn_for_ever = "(loop $again (drop (call $spawn (i32.const 0))) (br $again)) (i32.const 1)";
    for thread in ["", WAIT_AT_0, TELL_0, "(loop $again (drop (call $spawn (i32.const 0))) (br $again))"] {
        let record = run(&Parts { thread, cleanup: spawn_for_ever, pending: 1, next: "(i32.const 3072)", ..PARTS });
        assert_eq!(record.verdict, Verdict::Fail, "{thread}: {record:?}");
    }
}
