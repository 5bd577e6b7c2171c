use super::*;
use crate::catalogue::sections::sections;
use crate::catalogue::{sections::HEADER_LEN, validate};
use crate::instrument::{InstrumentedModule, Options, RewriteMap};
use proptest::prelude::*;
use std::borrow::Cow;

fn instrument(bytes: &[u8]) -> Result<InstrumentedModule<'_>, InstrumentError> {
    crate::instrument::instrument(&Module::read(bytes)?, &Options::default())
}

fn wasm(fields: &str) -> Vec<u8> {
    wat::parse_str(format!("(module {fields})")).unwrap()
}

/// Rewrites a module, and checks everything that must hold for any module.
fn rewrite(original: &[u8]) -> (Vec<u8>, RewriteMap) {
    let InstrumentedModule { bytes, map } = instrument(original).unwrap();
    validate(&bytes).unwrap();
    assert_eq!(others(original), others(&bytes));
    assert!(exports(&bytes).starts_with(&exports(original)));
    let code = |bytes: &[u8]| sections(bytes).unwrap().into_iter().find(|s| s.id == id::CODE).map(|s| s.contents.start);
    assert_eq!((map.code_start_original, map.code_start_rewritten), (code(original), code(&bytes)));

    let again = instrument(&bytes).unwrap();
    assert!(matches!(again.bytes, Cow::Borrowed(_)));
    assert_eq!(again.map.globals, map.globals);
    (bytes.into_owned(), map)
}

/// The bytes of every section except the exports.
fn others(module: &[u8]) -> Vec<&[u8]> {
    let sections = sections(module).unwrap().into_iter().filter(|section| section.id != id::EXPORT);
    sections.map(|section| &module[section.whole]).collect()
}

fn exports(module: &[u8]) -> Vec<(String, ExternalKind, u32)> {
    let exports = Module::read(module).unwrap().exports;
    exports.into_iter().map(|export| (export.name.to_owned(), export.kind, export.index)).collect()
}

#[test]
fn mutable_integers_are_exported_behind_the_others() {
    let original = wasm(
        r#"(global $__stack_pointer (mut i32) (i32.const 8)) (global i32 (i32.const 1)) (global (mut f64) (f64.const 0))
           (global (mut i64) (i64.const 2)) (func (export "f") global.get 0 drop)"#,
    );
    let (bytes, map) = rewrite(&original);
    let names: Vec<_> = exports(&bytes).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["f", "airtight:global/0", "airtight:global/3"]);
    assert_eq!(map.globals.iter().map(|g| g.ty).collect::<Vec<_>>(), [GlobalType::I32, GlobalType::I64]);
    assert_eq!(map.stack_pointer().unwrap().index, 0);
    let start = map.code_start_rewritten.unwrap();
    assert_eq!(map.code_offset(start + 5), Some(5));
    assert_eq!(map.code_offset(start - 1), None);
}

#[test]
fn an_export_section_is_added_in_its_place() {
    let (bytes, _) = rewrite(&wasm("(func $f) (global (mut i32) (i32.const 8)) (start $f) (memory 1) (data \"x\")"));
    assert_eq!(exports(&bytes).len(), 1);
    let (bytes, _) = rewrite(&wasm(r#"(import "a" "b" (global (mut i32)))"#));
    assert_eq!(exports(&bytes)[0].2, 0);
}

#[test]
fn a_module_without_such_globals_is_left_alone() {
    for fields in ["", "(func)", "(global i32 (i32.const 1))"] {
        let original = wasm(fields);
        assert!(matches!(instrument(&original).unwrap().bytes, Cow::Borrowed(_)));
    }
}

#[test]
fn a_name_of_ours_with_another_meaning_is_refused() {
    for fields in [
        r#"(func (export "airtight:global/0")) (global (mut i32) (i32.const 8))"#,
        r#"(global (mut i32) (i32.const 8)) (global (export "airtight:global/0") (mut i32) (i32.const 8))"#,
        r#"(global (export "airtight:global/x") (mut i32) (i32.const 8))"#,
    ] {
        assert!(matches!(instrument(&wasm(fields)), Err(InstrumentError::NameTaken { .. })), "{fields}");
    }
}

#[test]
fn an_invalid_module_is_no_fault_of_the_pass() {
    let mut original = wasm("(global (mut i32) (i32.const 8)) (func (drop (i32.const 1)))");
    let drop = original.iter().rposition(|&byte| byte == 0x1a).unwrap();
    original[drop] = 0x45;
    instrument(&original).unwrap();
    assert!(matches!(instrument(&original[..original.len() - 1]), Err(InstrumentError::Malformed { .. })));
    assert!(instrument(&original[..HEADER_LEN - 1]).is_err());
}

const GLOBALS: [&str; 6] = [
    "(global (mut i32) (i32.const -8))",
    "(global (mut i64) (i64.const 8))",
    "(global i32 (i32.const 8))",
    "(global (mut f32) (f32.const 8))",
    "(global (mut v128) (v128.const i64x2 1 2))",
    "(global (mut funcref) (ref.null func))",
];

const OTHERS: [&str; 8] = [
    r#"(func $a (export "a") (result i32) i32.const 1)"#,
    r#"(memory (export "memory") 1) (data (i32.const 0) "text")"#,
    "(table 3 funcref) (elem (i32.const 0) func $b) (func $b)",
    "(func $s) (start $s)",
    r#"(@custom "x" (before export) "y")"#,
    r#"(@custom "x" (after code) "z")"#,
    r#"(@custom "x" "end")"#,
    r#"(data $d "passive") (func (data.drop $d))"#,
];

/// The fields of a module: many globals, so that sizes need more than one byte, and any of the others.
fn fields() -> impl Strategy<Value = String> {
    let globals = proptest::collection::vec(proptest::sample::select(&GLOBALS[..]), 0..150);
    let others = proptest::sample::subsequence(&OTHERS[..], 0..=OTHERS.len());
    (globals, others).prop_map(|(globals, others)| format!("{} {}", globals.join(" "), others.join(" ")))
}

proptest! {
    #[test]
    fn any_module_stays_valid_and_moves_nothing(fields in fields()) {
        rewrite(&wasm(&fields));
    }

    #[test]
    fn damaged_modules_do_no_harm(at in 8usize..200, value in any::<u8>()) {
        let mut module = wasm(r#"(global $__stack_pointer (mut i32) (i32.const 8)) (func (export "f"))"#);
        let at = at % module.len();
        module[at] = value;
        let _ = instrument(&module);
    }
}
