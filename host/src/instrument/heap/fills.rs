//! Functions of Rust's library that panic on `wasm32-wasip1` although there is an honest answer. They are given a body that
//! returns it.
//!
//! As with hooks, the new body is added behind the others as a function of its own, and a jump replaces the old one. The new
//! body is code of the module and costs fuel like any other. The host is not told of its calls.
//!
//! ```wat
//! (func $temp_dir (param i32) …)       (func $temp_dir (param i32) (call $filled (local.get 0)) nop nop …)
//!                                      (global $layout (export "airtight:fill/layout") (mut i32) (i32.const -1))
//!                                      (func $moved (param i32) …)                 ;; as it was: it panics
//!                                      (func $filled (param i32) (local i32) …)    ;; "/tmp", by the module's own allocator
//! ```
//!
//! A `PathBuf` is three words: address, length and capacity, in an order that the compiler chooses. Here, length and capacity
//! are both 4, so that only the place of the address matters. The host finds out that place (see `crate::sandbox`) and puts it
//! into the global. Until it does, the function panics as before.
//!
//! The function by which Rust's harness runs a list of tests is given a body, too. If the host has put the address of another
//! list into a global, the body passes on that list. So a harness that is to run one test of a thousand does not have to look
//! at all of them.
//!
//! ```wat
//! (func $main (param i32 i32) …)       (global $list (export "airtight:fill/tests") (mut i32) (i32.const -1))
//!                                      (func $moved (param i32 i32) …)             ;; as it was
//!                                      (func $filled (param i32 i32) …)            ;; a list of one test at $list, if that is not -1
//! ```
//!
//! A caller may have been compiled in the knowledge that the function never returns, and then the function must not return. So
//! a function is left as it is if one of its calls is followed by `unreachable`.

use super::code::locals;
use super::hook::HookKind;
use super::names::{self, HookTarget, TellingNames, path, target};
use super::panics::{WRITE, signature};
use super::{FILL_LAYOUT_EXPORT, FILL_TESTS_EXPORT, FILL_WRITE_EXPORT, NoHooks};
use crate::catalogue::sections::id;
use crate::instrument::bodies::ModuleBodies;
use crate::instrument::export_globals::NewExport;
use crate::instrument::splice::padded;
use memchr::memmem;
use wasm_encoder::{BlockType, Encode, ExportKind, Instruction, MemArg, ValType};

const TEMP_DIR: &str = "std::env::temp_dir";
const PROCESS_ID: &str = "std::process::id";

/// The functions to which the `main` of a test binary gives the list of tests. A module has one of them.
const TEST_MAINS: [&str; 2] = ["test::test_main_static", "test::test_main_static_abort"];

/// The function by which Rust code allocates; it takes size and alignment.
const RUST_ALLOC: &str = "__rustc::__rust_alloc";
const MALLOC: &str = "malloc";

/// Parts of the names of functions that can be filled: each name has one of them, mangled or not.
const FILLED: [&str; 4] = ["temp_dir", "process2id", "process::id", "test_main_static"];

/// Parts of the names of functions that the new bodies need.
const NEEDED: [&str; 2] = ["__rust_alloc", "write_str"];

/// A global's entry in a global section: a mutable `i32`, -1.
const GLOBAL: &[u8] = &[0x7f, 1, 0x41, 0x7f, 0x0b];

/// The functions to fill, and what their new bodies need.
#[derive(Debug, Default)]
pub(super) struct FillTargets {
    pub(super) functions: Vec<HookTarget>,
    /// What the new body of `temp_dir` needs; `None` if that function is not filled.
    parts: Option<Parts>,
    /// The global that is added for the list of tests; `None` if the function that takes the list is not filled.
    tests: Option<u32>,
}

/// What the new body of `temp_dir` calls, and what the host calls to find out how a `PathBuf` is laid out.
#[derive(Debug, Clone, Copy)]
struct Parts {
    allocates: Allocates,
    /// Appends to a `String`.
    write: u32,
    /// The global that is added.
    global: u32,
}

#[derive(Debug, Clone, Copy)]
enum Allocates {
    /// `__rust_alloc(size, alignment)`.
    Rust(u32),
    /// `malloc(size)`.
    Malloc(u32),
}

/// Finds the functions that can be filled; in a module that has hooks already, those that are filled.
pub(super) fn find(module: &ModuleBodies<'_>, hooked: bool) -> FillTargets {
    find_named(module, hooked).unwrap_or_default()
}

fn find_named(module: &ModuleBodies<'_>, hooked: bool) -> Option<FillTargets> {
    let filled = TellingNames::new(module, &FILLED);
    if filled.is_empty() {
        return None;
    }
    let needed = TellingNames::new(module, &NEEDED);
    let [mut temp_dir, mut process_id, mut test_main] = [const { Vec::new() }; 3];
    let [mut rust_alloc, mut malloc, mut write] = [const { Vec::new() }; 3];
    for naming in module.parsed.function_names() {
        let (function, name) = naming.ok()?;
        if name == MALLOC {
            malloc.push(function);
        }
        if !filled.hold(name) && !needed.hold(name) {
            continue;
        }
        match &*path(name) {
            TEMP_DIR => temp_dir.push(function),
            PROCESS_ID => process_id.push(function),
            RUST_ALLOC => rust_alloc.push(function),
            WRITE => write.push(function),
            path if TEST_MAINS.contains(&path) => test_main.push(function),
            _ => {}
        }
    }
    let mut found = FillTargets::default();
    if let Some(function) = fillable(module, &process_id, 0, true) {
        found.functions.push(target(HookKind::ProcessId, PROCESS_ID, function));
    }
    let test_main = fillable(module, &test_main, 2, false);
    let temp_dir = fillable(module, &temp_dir, 1, false);
    let allocates = match only(module, &rust_alloc, 2, true) {
        Some(function) => Some(Allocates::Rust(function)),
        None if names::has_own_allocator(module) => None,
        None => only(module, &malloc, 1, true).map(Allocates::Malloc),
    };
    // Each crate may have its own copy of this function; any of them will do.
    let write = write.into_iter().find(|&function| module.function_type(function) == Some(&signature(3, true)));
    let parts = temp_dir.zip(allocates).zip(write);
    // Added globals come last.
    let added = u32::from(parts.is_some()) + u32::from(test_main.is_some());
    let mut global = (module.parsed.globals.len() as u32).checked_sub(if hooked { added } else { 0 })?;
    if let Some(((function, allocates), write)) = parts {
        found.functions.push(target(HookKind::TempDir, TEMP_DIR, function));
        found.parts = Some(Parts { allocates, write, global });
        global += 1;
    }
    if let Some(function) = test_main {
        found.functions.push(target(HookKind::TestMain, TEST_MAINS[0], function));
        found.tests = Some(global);
    }
    Some(found)
}

/// The only function in a list, if it has this type, is long enough for a jump, and no caller relies on it never returning.
fn fillable(module: &ModuleBodies<'_>, functions: &[u32], params: usize, returns: bool) -> Option<u32> {
    let function = only(module, functions, params, returns)?;
    let body = &module.bytes()[module.body(function)?];
    // The length of a jump whose call has the longest form of an index. So a module that has jumps already gives the same
    // result.
    let jump = locals(body).ok()?.len() + 2 * params + 1 + 5 + 1;
    (jump <= body.len() && !is_known_to_diverge(module, function)).then_some(function)
}

fn only(module: &ModuleBodies<'_>, functions: &[u32], params: usize, returns: bool) -> Option<u32> {
    let [function] = *functions else { return None };
    (module.function_type(function) == Some(&signature(params, returns))).then_some(function)
}

/// Whether a call of a function is followed by `unreachable`. Bytes that only look like that count, too: then the function is
/// left as it is, which is safe.
fn is_known_to_diverge(module: &ModuleBodies<'_>, function: u32) -> bool {
    let Some(code) = module.parsed.section(id::CODE) else { return false };
    let code = &module.bytes()[code.contents.clone()];
    // An index may take more bytes than it needs: a linker leaves room to fill it in.
    (1..=5).filter_map(|len| call(function, len)).any(|call| {
        let followed = |at: usize| {
            let rest = &code[at + call.len()..];
            rest.starts_with(&[0x00]) || rest.starts_with(&[0x1a, 0x00])
        };
        memmem::find_iter(code, &call).any(followed)
    })
}

/// A call of a function, with its index written in so many bytes; `None` if the index needs more.
fn call(function: u32, len: usize) -> Option<Vec<u8>> {
    let index = padded(function, len);
    (index.len() == len).then(|| [&[0x10], &*index].concat())
}

impl FillTargets {
    /// The globals that are added: how many, and their entries.
    pub(super) fn globals(&self) -> (u32, Vec<u8>) {
        let count = u32::from(self.parts.is_some()) + u32::from(self.tests.is_some());
        (count, GLOBAL.repeat(count as usize))
    }

    /// The exports by which the host reaches globals and functions.
    pub(super) fn exports(&self) -> impl Iterator<Item = NewExport> {
        let parts = self.parts.into_iter().flat_map(|parts| {
            let layout = (FILL_LAYOUT_EXPORT, ExportKind::Global, parts.global);
            [layout, (FILL_WRITE_EXPORT, ExportKind::Func, parts.write)]
        });
        let tests = self.tests.map(|global| (FILL_TESTS_EXPORT, ExportKind::Global, global));
        parts.chain(tests).map(|(name, kind, index)| NewExport { name: name.to_owned(), kind, index })
    }

    /// The new body of a function. `moved` is the function with the old body.
    pub(super) fn body(&self, kind: HookKind, moved: u32) -> Result<Vec<u8>, NoHooks> {
        match (kind, self.parts, self.tests) {
            // The guest is the first program in a world of its own.
            (HookKind::ProcessId, ..) => Ok(code(0, &[Instruction::I32Const(1)])),
            (HookKind::TempDir, Some(parts), _) => Ok(temp_dir(parts, moved)),
            (HookKind::TestMain, _, Some(global)) => Ok(test_main(global, moved)),
            _ => Err(NoHooks::BadNames),
        }
    }
}

fn temp_dir(parts: Parts, moved: u32) -> Vec<u8> {
    const LEN: i32 = 4;
    let path = i32::from_le_bytes(*b"/tmp");
    let at = |offset, align| MemArg { offset, align, memory_index: 0 };
    let mut all = vec![
        Instruction::GlobalGet(parts.global),
        Instruction::I32Const(0),
        Instruction::I32LtS,
        Instruction::If(BlockType::Empty),
        Instruction::LocalGet(0),
        Instruction::Call(moved),
        Instruction::Return,
        Instruction::End,
        Instruction::I32Const(LEN),
    ];
    all.extend(match parts.allocates {
        Allocates::Rust(function) => vec![Instruction::I32Const(1), Instruction::Call(function)],
        Allocates::Malloc(function) => vec![Instruction::Call(function)],
    });
    all.extend([
        Instruction::LocalTee(1),
        Instruction::I32Eqz,
        Instruction::If(BlockType::Empty),
        Instruction::Unreachable,
        Instruction::End,
        Instruction::LocalGet(1),
        Instruction::I32Const(path),
        Instruction::I32Store(at(0, 0)),
    ]);
    for word in 0..3 {
        all.extend([Instruction::LocalGet(0), Instruction::I32Const(LEN), Instruction::I32Store(at(4 * word, 2))]);
    }
    all.extend([
        Instruction::LocalGet(0),
        Instruction::GlobalGet(parts.global),
        Instruction::I32Add,
        Instruction::LocalGet(1),
        Instruction::I32Store(at(0, 2)),
    ]);
    code(1, &all)
}

fn test_main(list: u32, moved: u32) -> Vec<u8> {
    code(
        0,
        &[
            Instruction::GlobalGet(list),
            Instruction::I32Const(-1),
            Instruction::I32Eq,
            Instruction::If(BlockType::Empty),
            Instruction::LocalGet(0),
            Instruction::LocalGet(1),
            Instruction::Call(moved),
            Instruction::Else,
            Instruction::GlobalGet(list),
            Instruction::I32Const(1),
            Instruction::Call(moved),
            Instruction::End,
        ],
    )
}

/// A body with so many locals of type `i32`.
fn code(locals: u32, instructions: &[Instruction<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    u32::from(locals > 0).encode(&mut body);
    if locals > 0 {
        locals.encode(&mut body);
        ValType::I32.encode(&mut body);
    }
    instructions.iter().for_each(|instruction| instruction.encode(&mut body));
    Instruction::End.encode(&mut body);
    body
}
