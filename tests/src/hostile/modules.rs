//! Modules whose form is the attack: exits, sizes, broken bytes, and work for the compiler.

use super::{Expect, Hostile, wat};
use std::fmt::Display;

pub fn all() -> Vec<Hostile> {
    [exits(), large(), oversized(), broken(), slow(), too_slow()].into_iter().flatten().collect()
}

const START: &str = "(func (export \"_start\"))";

fn exits() -> Vec<Hostile> {
    let exit = |status: u32, how: &str| {
        wat(&format!(
            "(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))
                (memory (export \"memory\") 1) (func $f (call $exit (i32.const {status}))) {how})"
        ))
    };
    let start = "(export \"_start\" (func $f))";
    let expect = |status| Expect::Verdict(if status == 0 { "pass" } else { "exit" });
    let codes = [0, 1, 42, 125, 126, 127, 128, 255, 256, 0x7fff_ffff, 0x8000_0000, u32::MAX];
    let mut found: Vec<Hostile> = codes
        .into_iter()
        .map(|status| Hostile::new("exit", format!("exit_{status}"), expect(status), exit(status, start)))
        .collect();
    let early = exit(3, "(start $f) (func (export \"_start\"))");
    found.push(Hostile::new("exit", "exit_in_the_start_function", expect(3), early));
    found
}

fn repeat<T: Display>(times: usize, part: impl Fn(usize) -> T) -> String {
    (0..times).map(|index| part(index).to_string()).collect()
}

fn large() -> Vec<Hostile> {
    let cases = [
        ("functions", repeat(30_000, |_| "(func)")),
        ("types", repeat(60_000, |index| format!("(type (func (param {})))", "i32 ".repeat(index % 30)))),
        ("exports", format!("(func $f) {}", repeat(50_000, |index| format!("(export \"e{index}\" (func $f))")))),
        (
            "imports",
            repeat(20_000, |_| "(import \"wasi_snapshot_preview1\" \"sched_yield\" (func (result i32)))")
                + "(memory (export \"memory\") 1)",
        ),
        ("globals", repeat(50_000, |_| "(global (mut i32) (i32.const 0))")),
        ("data", format!("(memory 32) (data (i32.const 0) \"{}\")", "x".repeat(2_000_000))),
        ("custom_section", format!("(@custom \"{}\" \"{}\")", "n".repeat(100_000), "x".repeat(2_000_000))),
        ("element_segments", format!("(table 10 funcref) (func $f) {}", repeat(20_000, |_| "(elem (i32.const 0) $f)"))),
        ("names", repeat(2_000, |index| format!("(func ${}{index})", "n".repeat(1_000)))),
    ];
    let hostile = |(name, fields): (&str, String)| {
        Hostile::passes("large", format!("large_{name}"), wat(&format!("(module {fields} {START})")))
    };
    cases.into_iter().map(hostile).collect()
}

/// Too much of what an instance is made of, whatever allocates it.
fn oversized() -> Vec<Hostile> {
    let cases = [
        ("tables", "(table 1 funcref)".repeat(5), "5 tables, over the cap"),
        ("table", "(table 1048577 funcref)".to_owned(), "1048577 elements, over the cap"),
    ];
    cases
        .into_iter()
        .map(|(name, fields, why)| {
            let bytes = wat(&format!("(module {fields} {START})"));
            Hostile::new("large", format!("oversized_{name}"), Expect::Refused(why), bytes)
        })
        .collect()
}

fn broken() -> Vec<Hostile> {
    let good = wat(&format!("(module (memory 1) {START} (data (i32.const 0) \"abc\"))"));
    let header = b"\0asm\x01\0\0\0";
    let with = |bytes: &[u8]| [&header[..], bytes].concat();
    let cases: [(&str, Vec<u8>); 10] = [
        ("empty", Vec::new()),
        ("header_cut", good[..6].to_vec()),
        ("cut_in_the_middle", good[..good.len() / 2].to_vec()),
        ("cut_at_the_end", good[..good.len() - 1].to_vec()),
        ("section_longer_than_the_file", with(&[1, 0xff, 0xff, 0xff, 0xff, 0x0f])),
        ("size_that_never_ends", with(&[1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80])),
        ("section_of_an_unknown_kind", with(&[77, 1, 0])),
        ("sections_out_of_order", with(&[10, 1, 0, 1, 1, 0])),
        ("name_that_is_no_text", with(&[0, 3, 2, 0xff, 0xfe])),
        ("a_billion_types", with(&[1, 5, 0x80, 0x94, 0xeb, 0xdc, 0x03])),
    ];
    cases
        .into_iter()
        .map(|(name, bytes)| Hostile::new("broken", format!("broken_{name}"), Expect::Refused(""), bytes))
        .collect()
}

/// Small modules that would keep an optimising compiler busy for seconds to hours, measured in
/// `host/docs/decisions/0007-compiling-is-bounded.md`; the single-pass compiler takes them.
fn slow() -> Vec<Hostile> {
    let read = "(i32.load (i32.const 0))";
    let locals = |count: usize| format!("(local {})", "i32 ".repeat(count));
    let set = |count: usize| repeat(count, |local| format!("(local.set {local} {read})"));
    let keep = |count: usize| repeat(count, |local| format!("(i32.store (i32.const 0) (local.get {local}))"));
    let change = |count: usize| {
        repeat(count, |local| format!("(local.set {local} (i32.add (local.get {local}) (i32.const 1)))"))
    };
    let nest = |depth: usize, inside: &str| {
        format!("{} {inside} {}", "(loop ".repeat(depth), format!("(br_if 0 {read}))").repeat(depth))
    };
    let table = |cases: usize| {
        let labels = repeat(cases, |label| format!("{label} "));
        let ends = repeat(cases, |local| format!(") (local.set {local} {read})"));
        format!("{} (br_table {labels} 0 {read}) {ends}", "(block ".repeat(cases))
    };
    let wide = format!("(type $wide (func (param {0}) (result {0})))", "i32 ".repeat(900));
    let cases: [(&str, String); 10] = [
        (
            "indirect_calls",
            format!(
                "(type $t (func)) (table 10 funcref) (func {})",
                format!("(call_indirect (type $t) {read})").repeat(32_000)
            ),
        ),
        ("branches", format!("(func (block {}))", format!("(br_if 0 {read})").repeat(64_000))),
        ("bulk_operations", format!("(func {})", format!("(memory.copy {read} {read} {read})").repeat(32_000))),
        ("loops_in_loops", format!("(func {})", nest(2000, ""))),
        ("loops_in_loops_with_locals", format!("(func {} {})", locals(800), nest(800, &change(800)))),
        (
            "locals_over_many_loops",
            format!(
                "(func {} {} {} {})",
                locals(2000),
                set(2000),
                format!("(loop (br_if 0 {read}))").repeat(2000),
                keep(2000)
            ),
        ),
        ("a_table_of_branches_over_locals", format!("(func {} {} {})", locals(1500), table(1500), keep(1500))),
        (
            "wide_calls",
            format!(
                "{wide} (func $g (type $wide) unreachable) (func {} {} {})",
                read.repeat(900),
                "(call $g)".repeat(900),
                "drop ".repeat(900)
            ),
        ),
        (
            "wide_blocks",
            format!(
                "{wide} (func {} {} {})",
                read.repeat(900),
                format!("(block (type $wide) {read} (br_if 0))").repeat(3000),
                "drop ".repeat(900)
            ),
        ),
        (
            "many_heavy_functions",
            format!(
                "(func {} {} {} {})",
                locals(250),
                set(250),
                format!("(loop (br_if 0 {read}))").repeat(250),
                keep(250)
            )
            .repeat(40),
        ),
    ];
    cases
        .into_iter()
        .map(|(name, fields)| {
            let bytes = wat(&format!("(module (memory 1) {fields} {START})"));
            Hostile::passes("slow", format!("slow_{name}"), bytes)
        })
        .collect()
}

/// Modules that would keep every compiler busy, or fill the memory with what it makes.
fn too_slow() -> Vec<Hostile> {
    let wide = format!("(type $wide (func (param {0}) (result {0})))", "i32 ".repeat(900));
    let zeros = |count: usize| "(i32.const 0)".repeat(count);
    let drops = |count: usize| "drop ".repeat(count);
    let deep =
        |inside: &str| format!("(func (local i32) {} {} {})", zeros(60_000), inside.repeat(60_000), drops(60_000));
    let cases: [(&str, String); 7] = [
        ("functions", "(func)".repeat(400_000)),
        (
            "elements_by_expressions",
            format!(
                "(table 200000 funcref) (func $f) (elem (table 0) (i32.const 0) funcref {})",
                "(ref.func $f)".repeat(200_000)
            ),
        ),
        (
            "wide_calls",
            format!(
                "{wide} (func $g (type $wide) unreachable) (func {} {} {})",
                zeros(900),
                "(call $g)".repeat(12_000),
                drops(900)
            ),
        ),
        (
            "wide_blocks",
            format!("{wide} (func {} {} {})", zeros(900), "(block (type $wide))".repeat(12_000), drops(900)),
        ),
        (
            "a_wide_table_of_branches",
            format!(
                "{wide} (func {} (loop (type $wide) (br_table {} 0 (i32.const 0))) {})",
                zeros(900),
                "0 ".repeat(12_000),
                drops(900)
            ),
        ),
        ("loops_over_operands", deep("(loop)")),
        ("locals_set_over_operands", deep("(block (local.set 0 (i32.const 0)))")),
    ];
    let hostile = |(name, fields): (&str, String)| {
        let bytes = wat(&format!("(module (memory 1) {fields} {START})"));
        Hostile::new("slow", format!("too_slow_{name}"), Expect::Refused("too much work for a compiler"), bytes)
    };
    cases.into_iter().map(hostile).chain([locals_that_nothing_uses()]).collect()
}

/// Five thousand functions that do nothing but declare 50,000 locals each: 40 KB, and as text a gigabyte.
fn locals_that_nothing_uses() -> Hostile {
    let header = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0";
    let functions = [&b"\x03\x8a\x27\x88\x27"[..], &[0; 5000]].concat();
    let exports = b"\x07\x0a\x01\x06_start\0\0";
    let code = [&b"\x0a\xba\x91\x02\x88\x27"[..], &b"\x06\x01\xd0\x86\x03\x7f\x0b".repeat(5000)].concat();
    let bytes = [&header[..], &functions, exports, &code].concat();
    Hostile::new("slow", "too_slow_locals_that_nothing_uses", Expect::Refused("too much work for a compiler"), bytes)
}
