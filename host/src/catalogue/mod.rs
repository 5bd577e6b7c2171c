//! From bytes to a parsed module. Every later stage is given the parsed module, and does not parse its sections again.
//!
//! Parsing runs nothing and reads no code, so that a module whose compiled form is cached is listed in a few milliseconds.
//! Whether the code is valid is checked before it is rewritten; [`validate`] makes errors of the same kind from it.

mod baked;
mod budget;
mod error;
pub(crate) mod exceptions;
mod go_loop;
mod hash;
mod imports;
mod locals;
mod module;
mod no_statics;
mod not_wasm;
mod open;
mod passive;
mod restart;
pub(crate) mod sections;
mod shape;
mod statics;
mod tables;
#[cfg(test)]
mod tests;
pub(crate) mod threads;
mod wasi;
mod weight;

pub use airtight_abi::{Role, TestMeta as SdkTest};
pub use airtight_toolchain::places::Places;
pub(crate) use baked::holds;
pub use baked::{BakedPath, baked_paths};
pub use budget::CompileBudget;
pub use error::CatalogueError;
pub(crate) use go_loop::go_loop;
pub(crate) use locals::{RunningStack, hold_nothing};
pub use module::{ExportProblem, Module};
pub(crate) use no_statics::NoStatics;
pub(crate) use restart::{NoRestart, start_guard};
pub(crate) use statics::Statics;
pub(crate) use tables::{MAX_TABLE_ELEMENTS, MAX_TABLES};
#[cfg(test)]
pub(crate) use wasi::importing_all as importing_all_of_wasi;
pub use weight::{CompileCaps, Weight, weigh};

use crate::model::Harness;
use std::ops::Range;
use wasmparser::{Validator, WasmFeatures};

/// The features of WebAssembly that a module may use: those of version 2.0, relaxed SIMD, tail calls, extended constants and
/// exceptions. Garbage collection, several memories and 64-bit memories are not among them. Threads are allowed only to a
/// module with a shared memory: see [`validate_threaded`].
pub const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .union(WasmFeatures::EXCEPTIONS)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST);

/// Everything that is known of a module without running it.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// The harness that reports name for the module: the first one that finds tests in it.
    pub harness: Harness,
    /// The other harnesses that find tests in it, in the order of [`Harness::ALL`].
    pub others: Vec<Harness>,
    /// The tests of the SDK, which the module's bytes declare, in the module's order.
    pub declared: Vec<SdkTest>,
    /// `sha256:` and the hex SHA-256 of the module without its custom sections, except those named `airtight.*`.
    pub code: String,
    /// Whether there is an `_initialize` to call before any other export (a reactor, as a library with exports is).
    pub has_initialize: bool,
    /// The addresses from the beginning of the first active data segment to the end of the last one; `None` if there is none,
    /// or if that is not known without running the module. Static data that is all zero may lie behind them.
    pub data: Option<Range<u32>>,
}

impl Catalogue {
    /// The catalogue of a module, whose tests these harnesses hold.
    ///
    /// # Errors
    /// The data section cannot be parsed.
    pub fn new(
        module: &Module<'_>,
        harness: Harness,
        others: Vec<Harness>,
        declared: Vec<SdkTest>,
    ) -> Result<Self, CatalogueError> {
        Ok(Self {
            harness,
            others,
            declared,
            code: hash::code(module),
            has_initialize: module.exports("_initialize", &[]).is_ok(),
            data: module.data_range()?,
        })
    }

    /// Whether the module declares a set-up for its tests.
    pub fn has_setup(&self) -> bool {
        self.declared.iter().any(|test| test.role == Role::SetUp)
    }

    /// The harnesses that hold tests of the module.
    pub fn harnesses(&self) -> impl Iterator<Item = Harness> {
        std::iter::once(self.harness).chain(self.others.iter().copied())
    }
}

/// Validates a whole module, its code included, under `FEATURES`.
///
/// # Errors
/// The module is invalid, with the place of the error; or the bytes are a component, or not WebAssembly at all.
pub fn validate(bytes: &[u8]) -> Result<(), CatalogueError> {
    validate_with(bytes, FEATURES)
}

/// Validates a module with threads. Only such a module may have atomic operators and a shared memory.
///
/// # Errors
/// The errors of [`validate`].
pub fn validate_threaded(bytes: &[u8]) -> Result<(), CatalogueError> {
    validate_with(bytes, FEATURES.union(WasmFeatures::THREADS))
}

fn validate_with(bytes: &[u8], features: WasmFeatures) -> Result<(), CatalogueError> {
    shape::check(bytes)?;
    Validator::new_with_features(features).validate_all(bytes)?;
    Ok(())
}
