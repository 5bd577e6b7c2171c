//! Generated modules, with functions of the allocator and others, and damaged copies of them. Rewriting a module keeps it
//! valid and never panics, and a module that is already rewritten is recognised.
//!
//! `cargo test` runs a few cases, the same every time. For a long run with other cases:
//!
//! ```console
//! $ AIRTIGHT_FUZZ_CASES=1000000 AIRTIGHT_FUZZ_SEED=7 cargo test --release -p airtight-tests --test fuzz_instrument
//! ```

use airtight::internals::{InstrumentError, InstrumentedModule, Options, Window, WindowFunctions};
use airtight::internals::{Module, validate};
use airtight_tests::fuzz;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;
use std::fmt::Write;
use std::sync::atomic::{AtomicU32, Ordering};

/// Cases of a run that nobody asked to be longer.
const SMOKE: u32 = 1_000;

/// Functions under names that mean something, with the types that belong to them, and others.
const FUNCTIONS: &[(&str, &str)] = &[
    ("calloc", "(param i32 i32) (result i32)"),
    ("realloc", "(param i32 i32) (result i32)"),
    ("free", "(param i32)"),
    ("posix_memalign", "(param i32 i32 i32) (result i32)"),
    ("memalign", "(param i32 i32) (result i32)"),
    ("main", "(param i32 i32) (result i32)"),
    ("__original_main", "(result i32)"),
    ("__wasm_call_ctors", ""),
    ("__cxa_atexit", "(param i64 f32) (result f64 i32)"),
    ("test::__rust_begin_short_backtrace", "(param i32)"),
    ("test::__rust_begin_short_backtrace::<()>", "(result i64)"),
    ("other", ""),
    ("__rustc::rust_panic", "(param i32 i32)"),
    ("__rustc::rust_panic", ""),
    ("std::panicking::panic_with_hook", "(param i32 i32 i32 i32 i32)"),
    ("<std::panicking::panic_handler::StaticStrPayload as core::panic::PanicPayload>::get", "(param i32 i32)"),
    ("<std::panicking::panic_handler::FormatStringPayload as core::panic::PanicPayload>::get", "(param i32 i32)"),
    ("<alloc::string::String as core::fmt::Write>::write_str", "(param i32 i32 i32) (result i32)"),
    ("std::env::temp_dir", "(param i32)"),
    ("std::process::id", "(result i32)"),
    ("__rustc::__rust_alloc", "(param i32 i32) (result i32)"),
    ("free", "(result i32)"),
    ("malloc", "(param i32) (result i32)"),
];

/// Other fields.
const FIELDS: &[&str] = &[
    "(global (mut i32) (i32.const 1))",
    "(table 2 funcref)",
    "(table 3 funcref) (elem (i32.const 0) func $m $m)",
    "(table 1 funcref) (table 1 funcref)",
    r#"(export "f" (func $m))"#,
    r#"(func (export "_start") nop nop nop nop nop)"#,
    r#"(@custom "x" (before code) "y")"#,
    "(func $s) (start $s)",
    r#"(global (export "airtight:global/0") (mut i32) (i32.const 1))"#,
    r#"(@custom ".debug_str" "__rg_alloc")"#,
];

/// A function: which, the number of its locals, and of operators that do nothing.
type Function = ((&'static str, &'static str), usize, usize);

/// An allocator that can be hooked, and what else there is.
fn generated() -> impl Strategy<Value = Vec<u8>> {
    let function = (prop::sample::select(FUNCTIONS), 0..20usize, prop_oneof![8 => 8..40usize, 1 => 0..8usize]);
    let functions = prop::collection::vec(function, 0..12);
    let fields = prop::sample::subsequence(FIELDS, 0..4);
    let fillers = prop_oneof![Just(0usize), 100..130usize];
    (functions, fields, fillers, 6..40usize).prop_map(|(functions, fields, fillers, nops)| {
        let text = text(&functions, &fields, fillers, nops);
        // Two fields can be at odds; then the module is one without them.
        wat::parse_str(&text).or_else(|_| wat::parse_str(self::text(&functions, &[], fillers, nops))).unwrap()
    })
}

fn text(functions: &[Function], fields: &[&str], fillers: usize, nops: usize) -> String {
    let mut text = "(module (memory 1)".to_owned();
    for ((name, ty), locals, nops) in functions {
        let (locals, nops) = ("i64 ".repeat(*locals), "nop ".repeat(*nops));
        let _ = write!(text, "(func (@name \"{name}\") {ty} (local {locals}) {nops} unreachable)");
    }
    let (fillers, nops, fields) = ("(func)".repeat(fillers), "nop ".repeat(nops), fields.join(" "));
    let _ =
        write!(text, "{fillers} (func $m (@name \"malloc\") (param i32) (result i32) {nops} i32.const 64) {fields})");
    text
}

/// The functions in which Rust's harness calls a test.
static TEST_CALLERS: WindowFunctions =
    WindowFunctions { paths: &["test::__rust_begin_short_backtrace"], purpose: "in which a test is called" };

fn instrument<'a>(bytes: &'a [u8], options: &Options) -> Result<InstrumentedModule<'a>, InstrumentError> {
    airtight::internals::instrument(&Module::read(bytes)?, options)
}

/// Rewrites a module; whether hooks were put in.
fn rewrite(bytes: &[u8], options: &Options) -> Result<bool, TestCaseError> {
    let valid = validate(bytes).is_ok();
    let Ok(done) = instrument(bytes, options) else { return Ok(false) };
    if !valid {
        return Ok(false);
    }
    prop_assert!(validate(&done.bytes).is_ok(), "a valid module became invalid");
    let again = instrument(&done.bytes, options).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert!(again.bytes == done.bytes, "a second run changed the module");
    prop_assert_eq!(&again.map.heap, &done.map.heap);
    prop_assert_eq!((&again.map.panics, &again.map.hooks), (&done.map.panics, &done.map.hooks));
    Ok(done.map.heap.is_ok())
}

fn window() -> impl Strategy<Value = Options> {
    let windows = prop::sample::select(vec![Window::Functions(&TEST_CALLERS), Window::Main, Window::None]);
    (prop::option::weighted(0.9, windows), any::<bool>(), any::<bool>()).prop_map(|(heap, panics, fills)| Options {
        heap,
        panics,
        fills,
        ..Options::default()
    })
}

#[test]
fn a_generated_module_stays_valid() {
    let cases = (generated(), window(), any::<Index>(), any::<u8>());
    let hooked = AtomicU32::new(0);
    let done = fuzz::asked_for(SMOKE).run(&cases, |(mut module, window, at, value)| {
        if rewrite(&module, &window)? {
            hooked.fetch_add(1, Ordering::Relaxed);
        }
        let at = at.index(module.len());
        module[at] = value;
        rewrite(&module, &window).map(drop)
    });
    if let Err(error) = done {
        panic!("{error}");
    }
    let hooked = hooked.into_inner();
    assert!(hooked > SMOKE / 20, "too few of the generated modules could be hooked: {hooked}");
}

/// Of a rewritten module, which exports the host's table: whatever is done to its bytes, it is either refused or what
/// the pass makes of a valid module.
#[test]
fn a_damaged_result_is_refused_or_proved() {
    let options = Options { heap: Some(Window::None), panics: true, fills: true, ..Options::default() };
    let damage = prop::collection::vec((any::<Index>(), any::<u8>()), 1..4);
    let done = fuzz::asked_for(SMOKE).run(&(generated(), damage), |(original, damage)| {
        let Ok(done) = instrument(&original, &options) else { return Ok(()) };
        let mut module = done.bytes.into_owned();
        let len = module.len();
        damage.iter().for_each(|(at, value)| module[at.index(len)] = *value);
        rewrite(&module, &options).map(drop)
    });
    if let Err(error) = done {
        panic!("{error}");
    }
}
