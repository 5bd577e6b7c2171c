//! Bytes to tests: which harness holds them, and what their metadata says.
//!
//! Reading a catalogue runs nothing and reads no code, so that a module whose compiled form is cached is listed in a few
//! milliseconds. Whether the code is valid is found out when it is compiled; [`validate`] says what is wrong with it in
//! words of the same kind.

mod baked;
mod data;
mod error;
mod hash;
mod imports;
mod libtest;
mod module;
mod sdk;
pub(crate) mod sections;
mod shape;
mod tables;
#[cfg(test)]
mod tests;
mod wasi;
mod weight;

pub use airtight_abi::TestMeta as SdkTest;
pub use airtight_toolchain::places::Places;
pub(crate) use baked::holds;
pub use baked::{BakedPath, baked_paths};
pub use error::CatalogueError;
pub use imports::{BadImport, BadImports};
pub use module::ExportProblem;
pub use shape::Shape;
pub(crate) use tables::{MAX_TABLE_ELEMENTS, MAX_TABLES};
pub use weight::{CompileCaps, weigh};

use crate::model::Harness;
use module::Module;
use sections::id;
use wasmparser::{Validator, WasmFeatures};

/// The features of WebAssembly that a module may use: those of version 2.0 without host references, relaxed SIMD, tail
/// calls and extended constants. Threads, exceptions, garbage collection, several and 64-bit memories are out.
pub const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .difference(WasmFeatures::GC_TYPES)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST);

/// What is known of a module without running it.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// The module's harness: `sdk` where it has tests of the SDK, `libtest` where it has Rust's harness, else `command`.
    pub harness: Harness,
    /// The SDK's tests, in the module's order.
    pub sdk_tests: Vec<SdkTest>,
    /// Whether the module holds libtest, beside the SDK's tests or alone. It lists the SDK's tests too.
    pub libtest: bool,
    /// `sha256:` and the hex SHA-256 of the module without its custom sections, except those named `airtight.*`.
    pub code: String,
    /// Whether there is a `_start` to call.
    pub has_start: bool,
    /// Whether there is an `_initialize` to call before any other export (a reactor, as a library with exports is).
    pub has_initialize: bool,
    /// Where the contents of the code section start: an offset in the module less this is an offset of
    /// [`crate::ledger::RawFrame`]. `None` where there is no code.
    pub code_start: Option<usize>,
    /// The lowest address of the module's static data, where it is known without running anything.
    pub lowest_data: Option<u32>,
}

impl Catalogue {
    /// Reads what a module holds. `forced` is the harness that the user asks for; tests held by another are left out.
    ///
    /// # Errors
    /// If the bytes are no core module, its sections (but for the code) cannot be parsed, it imports what airtight does
    /// not provide, its tables are too many or too large, there is nothing to run, or the SDK's list of tests does not fit the
    /// module.
    pub fn read(bytes: &[u8], forced: Option<Harness>) -> Result<Self, CatalogueError> {
        shape::check(bytes)?;
        let module = Module::read(bytes)?;
        if module.custom("linking").next().is_some() {
            return Err(CatalogueError::NotLinked);
        }
        imports::check(&module)?;
        tables::check(bytes, &module)?;
        let wanted = |harness| forced.is_none_or(|forced| forced == harness);
        let sdk_tests = if wanted(Harness::Sdk) { sdk::tests(bytes, &module)? } else { Vec::new() };
        let start = module.exports("_start", &[]);
        let libtest = match forced {
            Some(forced) => forced == Harness::Libtest,
            None => start.is_ok() && libtest::held_by(bytes, &module),
        };
        let harness = forced.unwrap_or(match (sdk_tests.is_empty(), libtest) {
            (false, _) => Harness::Sdk,
            (true, true) => Harness::Libtest,
            (true, false) => Harness::Command,
        });
        match (harness, &start) {
            (Harness::Sdk, _) if sdk_tests.is_empty() => return Err(CatalogueError::NoSdkTests),
            (Harness::Libtest | Harness::Command, Err(problem)) => return Err(no_start(forced, problem.clone())),
            _ => {}
        }
        Ok(Self {
            harness,
            sdk_tests,
            libtest,
            code: hash::code(bytes, &module.sections),
            has_start: start.is_ok(),
            has_initialize: module.exports("_initialize", &[]).is_ok(),
            code_start: module.section(id::CODE).map(|section| section.contents.start),
            lowest_data: data::lowest(bytes, &module)?,
        })
    }
}

fn no_start(forced: Option<Harness>, start: ExportProblem) -> CatalogueError {
    match forced {
        Some(harness) => CatalogueError::NoStart { harness, start },
        None => CatalogueError::NothingToRun { start },
    }
}

/// Validates a whole module, its code included, under [`FEATURES`].
///
/// # Errors
/// [`CatalogueError::Invalid`] with the place, [`CatalogueError::Component`] or [`CatalogueError::NotWasm`].
pub fn validate(bytes: &[u8]) -> Result<(), CatalogueError> {
    shape::check(bytes)?;
    Validator::new_with_features(FEATURES).validate_all(bytes)?;
    Ok(())
}
