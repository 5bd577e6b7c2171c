//! Modules that spawn tasks in ways in which no SDK does.

use super::{Expect, Hostile, wat};

pub fn all() -> Vec<Hostile> {
    let spawn = "(call $spawn (i32.const 2048) (i32.const 4))";
    let cases: Vec<(&str, &'static str, String)> = vec![
        ("once", "leak", format!("(drop {spawn})")),
        ("without_end", "memory", format!("(loop $l (drop {spawn}) (br $l))")),
        ("and_done_without_end", "timeout", format!("(loop $l (drop (call $done {spawn})) (br $l))")),
        (
            "with_long_names_without_end",
            "memory",
            format!("(loop $l (drop (call $name {spawn} (i32.const 2048) (i32.const 1024))) (br $l))"),
        ),
        (
            "renamed_without_end",
            "timeout",
            format!(
                "(local $n i32) (local.set $n {spawn})
                (loop $l
                    (drop (call $name (local.get $n) (i32.const 2048) (i32.const 1024)))
                    (drop (call $name (local.get $n) (i32.const 2048) (i32.const 0)))
                    (br $l))"
            ),
        ),
        (
            "waiting_without_end",
            "timeout",
            format!("(local $n i32) (local.set $n {spawn}) (loop $l (drop (call $waits (local.get $n))) (br $l))"),
        ),
        (
            "with_a_name_of_a_gigabyte",
            "fail",
            "(drop (call $spawn (i32.const 0) (i32.const 0x40000000)))".to_owned(),
        ),
        ("with_a_name_outside", "fail", "(drop (call $spawn (i32.const -8) (i32.const 64)))".to_owned()),
        (
            "by_guessed_numbers",
            "pass",
            "(local $n i32) (local.set $n (i32.const -100))
            (loop $l
                (if (i32.ne (call $done (local.get $n)) (i32.const 8)) (then unreachable))
                (if (i32.ne (call $waits (local.get $n)) (i32.const 8)) (then unreachable))
                (if (i32.ne (call $name (local.get $n) (i32.const 2048) (i32.const 4)) (i32.const 8)) (then unreachable))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if $l (i32.ne (local.get $n) (i32.const 100))))"
                .to_owned(),
        ),
        (
            "and_done_twice",
            "pass",
            format!(
                "(local $n i32) (local.set $n {spawn})
                (if (call $done (local.get $n)) (then unreachable))
                (if (i32.ne (call $done (local.get $n)) (i32.const 8)) (then unreachable))"
            ),
        ),
    ];
    let hostile = |(name, expect, body): (&str, &'static str, String)| {
        let module = wat(&format!(
            r#"(module
            (import "airtight" "task_spawn" (func $spawn (param i32 i32) (result i32)))
            (import "airtight" "task_name" (func $name (param i32 i32 i32) (result i32)))
            (import "airtight" "task_waits" (func $waits (param i32) (result i32)))
            (import "airtight" "task_done" (func $done (param i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 2048) "task")
            (func (export "_start") {body}))"#
        ));
        Hostile::new("tasks", format!("tasks_{name}"), Expect::Verdict(expect), module)
    };
    cases.into_iter().map(hostile).collect()
}
