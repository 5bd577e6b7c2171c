//! Tests of the SDK that run subtests in ways in which no SDK does.

use super::{Expect, Hostile, wat};
use crate::sdk::{STATE, sdk_module, state};

/// What a module of these consists of; each case replaces what it lies about.
struct Parts {
    /// The body of the test.
    test: String,
    /// The body of the function through which the host enters subtests.
    enter: &'static str,
    /// The body of the function that tells which clean-up is next. Its parameter is the depth.
    next: &'static str,
    cleanup: &'static str,
    pending: u32,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            test: run("(i32.const 1024)", "(i32.const 2048)", "(i32.const 1)"),
            enter: "(i32.const 0)",
            next: "(i32.const 0)",
            cleanup: "(i32.const 0)",
            pending: 0,
        }
    }
}

/// A call of the import with this state, this name and this length, the answer of which is dropped.
fn run(state: &str, name: &str, len: &str) -> String {
    format!("(drop (call $run {state} {name} {len} (i32.const 0) (i32.const 0)))")
}

pub fn all() -> Vec<Hostile> {
    let once = Parts::default().test;
    let repeated = format!("(loop $l {once} (br $l))");
    let test = |test: String| Parts { test, ..Parts::default() };
    let outside = "(i32.const -16)";
    let growing = format!(
        "(loop $l (i32.store (i32.const {len}) (i32.add (i32.load (i32.const {len})) (i32.const 1))) {once} (br $l))",
        len = STATE + 16
    );
    let cases: Vec<(&str, &'static str, Parts)> = vec![
        ("once", "pass", Parts::default()),
        ("without_end", "memory", test(repeated)),
        ("with_a_name_of_a_gigabyte", "fail", test(run("(i32.const 1024)", "(i32.const 0)", "(i32.const 0x40000000)"))),
        ("with_a_name_outside", "fail", test(run("(i32.const 1024)", outside, "(i32.const 64)"))),
        ("with_a_state_outside", "fail", test(run(outside, "(i32.const 2048)", "(i32.const 1)"))),
        ("with_a_state_of_another_version", "fail", test(run("(i32.const 4096)", "(i32.const 2048)", "(i32.const 1)"))),
        ("with_a_journal_that_grows", "fail", test(growing)),
        (
            "within_one_another",
            "fail",
            Parts {
                enter: "(drop (call $run (i32.const 1024) (i32.const 2048) (i32.const 1) (i32.const 0) (i32.const 0))) (i32.const 0)",
                ..Parts::default()
            },
        ),
        ("that_trap", "fail", Parts { enter: "unreachable", ..Parts::default() }),
        ("that_fault", "fail", Parts { enter: "(i32.load (i32.const -4))", ..Parts::default() }),
        (
            "that_call_nothing",
            "fail",
            Parts { enter: "(call_indirect (result i32) (i32.const 0))", ..Parts::default() },
        ),
        ("that_exit", "exit", Parts { enter: "(call $exit (i32.const 0)) unreachable", ..Parts::default() }),
        ("that_never_end", "timeout", Parts { enter: "(loop $l (br $l)) unreachable", ..Parts::default() }),
        ("that_fail_without_a_word", "fail", Parts { enter: "(i32.const 7)", ..Parts::default() }),
        (
            "that_recurse",
            "fail",
            Parts { enter: "(i32.add (call $enter (i32.const 0) (i32.const 0)) (i32.const 1))", ..Parts::default() },
        ),
        (
            "whose_clean_ups_never_end",
            "fail",
            Parts { next: "(i32.const 2048)", cleanup: "(i32.const 1)", pending: 1, ..Parts::default() },
        ),
        (
            "whose_clean_ups_are_endless",
            "fail",
            Parts {
                next: "(i32.const 2048)",
                cleanup: "(loop $l (br $l)) unreachable",
                pending: 1,
                ..Parts::default()
            },
        ),
        (
            "whose_clean_ups_are_described_outside",
            "fail",
            Parts { next: "(i32.const -2)", cleanup: "unreachable", pending: 1, ..Parts::default() },
        ),
        (
            "whose_clean_ups_run_subtests",
            "fail",
            Parts {
                next: "(i32.const 2048)",
                cleanup: "(call $run (i32.const 1024) (i32.const 2048) (i32.const 1) (i32.const 0) (i32.const 0))",
                pending: 1,
                ..Parts::default()
            },
        ),
        ("whose_clean_ups_cannot_be_asked", "pass", Parts { next: "unreachable", pending: 1, ..Parts::default() }),
    ];
    let hostile = |(name, expect, parts): (&str, &'static str, Parts)| {
        Hostile::new("subtest", format!("subtests_{name}"), Expect::Verdict(expect), module(&parts))
    };
    cases.into_iter().map(hostile).chain([without_an_entry(), of_a_program()]).collect()
}

const IMPORTS: &str = r#"(import "airtight" "scope_run" (func $run (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (table 1 funcref)
    (memory (export "memory") 1)
    (data (i32.const 2048) "\00\04\00\00\ff\ff\ff\7f\f0\ff\ff\ff\ff\ff\ff\ff")"#;

fn module(parts: &Parts) -> Vec<u8> {
    let Parts { test, enter, next, cleanup, pending } = parts;
    let fields = format!(
        r#"{IMPORTS}
        (func $test (result i32) {test} (i32.const {STATE}))
        (func $enter (export "airtight:subtest") (param i32 i32) (result i32) {enter})
        (func (export "airtight:next-cleanup") (param i32) (result i32) {next})
        (func $cleanup (result i32) {cleanup})"#
    );
    sdk_module(&state(*pending, 0, 0), &fields)
}

/// A test that runs subtests which the host cannot enter.
fn without_an_entry() -> Hostile {
    let test = Parts::default().test;
    let fields = format!(
        "{IMPORTS} (func $test (result i32) {test} (i32.const {STATE})) (func $cleanup (result i32) (i32.const 0))"
    );
    let module = sdk_module(&state(0, 0, 0), &fields);
    Hostile::new("subtest", "subtests_without_an_entry", Expect::Verdict("fail"), module)
}

/// A program that is not a test of the SDK.
fn of_a_program() -> Hostile {
    let test = Parts::default().test;
    let module = wat(&format!(r#"(module {IMPORTS} (func (export "_start") {test}))"#));
    Hostile::new("subtest", "subtests_of_a_program", Expect::Verdict("fail"), module)
}
