//! Which harnesses hold the tests of a module.

use super::catalogue;
use crate::catalogue::{Catalogue, CatalogueError, Module};
use crate::model::Harness;
use airtight_abi::{record, record_len};
use proptest::prelude::*;

const META: &str = "name\0demo::a::b\0export\0airtight:test/b\0file\0src/lib.rs\0line\x007\0";
const SHARED: &str = r#"(func $i (result i32) i32.const 0)
    (export "airtight:state" (func $i)) (export "airtight:cleanup" (func $i)) (export "airtight:flush" (func $i))"#;
const LIBTEST: &str = r#"(func $_ZN4test16test_main_static17h0123456789abcdefE)"#;
const START: &str = r#"(func (export "_start"))"#;

fn wasm(fields: &str) -> Vec<u8> {
    wat::parse_str(format!("(module {fields})")).unwrap()
}

/// A module with the record of one SDK test and these fields.
fn sdk(fields: &str) -> Vec<u8> {
    const RECORD: [u8; record_len(META)] = record(META);
    let mut module = wasm(fields);
    let section = wasm_encoder::CustomSection { name: "airtight.tests".into(), data: (&RECORD[..]).into() };
    wasm_encoder::Section::append_to(&section, &mut module);
    module
}

/// The catalogue of a module, as the loader makes it.
fn open(module: &[u8], forced: Option<Harness>) -> Result<Catalogue, CatalogueError> {
    catalogue(&Module::open(module)?, forced)
}

fn read(module: &[u8]) -> Catalogue {
    open(module, None).unwrap()
}

fn refusal(module: &[u8], forced: Option<Harness>) -> String {
    open(module, forced).unwrap_err().to_string()
}

#[test]
fn a_program_is_one_test() {
    let catalogue = read(&wasm(START));
    assert_eq!(catalogue.harness, Harness::Command);
    assert!(catalogue.others.is_empty() && catalogue.declared.is_empty());
    assert!(catalogue.code.starts_with("sha256:"));
}

#[test]
fn a_test_binary_of_go_is_known_by_its_own_tables() {
    let holding = |texts: &str| read(&wasm(&format!(r#"(memory 1) (data (i32.const 8) "{texts}") {START}"#))).harness;
    assert_eq!(holding(r"\00testing.(*M).Run\00\00testing.runTests\00"), Harness::Go);
    assert_eq!(holding(r"\00testing.(*M).Run\00"), Harness::Command, "a program may name it");
    assert_eq!(holding("testing.(*M).Run, testing.runTests"), Harness::Command);
}

#[test]
fn one_module_may_hold_both_harnesses() {
    let test = r#"(export "airtight:test/b" (func $i))"#;
    let module = sdk(&format!("{START} {LIBTEST} {SHARED} {test}"));
    let catalogue = read(&module);
    assert!(catalogue.harnesses().eq([Harness::Sdk, Harness::Libtest]));
    assert_eq!(catalogue.declared[0].name, "demo::a::b");

    let forced = |harness| open(&module, Some(harness)).unwrap();
    let libtest = forced(Harness::Libtest);
    assert!(libtest.harnesses().eq([Harness::Libtest]) && libtest.declared.is_empty());
    assert!(forced(Harness::Sdk).harnesses().eq([Harness::Sdk]));
    assert!(forced(Harness::Command).declared.is_empty());
}

#[test]
fn libtest_alone() {
    let catalogue = read(&wasm(&format!("{START} {LIBTEST}")));
    assert!(catalogue.harnesses().eq([Harness::Libtest]));
}

#[test]
fn a_library_has_nothing_to_run() {
    let message = refusal(&wasm(r#"(func (export "add"))"#), None);
    assert!(message.contains("nothing to run") && message.contains("`_start` is not exported"), "{message}");
    let message = refusal(&wasm(r#"(func (export "_start") (param i32))"#), None);
    assert!(message.contains("has type (func (param i32)), not (func)"), "{message}");
    let message = refusal(&wasm(r#"(memory (export "_start") 1)"#), Some(Harness::Libtest));
    assert!(message.contains("harness `libtest`") && message.contains("is no function"), "{message}");
    assert!(refusal(&wasm(START), Some(Harness::Sdk)).contains("no tests of the airtight SDK"));
}

#[test]
fn sdk_tests_must_fit_the_exports() {
    let message = refusal(&sdk(SHARED), None);
    assert!(message.contains("`airtight:test/b`, of the test `demo::a::b`, is not exported"), "{message}");
    let message = refusal(&sdk(&format!(r#"{SHARED} (func (export "airtight:test/b"))"#)), None);
    assert!(message.contains("has type (func), not (func (result i32))"), "{message}");
    let message = refusal(&sdk(r#"(func (export "airtight:test/b") (result i32) i32.const 0)"#), None);
    assert!(message.contains("`airtight:state` is not exported"), "{message}");
    let message = refusal(&wasm(&format!(r#"(@custom "airtight.tests" "ATR") {START}"#)), None);
    assert!(message.contains("`airtight.tests`") && message.contains("byte 0"), "{message}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), header in any::<bool>()) {
        let bytes = if header { [b"\0asm\x01\0\0\0", &bytes[..]].concat() } else { bytes };
        let _ = open(&bytes, None);
    }

    #[test]
    fn a_damaged_module_is_read_or_refused(at in 8usize..400, value in any::<u8>(), cut in 8usize..400) {
        let test = r#"(export "airtight:test/b" (func $i))"#;
        let mut module = sdk(&format!("{START} {LIBTEST} {SHARED} {test}"));
        let at = at % module.len();
        module[at] = value;
        module.truncate(cut.max(1));
        let _ = open(&module, None);
    }
}
