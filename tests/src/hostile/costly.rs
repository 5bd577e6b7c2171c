//! Small modules that would make the host itself do or hold much, without any fuel paying for it.

use super::{Expect, Hostile, wat};
use crate::sdk::{sdk_module, state};

pub fn all() -> Vec<Hostile> {
    let own = [
        probe_bomb(),
        places(),
        open_files(),
        deep_directories(),
        refused_cleanup(),
        nested_additions(),
        live_blocks(),
        picture(),
    ];
    own.into_iter().chain(inputs()).collect()
}

/// Modules with which an attack on the first version found work that no limit saw, as they were.
fn inputs() -> impl Iterator<Item = Hostile> {
    let inputs: [(&str, &str, &'static str, &[u8]); 4] = [
        ("memory", "probe_bomb", "pass", include_bytes!("inputs/probe_bomb.wasm")),
        ("memory", "report_bomb", "leak", include_bytes!("inputs/report_bomb.wasm")),
        ("clean-up", "state_at_the_border", "fail", include_bytes!("inputs/state_at_the_border.wasm")),
        ("memory", "two_tests_and_one_probe", "pass", include_bytes!("inputs/two_tests_and_one_probe.wasm")),
    ];
    inputs.into_iter().map(|(class, name, expect, bytes)| {
        Hostile::new(class, format!("costly_input_{name}"), Expect::Verdict(expect), bytes.to_vec())
    })
}

/// Its allocator writes every second word of its static data, when it is first called: by whoever calls it.
fn probe_bomb() -> Hostile {
    let text = r#"(module
        (memory (export "memory") 4096)
        (global $next (mut i32) (i32.const 0x0fff0000))
        (global $done (mut i32) (i32.const 0))
        (func $fill (local $n i32)
            (i32.store (i32.const 0) (i32.const 1))
            (local.set $n (i32.const 8))
            (loop $more
                (memory.copy (local.get $n) (i32.const 0) (local.get $n))
                (local.set $n (i32.shl (local.get $n) (i32.const 1)))
                (br_if $more (i32.lt_u (local.get $n) (i32.const 0x02000000)))))
        (func $malloc (param i32) (result i32) (local $block i32)
            (if (i32.eqz (global.get $done)) (then (global.set $done (i32.const 1)) (call $fill)))
            (local.set $block (global.get $next))
            (global.set $next (i32.add (global.get $next) (i32.const 1024)))
            (if (i32.gt_u (local.get 0) (i32.const 1000))
                (then (local.set $block (i32.mul (memory.grow (i32.const 8)) (i32.const 65536)))))
            (local.get $block))
        (func $main (export "_start") (drop (call $malloc (i32.const 8)))))"#;
    Hostile::new("memory", "costly_probe_of_its_allocator", Expect::Verdict("pass"), wat(text))
}

/// Blocks that are lost at 65,535 places, each 30 calls deep, in functions with long names.
fn places() -> Hostile {
    let [a, b] = ["a", "b"].map(|letter| letter.repeat(500));
    Hostile::new("memory", "costly_places_of_lost_blocks", Expect::Verdict("leak"), losing_at_many_places(&a, &b))
}

/// A module that loses blocks at 65,535 places, each 30 calls deep, in two functions of these names.
pub(super) fn losing_at_many_places(a: &str, b: &str) -> Vec<u8> {
    let step = |name: &str| {
        format!(
            "(func ${name} (param $depth i32) (param $bits i32)
                (if (i32.eqz (local.get $depth)) (then (drop (call $malloc (i32.const 16))) (return)))
                (local.set $depth (i32.sub (local.get $depth) (i32.const 1)))
                (if (i32.and (local.get $bits) (i32.const 1))
                    (then (call ${a} (local.get $depth) (i32.shr_u (local.get $bits) (i32.const 1))))
                    (else (call ${b} (local.get $depth) (i32.shr_u (local.get $bits) (i32.const 1))))))"
        )
    };
    let text = format!(
        r#"(module
        (memory (export "memory") 64)
        (global $next (mut i32) (i32.const 65536))
        (func $malloc (param i32) (result i32) (local $block i32)
            (local.set $block (global.get $next))
            (global.set $next (i32.add (global.get $next)
                (i32.and (i32.add (local.get 0) (i32.const 15)) (i32.const -16))))
            (loop $more (if (i32.gt_u (global.get $next) (i32.mul (memory.size) (i32.const 65536)))
                (then (drop (memory.grow (i32.const 1))) (br $more))))
            (local.get $block))
        {} {}
        (func $main (export "_start") (local $n i32)
            (local.set $n (i32.const 65535))
            (loop $more
                (call ${a} (i32.const 30) (i32.mul (local.get $n) (i32.const 16385)))
                (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"#,
        step(a),
        step(b)
    );
    wat(&text)
}

/// Imports, a page of memory and eight digits at 64, which `$count` counts up.
const COUNTED_NAMES: &str = r#"
        (import "wasi_snapshot_preview1" "path_open"
            (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "path_create_directory" (func $make (param i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 64) "00000000")
        (func $count (local $at i32)
            (local.set $at (i32.const 71))
            (loop $next
                (i32.store8 (local.get $at) (i32.add (i32.load8_u (local.get $at)) (i32.const 1)))
                (if (i32.gt_u (i32.load8_u (local.get $at)) (i32.const 57)) (then
                    (i32.store8 (local.get $at) (i32.const 48))
                    (local.set $at (i32.sub (local.get $at) (i32.const 1)))
                    (br $next)))))"#;

/// Files of 60,000 names, all open at the end.
fn open_files() -> Hostile {
    let text = format!(
        r#"(module {COUNTED_NAMES}
        (func (export "_start") (local $n i32)
            (local.set $n (i32.const 60000))
            (loop $more
                (call $count)
                (if (call $open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 8) (i32.const 1) (i64.const 64)
                    (i64.const 0) (i32.const 0) (i32.const 512)) (then unreachable))
                (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"#
    );
    Hostile::new("handles", "costly_open_files", Expect::Verdict("leak"), wat(&text))
}

/// Directories in one another, each open, so that the last one's path has a megabyte.
fn deep_directories() -> Hostile {
    let text = format!(
        r#"(module {COUNTED_NAMES}
        (data (i32.const 72) "{}")
        (func (export "_start") (local $n i32) (local $dir i32)
            (local.set $n (i32.const 4000))
            (local.set $dir (i32.const 3))
            (loop $more
                (call $count)
                (if (call $make (local.get $dir) (i32.const 64) (i32.const 250)) (then unreachable))
                (if (call $open (local.get $dir) (i32.const 0) (i32.const 64) (i32.const 250) (i32.const 2)
                    (i64.const 0x6200) (i64.const 0x6200) (i32.const 0) (i32.const 512)) (then unreachable))
                (local.set $dir (i32.load (i32.const 512)))
                (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"#,
        "d".repeat(242)
    );
    Hostile::new("handles", "costly_paths_of_deep_directories", Expect::Verdict("leak"), wat(&text))
}

/// A clean-up that asks for memory again and again, and is refused.
fn refused_cleanup() -> Hostile {
    let fields = r#"(memory (export "memory") 4096)
        (func $test (result i32) (i32.const 1024))
        (func $cleanup (result i32) (loop $more (drop (memory.grow (i32.const 60000))) (br $more)) unreachable)"#;
    let module = sdk_module(&state(1, 0, 0), fields);
    Hostile::new("clean-up", "costly_cleanup_that_is_refused_memory", Expect::Verdict("fail"), module)
}

/// A sum of 366,000 ones: a megabyte of code without any control flow.
fn nested_additions() -> Hostile {
    let ones = "i32.const 1 i32.add ".repeat(366_000);
    let text = format!(r#"(module (memory 1) (func (export "_start") memory.size {ones} drop))"#);
    Hostile::passes("slow", "costly_nested_additions", wat(&text))
}

/// An allocator that only takes.
const BUMP: &str = r#"(global $next (mut i32) (i32.const 65536))
        (func $malloc (param i32) (result i32) (local $block i32)
            (local.set $block (global.get $next))
            (global.set $next (i32.add (global.get $next)
                (i32.and (i32.add (local.get 0) (i32.const 15)) (i32.const -16))))
            (local.get $block))"#;

/// Two million blocks that are live at once: the host may hold less for them than they take it.
fn live_blocks() -> Hostile {
    let text = format!(
        r#"(module (memory (export "memory") 600) {BUMP}
        (func $main (export "_start") (local $n i32)
            (local.set $n (i32.const 2000000))
            (loop $more
                (drop (call $malloc (i32.const 8)))
                (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"#
    );
    Hostile::new("memory", "costly_live_blocks", Expect::Limit("host-memory"), wat(&text))
}

/// A block of 200 MiB that is left: to tell whether it is lost takes two copies of it.
fn picture() -> Hostile {
    let text = format!(
        r#"(module (memory (export "memory") 3400) {BUMP}
        (func $main (export "_start") (i32.store (call $malloc (i32.const 209715200)) (i32.const 1))))"#
    );
    Hostile::new("memory", "costly_picture_of_a_large_block", Expect::Limit("host-memory"), wat(&text))
}
