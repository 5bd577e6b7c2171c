//! Exports every mutable integer global, so that the host can save and restore them.
//!
//! A trap leaves the guest's stack pointer where it was: a clean-up called in the same instance must start with the
//! value from before the test. Compilers keep it in a global of the module's own, which the host cannot reach.
//!
//! ```wat
//! (module                                        (module
//!   (global $__stack_pointer (mut i32) …)          (global $__stack_pointer (mut i32) …)
//!   (global $limit i32 …)                          (global $limit i32 …)
//!   (export "_start" (func $start)))               (export "_start" (func $start))
//!                                                  (export "airtight:global/0" (global 0)))
//! ```
//!
//! Only the export section changes; where there is none it is added in its place. A second run changes nothing.

use super::{InstrumentError, Instrumented, RewriteMap};
use crate::catalogue::sections::{Section, id, sections};
use std::borrow::Cow;
use std::collections::HashSet;
use wasm_encoder::{Encode, ExportKind, RawSection};
use wasmparser::{
    BinaryReaderError, ExportSectionReader, ExternalKind, GlobalSectionReader, ImportSectionReader, Name,
    NameSectionReader, TypeRef, ValType,
};

/// What the names of the added exports start with; the global's index follows.
const PREFIX: &str = "airtight:global/";

/// What wasm-ld calls the stack pointer.
const STACK_POINTER: &str = "__stack_pointer";

/// The type of an exported global.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GlobalType {
    /// 32 bits.
    I32,
    /// 64 bits.
    I64,
}

/// A mutable global that the host can reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedGlobal {
    /// Its index.
    pub index: u32,
    /// The name under which it is exported.
    pub export: String,
    /// Its type.
    pub ty: GlobalType,
    /// Whether the module's name section calls it `__stack_pointer`.
    pub stack_pointer: bool,
}

/// Runs the pass.
pub(super) fn run(bytes: &[u8]) -> Result<Instrumented<'_>, InstrumentError> {
    let sections = sections(bytes)?;
    let globals = mutable_globals(bytes, &sections)?;
    let missing = not_exported(bytes, &sections, &globals)?;
    let code_start = sections.iter().find(|section| section.id == id::CODE).map(|section| section.contents.start);
    let mut map =
        RewriteMap { code_start_original: code_start, code_start_rewritten: code_start, globals: globals.clone() };
    if missing.is_empty() {
        return Ok(Instrumented { bytes: Cow::Borrowed(bytes), map });
    }
    let rewritten = with_exports(bytes, &sections, &missing)?;
    // Everything from the export section on moves by as much as it grew, and code comes after exports.
    map.code_start_rewritten = code_start.map(|start| start + (rewritten.len() - bytes.len()));
    Ok(Instrumented { bytes: Cow::Owned(rewritten), map })
}

/// The mutable integer globals, imported ones first, as the index space has them.
fn mutable_globals(bytes: &[u8], sections: &[Section<'_>]) -> Result<Vec<ExportedGlobal>, BinaryReaderError> {
    let mut types = Vec::new();
    for section in sections {
        let reader = section.reader(bytes);
        match section.id {
            id::IMPORT => {
                for import in ImportSectionReader::new(reader)? {
                    if let TypeRef::Global(ty) = import?.ty {
                        types.push(ty);
                    }
                }
            }
            id::GLOBAL => {
                for global in GlobalSectionReader::new(reader)? {
                    types.push(global?.ty);
                }
            }
            _ => {}
        }
    }
    let stack_pointer = stack_pointer(bytes, sections);
    let globals = (0u32..).zip(types).filter_map(|(index, ty)| {
        let integer = match ty.content_type {
            ValType::I32 => GlobalType::I32,
            ValType::I64 => GlobalType::I64,
            _ => return None,
        };
        let export = format!("{PREFIX}{index}");
        let stack_pointer = stack_pointer == Some(index);
        ty.mutable.then_some(ExportedGlobal { index, export, ty: integer, stack_pointer })
    });
    Ok(globals.collect())
}

/// The index of the global that the name section calls [`STACK_POINTER`]. A broken name section names nothing.
fn stack_pointer(bytes: &[u8], sections: &[Section<'_>]) -> Option<u32> {
    let names = sections.iter().find(|section| section.name == "name")?;
    for subsection in NameSectionReader::new(names.reader(bytes)) {
        let Name::Global(globals) = subsection.ok()? else { continue };
        for naming in globals {
            let naming = naming.ok()?;
            if naming.name == STACK_POINTER {
                return Some(naming.index);
            }
        }
    }
    None
}

/// Those of the globals that an earlier run has not exported yet.
fn not_exported<'g>(
    bytes: &[u8],
    sections: &[Section<'_>],
    globals: &'g [ExportedGlobal],
) -> Result<Vec<&'g ExportedGlobal>, InstrumentError> {
    let mut exported = HashSet::new();
    if let Some(exports) = export_section(sections) {
        for export in ExportSectionReader::new(exports.reader(bytes))? {
            let export = export?;
            if !export.name.starts_with(PREFIX) {
                continue;
            }
            let global = globals.binary_search_by_key(&export.index, |global| global.index).map(|at| &globals[at]);
            if export.kind != ExternalKind::Global || !global.is_ok_and(|global| global.export == export.name) {
                return Err(InstrumentError::NameTaken { name: export.name.to_owned() });
            }
            exported.insert(export.index);
        }
    }
    Ok(globals.iter().filter(|global| !exported.contains(&global.index)).collect())
}

fn export_section<'s, 'a>(sections: &'s [Section<'a>]) -> Option<&'s Section<'a>> {
    sections.iter().find(|section| section.id == id::EXPORT)
}

/// The module with these exports after those it has.
fn with_exports(
    bytes: &[u8],
    sections: &[Section<'_>],
    added: &[&ExportedGlobal],
) -> Result<Vec<u8>, BinaryReaderError> {
    let (mut count, old, replaced) = match export_section(sections) {
        Some(section) => {
            let mut reader = section.reader(bytes);
            let count = reader.read_var_u32()?;
            (count as usize, &bytes[reader.original_position()..section.contents.end], section.whole.clone())
        }
        None => {
            let place = place_of_exports(sections);
            (0, &[][..], place..place)
        }
    };
    count += added.len();
    let mut data = Vec::new();
    count.encode(&mut data);
    data.extend_from_slice(old);
    for global in added {
        global.export.encode(&mut data);
        ExportKind::Global.encode(&mut data);
        global.index.encode(&mut data);
    }
    let mut rewritten = Vec::with_capacity(bytes.len() + data.len());
    rewritten.extend_from_slice(&bytes[..replaced.start]);
    wasm_encoder::Section::append_to(&RawSection { id: id::EXPORT, data: &data }, &mut rewritten);
    rewritten.extend_from_slice(&bytes[replaced.end..]);
    Ok(rewritten)
}

/// Behind the last section that must come before exports. There is one: a module with globals has said so in it.
fn place_of_exports(sections: &[Section<'_>]) -> usize {
    let before = |section: &&Section<'_>| matches!(section.id, id::TYPE..=id::GLOBAL | id::TAG);
    sections.iter().rev().find(before).map_or(crate::catalogue::sections::HEADER_LEN, |section| section.whole.end)
}

#[cfg(test)]
#[path = "export_globals_tests.rs"]
mod tests;
