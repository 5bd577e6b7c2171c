//! Turns the operators for threads into calls, and makes the start function one that the host calls. These operators are waits,
//! notifications and atomic operators.
//!
//! All threads of a test run on one thread of the host. So a thread that waits must let another one run, and its wait becomes a
//! call of the host:
//!
//! ```wat
//! (memory.atomic.wait32 offset=8 (local.get 0) (i32.const 1) (i64.const -1))
//!
//! (call $wait (local.get 0) (i32.const 1) (i64.const -1))
//! ```
//!
//! The call is as long as the operator was, so that no code moves. `$wait` is appended to the module: it adds the operator's
//! offset, and calls the function that the host has put into a table. The start function of such a module waits, too. So it is
//! no longer the start function but an export, which the host calls when the table is filled.
//!
//! The function that stands for another operator executes it, and tells the host of two things:
//!
//! ```wat
//! (func $exchange (param i32 i32) (result i32) (local i32)
//!   (if (global.get $steps) (then (call_indirect $threads (type $step) (i32.const 3))))
//!   (local.set 2 (i32.atomic.rmw.xchg offset=8 (local.get 0) (local.get 1)))
//!   (if (i32.ne (i32.eqz (local.get 2)) (i32.eqz (local.get 1)))
//!     (then (call_indirect $threads (type $changed) (i32.add (local.get 0) (i32.const 8)) (local.get 1) (i32.const 4))))
//!   (local.get 2))
//! ```
//!
//! First, that the operator is about to be executed, if the host has set a global in order to be told: another thread may then
//! run before. Second, that an exchange has changed a 32-bit word from 0 to another value or back, or that 0 was stored: in
//! these ways locks are taken and released.

mod sites;
pub mod slot;
mod wrappers;

use super::InstrumentError;
use super::bodies::ModuleBodies;
use super::export_globals::{self, NewExport};
use super::splice::{Edit, Splice, grown, leb};
use crate::catalogue::Module;
use crate::catalogue::sections::{id, sections};
use sites::Kind;
use std::collections::BTreeMap;
use std::ops::Range;
use wasm_encoder::ExportKind;
use wasmparser::BinaryReader;
use wrappers::{Places, TYPE_COUNT, TYPES};

/// The export of the table that the host fills with functions, in the order of [`slot`]. The functions for waits and
/// notifications have the parameters of their operator, and the operator's offset behind them.
pub const THREADS_TABLE: &str = "airtight:threads";

/// The export of the global that says whether the host is told of each step: 0 says that it is not.
pub const STEPS_EXPORT: &str = "airtight:steps";

/// The export of the function that was the start function.
pub const START_EXPORT: &str = "airtight:start";

/// The export of the C library's function that sets up the main thread. `_start` calls it. Before a test that is an export of
/// its own, the host calls it.
pub const INIT_EXPORT: &str = "airtight:init-thread";

/// That function's name, of type `() -> ()`.
const INIT: &str = "__wasi_init_tp";

/// `funcref`, five elements and no more.
const TABLE: &[u8] = &[0x70, 1, 5, 5];

/// `i32`, mutable, 0.
const GLOBAL: &[u8] = &[0x7f, 1, 0x41, 0, 0x0b];

/// The sections that come before the globals.
const BEFORE_GLOBALS: &[u8] = &[id::TYPE, id::IMPORT, id::FUNCTION, id::TABLE, id::MEMORY, id::TAG];

/// The most functions of a module: the limit that engines agree on.
const MOST: u32 = 1_000_000;

/// The code that was added to a module for its threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadHooks {
    /// The functions that stand for operators.
    pub functions: Range<u32>,
    /// Where offsets in the code section are counted from, in the new module: the beginning of the section's contents, and the
    /// bytes by which its function count grew.
    pub code_start: usize,
}

/// The module with its operators for threads as calls. The module given must have shared memory and be valid.
///
/// # Errors
/// The module cannot be parsed, uses a name that is kept for the host, or is too large for the code that is added.
pub fn hook_threads(bytes: &[u8]) -> Result<(Vec<u8>, ThreadHooks), InstrumentError> {
    let module = Module::read(bytes)?;
    let own = [THREADS_TABLE, STEPS_EXPORT, START_EXPORT, INIT_EXPORT];
    if let Some(name) = own.into_iter().find(|name| module.export(name).is_some()) {
        return Err(InstrumentError::NameTaken { name: name.to_owned() });
    }
    let bodies = ModuleBodies::new(&module)?;
    let mut found = Vec::new();
    for body in &bodies.bodies {
        sites::find(bytes, body.clone(), &mut found)?;
    }
    let mut functions: BTreeMap<(Kind, u32), (u32, &[u8])> = BTreeMap::new();
    let (first, table, types) = (bodies.function_count(), bodies.table_count(), module.types.len() as u32);
    let places = Places { types, table, steps: module.globals.len() as u32 };
    let mut splice = Splice::default();
    for site in &found {
        let next = (first + functions.len() as u32, &bytes[site.at.clone()]);
        let (function, _) = *functions.entry((site.kind, site.offset)).or_insert(next);
        let with = call(function, site.at.len()).ok_or(InstrumentError::TooLarge)?;
        splice.extend([Edit { at: site.at.clone(), with }]);
    }
    let last = first + functions.len() as u32;
    if last > MOST || types > MOST - TYPE_COUNT {
        return Err(InstrumentError::TooLarge);
    }
    let export = |name: &str, kind, index| NewExport { name: name.to_owned(), kind, index };
    let mut exports =
        vec![export(THREADS_TABLE, ExportKind::Table, table), export(STEPS_EXPORT, ExportKind::Global, places.steps)];
    exports.extend(init(&module).map(|function| export(INIT_EXPORT, ExportKind::Func, function)));
    if let Some(section) = module.section(id::START) {
        let function = section.reader(bytes).read_var_u32()?;
        exports.push(export(START_EXPORT, ExportKind::Func, function));
        splice.extend([Edit { at: section.whole.clone(), with: Vec::new() }]);
    }
    splice.extend([
        grown(bytes, &module.sections, id::TYPE, &[], TYPE_COUNT, TYPES)?,
        grown(bytes, &module.sections, id::TABLE, &[id::TYPE, id::IMPORT, id::FUNCTION], 1, TABLE)?,
        grown(bytes, &module.sections, id::GLOBAL, BEFORE_GLOBALS, 1, GLOBAL)?,
    ]);
    splice.extend(export_globals::edit(&module, &exports)?);
    let code = module.section(id::CODE);
    let mut added = 0;
    if !functions.is_empty() {
        let mut in_order: Vec<_> = functions.into_iter().collect();
        in_order.sort_by_key(|(_, (function, _))| *function);
        let declared: Vec<u8> =
            in_order.iter().flat_map(|((kind, _), _)| leb(types + kind.signature() as u32)).collect();
        let count = last - first;
        splice.extend([grown(bytes, &module.sections, id::FUNCTION, &[id::TYPE, id::IMPORT], count, &declared)?]);
        // The code section changes in three places: its size and count, its operators, and its end.
        let code = code.ok_or(InstrumentError::TooLarge)?;
        let body = |((kind, offset), (_, operator)): &((Kind, u32), (u32, &[u8]))| {
            wrappers::body(*kind, *offset, operator, places)
        };
        let bodies = in_order.iter().flat_map(body).collect();
        added = grow_code(bytes, code.whole.clone(), code.contents.clone(), count, bodies, &mut splice)?;
    }
    let made = splice.apply(bytes).into_owned();
    let new = sections(&made)?.into_iter().find(|section| section.id == id::CODE);
    let code_start = new.map_or(0, |section| section.contents.start) + added;
    Ok((made, ThreadHooks { functions: first..last, code_start }))
}

/// The C library's function that sets up the main thread, if the module names it.
fn init(module: &Module<'_>) -> Option<u32> {
    let named = module.function_names().map_while(Result::ok).find(|(_, name)| *name == INIT);
    let (function, _) = named?;
    let ty = module.function_type(function)?;
    (function >= module.imported_functions && ty.params().is_empty() && ty.results().is_empty()).then_some(function)
}

/// A call in exactly so many bytes; `None` if the index does not fit.
fn call(function: u32, len: usize) -> Option<Vec<u8>> {
    const CALL: u8 = 0x10;
    const NOP: u8 = 0x01;
    let digits = len.checked_sub(1)?.min(5);
    let index = super::splice::padded(function, digits);
    if index.len() > digits {
        return None;
    }
    let mut bytes = vec![CALL];
    bytes.extend(index);
    bytes.resize(len, NOP);
    Some(bytes)
}

/// Adds bodies at the end of the code section. Returns by how many bytes its function count grew.
fn grow_code(
    bytes: &[u8],
    whole: Range<usize>,
    contents: Range<usize>,
    count: u32,
    bodies: Vec<u8>,
    splice: &mut Splice,
) -> Result<usize, InstrumentError> {
    let mut reader = BinaryReader::new(&bytes[contents.clone()], contents.start);
    let old = reader.read_var_u32()?;
    let old_len = reader.original_position() - contents.start;
    let new = super::splice::padded(old + count, old_len);
    let size = contents.len() - old_len + new.len() + bodies.len();
    let mut head = vec![id::CODE];
    head.extend(leb(u32::try_from(size).map_err(|_| InstrumentError::TooLarge)?));
    head.extend(&new);
    splice.extend([
        Edit { at: whole.start..contents.start + old_len, with: head },
        Edit { at: contents.end..contents.end, with: bodies },
    ]);
    Ok(new.len() - old_len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::validate_threaded;

    const MEMORY: &str = r#"(import "env" "memory" (memory 1 2 shared))"#;

    fn hooked(fields: &str) -> (Vec<u8>, Vec<u8>, ThreadHooks) {
        let original = wat::parse_str(format!("(module {fields})")).unwrap();
        validate_threaded(&original).unwrap();
        let (made, hooks) = hook_threads(&original).unwrap();
        validate_threaded(&made).unwrap();
        (original, made, hooks)
    }

    fn operators(bytes: &[u8], start: usize, count: usize) -> Vec<(usize, String)> {
        let module = Module::read(bytes).unwrap();
        let code = wasmparser::CodeSectionReader::new(module.section(id::CODE).unwrap().reader(bytes)).unwrap();
        let mut found = Vec::new();
        for body in code.into_iter().take(count) {
            let mut operators = body.unwrap().get_operators_reader().unwrap();
            while !operators.eof() {
                let (operator, at) = operators.read_with_offset().unwrap();
                found.push((at - start, format!("{operator:?}")));
            }
        }
        found
    }

    #[test]
    fn what_makes_the_main_thread_known_can_be_called() {
        let index = |fields: &str| {
            let (_, made, _) = hooked(&format!("{MEMORY} (func) {fields}"));
            Module::read(&made).unwrap().export(INIT_EXPORT).map(|export| export.index)
        };
        assert_eq!(index("(func $__wasi_init_tp)"), Some(1));
        assert_eq!(index("(func $__wasi_init_tp (param i32))"), None);
        assert_eq!(index("(func $other)"), None);
    }

    #[test]
    fn operators_become_calls_and_nothing_moves() {
        let function = r#"(func $f (param i32) (result i32)
            (i64.atomic.store16 offset=3000 (local.get 0) (i64.atomic.rmw32.cmpxchg_u (local.get 0) (i64.const 1) (i64.const 2)))
            (atomic.fence)
            (drop (i32.atomic.rmw.xchg offset=4 (local.get 0) (i32.atomic.load8_u (local.get 0))))
            (drop (memory.atomic.wait32 offset=8 (local.get 0) (i32.const 1) (i64.const -1)))
            (drop (memory.atomic.wait64 offset=70000 (local.get 0) (i64.const 1) (i64.const -1)))
            (drop (memory.atomic.notify offset=8 (local.get 0) (i32.const 1)))
            (memory.atomic.notify offset=8 (local.get 0) (i32.const -2)))"#;
        // With 126 more functions, the section's count takes one more byte.
        for more in [0, 126] {
            let (original, made, hooks) = hooked(&format!("{MEMORY} {function} {}", "(func)".repeat(more)));
            let code = Module::read(&original).unwrap().section(id::CODE).unwrap().contents.start;
            let (before, after) = (operators(&original, code, 1), operators(&made, hooks.code_start, 1));
            let is_site = |op: &str| op.contains("Atomic") && op != "AtomicFence";
            let kept: Vec<_> = before.iter().filter(|(_, op)| !is_site(op)).collect();
            assert!(kept.iter().all(|op| after.contains(op)), "{before:?}\n{after:?}");
            let calls: Vec<_> = after.iter().filter(|(_, op)| op.starts_with("Call")).map(|(at, _)| *at).collect();
            let waits: Vec<_> = before.iter().filter(|(_, op)| is_site(op)).map(|(at, _)| *at).collect();
            assert_eq!(calls, waits);
            assert_eq!(hooks.functions.len(), 7, "one for each operator with an offset");
        }
    }

    #[test]
    fn the_start_function_is_exported_instead() {
        let (_, made, hooks) = hooked(&format!("{MEMORY} (func $s) (start $s)"));
        let module = Module::read(&made).unwrap();
        assert!(module.section(id::START).is_none());
        assert_eq!(module.export(START_EXPORT).unwrap().index, 0);
        assert!(module.export(THREADS_TABLE).is_some());
        assert!(hooks.functions.is_empty());
    }

    #[test]
    fn a_name_of_ours_is_refused() {
        let bytes = wat::parse_str(format!(r#"(module {MEMORY} (func (export "airtight:start")))"#)).unwrap();
        let refused = hook_threads(&bytes).unwrap_err();
        assert!(refused.to_string().contains(START_EXPORT), "{refused}");
    }

    #[test]
    fn a_call_is_as_long_as_what_it_replaces() {
        assert_eq!(call(3, 4).unwrap(), [0x10, 0x83, 0x80, 0x00]);
        assert_eq!(call(3, 8).unwrap(), [0x10, 0x83, 0x80, 0x80, 0x80, 0x00, 0x01, 0x01]);
        assert!(call(1 << 21, 4).is_none());
    }
}
