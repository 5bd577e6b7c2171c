use super::*;

const START: &str = r#"(func (export "_start"))"#;

fn wasm(fields: &str) -> Vec<u8> {
    wat::parse_str(format!("(module {fields})")).unwrap()
}

fn refusal(module: &[u8]) -> String {
    Module::open(module).unwrap_err().to_string()
}

#[test]
fn every_unknown_import_is_named_with_its_reason() {
    let message = refusal(&wasm(
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
    ));
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
    let message = refusal(&wasm(&imports));
    assert!(message.contains("env::f19 and 5 more;"), "{message}");
}

#[test]
fn old_wasi_and_components_have_their_own_words() {
    assert!(refusal(&wasm(r#"(import "wasi_unstable" "fd_close" (func))"#)).contains("2019"));
    assert!(refusal(b"\0asm\x0d\0\x01\0").contains("component"));
    assert!(refusal(&wasm(r#"(@custom "linking" "")"#)).contains("linked"));
}

#[test]
fn reading_leaves_the_code_to_validation() {
    let mut module = wasm(r#"(func (export "_start") (drop (i32.const 1)))"#);
    let drop = module.iter().rposition(|&byte| byte == 0x1a).unwrap();
    // `i32.eqz` leaves the constant on the stack.
    module[drop] = 0x45;
    assert!(Module::open(&module).is_ok());
    let message = validate(&module).unwrap_err().to_string();
    assert!(message.contains("not a valid module") && message.contains("at byte 0x"), "{message}");
}

#[test]
fn features_are_those_of_the_engine() {
    for ok in [
        "(func $f return_call $f)",
        "(func (param v128) (result v128) local.get 0)",
        "(table 1 funcref) (func (drop (table.size)))",
        "(tag $e (param i32)) (func (block $h (result i32) (try_table (catch $e $h) (throw $e (i32.const 1))) (i32.const 0)) drop)",
        "(table 1 externref)",
    ] {
        validate(&wasm(ok)).unwrap();
    }
    for refused in [
        "(memory 1) (memory 1)",
        "(memory 1 1 shared)",
        "(tag (result i32))",
        "(type (struct))",
        "(memory i64 1)",
        "(func (result (ref func)) unreachable)",
    ] {
        assert!(validate(&wasm(refused)).is_err(), "{refused}");
    }
}

#[test]
fn tables_are_bounded_by_number_and_by_what_they_begin_with() {
    let tables = |count: usize| wasm(&format!("{START} {}", "(table 1 funcref)".repeat(count)));
    Module::open(&tables(4)).unwrap();
    let message = refusal(&tables(5));
    assert!(message.contains("5 tables, over the cap of 4"), "{message}");
    let table = |limits: &str| wasm(&format!("{START} (table 1 funcref) (table {limits} funcref)"));
    Module::open(&table("1048576 0xffffffff")).unwrap();
    let message = refusal(&table("1048577"));
    assert!(message.contains("its table 1 begins with 1048577 elements, over the cap of 1048576"), "{message}");
}
