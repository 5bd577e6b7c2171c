//! Rewrites modules: bytes go in, bytes and a map back come out. Each pass has a file or a folder.
//!
//! No pass of [`instrument`] moves a function index or an offset within the code section, so that stacks captured in the rewritten
//! module are read with the original's names and debug information. Nor does [`hook_threads`]. [`charge_bulk`], which comes after them for one compiler,
//! [`count_fuel`], which is for a run that tells fuel by function, [`tell_contexts`], which is for one that captures many stacks, and
//! [`watch_pointers`], which is for one that tells when the last pointer to a block went, move offsets and say how to come back.

mod added_calls;
mod bodies;
mod bulk;
mod contexts;
mod count;
mod error;
mod export_globals;
mod go_loop;
mod heap;
mod image;
mod own_tags;
mod pointer_watch;
mod splice;
mod threads;

pub use added_calls::AddedCalls;
pub use bulk::{CHARGE_COST, CHARGE_TABLE, charge_bulk};
pub use contexts::{CONTEXT_FUEL, CONTEXT_GLOBAL, tell_contexts};
pub use count::{COUNT_COST, COUNT_TABLE, ENTERED, count_fuel};
pub use error::InstrumentError;
pub use export_globals::{ExportedGlobal, GlobalType};
pub use go_loop::GO_LOOP_EXPORT;
pub use heap::{
    ALLOCATE_EXPORT, FILL_LAYOUT_EXPORT, FILL_TESTS_EXPORT, FILL_WRITE_EXPORT, FREE_EXPORT, HOOKS_TABLE, Hook,
    HookKind, Hooks, NoHooks, PANIC_FORMATTED_EXPORT, PANIC_STATIC_EXPORT, PANIC_TABLE_EXPORT, PANIC_WRITE_EXPORT,
    PanicHooks, UNWOUND, Window, WindowFunctions, alignment, hook_number,
};

pub use image::{ImageModule, NoImage, can_be_captured, exported_globals, image};
pub use pointer_watch::{
    WATCH_GLOBALS, WATCH_TABLE, WATCHED_COPY, WATCHED_FILL, WATCHED_GLOBAL, WATCHED_STACK, watch_pointers,
};
pub use threads::{INIT_EXPORT, START_EXPORT, STEPS_EXPORT, THREADS_TABLE, ThreadHooks, hook_threads, slot};

use crate::catalogue::Module;
use crate::catalogue::sections::id;
use heap::Wanted;
use splice::Splice;
use std::borrow::Cow;

/// Changes whenever the same module would be rewritten to other bytes: part of every cache key.
pub const REWRITER_VERSION: u32 = 7;

/// What to do to a module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Follow the heap, with this window of functions in which the test's own code runs. `None` leaves the allocator alone.
    pub heap: Option<Window>,
    /// Tell the host of panics, and of their messages.
    pub panics: bool,
    /// Fill functions of Rust's library that panic on this platform, if there is an honest answer; and the function by which
    /// its harness runs tests, so that it can be handed a single test.
    pub fills: bool,
    /// Windows of kind [`Window::Functions`] with which the module may have been rewritten before. The other windows are always
    /// considered.
    pub earlier: Vec<Window>,
}

impl Options {
    fn wanted(&self) -> Wanted {
        Wanted { heap: self.heap, panics: self.panics, fills: self.fills }
    }
}

/// A rewritten module.
#[derive(Debug, Clone)]
pub struct InstrumentedModule<'a> {
    /// The module's bytes; borrowed if nothing had to be changed.
    pub bytes: Cow<'a, [u8]>,
    /// What was changed, and how to map it back.
    pub map: RewriteMap,
}

/// The map from the rewritten module back to the original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewriteMap {
    /// Where the contents of the code section start in the original. `None` if there is no code.
    pub code_start_original: Option<usize>,
    /// Where offsets in the code section are counted from, in the rewritten module: the start of the section's contents, and
    /// the bytes by which its function count grew.
    pub code_start_rewritten: Option<usize>,
    /// The mutable integer globals that the host can reach, by index.
    pub globals: Vec<ExportedGlobal>,
    /// All hooks that the module has, of every kind.
    pub hooks: Hooks,
    /// The hooks of the allocator, or why there are none.
    pub heap: Result<Hooks, NoHooks>,
    /// More about the hooks for panics, or why there are none.
    pub panics: Result<PanicHooks, NoHooks>,
}

impl RewriteMap {
    /// The global with the guest's stack pointer, if the module names it.
    pub fn stack_pointer(&self) -> Option<&ExportedGlobal> {
        self.globals.iter().find(|global| global.stack_pointer)
    }

    /// From an offset in the rewritten module to the offset in the code section that [`crate::ledger::RawFrame`] holds. Stacks
    /// still need [`Hooks::restore`].
    pub fn code_offset(&self, rewritten: usize) -> Option<u32> {
        u32::try_from(rewritten.checked_sub(self.code_start_rewritten?)?).ok()
    }
}

/// Runs every pass. A module that comes out of it is not changed by another run.
///
/// The code of functions is not read. So an invalid function could refer to something that is added here, and become valid by
/// that. The caller must have validated the original before it runs the result.
///
/// # Errors
/// The module's sections cannot be parsed, or it uses a name that is kept for the host.
pub fn instrument<'a>(module: &Module<'a>, options: &Options) -> Result<InstrumentedModule<'a>, InstrumentError> {
    if let Some(name) =
        [CHARGE_TABLE, CONTEXT_GLOBAL, COUNT_TABLE].into_iter().find(|name| module.export(name).is_some())
    {
        return Err(InstrumentError::NameTaken { name: name.to_owned() });
    }
    let instrumented = match heap::reserved_name(module) {
        None => rewrite(module, options.wanted())?,
        Some(name) => recognise(module, options)?.ok_or(InstrumentError::NameTaken { name })?,
    };
    debug_assert!(keeps_valid(module.bytes, &instrumented.bytes), "a pass made an invalid module of a valid one");
    Ok(instrumented)
}

/// Runs the passes over a module that uses none of the heap pass's names.
fn rewrite<'a>(module: &Module<'a>, wanted: Wanted) -> Result<InstrumentedModule<'a>, InstrumentError> {
    let globals = export_globals::find(module)?;
    let mut exports: Vec<_> = globals.missing().collect();
    let mut splice = Splice::default();
    let plan = heap::plan(module, wanted)?;
    exports.extend(plan.exports);
    exports.extend(go_loop::export(module)?);
    splice.extend(plan.edits);
    splice.extend(own_tags::edits(module)?);
    splice.extend(export_globals::edit(module, &exports)?);

    let start = code_start(module);
    let map = RewriteMap {
        code_start_original: start,
        code_start_rewritten: start.map(|start| splice.code_start(start)),
        globals: globals.all,
        hooks: plan.hooks,
        heap: plan.heap,
        panics: plan.panics,
    };
    Ok(InstrumentedModule { bytes: splice.apply(module.bytes), map })
}

fn code_start(module: &Module<'_>) -> Option<usize> {
    module.section(id::CODE).map(|section| section.contents.start)
}

/// Runs the passes over a module that may be the result of an earlier run; `None` if it is not.
///
/// A module that is taken for such a result can call functions of the host. So the proof is complete: with everything undone,
/// it is a valid module, and the passes turn that module into exactly this one.
fn recognise<'a>(module: &Module<'a>, options: &Options) -> Result<Option<InstrumentedModule<'a>>, InstrumentError> {
    let windows = options.earlier.iter().copied().chain(options.heap).chain([Window::Main, Window::None]);
    let heaps = windows.map(Some).chain([None]);
    let others = [(true, true), (true, false), (false, true), (false, false)];
    let earlier = heaps.flat_map(|heap| others.map(|(panics, fills)| Wanted { heap, panics, fills }));
    for wanted in earlier {
        let Some(original) = heap::undo(module, wanted)? else { continue };
        let Ok(original) = Module::read(&original) else { continue };
        if !is_valid(&original) {
            continue;
        }
        let done = rewrite(&original, wanted)?;
        if *done.bytes != *module.bytes {
            continue;
        }
        let done = if options.wanted() == wanted { done } else { rewrite(&original, options.wanted())? };
        let map = RewriteMap { code_start_original: code_start(module), ..done.map };
        let same = *done.bytes == *module.bytes;
        let bytes = if same { Cow::Borrowed(module.bytes) } else { Cow::Owned(done.bytes.into_owned()) };
        return Ok(Some(InstrumentedModule { bytes, map }));
    }
    Ok(None)
}

/// Whether the rewritten module is valid, if the original was.
fn keeps_valid(original: &[u8], rewritten: &[u8]) -> bool {
    let is_valid = |bytes: &[u8]| Module::read(bytes).is_ok_and(|module| is_valid(&module));
    !is_valid(original) || is_valid(rewritten)
}

/// Whether a module is valid. A module with threads may use the features for threads.
fn is_valid(module: &Module<'_>) -> bool {
    use crate::catalogue::{validate, validate_threaded};
    if module.shared_memory().is_some() { validate_threaded(module.bytes) } else { validate(module.bytes) }.is_ok()
}
