use super::*;
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

fn read(module: &[u8]) -> Catalogue {
    Catalogue::read(module, None).unwrap()
}

fn refusal(module: &[u8], forced: Option<Harness>) -> String {
    Catalogue::read(module, forced).unwrap_err().to_string()
}

#[test]
fn a_program_is_one_test() {
    let catalogue = read(&wasm(START));
    assert_eq!(catalogue.harness, Harness::Command);
    assert!(catalogue.has_start && !catalogue.libtest && catalogue.sdk_tests.is_empty());
    assert!(catalogue.code.starts_with("sha256:"));
}

#[test]
fn one_module_may_hold_both_harnesses() {
    let test = r#"(export "airtight:test/b" (func $i))"#;
    let module = sdk(&format!("{START} {LIBTEST} {SHARED} {test}"));
    let catalogue = read(&module);
    assert_eq!((catalogue.harness, catalogue.libtest), (Harness::Sdk, true));
    assert_eq!(catalogue.sdk_tests[0].name, "demo::a::b");

    let forced = |harness| Catalogue::read(&module, Some(harness)).unwrap();
    let libtest = forced(Harness::Libtest);
    assert!(libtest.libtest && libtest.sdk_tests.is_empty());
    assert!(!forced(Harness::Sdk).libtest);
    assert!(forced(Harness::Command).sdk_tests.is_empty());
}

#[test]
fn libtest_alone() {
    let catalogue = read(&wasm(&format!("{START} {LIBTEST}")));
    assert_eq!((catalogue.harness, catalogue.libtest), (Harness::Libtest, true));
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

#[test]
fn every_unknown_import_is_named_with_its_reason() {
    let message = refusal(
        &wasm(
            r#"(import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32)))
               (import "wasi_snapshot_preview1" "fd_read" (func (param i32)))
               (import "wasi_snapshot_preview1" "sock_open" (func))
               (import "env" "memory" (memory 1))
               (import "airtight" "sock_connect" (func (param i32 i32) (result i32)))
               (import "airtight" "sock_listen" (func (param i32)))
               (import "airtight" "sock_open" (func))
               (import "airtight" "mem_stats" (func (param i32 i32) (result i32)))
               (import "airtight" "mem_mark" (func (param i32) (result i32)))
               (import "other" "f" (func))"#,
        ),
        None,
    );
    for part in [
        "wasi_snapshot_preview1::fd_read (has type (func (param i32)), not (func (param i32 i32 i32 i32) (result i32)))",
        "wasi_snapshot_preview1::sock_open (is no function of WASI preview 1)",
        "env::memory (is a memory)",
        "airtight::sock_listen (has type (func (param i32)), not (func (param i32 i32) (result i32)))",
        "airtight::sock_open (is no function of this version of airtight)",
        "airtight::mem_mark (has type (func (param i32) (result i32)), not (func (param i32 i32) (result i32)))",
        "other::f",
    ] {
        assert!(message.contains(part), "{message}");
    }
    for provided in ["fd_close", "sock_connect", "mem_stats"] {
        assert!(!message.contains(provided), "{message}");
    }
}

#[test]
fn many_unknown_imports_are_counted() {
    let imports: String = (0..25).map(|n| format!(r#"(import "env" "f{n}" (func))"#)).collect();
    let message = refusal(&wasm(&imports), None);
    assert!(message.contains("env::f19 and 5 more;"), "{message}");
}

#[test]
fn old_wasi_and_components_have_their_own_words() {
    assert!(refusal(&wasm(r#"(import "wasi_unstable" "fd_close" (func))"#), None).contains("2019"));
    assert!(refusal(b"\0asm\x0d\0\x01\0", None).contains("component"));
    assert!(refusal(&wasm(r#"(@custom "linking" "")"#), None).contains("linked"));
}

#[test]
fn reading_leaves_the_code_to_validation() {
    let mut module = wasm(r#"(func (export "_start") (drop (i32.const 1)))"#);
    let drop = module.iter().rposition(|&byte| byte == 0x1a).unwrap();
    // `i32.eqz` leaves the constant on the stack.
    module[drop] = 0x45;
    assert!(Catalogue::read(&module, None).is_ok());
    let message = validate(&module).unwrap_err().to_string();
    assert!(message.contains("not a valid module") && message.contains("at byte 0x"), "{message}");
}

#[test]
fn features_are_those_of_the_engine() {
    for ok in [
        "(func $f return_call $f)",
        "(func (param v128) (result v128) local.get 0)",
        "(table 1 funcref) (func (drop (table.size)))",
    ] {
        validate(&wasm(ok)).unwrap();
    }
    for refused in [
        "(memory 1) (memory 1)",
        "(memory 1 1 shared)",
        "(tag)",
        "(type (struct))",
        "(memory i64 1)",
        "(table 1 externref)",
    ] {
        assert!(validate(&wasm(refused)).is_err(), "{refused}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), header in any::<bool>()) {
        let bytes = if header { [b"\0asm\x01\0\0\0", &bytes[..]].concat() } else { bytes };
        let _ = Catalogue::read(&bytes, None);
    }

    #[test]
    fn a_damaged_module_is_read_or_refused(at in 8usize..400, value in any::<u8>(), cut in 8usize..400) {
        let test = r#"(export "airtight:test/b" (func $i))"#;
        let mut module = sdk(&format!("{START} {LIBTEST} {SHARED} {test}"));
        let at = at % module.len();
        module[at] = value;
        module.truncate(cut.max(1));
        let _ = Catalogue::read(&module, None);
    }
}

#[test]
fn tables_are_bounded_by_number_and_by_what_they_begin_with() {
    let tables = |count: usize| wasm(&format!("{START} {}", "(table 1 funcref)".repeat(count)));
    read(&tables(4));
    let message = refusal(&tables(5), None);
    assert!(message.contains("5 tables, over the cap of 4"), "{message}");
    let table = |limits: &str| wasm(&format!("{START} (table 1 funcref) (table {limits} funcref)"));
    read(&table("1048576 0xffffffff"));
    let message = refusal(&table("1048577"), None);
    assert!(message.contains("its table 1 begins with 1048577 elements, over the cap of 1048576"), "{message}");
}
