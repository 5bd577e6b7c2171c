//! Tests of the SDK whose clean-ups, state and journal lie.

use super::{Expect, Hostile};
use crate::sdk::{sdk_module, state};

pub fn all() -> Vec<Hostile> {
    let plain = state(1, 0, 0);
    let test = "(func $test (result i32) (i32.const 1024))";
    let trap = "(func $cleanup (result i32) unreachable)";
    let exit = "(func $cleanup (result i32) (call $exit (i32.const 0)) unreachable)";
    let endless = "(func $cleanup (result i32) (loop $l (br $l)) (i32.const 0))";
    let never = "(func $cleanup (result i32) (i32.const 1))";
    let none = "(func $cleanup (result i32) (i32.const 0))";
    let recursive = "(func $cleanup (result i32) (i32.add (call $cleanup) (call $cleanup)))";
    let cases: Vec<(&str, &'static str, String, &str, &str)> = vec![
        ("that_traps", "fail", plain.clone(), test, trap),
        ("that_exits", "fail", plain.clone(), test, exit),
        ("that_never_ends", "fail", plain.clone(), test, endless),
        ("that_is_never_the_last", "fail", plain.clone(), test, never),
        ("that_recurses", "fail", plain.clone(), test, recursive),
        ("after_a_trap", "fail", plain.clone(), "(func $test (result i32) unreachable)", trap),
        (
            "after_an_exit",
            "exit",
            plain.clone(),
            "(func $test (result i32) (call $exit (i32.const 0)) unreachable)",
            none,
        ),
        (
            "after_endless_work",
            "timeout",
            plain.clone(),
            "(func $test (result i32) (loop $l (br $l)) (i32.const 0))",
            endless,
        ),
        ("with_a_journal_outside", "fail", state(0, 0xffff_fff0, 64), test, none),
        ("with_a_journal_too_long", "fail", state(0, 0, 0xffff_ffff), test, none),
        ("with_a_journal_of_nonsense", "fail", state(0, 1024, 20), test, none),
        ("with_a_state_outside", "fail", plain.clone(), "(func $test (result i32) (i32.const -4))", none),
        ("with_a_state_of_another_version", "fail", "\\63".repeat(20), test, none),
    ];
    let hostile = |(name, expect, state, test, cleanup): (&str, &'static str, String, &str, &str)| {
        Hostile::new("clean-up", format!("cleanup_{name}"), Expect::Verdict(expect), module(&state, test, cleanup))
    };
    cases.into_iter().map(hostile).chain([test_of_the_host()]).collect()
}

/// A test that is a function of the host: it is called with no code of the guest's between, and finds no memory.
fn test_of_the_host() -> Hostile {
    let fields = r#"(import "wasi_snapshot_preview1" "sched_yield" (func $test (result i32)))
        (memory (export "memory") 1)
        (func $cleanup (result i32) (i32.const 0))"#;
    let module = sdk_module(&state(1, 0, 0), fields);
    Hostile::new("clean-up", "cleanup_of_a_test_that_is_a_function_of_the_host", Expect::Verdict("fail"), module)
}

fn module(state: &str, test: &str, cleanup: &str) -> Vec<u8> {
    let fields = format!(
        r#"(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        {test}
        {cleanup}"#
    );
    sdk_module(state, &fields)
}
