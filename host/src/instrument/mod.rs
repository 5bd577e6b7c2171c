//! Rewriting of modules: bytes in, bytes and a map back out. A file a pass.
//!
//! No pass moves a function index or an offset within the code section, so that stacks captured in the rewritten module
//! are read with the original's names and debug information.

mod error;
mod export_globals;

pub use error::InstrumentError;
pub use export_globals::{ExportedGlobal, GlobalType};

use std::borrow::Cow;

/// Changes whenever the same module would be rewritten to other bytes: part of every cache key.
pub const REWRITER_VERSION: u32 = 1;

/// A rewritten module.
#[derive(Debug, Clone)]
pub struct Instrumented<'a> {
    /// The module; borrowed where nothing had to be changed.
    pub bytes: Cow<'a, [u8]>,
    /// What was changed, and the way back.
    pub map: RewriteMap,
}

/// From the rewritten module back to the original.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RewriteMap {
    /// Where the contents of the code section start in the original. `None` where there is no code.
    pub code_start_original: Option<usize>,
    /// Where they start in the rewritten module.
    pub code_start_rewritten: Option<usize>,
    /// The mutable integer globals that the host can reach, by index.
    pub globals: Vec<ExportedGlobal>,
}

impl RewriteMap {
    /// The stack pointer of the guest's compiler, where the module names it.
    pub fn stack_pointer(&self) -> Option<&ExportedGlobal> {
        self.globals.iter().find(|global| global.stack_pointer)
    }

    /// The offset from the start of the code section's contents of an offset in the rewritten module: what
    /// [`crate::ledger::RawFrame`] holds.
    pub fn code_offset(&self, rewritten: usize) -> Option<u32> {
        u32::try_from(rewritten.checked_sub(self.code_start_rewritten?)?).ok()
    }
}

/// Runs every pass.
///
/// # Errors
/// If the module's sections cannot be parsed, or it uses a name that is kept for the host.
pub fn instrument(bytes: &[u8]) -> Result<Instrumented<'_>, InstrumentError> {
    let instrumented = export_globals::run(bytes)?;
    debug_assert!(keeps_valid(bytes, &instrumented.bytes), "a pass made an invalid module of a valid one");
    Ok(instrumented)
}

/// Whether the rewritten module is valid, if the original was.
fn keeps_valid(original: &[u8], rewritten: &[u8]) -> bool {
    use crate::catalogue::validate;
    validate(original).is_err() || validate(rewritten).is_ok()
}
