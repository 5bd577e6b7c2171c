//! Modules that take memory, tables, stack, time and output without end.

use super::program::{ALL, CREATE, OUT, Program, open, opened};
use super::{Expect, Hostile, wat};

pub fn all() -> Vec<Hostile> {
    [memory(), recursion(), endless(), output(), quotas()].into_iter().flatten().collect()
}

/// Modules of one function with these other fields.
fn fields(class: &'static str, cases: &[(&str, &'static str, &str)]) -> Vec<Hostile> {
    let hostile = |(name, expect, fields): &(&str, &'static str, &str)| {
        Hostile::new(class, format!("{class}_{name}"), Expect::Verdict(expect), wat(&format!("(module {fields})")))
    };
    cases.iter().map(hostile).collect()
}

fn memory() -> Vec<Hostile> {
    let segments: String = (0..2000).map(|at| format!("(data (i32.const {}) \"x\")", at * 16)).collect();
    let cases: Vec<(&str, &'static str, String)> = vec![
        ("declared_over_the_limit", "memory", "(memory 1000) (func (export \"_start\"))".into()),
        ("declared_maximum_is_no_claim", "pass", "(memory 1 65536) (func (export \"_start\"))".into()),
        (
            "grown_until_refused",
            "pass",
            "(memory 1) (func (export \"_start\")
                (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))))"
                .into(),
        ),
        (
            "grown_until_refused_and_then_a_trap",
            "memory",
            "(memory 1) (func (export \"_start\")
                (loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable)"
                .into(),
        ),
        (
            "grown_by_all_at_once",
            "pass",
            "(memory 1) (func (export \"_start\")
                (drop (memory.grow (i32.const 65535))) (drop (memory.grow (i32.const -1))))"
                .into(),
        ),
        (
            "refused_for_ever",
            "timeout",
            "(memory 1) (func (export \"_start\") (loop $more (drop (memory.grow (i32.const 60000))) (br $more)))"
                .into(),
        ),
        (
            "table_grown_until_refused",
            "pass",
            "(table 1 funcref) (func (export \"_start\")
                (loop $more (br_if $more (i32.ne (table.grow (ref.null func) (i32.const 1000)) (i32.const -1)))))"
                .into(),
        ),
        ("table_maximum_is_no_claim", "pass", "(table 1 0xffffffff funcref) (func (export \"_start\"))".into()),
        ("many_data_segments", "pass", format!("(memory 1) {segments} (func (export \"_start\"))")),
        ("data_segment_outside", "fail", "(memory 1) (data (i32.const 65536) \"x\") (func (export \"_start\"))".into()),
    ];
    let cases: Vec<_> = cases.iter().map(|(name, expect, fields)| (*name, *expect, fields.as_str())).collect();
    let mut found = fields("memory", &cases);
    let fill = "(module (memory 500) (func (export \"_start\") \
                (loop $more (memory.fill (i32.const 0) (i32.const 1) (i32.const 32768000)) (br $more))))";
    found.push(Hostile::new("memory", "memory_filled_for_ever", Expect::Verdict("timeout"), wat(fill)));
    // Its exceptions are never given back while it runs; there is a bound to what it may have of them.
    let throw = "(module (tag $e (param i32)) (func (export \"_start\") (loop $more
                (block $caught (result i32) (try_table (catch $e $caught) (throw $e (i32.const 1))) (i32.const 0)) drop
                (br $more))))";
    found.push(Hostile::new("memory", "memory_bomb_of_exceptions", Expect::Verdict("fail"), wat(throw)));
    let uncaught = "(module (tag $e (param i32)) (func (export \"_start\") (throw $e (i32.const 1))))";
    found.push(Hostile::new("memory", "memory_exception_that_nobody_catches", Expect::Verdict("fail"), wat(uncaught)));
    let table = wat("(module (table 10000000 funcref) (func (export \"_start\")))");
    found.push(Hostile::new("memory", "memory_table_over_the_limit", Expect::Refused("table"), table));
    found
}

fn recursion() -> Vec<Hostile> {
    fields(
        "recursion",
        &[
            ("direct", "fail", "(func $f (export \"_start\") (call $f) (call $f))"),
            (
                "indirect",
                "fail",
                "(type $t (func)) (table funcref (elem $f)) \
                 (func $f (export \"_start\") (call_indirect (type $t) (i32.const 0)) (call $f))",
            ),
            ("mutual", "fail", "(func $f (export \"_start\") (call $g) (call $g)) (func $g (call $f) (call $f))"),
            (
                "through_the_start_function",
                "fail",
                "(start $f) (func $f (call $f) (call $f)) (func (export \"_start\"))",
            ),
            (
                "with_large_frames",
                "fail",
                "(func $f (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64)
                    (i64.add (local.get 0) (call $f (local.get 1) (local.get 2) (local.get 3) (local.get 4)
                        (local.get 5) (local.get 6) (local.get 7) (local.get 8) (local.get 9) (local.get 10)
                        (local.get 11) (local.get 0))))
                 (func (export \"_start\") (drop (call $f (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)
                    (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)
                    (i64.const 0))))",
            ),
            (
                "down_to_the_host",
                "timeout",
                "(import \"wasi_snapshot_preview1\" \"path_open\"
                    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
                 (memory (export \"memory\") 1)
                 (func $f (export \"_start\")
                    (drop (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                        (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0)))
                    (call $f) (call $f))",
            ),
        ],
    )
}

fn endless() -> Vec<Hostile> {
    let mut found = fields(
        "endless",
        &[
            ("start", "timeout", "(func (export \"_start\") (loop $l (br $l)))"),
            ("start_function", "timeout", "(start $f) (func $f (loop $l (br $l))) (func (export \"_start\"))"),
            ("calls", "timeout", "(func $g) (func (export \"_start\") (loop $l (call $g) (br $l)))"),
            ("branch_table", "timeout", "(func (export \"_start\") (loop $l (br_table $l $l (i32.const 1))))"),
        ],
    );
    let mut calls = |name: &str, limit, call: String| {
        let mut program = Program::default();
        program.forever(|program| {
            program.any(call);
        });
        found.push(Hostile::new("endless", format!("endless_{name}"), Expect::Limit(limit), program.module(17)));
    };
    calls("calls_of_the_host", "fuel", format!("clock_time_get (i32.const 0) (i64.const 0) (i32.const {OUT})"));
    calls("randomness", "io", "random_get (i32.const 0) (i32.const 1000000)".into());
    calls("sleep", "fuel", format!("poll_oneoff (i32.const 0) (i32.const 4096) (i32.const 1) (i32.const {OUT})"));
    calls(
        "listing",
        "fuel",
        "fd_readdir (i32.const 4) (i32.const 0) (i32.const 4096) (i64.const 0) (i32.const 0)".into(),
    );
    found
}

fn output() -> Vec<Hostile> {
    let flood = |name: &str, expect, build: &dyn Fn(&mut Program)| {
        let mut program = Program::default();
        build(&mut program);
        Hostile::new("output", format!("output_{name}"), expect, program.module(300))
    };
    let vector =
        |len: u32| format!("(i32.store (i32.const 64) (i32.const 0)) (i32.store (i32.const 68) (i32.const {len}))");
    let write =
        |fd: u32, count: u32| format!("fd_write (i32.const {fd}) (i32.const 64) (i32.const {count}) (i32.const {OUT})");
    vec![
        flood("stdout_for_ever", Expect::Limit("io"), &|program| {
            program.code(vector(60_000)).forever(|program| {
                program.any(write(1, 1));
            });
        }),
        flood("stderr_for_ever", Expect::Limit("io"), &|program| {
            program.code(vector(60_000)).forever(|program| {
                program.any(write(2, 1));
            });
        }),
        flood("of_both_by_the_byte", Expect::Limit("fuel"), &|program| {
            program.code(vector(1)).forever(|program| {
                program.any(write(1, 1)).any(write(2, 1));
            });
        }),
        flood("in_one_huge_write", Expect::Verdict("pass"), &|program| {
            program.code(vector(0x0120_0000)).ok(write(1, 1));
        }),
        flood("of_bytes_that_are_no_text", Expect::Verdict("pass"), &|program| {
            program.ok("random_get (i32.const 4096) (i32.const 60000)");
            program.code("(i32.store (i32.const 64) (i32.const 4096)) (i32.store (i32.const 68) (i32.const 60000))");
            program.ok(write(1, 1)).ok(write(2, 1));
        }),
        flood("in_a_thousand_vectors", Expect::Limit("io"), &|program| {
            for at in 0..1024 {
                let at = 8192 + at * 8;
                program.code(format!("(i32.store (i32.const {at}) (i32.const 0))"));
                program.code(format!("(i32.store (i32.const {}) (i32.const 16000000))", at + 4));
            }
            program.forever(|program| {
                program.any(format!("fd_write (i32.const 1) (i32.const 8192) (i32.const 1024) (i32.const {OUT})"));
            });
        }),
    ]
}

/// Over the limits `io`, `host-memory` and `scratch`.
fn quotas() -> Vec<Hostile> {
    let hostile = |name: &str, limit, build: &dyn Fn(&mut Program)| {
        let mut program = Program::default();
        build(&mut program);
        Hostile::new("quota", format!("quota_{name}"), Expect::Limit(limit), program.module(300))
    };
    let vector = "(i32.store (i32.const 64) (i32.const 4096)) (i32.store (i32.const 68) (i32.const 1000000))";
    let scratch = |program: &mut Program| {
        let path = program.text("file");
        program.ok(open(3, &path, true, CREATE, ALL)).code(format!("(local.set $fd {})", opened()));
        program.code(vector);
    };
    vec![
        hostile("io_by_reading_one_file_again_and_again", "io", &|program| {
            scratch(program);
            program.ok(format!("fd_write (local.get $fd) (i32.const 64) (i32.const 1) (i32.const {OUT})"));
            program.forever(|program| {
                program.ok(format!(
                    "fd_pread (local.get $fd) (i32.const 64) (i32.const 1) (i64.const 0) (i32.const {OUT})"
                ));
            });
        }),
        hostile("io_by_writing_one_place_again_and_again", "io", &|program| {
            scratch(program);
            program.forever(|program| {
                program.ok(format!(
                    "fd_pwrite (local.get $fd) (i32.const 64) (i32.const 1) (i64.const 0) (i32.const {OUT})"
                ));
            });
        }),
        hostile("scratch_filled", "fuel", &|program| {
            scratch(program);
            program.ok("fd_filestat_set_size (local.get $fd) (i64.const 8000000)");
            // A hole takes no room.
            program.ok("fd_filestat_set_size (local.get $fd) (i64.const 80000000)");
            program.refused("fd_allocate (local.get $fd) (i64.const 0) (i64.const 80000000)");
            program.code("(loop $l (br $l))");
        }),
        hostile("host_memory_by_names", "host-memory", &|program| {
            // The name counts up in the digits of its last eight bytes.
            let path = program.text("n00000000");
            let at = path.split([' ', ')']).nth(1).unwrap_or_default().to_owned();
            program.forever(|program| {
                program.code(format!(
                    "(local.set $n (i64.add (local.get $n) (i64.const 1)))
                     (i64.store offset=1 (i32.const {at}) (i64.or (i64.const 0x4040404040404040)
                        (i64.or (i64.and (local.get $n) (i64.const 15))
                        (i64.or (i64.shl (i64.and (local.get $n) (i64.const 0xf0)) (i64.const 4))
                        (i64.or (i64.shl (i64.and (local.get $n) (i64.const 0xf00)) (i64.const 8))
                        (i64.shl (i64.and (local.get $n) (i64.const 0xf000)) (i64.const 12)))))))"
                ));
                program.ok(format!("path_create_directory (i32.const 3) {path}"));
            });
        }),
        deep_stacks(),
        many_blocks(),
    ]
}

/// Blocks of the heap without end, each of 16 bytes: the host keeps more of each than that.
fn many_blocks() -> Hostile {
    let text = r#"(module
        (memory (export "memory") 500)
        (global $next (mut i32) (i32.const 1024))
        (func $malloc (param i32) (result i32) (local $block i32)
            (local.set $block (global.get $next))
            (global.set $next (i32.add (local.get $block)
                (i32.and (i32.add (local.get 0) (i32.const 15)) (i32.const -16))))
            (local.get $block))
        (func $main (export "_start")
            (loop $more (drop (call $malloc (i32.const 16))) (br $more))))"#;
    Hostile::new("quota", "quota_host_memory_by_blocks", Expect::Limit("host-memory"), wat(text))
}

/// Handles that are each acquired at the end of a deep stack, which the host keeps.
fn deep_stacks() -> Hostile {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "path_open"
            (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (memory (export "memory") 1) (data (i32.const 0) "inside.txt")
        (func $down (param i32)
            (if (local.get 0)
                (then (call $down (i32.sub (local.get 0) (i32.const 1))))
                (else (drop (call $open (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 10) (i32.const 0)
                    (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 512)))))
            (drop (i32.const 0)))
        (func (export "_start") (loop $l (call $down (i32.const 40000)) (br $l))))"#;
    Hostile::new("quota", "quota_host_memory_by_stacks", Expect::Limit("host-memory"), wat(text))
}
