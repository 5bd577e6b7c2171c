//! Makes the waits of a module with threads calls of the host, and its start function one that the host calls.
//!
//! All threads of a test run on one thread of the host, so that a wait for another must let that other run:
//!
//! ```wat
//! (memory.atomic.wait32 offset=8 (local.get 0) (i32.const 1) (i64.const -1))
//!
//! (call $wait (local.get 0) (i32.const 1) (i64.const -1))
//! ```
//!
//! The call is as long as the operator was, so no code moves. `$wait` is appended: it adds the operator's offset, and calls what
//! the host has put into a table. The start function of such a module waits too, so it is exported instead: the host calls it when
//! the table is filled.

use super::InstrumentError;
use super::bodies::ModuleBodies;
use super::export_globals::{self, NewExport};
use super::splice::{Edit, Splice, grown, leb};
use crate::catalogue::Module;
use crate::catalogue::sections::{id, sections};
use std::collections::BTreeMap;
use std::ops::Range;
use wasm_encoder::{Encode, ExportKind, Instruction};
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// The export of the table that the host fills with `wait32`, `wait64` and `notify`, in this order. Each has the parameters of its
/// operator and the operator's offset behind them.
pub const THREADS_TABLE: &str = "airtight:threads";

/// The export of what was the start function.
pub const START_EXPORT: &str = "airtight:start";

/// The types of the functions that are appended, and behind them those of the host's functions.
const TYPES: &[u8] = &[
    0x60, 3, 0x7f, 0x7f, 0x7e, 1, 0x7f, // wait32
    0x60, 3, 0x7f, 0x7e, 0x7e, 1, 0x7f, // wait64
    0x60, 2, 0x7f, 0x7f, 1, 0x7f, // notify
    0x60, 4, 0x7f, 0x7f, 0x7e, 0x7f, 1, 0x7f, // the same with an offset
    0x60, 4, 0x7f, 0x7e, 0x7e, 0x7f, 1, 0x7f, //
    0x60, 3, 0x7f, 0x7f, 0x7f, 1, 0x7f, //
];
const TYPE_COUNT: u32 = 6;
const HOST_TYPES: u32 = 3;

/// `funcref`, three elements and no more.
const TABLE: &[u8] = &[0x70, 1, 3, 3];

/// What every operator for threads begins with.
const ATOMIC: u8 = 0xfe;

/// Most functions of a module: what engines agree on.
const MOST: u32 = 1_000_000;

/// What was added to a module for its threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadHooks {
    /// The functions that call the host.
    pub functions: Range<u32>,
    /// Where the code section's contents begin in the module that was made, behind what its function count grew by.
    pub code_start: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Wait32,
    Wait64,
    Notify,
}

impl Kind {
    fn params(self) -> u32 {
        if self == Self::Notify { 2 } else { 3 }
    }
}

/// An operator that becomes a call.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Site {
    at: Range<usize>,
    kind: Kind,
    offset: u32,
}

/// The module with its waits as calls of the host. It has shared memory, and is valid.
///
/// # Errors
/// The module cannot be parsed, uses a name that is kept for the host, or is too large for what is added.
pub fn hook_threads(bytes: &[u8]) -> Result<(Vec<u8>, ThreadHooks), InstrumentError> {
    let module = Module::read(bytes)?;
    if let Some(name) = [THREADS_TABLE, START_EXPORT].into_iter().find(|name| module.export(name).is_some()) {
        return Err(InstrumentError::NameTaken { name: name.to_owned() });
    }
    let bodies = ModuleBodies::new(&module)?;
    let mut sites = Vec::new();
    for body in &bodies.bodies {
        find_sites(bytes, body.clone(), &mut sites)?;
    }
    let mut functions: BTreeMap<(Kind, u32), u32> = BTreeMap::new();
    let (first, table, types) = (bodies.function_count(), bodies.table_count(), module.types.len() as u32);
    let mut splice = Splice::default();
    for site in &sites {
        let next = first + functions.len() as u32;
        let function = *functions.entry((site.kind, site.offset)).or_insert(next);
        let with = call(function, site.at.len()).ok_or(InstrumentError::TooLarge)?;
        splice.extend([Edit { at: site.at.clone(), with }]);
    }
    let last = first + functions.len() as u32;
    if last > MOST || types > MOST - TYPE_COUNT {
        return Err(InstrumentError::TooLarge);
    }
    let mut exports = vec![NewExport { name: THREADS_TABLE.to_owned(), kind: ExportKind::Table, index: table }];
    if let Some(section) = module.section(id::START) {
        let function = section.reader(bytes).read_var_u32()?;
        exports.push(NewExport { name: START_EXPORT.to_owned(), kind: ExportKind::Func, index: function });
        splice.extend([Edit { at: section.whole.clone(), with: Vec::new() }]);
    }
    splice.extend([
        grown(bytes, &module.sections, id::TYPE, &[], TYPE_COUNT, TYPES)?,
        grown(bytes, &module.sections, id::TABLE, &[id::TYPE, id::IMPORT, id::FUNCTION], 1, TABLE)?,
    ]);
    splice.extend(export_globals::edit(&module, &exports)?);
    let code = module.section(id::CODE);
    let mut added = 0;
    if !functions.is_empty() {
        let mut in_order: Vec<_> = functions.into_iter().collect();
        in_order.sort_by_key(|(_, function)| *function);
        let declared: Vec<u8> = in_order.iter().flat_map(|((kind, _), _)| leb(types + *kind as u32)).collect();
        let count = last - first;
        splice.extend([grown(bytes, &module.sections, id::FUNCTION, &[id::TYPE, id::IMPORT], count, &declared)?]);
        // The code section is changed in three places: its size and count, its operators, its end.
        let code = code.ok_or(InstrumentError::TooLarge)?;
        let bodies = in_order.iter().flat_map(|((kind, offset), _)| body(*kind, *offset, types, table)).collect();
        added = grow_code(bytes, code.whole.clone(), code.contents.clone(), count, bodies, &mut splice)?;
    }
    let made = splice.apply(bytes).into_owned();
    let new = sections(&made)?.into_iter().find(|section| section.id == id::CODE);
    let code_start = new.map_or(0, |section| section.contents.start) + added;
    Ok((made, ThreadHooks { functions: first..last, code_start }))
}

/// The operators of a function that wait or notify.
fn find_sites(bytes: &[u8], body: Range<usize>, sites: &mut Vec<Site>) -> Result<(), InstrumentError> {
    if memchr::memchr(ATOMIC, &bytes[body.clone()]).is_none() {
        return Ok(());
    }
    let function = FunctionBody::new(BinaryReader::new(&bytes[body.clone()], body.start));
    let mut operators = function.get_operators_reader()?;
    while !operators.eof() {
        let (operator, at) = operators.read_with_offset()?;
        let (kind, memarg) = match operator {
            Operator::MemoryAtomicWait32 { memarg } => (Kind::Wait32, memarg),
            Operator::MemoryAtomicWait64 { memarg } => (Kind::Wait64, memarg),
            Operator::MemoryAtomicNotify { memarg } => (Kind::Notify, memarg),
            _ => continue,
        };
        // A memory of 32 bits has offsets of 32 bits: the module is valid.
        let offset = u32::try_from(memarg.offset).unwrap_or(u32::MAX);
        sites.push(Site { at: at..operators.original_position(), kind, offset });
    }
    Ok(())
}

/// A call in exactly so many bytes; `None` where the index does not fit.
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

/// A function that passes its parameters on to the host, and the operator's offset.
fn body(kind: Kind, offset: u32, types: u32, table: u32) -> Vec<u8> {
    let mut body = vec![0];
    for local in 0..kind.params() {
        Instruction::LocalGet(local).encode(&mut body);
    }
    for op in [
        Instruction::I32Const(offset.cast_signed()),
        Instruction::I32Const(kind as i32),
        Instruction::CallIndirect { type_index: types + HOST_TYPES + kind as u32, table_index: table },
        Instruction::End,
    ] {
        op.encode(&mut body);
    }
    let mut sized = leb(body.len() as u32);
    sized.extend(body);
    sized
}

/// Puts bodies at the end of the code section. Gives what its count grew by, in bytes.
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
    fn waits_become_calls_and_nothing_moves() {
        let function = r#"(func $f (param i32) (result i32)
            (drop (memory.atomic.wait32 offset=8 (local.get 0) (i32.const 1) (i64.const -1)))
            (drop (memory.atomic.wait64 offset=70000 (local.get 0) (i64.const 1) (i64.const -1)))
            (drop (memory.atomic.notify offset=8 (local.get 0) (i32.const 1)))
            (memory.atomic.notify offset=8 (local.get 0) (i32.const -2)))"#;
        // With 126 more, the section's count takes a byte more.
        for more in [0, 126] {
            let (original, made, hooks) = hooked(&format!("{MEMORY} {function} {}", "(func)".repeat(more)));
            let code = Module::read(&original).unwrap().section(id::CODE).unwrap().contents.start;
            let (before, after) = (operators(&original, code, 1), operators(&made, hooks.code_start, 1));
            let kept: Vec<_> = before.iter().filter(|(_, op)| !op.contains("MemoryAtomic")).collect();
            assert!(kept.iter().all(|op| after.contains(op)), "{before:?}\n{after:?}");
            let calls: Vec<_> = after.iter().filter(|(_, op)| op.starts_with("Call")).map(|(at, _)| *at).collect();
            let waits: Vec<_> =
                before.iter().filter(|(_, op)| op.contains("MemoryAtomic")).map(|(at, _)| *at).collect();
            assert_eq!(calls, waits);
            assert_eq!(hooks.functions.len(), 3, "one for each operator with an offset");
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
