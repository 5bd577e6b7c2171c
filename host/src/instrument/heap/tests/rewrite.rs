//! What changes in a module's bytes, and what must not.

use super::names::LIBTEST;
use super::toys::{ToyShape, ToyStep, module, shape, steps};
use crate::catalogue::sections::{Section, id, sections};
use crate::catalogue::{Module, validate};
use crate::instrument::bodies::ModuleBodies;
use crate::instrument::heap::code::locals;
use crate::instrument::{
    ALLOCATE_EXPORT, FREE_EXPORT, HOOKS_TABLE, HookKind, InstrumentError, InstrumentedModule, NoHooks, Options,
    RewriteMap, Window,
};
use crate::ledger::RawFrame;
use proptest::prelude::*;
use std::borrow::Cow;

pub(super) const MAIN: Options = Options { heap: Some(Window::Main), panics: false, fills: false, earlier: Vec::new() };
pub(super) const NO_WINDOW: Options =
    Options { heap: Some(Window::None), panics: false, fills: false, earlier: Vec::new() };
const OFF: Options = Options { heap: None, panics: false, fills: false, earlier: Vec::new() };

/// An allocator and nothing else.
pub(super) const MALLOC: &str =
    "(memory 1) (func $malloc (param i32) (result i32) (local i32) (i32.const 64) nop nop nop nop)";

pub(super) fn wasm(fields: &str) -> Vec<u8> {
    wat::parse_str(format!("(module {fields})")).unwrap_or_else(|error| panic!("{error}\n{fields}"))
}

/// Parses and rewrites.
pub(super) fn instrument<'a>(bytes: &'a [u8], options: &Options) -> Result<InstrumentedModule<'a>, InstrumentError> {
    crate::instrument::instrument(&Module::read(bytes)?, options)
}

/// Rewrites a module, and checks everything that must hold for any module that can be hooked.
pub(super) fn rewrite(original: &[u8], options: &Options) -> (Vec<u8>, RewriteMap) {
    let InstrumentedModule { bytes, map } = instrument(original, options).unwrap();
    validate(original).unwrap();
    validate(&bytes).unwrap();
    assert_eq!(others(original), others(&bytes));
    same_code(original, &bytes, &map);

    let again = instrument(&bytes, options).unwrap();
    assert!(matches!(again.bytes, Cow::Borrowed(_)));
    let same = RewriteMap { code_start_original: map.code_start_original, ..again.map.clone() };
    assert_eq!(same, map);
    (bytes.into_owned(), map)
}

/// The sections to which nothing is added.
fn others(module: &[u8]) -> Vec<&[u8]> {
    let changed = [id::TYPE, id::FUNCTION, id::TABLE, id::EXPORT, id::CODE];
    let sections = sections(module).unwrap();
    sections
        .into_iter()
        .filter(|section| !changed.contains(&section.id))
        .map(|section| &module[section.whole])
        .collect()
}

/// Checks that all functions keep their indices, and that each body has the same operators at the same offsets; those of hooked
/// functions in the moved bodies.
fn same_code(original: &[u8], rewritten: &[u8], map: &RewriteMap) {
    let [old_parsed, new_parsed] = [original, rewritten].map(|bytes| Module::read(bytes).unwrap());
    let (old, new) = (ModuleBodies::new(&old_parsed).unwrap(), ModuleBodies::new(&new_parsed).unwrap());
    let hooks = &map.hooks.hooks;
    assert_eq!(new.function_count(), old.function_count() + 2 * hooks.len() as u32);
    assert_eq!(new_parsed.functions[..old_parsed.functions.len()], old_parsed.functions);
    assert_eq!(new_parsed.types[..old_parsed.types.len()], old_parsed.types);
    for function in old_parsed.imported_functions..old.function_count() {
        let (before, after) = (old.body(function).unwrap(), new.body(function).unwrap());
        assert_eq!(Some((before.start - map.code_start_original.unwrap()) as u32), map.code_offset(after.start));
        assert_eq!(before.len(), after.len());
        let (before, after) = (&original[before], &rewritten[after]);
        match hooks.iter().find(|hook| hook.function == function) {
            None => assert_eq!(before, after),
            Some(hook) => {
                let moved = new.body(hook.moved).unwrap();
                assert_eq!(Some(hook.moved_body), map.code_offset(moved.start));
                assert_eq!(before, &rewritten[moved]);
                assert_eq!(locals(before).unwrap(), locals(after).unwrap());
                assert_eq!(hook.wrapper, hook.moved + 1);
            }
        }
    }
}

fn export_names(module: &[u8]) -> Vec<String> {
    Module::read(module).unwrap().exports.iter().map(|export| export.name.to_owned()).collect()
}

#[test]
fn malloc_alone_is_enough() {
    let (bytes, map) = rewrite(&wasm(MALLOC), &NO_WINDOW);
    assert_eq!(export_names(&bytes), [HOOKS_TABLE, ALLOCATE_EXPORT]);
    let hooks = map.heap.unwrap().hooks;
    assert_eq!(hooks.len(), 1);
    assert_eq!((hooks[0].kind, hooks[0].function, hooks[0].moved, hooks[0].wrapper), (HookKind::Malloc, 0, 1, 2));
}

#[test]
fn what_is_added_comes_last() {
    let original = wasm(&format!(
        r#"(type (func (param i32 i32))) (table 3 funcref) (table 4 funcref) (global (mut i32) (i32.const 1))
           (export "a" (func $malloc)) (elem (table 0) (i32.const 0) func $malloc) (func $free (param i32) unreachable nop nop nop) {MALLOC}"#
    ));
    let (bytes, _) = rewrite(&original, &NO_WINDOW);
    assert_eq!(export_names(&bytes), ["a", "airtight:global/0", HOOKS_TABLE, FREE_EXPORT, ALLOCATE_EXPORT]);
}

#[test]
fn without_hooks_only_globals_are_exported() {
    let original = wasm("(global (mut i32) (i32.const 1)) (func $malloc (param i64) unreachable) (memory 1)");
    for options in [NO_WINDOW, OFF] {
        let done = instrument(&original, &options).unwrap();
        assert_eq!(export_names(&done.bytes), ["airtight:global/0"]);
        assert!(done.map.heap.is_err());
    }
    assert_eq!(instrument(&original, &OFF).unwrap().map.heap, Err(NoHooks::Off));
}

#[test]
fn a_rewritten_module_can_be_rewritten_otherwise() {
    let original = module(&ToyShape::default(), &[ToyStep::Malloc(1)]);
    let (hooked, _) = rewrite(&original, &MAIN);
    for options in [OFF, NO_WINDOW, LIBTEST] {
        assert_eq!(instrument(&hooked, &options).unwrap().bytes, instrument(&original, &options).unwrap().bytes);
    }
}

#[test]
fn sections_in_longer_forms_are_read() {
    let original = wasm(&format!("(table 1 funcref) (func (export \"f\")) {MALLOC}"));
    let mut padded = original[..8].to_vec();
    for Section { id, contents, .. } in sections(&original).unwrap() {
        let contents = if id == 0 { sections(&original).unwrap().pop().unwrap().whole } else { contents };
        if id == 0 {
            padded.extend_from_slice(&original[contents]);
            continue;
        }
        let len = contents.len();
        padded.extend([id, len as u8 | 0x80, 0x80 | (len >> 7) as u8, 0x80, 0x80, 0]);
        padded.extend_from_slice(&original[contents]);
    }
    rewrite(&padded, &NO_WINDOW);
}

/// The bytes of a module whose function with an `i64.const 77` has other operators of that length instead.
fn with_operators(module: &[u8], operators: &[u8]) -> Vec<u8> {
    let pattern = [0x42, 0xcd, 0, 0x1a, 1, 1, 1, 1, 1, 1, 1, 1];
    let at = module.windows(pattern.len()).position(|window| window == pattern).unwrap();
    let mut forged = module.to_vec();
    forged[at..at + pattern.len()].fill(1);
    forged[at..at + operators.len()].copy_from_slice(operators);
    forged
}

#[test]
fn a_guest_cannot_call_the_host() {
    let original = wasm(&format!("(func (drop (i64.const 77)) {}) {MALLOC}", "nop ".repeat(8)));
    let (hooked, map) = rewrite(&original, &NO_WINDOW);
    let hooks = map.heap.unwrap().hooks;
    let (zero, wrapper) = ([0x41, 0], hooks[0].wrapper as u8);
    let direct = [&zero[..], &[0x10, wrapper, 0x1a]].concat();
    let types = Module::read(&hooked).unwrap().types.len() as u8;
    let indirect = [&zero[..], &zero[..], &zero[..], &[0x11, types - 1, 0]].concat();
    for operators in [direct, indirect, vec![0x41, 1, 0x25, 0, 0x1a]] {
        let forged = with_operators(&hooked, &operators);
        validate(&forged).unwrap_or_else(|error| panic!("{operators:x?}: {error}"));
        for options in [OFF, NO_WINDOW, MAIN] {
            let refused = instrument(&forged, &options);
            assert!(matches!(refused, Err(InstrumentError::NameTaken { .. })), "{operators:x?}");
        }
        // The same change in the original makes it invalid, and the loader refuses it.
        validate(&with_operators(&original, &operators)).unwrap_err();
    }
}

#[test]
fn names_of_ours_are_refused() {
    for export in [
        r#"(table (export "airtight:hooks") 2 2 funcref)"#,
        r#"(func (export "airtight:hooks"))"#,
        r#"(export "airtight:heap/allocate" (func $malloc))"#,
        r#"(func (export "airtight:heap/"))"#,
        r#"(table (export "airtight:charge") 1 1 funcref)"#,
    ] {
        let module = wasm(&format!("{export} {MALLOC}"));
        for options in [OFF, NO_WINDOW] {
            assert!(matches!(instrument(&module, &options), Err(InstrumentError::NameTaken { .. })), "{export}");
        }
    }
}

#[test]
fn tail_calls_leave_no_frame() {
    let original = wasm(&format!(
        "(func $free (param i32) (return_call 2 (local.get 0)) nop nop) {MALLOC} (func (param i32) nop)"
    ));
    let (_, map) = rewrite(&original, &NO_WINDOW);
    let heap = map.heap.unwrap();
    let [free, malloc] = &heap.hooks[..] else { panic!() };
    let frame = |function, offset| RawFrame { function, offset };
    let caller = frame(9, Some(3));
    // The body of `malloc` has called `free`. The wrapper of `free` calls the host; the body of `free` is not on the stack.
    let stack = vec![
        frame(free.wrapper, Some(500)),
        frame(free.function, Some(2)),
        frame(malloc.moved, Some(malloc.moved_body + 4)),
        frame(malloc.wrapper, Some(600)),
        frame(malloc.function, Some(20)),
        caller,
    ];
    assert!(heap.in_wrapper(stack[0].function) && !heap.in_wrapper(stack[1].function));
    let expected = vec![frame(free.function, None), frame(malloc.function, Some(malloc.body + 4)), caller];
    assert_eq!(heap.restore(stack), expected);
    let stack = vec![frame(2, Some(9)), frame(free.wrapper, Some(500)), frame(free.function, Some(2)), caller];
    assert_eq!(heap.restore(stack), [frame(2, Some(9)), caller]);
    let stack = vec![frame(free.function, Some(2)), caller];
    assert_eq!(heap.restore(stack.clone()), stack);
}

/// The number of functions takes one byte more from 128 on, and another from 16,384 on.
#[test]
fn around_the_steps_of_the_function_count() {
    for count in [124usize, 125, 126, 127, 128, 129, 16_381, 16_382, 16_383, 16_384] {
        let original = wasm(&format!("{} {MALLOC}", "(func)".repeat(count - 1)));
        let (_, map) = rewrite(&original, &NO_WINDOW);
        assert_eq!(map.heap.unwrap().hooks[0].moved as usize, count);
    }
}

fn damaged(bytes: &[u8], at: usize, value: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = 8 + at % (bytes.len() - 8);
    bytes[at] = value;
    bytes
}

proptest! {
    #[test]
    fn any_module_stays_valid_and_moves_nothing(shape in shape(), steps in steps()) {
        rewrite(&module(&shape, &steps), &MAIN);
    }

    #[test]
    fn damaged_modules_do_no_harm(at in any::<usize>(), value in any::<u8>()) {
        let original = module(&ToyShape::default(), &[ToyStep::Malloc(1)]);
        let (hooked, _) = rewrite(&original, &MAIN);
        let _ = instrument(&damaged(&original, at, value), &MAIN);
        // Every module that is taken for a result of the pass is one.
        let damaged = damaged(&hooked, at, value);
        if let Ok(done) = instrument(&damaged, &MAIN) && done.map.heap.is_ok() && validate(&damaged).is_ok() {
            validate(&done.bytes).unwrap();
            prop_assert_eq!(done.map.heap.unwrap().hooks.len(), 7);
        }
    }
}

/// An allocator that throws, in a module that has exceptions.
#[test]
fn a_module_with_exceptions_is_rewritten_to_a_valid_one() {
    let module = wasm(
        r#"(import "env" "__cpp_exception" (tag $cpp (param i32))) (memory 1)
        (func $malloc (param i32) (result i32) (if (i32.eqz (local.get 0)) (then (throw $cpp (i32.const 7)))) (i32.const 64) nop nop nop)
        (func $free (param i32) nop nop nop nop nop nop nop nop nop nop)
        (func $main (param i32 i32) (result i32 i64) nop nop nop nop nop nop nop nop nop nop (i32.const 1) (i64.const 2))"#,
    );
    validate(&module).unwrap();
    let done = instrument(&module, &MAIN).unwrap();
    assert_eq!(done.map.heap.as_ref().unwrap().hooks.len(), 3);
    validate(&done.bytes).unwrap();
    let again = instrument(&done.bytes, &MAIN).unwrap();
    assert!(matches!(again.bytes, Cow::Borrowed(_)));
}
