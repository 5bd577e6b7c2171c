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
use wasm_encoder::{Encode, ExportKind, Instruction};

/// `funcref`, one element and no more.
const TABLE: &[u8] = &[0x70, 1, 1, 1];

/// The way back from code into which other code was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedCalls {
    /// The function that calls the host, where one was added.
    pub function: Option<u32>,
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
    /// Its type, as an entry of the type section: one parameter, an `i32`.
    pub(super) ty: &'static [u8],
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
    let (module, bytes) = (all.parsed, all.bytes());
    let (table, ty) = (all.table_count(), module.types.len() as u32);
    let export = NewExport { name: host.table.to_owned(), kind: ExportKind::Table, index: table };
    let edits = [
        grown(bytes, &module.sections, id::TYPE, &[], 1, host.ty)?,
        grown(bytes, &module.sections, id::FUNCTION, &[], 1, &leb(ty))?,
        grown(bytes, &module.sections, id::TABLE, &[id::TYPE, id::IMPORT, id::FUNCTION], 1, TABLE)?,
    ];
    let edits = edits.into_iter().chain(export_globals::edit(module, &[export])?);
    let bodies: Vec<_> = added.into_iter().map(|added| AddedBody { start: Vec::new(), added }).collect();
    add_code(all, &bodies, Some(caller_body(ty, table)), edits)
}

/// The module with this code in its bodies, in their order, with a last function that has the body `appended`, and with these edits of
/// its other sections; and the way back.
///
/// # Errors
/// The module cannot be parsed: it was not validated.
pub(super) fn add_code(
    all: &ModuleBodies<'_>,
    added: &[AddedBody],
    appended: Option<Vec<u8>>,
    edits: impl IntoIterator<Item = Edit>,
) -> Result<(Vec<u8>, AddedCalls), InstrumentError> {
    let (module, bytes) = (all.parsed, all.bytes());
    let code = module.section(id::CODE).ok_or(InstrumentError::TooLarge)?;
    let mut reader = code.reader(bytes);
    let count = reader.read_var_u32()?;
    let mut before = reader.original_position();
    let old_count = before - code.contents.start;
    let new_count = padded(count + u32::from(appended.is_some()), old_count);
    let origin = new_count.len() - old_count;
    let mut done = CodeSectionWriter { out: new_count, inserted: Vec::new(), total: 0, origin };
    for (body, added) in all.bodies.iter().zip(added) {
        done.body(body.start - before, &bytes[body.clone()], added);
        before = body.end;
    }
    let function = appended.as_ref().map(|_| caller(all));
    if let Some(body) = appended {
        done.out.extend(leb(body.len() as u32));
        done.out.extend(body);
    }
    let mut contents = vec![id::CODE];
    done.out.as_slice().encode(&mut contents);
    let mut splice = Splice::default();
    splice.extend(edits);
    splice.extend([Edit { at: code.whole.clone(), with: contents }]);
    let made = splice.apply(bytes).into_owned();
    let new = sections(&made)?.into_iter().find(|section| section.id == id::CODE);
    let new = new.map_or(0, |section| section.contents.start);
    let start = new + done.origin;
    Ok((made, AddedCalls { function, start, inserted: done.inserted }))
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

fn caller_body(type_index: u32, table_index: u32) -> Vec<u8> {
    let mut body = vec![0];
    for op in [
        Instruction::LocalGet(0),
        Instruction::I32Const(0),
        Instruction::CallIndirect { type_index, table_index },
        Instruction::End,
    ] {
        op.encode(&mut body);
    }
    body
}
