//! Modules with a small allocator, and programs that use it.

use proptest::prelude::*;
use std::fmt::Write;

/// What a program does next.
#[derive(Debug, Clone, Copy)]
pub(super) enum ToyStep {
    Malloc(u32),
    Calloc(u32, u32),
    Realloc(u32),
    Free,
    PosixMemalign(u32),
    /// `malloc`, called through the table.
    Indirect(u32),
    /// A function of libc that allocates for the library itself.
    Libc,
    /// A function that calls itself so many times, and then allocates.
    Deep(u32),
    /// So many operators.
    Work(usize),
    /// `malloc` of so many bytes that it traps.
    Trap,
}

pub(super) fn steps() -> impl Strategy<Value = Vec<ToyStep>> {
    let size = || 0u32..200;
    let step = prop_oneof![
        4 => size().prop_map(ToyStep::Malloc),
        2 => (0u32..9, 0u32..9).prop_map(|(count, size)| ToyStep::Calloc(count, size)),
        2 => size().prop_map(ToyStep::Realloc),
        3 => Just(ToyStep::Free),
        1 => size().prop_map(ToyStep::PosixMemalign),
        2 => size().prop_map(ToyStep::Indirect),
        1 => Just(ToyStep::Libc),
        1 => (0u32..20).prop_map(ToyStep::Deep),
        1 => (0usize..50).prop_map(ToyStep::Work),
        1 => Just(ToyStep::Trap),
    ];
    prop::collection::vec(step, 0..20)
}

/// The shape of a module: everything except its program.
#[derive(Debug, Clone, Default)]
pub(super) struct ToyShape {
    /// How many functions without a purpose there are before and behind the others.
    pub(super) fillers: (usize, usize),
    /// Local declarations of `malloc`, each a type and a number.
    pub(super) locals: Vec<(&'static str, u32)>,
    /// Tables behind the first.
    pub(super) tables: usize,
    /// Operators at the end of `malloc` that do nothing.
    pub(super) padding: usize,
    /// Other sections.
    pub(super) others: Vec<&'static str>,
}

const LOCALS: [&str; 6] = ["i32", "i64", "f32", "f64", "v128", "funcref"];

const OTHERS: [&str; 6] = [
    r#"(global $__stack_pointer (mut i32) (i32.const 8))"#,
    r#"(@custom "x" (before type) "y")"#,
    r#"(@custom "x" (after func) "y")"#,
    r#"(@custom "x" (before export) "z")"#,
    r#"(data $passive "passive") (func (data.drop $passive))"#,
    r#"(export "free" (func $free)) (elem declare func $malloc) (func (result funcref) (ref.func $malloc))"#,
];

pub(super) fn shape() -> impl Strategy<Value = ToyShape> {
    // Around the numbers of functions from which a count takes one byte more; the others are about fifteen.
    let fillers = prop_oneof![Just(0usize), 0..20usize, 95..130usize, 100..125usize];
    let locals = prop::collection::vec((prop::sample::select(&LOCALS[..]), prop_oneof![1..3u32, 120..200u32]), 0..6);
    let others = prop::sample::subsequence(&OTHERS[..], 0..=OTHERS.len());
    (fillers, 0..3usize, locals, 0..3usize, prop_oneof![Just(0usize), 0..300usize], others).prop_map(
        |(before, after, locals, tables, padding, others)| ToyShape {
            fillers: (before, after),
            locals,
            tables,
            padding,
            others,
        },
    )
}

/// A module that runs this program in a function called `main`.
pub(super) fn module(shape: &ToyShape, steps: &[ToyStep]) -> Vec<u8> {
    let text = text(shape, steps);
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn text(shape: &ToyShape, steps: &[ToyStep]) -> String {
    let locals: String = shape.locals.iter().fold(String::new(), |mut text, (ty, count)| {
        let _ = write!(text, "(local {})", format!("{ty} ").repeat(*count as usize));
        text
    });
    let before = "(func (result i64) i64.const 7)".repeat(shape.fillers.0);
    let after = "(func (param i32))".repeat(shape.fillers.1);
    let tables = "(table 1 funcref)".repeat(shape.tables);
    let nops = "nop ".repeat(shape.padding);
    let others = shape.others.join("\n");
    let program = program(steps);
    // A bump allocator: eight bytes with the size before each block. `seen` is the test's spy.
    format!(
        r#"(module
  (import "env" "seen" (func $seen (param i32)))
  {before}
  (type $alloc (func (param i32) (result i32)))
  (memory (export "memory") 1)
  (table $calls 4 4 funcref) {tables}
  (elem (table $calls) (i32.const 1) func $malloc $free)
  {others}
  (global $top (mut i32) (i32.const 1024))
  (func $malloc (type $alloc) (local $at i32) {locals} {nops}
    (if (i32.gt_u (local.get 0) (i32.const 5000)) (then unreachable))
    (call $seen (local.get 0))
    (local.set $at (global.get $top))
    (global.set $top (i32.and (i32.add (i32.add (local.get $at) (local.get 0)) (i32.const 15)) (i32.const -8)))
    (i32.store (local.get $at) (local.get 0))
    (i32.add (local.get $at) (i32.const 8)))
  (func $calloc (param i32 i32) (result i32) (local $block i32)
    (local.set $block (call $malloc (i32.mul (local.get 0) (local.get 1))))
    (memory.fill (local.get $block) (i32.const 0) (i32.mul (local.get 0) (local.get 1)))
    (local.get $block))
  (func $free (param i32)
    (if (i32.eqz (local.get 0)) (then (return)))
    (i32.store (i32.sub (local.get 0) (i32.const 8)) (i32.const -1)))
  (func $realloc (param i32 i32) (result i32) (local $block i32)
    (local.set $block (call $malloc (local.get 1)))
    (if (local.get 0) (then
      (memory.copy (local.get $block) (local.get 0) (local.get 1))
      (call $free (local.get 0))))
    (local.get $block))
  (func $posix_memalign (param i32 i32 i32) (result i32)
    (i32.store (local.get 0) (call $malloc (local.get 2)))
    (i32.const 0))
  (func $__wasilibc_ensure_environ (drop (call $malloc (i32.const 33))))
  (func $deep (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (call $deep (i32.sub (local.get 0) (i32.const 1))))
      (else (call $malloc (i32.const 3)))))
  (func $main (export "run") (result i32) (local $block i32)
    {program}
    nop nop nop nop nop nop nop nop
    (local.get $block))
  {after})"#
    )
}

fn program(steps: &[ToyStep]) -> String {
    let mut text = String::new();
    for step in steps {
        let step = match step {
            ToyStep::Malloc(size) => format!("(local.set $block (call $malloc (i32.const {size})))"),
            ToyStep::Calloc(count, size) => {
                format!("(local.set $block (call $calloc (i32.const {count}) (i32.const {size})))")
            }
            ToyStep::Realloc(size) => {
                format!("(local.set $block (call $realloc (local.get $block) (i32.const {size})))")
            }
            ToyStep::Free => "(call $free (local.get $block)) (local.set $block (i32.const 0))".to_owned(),
            ToyStep::PosixMemalign(size) => {
                format!("(drop (call $posix_memalign (i32.const 64) (i32.const 16) (i32.const {size})))")
            }
            ToyStep::Indirect(size) => {
                format!("(local.set $block (call_indirect $calls (type $alloc) (i32.const {size}) (i32.const 1)))")
            }
            ToyStep::Libc => "(call $__wasilibc_ensure_environ)".to_owned(),
            ToyStep::Deep(times) => format!("(local.set $block (call $deep (i32.const {times})))"),
            ToyStep::Work(operators) => "(drop (i32.const 1))".repeat(*operators),
            ToyStep::Trap => "(drop (call $malloc (i32.const 6000)))".to_owned(),
        };
        let _ = writeln!(text, "{step}");
    }
    text
}
