//! Puts code into bodies of functions, of which most calls the host.
//!
//! ```wat
//! (func $f (call $g))
//!
//! (func $f (i32.const 7) (call $host) (call $g))
//! (func $host (param i32) (call_indirect $table (type $host) (local.get 0) (i32.const 0)))
//! ```
//!
//! The calls go to a function that is appended, and that calls what the host has put into a table. Code moves by this; [`AddedCalls`]
//! knows the way back.

use super::InstrumentError;
use super::bodies::ModuleBodies;
use super::export_globals::{self, NewExport};
use super::splice::{Edit, Splice, grown, leb, padded};
use crate::catalogue::sections::{id, sections};
use std::ops::Range;
use wasm_encoder::{Encode, ExportKind, Instruction};

/// `funcref`, one element and no more.
const TABLE: &[u8] = &[0x70, 1, 1, 1];

/// The way back from code into which other code was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedCalls {
    /// The functions that were appended, through which the host is called.
    pub functions: Range<u32>,
    /// Where the code section's contents begin in the module that was made, behind what its function count grew by.
    pub start: usize,
    /// What was put in, in order.
    inserted: Vec<InsertedBytes>,
}
/// Bytes that were put into the code section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct InsertedBytes {
    /// Where they begin, from the start of the new contents.
    at: u32,
    len: u32,
    /// All that was put in before.
    before: u32,
}

impl AddedCalls {
    /// The offset in the code section that was given of an offset in the one that was made. What was put in is where the operation
    /// is that it belongs to.
    pub fn back(&self, offset: u32) -> u32 {
        let next = self.inserted.partition_point(|inserted| inserted.at <= offset);
        let Some(last) = next.checked_sub(1).and_then(|at| self.inserted.get(at)) else { return offset };
        let within = (offset - last.at).min(last.len);
        offset - last.before - within
    }
}

/// What a body gets.
#[derive(Default)]
pub(super) struct AddedBody {
    /// Its first bytes, which replace as many.
    pub(super) start: Vec<u8>,
    /// What is put in behind them, in order.
    pub(super) added: Vec<AddedCode>,
}

/// What is put into a body.
pub(super) struct AddedCode {
    /// Where, from the start of the body.
    pub(super) at: usize,
    /// The operators.
    pub(super) code: Vec<u8>,
}

/// The host's function.
pub(super) struct HostFunction {
    /// The export of the table whose one slot the host fills with it.
    pub(super) table: &'static str,
    /// Its type, as an entry of the type section, with fewer than 128 parameters.
    pub(super) ty: &'static [u8],
}

/// What is appended to a module beside the function that calls the host.
#[derive(Default)]
pub(super) struct Appended {
    /// Further functions, which follow that one: each with its type, as an entry of the type section, and its body.
    pub(super) functions: Vec<(Vec<u8>, Vec<u8>)>,
    /// Global variables, which follow the module's own: each as an entry of the global section, and the name by which it is exported.
    pub(super) globals: Vec<(Vec<u8>, &'static str)>,
}

/// The index of the function that is to be appended, which calls the host.
pub(super) fn caller(module: &ModuleBodies<'_>) -> u32 {
    module.function_count()
}

/// The module with these calls in its bodies, in their order and each in order, and the way back.
///
/// # Errors
/// The module cannot be parsed: it was not validated.
pub(super) fn add_calls(
    all: &ModuleBodies<'_>,
    host: &HostFunction,
    added: Vec<Vec<AddedCode>>,
) -> Result<(Vec<u8>, AddedCalls), InstrumentError> {
    add_calls_and(all, host, added, Appended::default())
}

/// The same, with more appended behind the function that calls the host. The code in the bodies may call and use that.
///
/// # Errors
/// The module cannot be parsed: it was not validated.
pub(super) fn add_calls_and(
    all: &ModuleBodies<'_>,
    host: &HostFunction,
    added: Vec<Vec<AddedCode>>,
    mut appended: Appended,
) -> Result<(Vec<u8>, AddedCalls), InstrumentError> {
    let caller = caller_body(all.parsed.types.len() as u32, all.table_count(), host.ty);
    appended.functions.insert(0, (host.ty.to_vec(), caller));
    let bodies: Vec<_> = added.into_iter().map(|added| AddedBody { start: Vec::new(), added }).collect();
    add_code(all, &bodies, Some(host.table), &appended)
}

/// The module with this code in its bodies, in their order, with more appended, and with a table for the host, if it is to be exported
/// by this name; and the way back.
///
/// # Errors
/// The module cannot be parsed: it was not validated.
pub(super) fn add_code(
    all: &ModuleBodies<'_>,
    added: &[AddedBody],
    table: Option<&str>,
    appended: &Appended,
) -> Result<(Vec<u8>, AddedCalls), InstrumentError> {
    let (module, bytes) = (all.parsed, all.bytes());
    let new_functions = appended.functions.len() as u32;
    let code = module.section(id::CODE).ok_or(InstrumentError::TooLarge)?;
    let mut reader = code.reader(bytes);
    let count = reader.read_var_u32()?;
    let mut before = reader.original_position();
    let old_count = before - code.contents.start;
    let new_count = padded(count + new_functions, old_count);
    let origin = new_count.len() - old_count;
    let mut done = CodeSectionWriter { out: new_count, inserted: Vec::new(), total: 0, origin };
    for (body, added) in all.bodies.iter().zip(added) {
        done.body(body.start - before, &bytes[body.clone()], added);
        before = body.end;
    }
    for (_, body) in &appended.functions {
        done.out.extend(leb(body.len() as u32));
        done.out.extend(body);
    }
    let mut contents = vec![id::CODE];
    done.out.as_slice().encode(&mut contents);
    let mut splice = Splice::default();
    splice.extend([Edit { at: code.whole.clone(), with: contents }]);
    let mut exports = Vec::new();
    if new_functions > 0 {
        let first_type = module.types.len() as u32;
        let types = appended.functions.iter().flat_map(|(ty, _)| ty.iter().copied()).collect::<Vec<_>>();
        let type_indices: Vec<u8> = (first_type..first_type + new_functions).flat_map(leb).collect();
        splice.extend([
            grown(bytes, &module.sections, id::TYPE, &[], new_functions, &types)?,
            grown(bytes, &module.sections, id::FUNCTION, &[], new_functions, &type_indices)?,
        ]);
    }
    if let Some(name) = table {
        const BEFORE: &[u8] = &[id::TYPE, id::IMPORT, id::FUNCTION];
        splice.extend([grown(bytes, &module.sections, id::TABLE, BEFORE, 1, TABLE)?]);
        exports.push(NewExport { name: name.to_owned(), kind: ExportKind::Table, index: all.table_count() });
    }
    if !appended.globals.is_empty() {
        const BEFORE: &[u8] = &[id::TYPE, id::IMPORT, id::FUNCTION, id::TABLE, id::MEMORY, id::TAG];
        let globals = appended.globals.iter().flat_map(|(global, _)| global.iter().copied()).collect::<Vec<_>>();
        splice.extend([grown(bytes, &module.sections, id::GLOBAL, BEFORE, appended.globals.len() as u32, &globals)?]);
        let first = module.globals.len() as u32;
        exports.extend((first..).zip(&appended.globals).map(|(index, (_, name))| NewExport {
            name: (*name).to_owned(),
            kind: ExportKind::Global,
            index,
        }));
    }
    splice.extend(export_globals::edit(module, &exports)?);
    let made = splice.apply(bytes).into_owned();
    let new = sections(&made)?.into_iter().find(|section| section.id == id::CODE);
    let new = new.map_or(0, |section| section.contents.start);
    let start = new + done.origin;
    let first = all.function_count();
    Ok((made, AddedCalls { functions: first..first + new_functions, start, inserted: done.inserted }))
}

/// A code section that is being written.
struct CodeSectionWriter {
    out: Vec<u8>,
    inserted: Vec<InsertedBytes>,
    total: u32,
    /// Where offsets are counted from: what the section's count grew by.
    origin: usize,
}

impl CodeSectionWriter {
    fn insert(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let at = (self.out.len() - self.origin) as u32;
        self.inserted.push(InsertedBytes { at, len: bytes.len() as u32, before: self.total });
        self.total += bytes.len() as u32;
        self.out.extend_from_slice(bytes);
    }

    /// A body, whose size was written in so many bytes.
    fn body(&mut self, header: usize, body: &[u8], AddedBody { start, added }: &AddedBody) {
        let size = body.len() + added.iter().map(|added| added.code.len()).sum::<usize>();
        let new = padded(size as u32, header);
        // Of a longer number, the end is what is new.
        self.out.extend_from_slice(&new[..header]);
        self.insert(&new[header..]);
        self.out.extend_from_slice(start);
        let mut copied = start.len();
        for added in added {
            self.out.extend_from_slice(&body[copied..added.at]);
            self.insert(&added.code);
            copied = added.at;
        }
        self.out.extend_from_slice(&body[copied..]);
    }
}

/// A function that passes its parameters on to the host. Behind the form of its type is how many there are.
fn caller_body(type_index: u32, table_index: u32, ty: &[u8]) -> Vec<u8> {
    let mut body = vec![0];
    let parameters = ty.get(1).map_or(0, |count| u32::from(*count));
    (0..parameters).for_each(|parameter| Instruction::LocalGet(parameter).encode(&mut body));
    for op in [Instruction::I32Const(0), Instruction::CallIndirect { type_index, table_index }, Instruction::End] {
        op.encode(&mut body);
    }
    body
}
