//! Which functions are hooked, and the reasons why none is.

use super::rewrite::{MAIN, MALLOC, NO_WINDOW, instrument, rewrite, wasm};
use crate::instrument::{HookKind, NoHooks, Options, Window, WindowFunctions};

const LIBTEST_FUNCTIONS: WindowFunctions =
    WindowFunctions { paths: &["test::__rust_begin_short_backtrace"], purpose: "in which a test is called" };

pub(super) const LIBTEST: Options =
    Options { heap: Some(Window::Functions(&LIBTEST_FUNCTIONS)), panics: false, fills: false, earlier: Vec::new() };

const NO_WINDOW_FUNCTION: NoHooks =
    NoHooks::NoWindow { function: LIBTEST_FUNCTIONS.paths[0], purpose: LIBTEST_FUNCTIONS.purpose };

fn reason(fields: &str, options: &Options) -> NoHooks {
    let module = wasm(fields);
    instrument(&module, options).unwrap().map.heap.expect_err(fields)
}

/// The names of the hooked windows.
fn windows(fields: &str, options: &Options) -> Vec<String> {
    let (_, map) = rewrite(&wasm(&format!("{fields} {MALLOC}")), options);
    let hooks = map.heap.unwrap().hooks.into_iter().filter(|hook| hook.kind == HookKind::Window);
    hooks.map(|hook| hook.name).collect()
}

/// Functions with these names that are long enough to be hooked.
fn functions(names: &[&str]) -> String {
    names.iter().map(|name| format!("(func (@name \"{name}\") nop nop nop nop)")).collect()
}

#[test]
fn each_reason_is_given() {
    let malloc = |fields: &str| format!("{fields} {MALLOC}");
    let name = |name: &str| name.to_owned();
    for (fields, expected) in [
        ("(memory 1) (func)".to_owned(), NoHooks::NoNames),
        (functions(&["f"]), NoHooks::NoMalloc),
        (functions(&["dlmalloc", "_ZN6malloc17h0123456789abcdefE"]), NoHooks::NoMalloc),
        (functions(&["runtime.mallocgc"]), NoHooks::Runtime { language: "Go" }),
        (malloc(&functions(&["runtime.alloc"])), NoHooks::Runtime { language: "TinyGo" }),
        (malloc(&functions(&["~lib/rt/tlsf/__alloc"])), NoHooks::Runtime { language: "AssemblyScript" }),
        (malloc(&functions(&["__rg_alloc"])), NoHooks::GlobalAllocator),
        (malloc(&functions(&["_RNvCs691rhTbG0Ee_7___rustc10___rg_alloc"])), NoHooks::GlobalAllocator),
        (malloc(r#"(@custom ".debug_str" "abc\00__rg_alloc\00")"#), NoHooks::GlobalAllocator),
        (
            malloc("(func $free (result i32) unreachable)"),
            NoHooks::Signature { name: name("free"), found: name("() -> i32"), expected: name("(i32) -> ()") },
        ),
        (
            malloc("(func $a (@name \"malloc\") (param i32) (result i32) i32.const 1)"),
            NoHooks::Ambiguous { name: name("malloc") },
        ),
        (
            name(r#"(import "env" "malloc" (func $malloc (param i32) (result i32))) (memory 1)"#),
            NoHooks::Imported { name: name("malloc") },
        ),
        (malloc("(func $start) (start $start)"), NoHooks::StartFunction),
        (MALLOC.replace("(memory 1)", ""), NoHooks::NoMemory),
        (MALLOC.replace("(memory 1)", r#"(import "env" "memory" (memory 1))"#), NoHooks::ImportedMemory),
        (malloc("(func $free (param i32))"), NoHooks::TooShort { name: name("free") }),
    ] {
        let found = reason(&fields, &NO_WINDOW);
        // The text of a type is wasmparser's.
        match (&found, &expected) {
            (NoHooks::Signature { name: found, .. }, NoHooks::Signature { name: expected, .. }) => {
                assert_eq!(found, expected);
            }
            _ => assert_eq!(found, expected, "{fields}"),
        }
        assert!(!found.to_string().ends_with('.'));
    }
    assert_eq!(reason(MALLOC, &LIBTEST), NO_WINDOW_FUNCTION);
    assert_eq!(reason(MALLOC, &MAIN), NoHooks::NoMain);
}

#[test]
fn a_wrong_namesake_beside_the_right_one_is_no_matter() {
    rewrite(&wasm(&format!("(func $a (@name \"malloc\") (param i64) unreachable) {MALLOC}")), &NO_WINDOW);
}

#[test]
fn names_of_what_does_not_exist_are_refused() {
    // Index 0 in the name section becomes 9.
    let mut module = wasm(MALLOC);
    let at = module.windows(6).rposition(|name| name == b"malloc").unwrap();
    module[at - 2] = 9;
    assert_eq!(instrument(&module, &NO_WINDOW).unwrap().map.heap, Err(NoHooks::BadNames));
    module[at - 1] = 200;
    assert_eq!(instrument(&module, &NO_WINDOW).unwrap().map.heap, Err(NoHooks::BadNames));
}

#[test]
fn an_unusual_function_count_is_left_alone() {
    let mut module = wasm(MALLOC);
    let sections = crate::catalogue::sections::sections(&module).unwrap();
    let code = sections.iter().find(|section| section.id == 10).unwrap();
    let (whole, contents) = (code.whole.start, code.contents.start);
    module[whole + 1] += 1;
    module.splice(contents..contents + 1, [0x81, 0]);
    crate::catalogue::validate(&module).unwrap();
    assert_eq!(instrument(&module, &NO_WINDOW).unwrap().map.heap, Err(NoHooks::UnusualCode));
}

#[test]
fn the_functions_that_call_a_test_are_windows() {
    const NAMES: [&str; 4] = [
        "_ZN4test28__rust_begin_short_backtrace17h0123456789abcdefE",
        "_RINvCs2TpYSQqjWyK_4test28___rust_begin_short_backtraceINtNtCsdHhIpgkcIfN_4core6result6ResultuNtNtCsi9YzqDQQz2q_5alloc6string6StringEFEBQ_EB2_",
        "test::__rust_begin_short_backtrace::h0123456789abcdef",
        "_ZN3std3sys9backtrace28__rust_begin_short_backtrace17h0123456789abcdefE",
    ];
    assert_eq!(windows(&functions(&NAMES), &LIBTEST), NAMES[..3]);
    assert_eq!(windows(&functions(&NAMES), &MAIN), NAMES[3..]);
    assert!(windows(&functions(&NAMES), &NO_WINDOW).is_empty());
    let others =
        ["_ZN5tests28__rust_begin_short_backtrace17h0123456789abcdefE", "a::test::__rust_begin_short_backtrace"];
    assert_eq!(reason(&format!("{} {MALLOC}", functions(&others)), &LIBTEST), NO_WINDOW_FUNCTION);
}

#[test]
fn the_main_function_is_the_programs() {
    let args = r#"(import "wasi_snapshot_preview1" "args_sizes_get" (func (param i32 i32) (result i32)))"#;
    let start = r#"(func (export "_start") nop nop nop nop)"#;
    for (reads_arguments, names, expected) in [
        // wasi-libc reads the arguments, in `__main_void` or `__original_main`.
        (true, &["__main_void", "__main_argc_argv"][..], &["__main_argc_argv"][..]),
        (true, &["main", "__original_main", "__main_void"], &["main"]),
        // LLVM's `main` calls the program's, or nobody calls it.
        (false, &["main", "__original_main"], &["main", "__original_main"]),
        (false, &["__main_void"], &["__main_void"]),
        (
            false,
            &["__main_void", "std::sys_common::backtrace::__rust_begin_short_backtrace"],
            &["std::sys_common::backtrace::__rust_begin_short_backtrace"],
        ),
        (false, &["f"], &["_start"]),
    ] {
        let fields = format!("{} {} {start}", if reads_arguments { args } else { "" }, functions(names));
        assert_eq!(windows(&fields, &MAIN), expected);
    }
    for names in [&["__main_void"][..], &["__original_main", "__main_void"], &["f"]] {
        let fields = format!("{args} {} {start} {MALLOC}", functions(names));
        assert_eq!(reason(&fields, &MAIN), NoHooks::MainInlined);
    }
    let twice = format!("{} {MALLOC}", functions(&["main", "main"]));
    assert_eq!(reason(&twice, &MAIN), NoHooks::Ambiguous { name: "main".to_owned() });
}

#[test]
fn functions_of_the_c_library_are_hooked_if_they_do_anything() {
    let fields = format!("{} (func (@name \"__wasm_call_ctors\")) {MALLOC}", functions(&["__wasilibc_ensure_environ"]));
    let (_, map) = rewrite(&wasm(&fields), &NO_WINDOW);
    let names: Vec<_> = map.heap.unwrap().hooks.into_iter().map(|hook| hook.name).collect();
    assert_eq!(names, ["__wasilibc_ensure_environ", "malloc"]);
    // If a function only calls a single constructor, the constructor is hooked instead.
    let fields = format!("(func $__wasm_call_ctors (call $c)) {MALLOC} (func $c nop nop nop nop)");
    let (_, map) = rewrite(&wasm(&fields), &NO_WINDOW);
    let hooked: Vec<_> = map.heap.unwrap().hooks.into_iter().map(|hook| (hook.kind, hook.function)).collect();
    assert_eq!(hooked, [(HookKind::Malloc, 1), (HookKind::Libc, 2)]);
}

#[test]
fn a_function_with_two_meanings_is_refused() {
    // The same index, under a name as long as `malloc`.
    let mut module = wasm(&format!("{MALLOC} (func $calloc (param i32 i32) (result i32) (local i32) i32.const 1)"));
    let at = module.windows(6).rposition(|name| name == b"calloc").unwrap();
    module[at..at + 6].copy_from_slice(b"malloc");
    module[at - 2] = 0;
    assert_eq!(
        instrument(&module, &NO_WINDOW).unwrap().map.heap,
        Err(NoHooks::Ambiguous { name: "malloc".to_owned() })
    );
}
