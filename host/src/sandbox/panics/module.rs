//! What is known of the panics of a module, once for all its tests.

use crate::catalogue::{Module as Parsed, Statics};
use crate::instrument::{NoHooks, PANIC_FORMATTED_EXPORT, PANIC_STATIC_EXPORT, PANIC_TABLE_EXPORT, PanicHooks};
use crate::sandbox::no_answer::NoAnswer;
use std::collections::HashSet;
use std::sync::OnceLock;
use wasmtime::{Module, ModuleExport};

/// A module whose hooks tell of its panics.
pub struct ModulePanics {
    /// What is needed to read payloads, or why they cannot be read.
    pub(super) readers: Result<Readers, String>,
    pub(super) kinds: OnceLock<Result<PayloadKinds, NoAnswer>>,
}

/// A `TypeId`.
pub(super) type TypeId = [u8; 16];

/// The types of payload that are text for libtest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PayloadKinds {
    /// `&'static str`.
    pub(super) static_str: TypeId,
    /// `String`.
    pub(super) string: TypeId,
}

/// What is needed to read a payload.
pub struct Readers {
    /// The table that the functions of vtables are in.
    pub(super) table: ModuleExport,
    /// Borrows the value in a payload that is a `&'static str`.
    pub(super) statics: ModuleExport,
    /// Borrows the value in a payload that is a `String`.
    pub(super) formatted: ModuleExport,
    /// The functions that borrow the value in a payload of any kind, by their indices in the table.
    pub(super) borrows: HashSet<u32>,
}

impl ModulePanics {
    /// The panics of a compiled module that these hooks tell of.
    pub fn new(module: &Module, hooks: &PanicHooks, parsed: &Parsed<'_>) -> Self {
        Self { readers: readers(module, hooks, parsed), kinds: OnceLock::new() }
    }

    /// Why it cannot be read what a panic says; `None` if it can.
    pub fn unread(&self) -> Option<&str> {
        self.readers.as_ref().err().map(String::as_str)
    }
}

fn readers(module: &Module, hooks: &PanicHooks, parsed: &Parsed<'_>) -> Result<Readers, String> {
    hooks.text.as_ref().map_err(ToString::to_string)?;
    let statics = Statics::read(parsed).map_err(|why| format!("the module {why}"))?;
    let export = |name: &str| module.get_export_index(name).ok_or_else(|| NoHooks::BadNames.to_string());
    Ok(Readers {
        table: export(PANIC_TABLE_EXPORT)?,
        statics: export(PANIC_STATIC_EXPORT)?,
        formatted: export(PANIC_FORMATTED_EXPORT)?,
        borrows: statics
            .functions()
            .filter(|(_, function)| hooks.borrows.contains(function))
            .map(|(index, _)| index)
            .collect(),
    })
}
