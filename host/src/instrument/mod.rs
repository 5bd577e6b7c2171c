//! Rewriting of modules: bytes in, bytes and a map back out. A file or a folder a pass.
//!
//! No pass moves a function index or an offset within the code section, so that stacks captured in the rewritten module
//! are read with the original's names and debug information.

mod error;
mod export_globals;
mod heap;
mod splice;

pub use error::InstrumentError;
pub use export_globals::{ExportedGlobal, GlobalType};
pub use heap::{FREE_EXPORT, HOOKS_TABLE, HeapHooks, Hook, Hooked, MALLOC_EXPORT, NoHooks, Window};

use crate::catalogue::sections::{Section, id, sections};
use splice::Splice;
use std::borrow::Cow;

/// Changes whenever the same module would be rewritten to other bytes: part of every cache key.
pub const REWRITER_VERSION: u32 = 2;

/// What to do to a module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Follow the heap, with these functions as the test's own. `None` leaves the allocator alone.
    pub heap: Option<Window>,
}

/// A rewritten module.
#[derive(Debug, Clone)]
pub struct Instrumented<'a> {
    /// The module; borrowed where nothing had to be changed.
    pub bytes: Cow<'a, [u8]>,
    /// What was changed, and the way back.
    pub map: RewriteMap,
}

/// From the rewritten module back to the original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewriteMap {
    /// Where the contents of the code section start in the module that was given. `None` where there is no code.
    pub code_start_original: Option<usize>,
    /// Where they start in the rewritten module, and what the section's function count grew by.
    pub code_start_rewritten: Option<usize>,
    /// The mutable integer globals that the host can reach, by index.
    pub globals: Vec<ExportedGlobal>,
    /// The hooks of the allocator, or why there are none.
    pub heap: Result<HeapHooks, NoHooks>,
}

impl RewriteMap {
    /// The stack pointer of the guest's compiler, where the module names it.
    pub fn stack_pointer(&self) -> Option<&ExportedGlobal> {
        self.globals.iter().find(|global| global.stack_pointer)
    }

    /// The offset from the start of the code section's contents of an offset in the rewritten module: what
    /// [`crate::ledger::RawFrame`] holds. Stacks still need [`HeapHooks::restore`].
    pub fn code_offset(&self, rewritten: usize) -> Option<u32> {
        u32::try_from(rewritten.checked_sub(self.code_start_rewritten?)?).ok()
    }
}

/// Runs every pass. What comes out, given in again, comes out unchanged.
///
/// The code of functions is not read, so an invalid function can refer to what is added here and become valid by it:
/// who runs the result must have validated the original.
///
/// # Errors
/// If the module's sections cannot be parsed, or it uses a name that is kept for the host.
pub fn instrument<'a>(bytes: &'a [u8], options: &Options) -> Result<Instrumented<'a>, InstrumentError> {
    let sections = sections(bytes)?;
    let instrumented = match heap::reserved_name(bytes, &sections)? {
        None => run(bytes, &sections, options)?,
        Some(name) => again(bytes, &sections, options)?.ok_or(InstrumentError::NameTaken { name })?,
    };
    debug_assert!(keeps_valid(bytes, &instrumented.bytes), "a pass made an invalid module of a valid one");
    Ok(instrumented)
}

/// The passes over a module that uses none of the heap pass's names.
fn run<'a>(bytes: &'a [u8], sections: &[Section<'a>], options: &Options) -> Result<Instrumented<'a>, InstrumentError> {
    let globals = export_globals::find(bytes, sections)?;
    let heap = match options.heap {
        Some(window) => heap::plan(bytes, sections, window)?,
        None => Err(NoHooks::Off),
    };
    let mut exports: Vec<_> = globals.missing().collect();
    let mut splice = Splice::default();
    let heap = heap.map(|plan| {
        exports.extend(plan.exports);
        splice.extend(plan.edits);
        plan.hooks
    });
    splice.extend(export_globals::edit(bytes, sections, &exports)?);

    let code = sections.iter().find(|section| section.id == id::CODE).map(|section| section.contents.clone());
    let start = code.map(|contents| contents.start);
    let map = RewriteMap {
        code_start_original: start,
        code_start_rewritten: start.map(|start| splice.code_start(start)),
        globals: globals.all,
        heap,
    };
    Ok(Instrumented { bytes: splice.apply(bytes), map })
}

/// The passes over a module that is perhaps the result of an earlier run; `None` if it is not.
///
/// Being taken for one gives a guest the host's functions. So the proof is complete: with everything undone it is a
/// valid module, and that one becomes this one.
fn again<'a>(
    bytes: &'a [u8],
    sections: &[Section<'a>],
    options: &Options,
) -> Result<Option<Instrumented<'a>>, InstrumentError> {
    for window in [Window::Libtest, Window::Main, Window::None] {
        let Some(original) = heap::undo(bytes, sections, window)? else { continue };
        if crate::catalogue::validate(&original).is_err() {
            continue;
        }
        let done = rerun(&original, &Options { heap: Some(window) })?;
        if *done.bytes != *bytes {
            continue;
        }
        let done = if options.heap == Some(window) { done } else { rerun(&original, options)? };
        let start = sections.iter().find(|section| section.id == id::CODE).map(|section| section.contents.start);
        let map = RewriteMap { code_start_original: start, ..done.map };
        let same = *done.bytes == *bytes;
        let bytes = if same { Cow::Borrowed(bytes) } else { Cow::Owned(done.bytes.into_owned()) };
        return Ok(Some(Instrumented { bytes, map }));
    }
    Ok(None)
}

fn rerun<'o>(original: &'o [u8], options: &Options) -> Result<Instrumented<'o>, InstrumentError> {
    run(original, &sections(original)?, options)
}

/// Whether the rewritten module is valid, if the original was.
fn keeps_valid(original: &[u8], rewritten: &[u8]) -> bool {
    use crate::catalogue::validate;
    validate(original).is_err() || validate(rewritten).is_ok()
}
