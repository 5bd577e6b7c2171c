//! Modules that track resources in ways in which no SDK does.

use super::{Expect, Hostile, wat};

pub fn all() -> Vec<Hostile> {
    let track = "(call $track (i32.const 2048) (i32.const 4) (i32.const 2048) (i32.const 4))";
    let cases: Vec<(&str, &'static str, String)> = vec![
        ("once", "leak", format!("(drop {track})")),
        ("without_end", "memory", format!("(loop $l (drop {track}) (br $l))")),
        (
            "of_kinds_without_end",
            "fail",
            format!(
                "(loop $l (i32.store (i32.const 2048) (i32.add (i32.load (i32.const 2048)) (i32.const 1)))
                (drop (call $untrack {track})) (br $l))"
            ),
        ),
        ("and_released_without_end", "timeout", format!("(loop $l (drop (call $untrack {track})) (br $l))")),
        (
            "with_a_kind_of_a_gigabyte",
            "fail",
            "(drop (call $track (i32.const 0) (i32.const 0x40000000) (i32.const 0) (i32.const 0)))".to_owned(),
        ),
        (
            "with_a_label_outside",
            "fail",
            "(drop (call $track (i32.const 2048) (i32.const 4) (i32.const -8) (i32.const 64)))".to_owned(),
        ),
        (
            "of_no_kind",
            "fail",
            "(drop (call $track (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))".to_owned(),
        ),
        (
            "by_guessed_numbers",
            "pass",
            "(local $n i32) (local.set $n (i32.const -100))
            (loop $l
                (if (i32.ne (call $untrack (local.get $n)) (i32.const 8)) (then unreachable))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if $l (i32.ne (local.get $n) (i32.const 100))))"
                .to_owned(),
        ),
        (
            "and_released_twice",
            "pass",
            format!(
                "(local $n i32) (local.set $n {track})
                (if (call $untrack (local.get $n)) (then unreachable))
                (if (i32.ne (call $untrack (local.get $n)) (i32.const 8)) (then unreachable))"
            ),
        ),
    ];
    let hostile = |(name, expect, body): (&str, &'static str, String)| {
        let module = wat(&format!(
            r#"(module
            (import "airtight" "track" (func $track (param i32 i32 i32 i32) (result i32)))
            (import "airtight" "untrack" (func $untrack (param i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 2048) "kind")
            (func (export "_start") {body}))"#
        ));
        Hostile::new("tracked", format!("tracked_{name}"), Expect::Verdict(expect), module)
    };
    cases.into_iter().map(hostile).collect()
}
