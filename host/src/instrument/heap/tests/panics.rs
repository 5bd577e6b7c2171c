//! The functions for panics are hooked, whether the heap is followed or not.

use super::fills::TEMP_DIR;
use super::rewrite::{MALLOC, NO_WINDOW, instrument, rewrite, wasm};
use crate::instrument::{HookKind, Hooks, NoHooks, Options, PanicHooks};

const PANICS: Options = Options { heap: None, panics: true, fills: false, earlier: Vec::new() };

fn both() -> Options {
    Options { panics: true, ..NO_WINDOW }
}

const RAISE: &str = r#"(func (@name "_RNvCsfLfy6EI15iL_7___rustc10rust_panic") (param i32 i32)
    (drop (local.get 1)) (drop (local.get 0)) unreachable)"#;
const DEAF: &str = r#"(func (@name "_RNvCsfLfy6EI15iL_7___rustc10rust_panic") (param i32 i32)
    (drop (local.get 1)) (drop (local.get 1)) unreachable)"#;
const BARE: &str = r#"(func (@name "_RNvCsfLfy6EI15iL_7___rustc10rust_panic") nop nop nop unreachable)"#;
const ANNOUNCE: &str = r#"(func (@name "_RNvNtCset5xJoy1xWQ_3std9panicking15panic_with_hook") (param i32 i32 i32 i32 i32)
    nop nop nop nop nop nop nop nop nop nop nop unreachable)"#;

/// The functions that are needed to read a message, in either mangling.
const READERS: &str = r#"(table 3 funcref)
    (func (@name "_RNvXs1_NvNtCset5xJoy1xWQ_3std9panicking13panic_handlerNtB5_16StaticStrPayloadNtNtCsdHhIpgkcIfN_4core5panic12PanicPayload3get") (param i32 i32))
    (func (@name "_ZN96_$LT$std..panicking..panic_handler..FormatStringPayload$u20$as$u20$core..panic..PanicPayload$GT$3get17h0123456789abcdefE") (param i32 i32))
    (func (@name "_ZN91_$LT$std..panicking..begin_panic..Payload$LT$A$GT$$u20$as$u20$core..panic..PanicPayload$GT$3get17h3f94ce7dd1e8ace6E") (param i32 i32))
    (func (@name "_ZN58_$LT$alloc..string..String$u20$as$u20$core..fmt..Write$GT$9write_str17h0123456789abcdefE") (param i32 i32))
    (func (@name "_RNvXsZ_NtCsi9YzqDQQz2q_5alloc6stringNtB5_6StringNtNtCsdHhIpgkcIfN_4core3fmt5Write9write_str") (param i32 i32 i32) (result i32) i32.const 0)"#;

fn panics(fields: &str, options: &Options) -> (Vec<HookKind>, PanicHooks) {
    let (_, map) = rewrite(&wasm(fields), options);
    (kinds(&map.hooks), map.panics.unwrap())
}

fn kinds(hooks: &Hooks) -> Vec<HookKind> {
    hooks.hooks.iter().map(|hook| hook.kind).collect()
}

#[test]
fn whoever_is_told_of_the_payload_is_hooked() {
    let memory = "(memory 1)";
    let (kinds, told) = panics(&format!("{memory} {ANNOUNCE} {RAISE} {READERS}"), &PANICS);
    assert_eq!((kinds, &told.text, told.borrows.len()), (vec![HookKind::Raise], &Ok(()), 3));
    for raise in [DEAF, BARE] {
        let (kinds, found) = panics(&format!("{memory} {ANNOUNCE} {raise} {READERS}"), &PANICS);
        assert_eq!((kinds, found.text), (vec![HookKind::Announce, HookKind::RaiseUntold], Ok(())));
    }
}

#[test]
fn a_message_that_cannot_be_read_is_said_to_be_so() {
    let memory = "(memory 1)";
    for (fields, missing) in [
        (RAISE.to_owned(), "StaticStrPayload"),
        (format!("{BARE} {READERS}"), "panic_with_hook"),
        (format!("{RAISE} {}", READERS.replace("StaticStr", "StaticStR")), "StaticStrPayload"),
        (format!("{RAISE} {}", READERS.replace("FormatString", "FormatStrinG")), "FormatStringPayload"),
        (format!("{RAISE} {}", READERS.replace("9write_str", "9write_sts")), "write_str"),
        (format!("{RAISE} {}", READERS.replace("(table 3 funcref)", "")), "StaticStrPayload"),
        (format!("{BARE} {} {READERS}", ANNOUNCE.replace("(param i32", "(param i64")), "panic_with_hook"),
    ] {
        let (kinds, found) = panics(&format!("{memory} {fields}"), &PANICS);
        let why = found.text.unwrap_err().to_string();
        assert!(why.contains(missing), "{fields}: {why}");
        assert!(kinds.iter().any(|kind| matches!(kind, HookKind::Raise | HookKind::RaiseUntold)));
    }
}

#[test]
fn each_reason_is_given() {
    let rust_panic = || "__rustc::rust_panic".to_owned();
    for (fields, expected) in [
        ("(memory 1) (func)".to_owned(), NoHooks::NoNames),
        (
            "(memory 1) (func $rust_panic)".to_owned(),
            NoHooks::NoWindow { function: "__rustc::rust_panic", purpose: "by which Rust raises a panic" },
        ),
        (format!("(memory 1) {RAISE} {BARE}"), NoHooks::Ambiguous { name: rust_panic() }),
        (format!("(memory 1) {}", BARE.replace("nop nop nop ", "")), NoHooks::TooShort { name: rust_panic() }),
        (RAISE.to_owned(), NoHooks::NoMemory),
        (format!("(memory 1) {RAISE} (func $start) (start $start)"), NoHooks::StartFunction),
        (
            format!("(memory 1) {}", RAISE.replace("(param i32 i32)", "(param i32 i32) (result i32)")),
            NoHooks::Signature {
                name: rust_panic(),
                found: "(func (param i32 i32) (result i32))".into(),
                expected: "(func (param i32 i32))".into(),
            },
        ),
    ] {
        let module = wasm(&fields);
        assert_eq!(instrument(&module, &PANICS).unwrap().map.panics, Err(expected), "{fields}");
    }
    let module = wasm(&format!("(memory 1) {RAISE}"));
    assert_eq!(instrument(&module, &NO_WINDOW).unwrap().map.panics, Err(NoHooks::Off));
}

#[test]
fn heap_and_panics_do_not_depend_on_each_other() {
    let hooked = |fields: &str| rewrite(&wasm(fields), &both()).1;
    let map = hooked(&format!("{MALLOC} {RAISE} {READERS}"));
    assert_eq!(kinds(&map.hooks), [HookKind::Malloc, HookKind::Raise]);
    assert!(map.heap == Ok(map.hooks) && map.panics.is_ok());

    let map = hooked(&format!("(memory 1) {RAISE} {READERS}"));
    assert_eq!((kinds(&map.hooks), map.heap), (vec![HookKind::Raise], Err(NoHooks::NoMalloc)));

    let short = BARE.replace("nop nop nop ", "");
    let map = hooked(&format!("{MALLOC} {short}"));
    assert_eq!(kinds(&map.hooks), [HookKind::Malloc]);
    assert!(matches!(map.panics, Err(NoHooks::TooShort { .. })));

    let short = MALLOC.replace("nop nop nop nop", "").replace("(local i32)", "");
    let map = hooked(&format!("{short} {RAISE}"));
    assert!(matches!(map.heap, Err(NoHooks::TooShort { .. })), "{:?}", map.heap);
    assert_eq!(kinds(&map.hooks), [HookKind::Raise]);
}

/// A module that was rewritten with other wishes is first restored, and then rewritten anew.
#[test]
fn what_was_rewritten_before_is_rewritten_anew() {
    let fields = "(global $g (export \"g\") (mut i32) (i32.const 0)) (export \"memory\" (memory 0))";
    let original = wasm(&format!("{MALLOC} {RAISE} {READERS} {TEMP_DIR} {fields}"));
    let off = Options { heap: None, ..NO_WINDOW };
    let all = [NO_WINDOW, PANICS, both(), off, Options { fills: true, ..both() }, Options { fills: true, ..PANICS }];
    for before in &all {
        let rewritten = instrument(&original, before).unwrap().bytes.into_owned();
        for after in &all {
            let anew = instrument(&rewritten, after).unwrap();
            assert_eq!(anew.bytes, instrument(&original, after).unwrap().bytes, "{before:?}, {after:?}");
        }
    }
}
