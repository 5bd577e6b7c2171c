//! Why a module is refused before any of its code runs.

use super::imports::BadImports;
use super::module::ExportProblem;
use super::not_wasm::Shape;
use super::weight::heavy::Heavy;
use crate::model::Harness;
use wasmparser::BinaryReaderError;

/// Why the tests of a module cannot be listed. Each message completes "cannot load FILE: …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// The file is not a WebAssembly module.
    #[error("it is not a WebAssembly module: {0}")]
    NotWasm(Shape),
    /// The file is a component, of WebAssembly's component model.
    #[error(
        "it is a component, and airtight runs core modules: build it for the target wasm32-wasip1 (wasm32-wasip2 makes \
         components)"
    )]
    Component,
    /// The file is an object file that has not been linked.
    #[error("it is an object file that has not been linked: give the linked program")]
    NotLinked,
    /// The module cannot be parsed, or does not validate.
    #[error(
        "it is not a valid module: {message} (at byte {offset:#x}); the file is damaged, or needs a feature that is not supported"
    )]
    Invalid {
        /// What the parser or the validator says.
        message: String,
        /// Where, from the start of the file.
        offset: usize,
    },
    /// Any compiler would take too long for it.
    #[error(
        "it is too much work for a compiler: {heavy}; and for the single-pass compiler it weighs {weight} or more, over the \
         `single-pass-weight` of {cap} for a module of its size; many locals, deep operand stacks and calls or blocks with \
         many values make weight: split the module, or raise one of the two in airtight.toml"
    )]
    TooHeavy {
        /// Why it is too heavy for the optimising compiler.
        heavy: Heavy,
        /// The weight of its functions for the single-pass compiler, summed up to the function with which it exceeds the cap.
        weight: u64,
        /// The cap.
        cap: u64,
    },
    /// The module has too many tables.
    #[error("it has {count} tables, over the cap of {cap}; put their elements into fewer tables")]
    TooManyTables {
        /// How many it has.
        count: u32,
        /// The cap.
        cap: u32,
    },
    /// A table begins with too many elements.
    #[error("its table {index} begins with {elements} elements, over the cap of {cap}; split the module")]
    LargeTable {
        /// The table's index.
        index: usize,
        /// How many elements it begins with.
        elements: u64,
        /// The cap.
        cap: u64,
    },
    /// The module imports something that airtight does not provide.
    #[error("it has imports that airtight does not provide: {0}")]
    UnknownImports(BadImports),
    /// The module neither is a program nor holds tests.
    #[error(
        "there is nothing to run in it: `_start` {start}, and it has no tests of the airtight SDK; build a program or a test binary, not a library"
    )]
    NothingToRun {
        /// Why it is not a program.
        start: ExportProblem,
    },
    /// The harness that was asked for runs a module's `_start`, and the module has none.
    #[error("the harness `{harness}` runs a module's `_start`, and here `_start` {start}")]
    NoStart {
        /// The harness that was asked for.
        harness: Harness,
        /// Why it cannot be run.
        start: ExportProblem,
    },
    /// A declaration of the harness in the module, such as the SDK's list of tests, is missing or broken.
    #[error(transparent)]
    Tests(Box<dyn std::error::Error + Send + Sync>),
}

impl From<BinaryReaderError> for CatalogueError {
    fn from(error: BinaryReaderError) -> Self {
        Self::Invalid { message: error.message().to_owned(), offset: error.offset() }
    }
}
