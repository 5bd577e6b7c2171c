//! Exports every mutable integer global, so that the host can save and restore them.
//!
//! After a trap, the guest's stack pointer stays where it was. A clean-up that is then called in the same instance must start
//! with the value from before the test. Compilers keep the stack pointer in a global that is not exported, so that the host
//! cannot reach it.
//!
//! ```wat
//! (module                                        (module
//!   (global $__stack_pointer (mut i32) …)          (global $__stack_pointer (mut i32) …)
//!   (global $limit i32 …)                          (global $limit i32 …)
//!   (export "_start" (func $start)))               (export "_start" (func $start))
//!                                                  (export "airtight:global/0" (global 0)))
//! ```
//!
//! Only the export section changes; if there is none, it is added. A second run of this pass changes nothing.

use super::InstrumentError;
use super::splice::{Edit, grown};
use crate::catalogue::Module;
use crate::catalogue::sections::id;
use std::collections::HashSet;
use wasm_encoder::{Encode, ExportKind};
use wasmparser::{BinaryReaderError, ExternalKind, Name, ValType};

/// The beginning of the names of the added exports. The global's index follows it.
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

/// The mutable integer globals of a module, and which of them an earlier run has exported already.
pub(super) struct Globals {
    pub(super) all: Vec<ExportedGlobal>,
    exported: HashSet<u32>,
}

/// An export to add.
#[derive(Debug, Clone)]
pub(super) struct NewExport {
    pub(super) name: String,
    pub(super) kind: ExportKind,
    pub(super) index: u32,
}

/// Finds the mutable integer globals of a module.
pub(super) fn find(module: &Module<'_>) -> Result<Globals, InstrumentError> {
    let all = mutable_globals(module);
    let exported = exported(module, &all)?;
    Ok(Globals { all, exported })
}

impl Globals {
    /// The exports to add.
    pub(super) fn missing(&self) -> impl Iterator<Item = NewExport> {
        let missing = self.all.iter().filter(|global| !self.exported.contains(&global.index));
        missing.map(|global| NewExport { name: global.export.clone(), kind: ExportKind::Global, index: global.index })
    }
}

/// The export section with these exports after those it has.
pub(super) fn edit(module: &Module<'_>, added: &[NewExport]) -> Result<Option<Edit>, BinaryReaderError> {
    if added.is_empty() {
        return Ok(None);
    }
    const BEFORE: &[u8] = &[1, 2, 3, 4, 5, 6, id::TAG];
    grown(module.bytes, &module.sections, id::EXPORT, BEFORE, added.len() as u32, &encoded(added)).map(Some)
}

/// Entries of an export section.
pub(super) fn encoded(exports: &[NewExport]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for export in exports {
        export.name.encode(&mut bytes);
        export.kind.encode(&mut bytes);
        export.index.encode(&mut bytes);
    }
    bytes
}

/// The mutable integer globals, in the order of their indices.
fn mutable_globals(module: &Module<'_>) -> Vec<ExportedGlobal> {
    let stack_pointer = stack_pointer(module);
    let globals = (0u32..).zip(&module.globals).filter_map(|(index, ty)| {
        let integer = match ty.content_type {
            ValType::I32 => GlobalType::I32,
            ValType::I64 => GlobalType::I64,
            _ => return None,
        };
        let export = format!("{PREFIX}{index}");
        let stack_pointer = stack_pointer == Some(index);
        ty.mutable.then_some(ExportedGlobal { index, export, ty: integer, stack_pointer })
    });
    globals.collect()
}

/// The index of the global that the name section calls [`STACK_POINTER`]. `None` if the name section is broken.
fn stack_pointer(module: &Module<'_>) -> Option<u32> {
    for subsection in module.names() {
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

/// The indices of the globals that an earlier run has exported.
fn exported(module: &Module<'_>, globals: &[ExportedGlobal]) -> Result<HashSet<u32>, InstrumentError> {
    let mut exported = HashSet::new();
    for export in &module.exports {
        if !export.name.starts_with(PREFIX) {
            continue;
        }
        let global = globals.binary_search_by_key(&export.index, |global| global.index).map(|at| &globals[at]);
        if export.kind != ExternalKind::Global || !global.is_ok_and(|global| global.export == export.name) {
            return Err(InstrumentError::NameTaken { name: export.name.to_owned() });
        }
        exported.insert(export.index);
    }
    Ok(exported)
}

#[cfg(test)]
mod tests;
