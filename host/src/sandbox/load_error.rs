//! Why a module cannot be loaded.

use crate::catalogue::CatalogueError;

/// Why a module cannot be loaded. In each case, it is the fault of the module or of whoever built it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// It is not what airtight runs: not a module, or one that imports what airtight does not provide, or one without
    /// anything to run.
    #[error(transparent)]
    Unsuitable(Box<dyn std::error::Error + Send + Sync>),
    /// It is larger than the cap.
    #[error("the module has {size} bytes, over the cap of {cap}; `module-size` in airtight.toml raises it")]
    TooLarge {
        /// Its size in bytes.
        size: u64,
        /// The cap in bytes.
        cap: u64,
    },
    /// The engine refuses the module.
    #[error("the module is not valid: {0}")]
    Invalid(String),
    /// It is too heavy for an optimising compiler, and the single-pass compiler cannot take it, either.
    #[error(
        "it is too much work for an optimising compiler: {heavy}; the single-pass compiler, which takes such modules, \
         cannot: {why}; split what is heavy, or raise that cap in airtight.toml and wait for the compiler"
    )]
    NoCompiler {
        /// Which cap it is over.
        heavy: String,
        /// What the single-pass compiler says.
        why: String,
    },
    /// Compiling it took more than it may.
    #[error(
        "compiling it took {took}, the `{setting}` for a module of its size; {weight}; split the largest functions, or raise \
         `{setting}` in airtight.toml"
    )]
    OverBudget {
        /// What it took.
        took: String,
        /// The setting that allows more.
        setting: &'static str,
        /// What its functions weigh.
        weight: String,
    },
    /// The run was stopped while the module was compiled.
    #[error("interrupted while it was compiled")]
    Interrupted,
    /// It has threads, and the engine cannot run threads.
    #[error("it has threads, which its engine cannot run: {0}")]
    NoThreads(String),
    /// It cannot be linked.
    #[error("the module cannot be linked: {0}")]
    Link(String),
}

impl From<CatalogueError> for LoadError {
    fn from(error: CatalogueError) -> Self {
        Self::Unsuitable(error.into())
    }
}
