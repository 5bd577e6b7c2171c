//! Functions that panic on this platform are filled, if that is sound.

use super::rewrite::{MALLOC, instrument, wasm};
use crate::catalogue::validate;
use crate::instrument::{HookKind, Options};

const FILLS: Options = Options { heap: None, panics: false, fills: true, earlier: Vec::new() };

pub(super) const TEMP_DIR: &str = r#"(func $temp_dir (@name "_RNvNtCset5xJoy1xWQ_3std3env8temp_dir") (param i32)
    nop nop nop nop nop nop nop nop nop nop unreachable)"#;
const PROCESS_ID: &str = r#"(func $id (@name "_ZN3std7process2id17h0123456789abcdefE") (result i32)
    nop nop nop nop nop nop unreachable)"#;
const WRITE: &str = r#"(func (@name "_RNvXsZ_NtCsi9YzqDQQz2q_5alloc6stringNtB5_6StringNtNtCsdHhIpgkcIfN_4core3fmt5Write9write_str")
    (param i32 i32 i32) (result i32) i32.const 0)"#;
const RUST_ALLOC: &str =
    r#"(func (@name "_RNvCsfLfy6EI15iL_7___rustc12___rust_alloc") (param i32 i32) (result i32) i32.const 64)"#;
const OWN_ALLOCATOR: &str =
    r#"(func (@name "_RNvCsfLfy6EI15iL_7___rustc10___rg_alloc") (param i32 i32) (result i32) i32.const 64)"#;
const TEST_MAIN: &str = r#"(func $main (@name "_RNvCs2TpYSQqjWyK_4test16test_main_static") (param i32 i32)
    nop nop nop nop nop nop nop nop nop nop nop nop)"#;
const CALLER: &str = "(func (call $temp_dir (i32.const 8)) (drop (call $id)))";

fn filled(fields: &str) -> Vec<HookKind> {
    let module = wasm(fields);
    let done = instrument(&module, &FILLS).unwrap();
    validate(&done.bytes).unwrap();
    let again = instrument(&done.bytes, &FILLS).unwrap();
    assert_eq!((&again.bytes, &again.map.hooks), (&done.bytes, &done.map.hooks));
    done.map.hooks.hooks.iter().map(|hook| hook.kind).collect()
}

#[test]
fn what_has_an_answer_is_filled() {
    let all = [HookKind::TempDir, HookKind::ProcessId];
    assert_eq!(filled(&format!("{MALLOC} {TEMP_DIR} {PROCESS_ID} {WRITE} {CALLER}")), all);
    assert_eq!(filled(&format!("(memory 1) {RUST_ALLOC} {TEMP_DIR} {PROCESS_ID} {WRITE}")), all);
    assert_eq!(filled(&format!("(memory 1) (global i32 (i32.const 0)) {TEST_MAIN}")), [HookKind::TestMain]);
    let abort = TEST_MAIN.replace("16test_main_static", "22test_main_static_abort");
    let globals = "(global (mut i32) (i32.const 0))";
    assert_eq!(
        filled(&format!("{MALLOC} {globals} {abort} {TEMP_DIR} {WRITE}")),
        [HookKind::TestMain, HookKind::TempDir]
    );
    let own = format!("{MALLOC} {OWN_ALLOCATOR} {TEMP_DIR} {WRITE}");
    assert_eq!(filled(&format!("{own} {RUST_ALLOC}")), [HookKind::TempDir]);
    assert_eq!(filled(&own), [], "what it frees by is not told");
}

#[test]
fn what_cannot_be_filled_is_left_alone() {
    for (what, fields) in [
        ("no allocator", format!("(memory 1) {TEMP_DIR} {WRITE}")),
        ("nothing to see a string by", format!("{MALLOC} {TEMP_DIR}")),
        ("another type", format!("{MALLOC} {WRITE} {}", TEMP_DIR.replace("(param i32)", ""))),
        ("a body that is too short", format!("{MALLOC} {WRITE} {}", TEMP_DIR.replace("nop nop nop nop nop", ""))),
        ("two of them", format!("{MALLOC} {WRITE} {TEMP_DIR} {}", TEMP_DIR.replace("$temp_dir", "$other"))),
        ("two harnesses", format!("{MALLOC} {TEST_MAIN} {}", TEST_MAIN.replace("$main", "$other"))),
        ("a harness of another type", format!("{MALLOC} {}", TEST_MAIN.replace("i32 i32", "i32 i64"))),
        ("somebody else's", format!("{MALLOC} {WRITE} {}", TEMP_DIR.replace("3std3env", "3stx3env"))),
        ("a start function", format!("{MALLOC} {WRITE} {TEMP_DIR} (func $s) (start $s)")),
        (
            "a caller that knows it not to return",
            format!("{MALLOC} {WRITE} {TEMP_DIR} (func (call $temp_dir (i32.const 8)) unreachable)"),
        ),
        (
            "a caller that knows it not to return, of a value",
            format!("{MALLOC} {PROCESS_ID} (func (drop (call $id)) unreachable)"),
        ),
    ] {
        assert_eq!(filled(&fields), [], "{what}");
    }
    let callers = format!("{MALLOC} {TEMP_DIR} {PROCESS_ID} {WRITE} (func (call $temp_dir (i32.const 8)) unreachable)");
    assert_eq!(filled(&callers), [HookKind::ProcessId], "each is looked at by itself");
}

/// The index of a call may be written in five bytes, as linkers do.
#[test]
fn a_caller_is_found_however_its_call_is_written() {
    let fields =
        format!("{MALLOC} {WRITE} {TEMP_DIR} (func (call $temp_dir (i32.const 8)) nop nop nop nop unreachable)");
    let mut module = wasm(&fields);
    assert_eq!(instrument(&module, &FILLS).unwrap().map.hooks.hooks.len(), 1);
    // Function 2, and four times `nop`.
    let call = [0x10, 2, 1, 1, 1, 1, 0, 0x0b];
    let at = module.windows(call.len()).position(|bytes| bytes == call).unwrap();
    module[at..at + call.len()].copy_from_slice(&[0x10, 0x82, 0x80, 0x80, 0x80, 0, 0, 0x0b]);
    assert_eq!(instrument(&module, &FILLS).unwrap().map.hooks.hooks.len(), 0);
}
