//! Tests of the SDK's whose clean-ups, state and journal lie.

use super::{Expect, Hostile, wat};

pub fn all() -> Vec<Hostile> {
    let state = |pending: u32, journal: u32, len: u32| {
        let words = [1u32, 0, pending, journal, len];
        words.iter().flat_map(|word| word.to_le_bytes()).map(|byte| format!("\\{byte:02x}")).collect::<String>()
    };
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
    cases.into_iter().map(hostile).collect()
}

fn module(state: &str, test: &str, cleanup: &str) -> Vec<u8> {
    let body = "name\0hostile::test\0export\0airtight:test/hostile::test\0file\0src/lib.rs\0line\x001\0";
    let mut record = b"ATR1".to_vec();
    record.extend(u32::try_from(body.len()).expect("it is short").to_le_bytes());
    record.extend(body.as_bytes());
    let record: String = record.iter().map(|byte| format!("\\{byte:02x}")).collect();
    wat(&format!(
        r#"(module
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (global $__stack_pointer (mut i32) (i32.const 4096))
        (data (i32.const 1024) "{state}")
        {test}
        {cleanup}
        (func $state (result i32) (i32.const 1024))
        (func $flush (result i32) (i32.const 0))
        (export "airtight:test/hostile::test" (func $test))
        (export "airtight:state" (func $state))
        (export "airtight:cleanup" (func $cleanup))
        (export "airtight:flush" (func $flush))
        (@custom "airtight.tests" "{record}"))"#
    ))
}
