//! Why a module's heap is not followed, or why the host does not learn of its panics.

/// Why a module's heap is not followed, or why the host does not learn of its panics. For a heap, each message completes "heap:
/// not tracked (…)".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoHooks {
    /// [`super::super::Options::heap`] was `None`.
    #[error("it was not asked for")]
    Off,
    /// The names were stripped.
    #[error(
        "the module has no function names: build it without stripping them (clang runs wasm-opt, which strips them, unless it is \
        given --no-wasm-opt)"
    )]
    NoNames,
    /// The name section cannot be parsed, or names what does not exist.
    #[error("the module's name section is damaged")]
    BadNames,
    /// The module has no function that allocates and is known by its name.
    #[error("the module has no allocating function of a known name, such as `malloc`, and others cannot be followed")]
    NoMalloc,
    /// The module's memory is managed by a runtime of its own.
    #[error("the memory of the module is managed by the runtime of {language}, which no hook sees")]
    Runtime {
        /// The language whose runtime it is.
        language: &'static str,
    },
    /// A Rust module has an allocator of its own.
    #[error("the module has a `#[global_allocator]` of its own")]
    GlobalAllocator,
    /// A function has the name of one to hook, but other parameters or results.
    #[error("the module's `{name}` has the type {found}, not {expected}")]
    Signature {
        /// The function's name.
        name: String,
        /// Its type, in WebAssembly text.
        found: String,
        /// The type that it must have.
        expected: String,
    },
    /// Several functions have the name of one to hook.
    #[error("the module has several functions named `{name}`")]
    Ambiguous {
        /// Their name.
        name: String,
    },
    /// One function has two names.
    #[error("the module's function {function} has several names")]
    TwoNames {
        /// Its index.
        function: u32,
    },
    /// A function to hook is imported, and so not in this module.
    #[error("the module imports its `{name}`")]
    Imported {
        /// The function's name.
        name: String,
    },
    /// Code would run before the host can fill the table of hooks.
    #[error("the module has a start function, which would run before anything can be counted")]
    StartFunction,
    /// There is no memory to allocate from.
    #[error("the module has no memory")]
    NoMemory,
    /// The memory is imported, so that others can write to it.
    #[error("the module imports its memory")]
    ImportedMemory,
    /// The body of a function is too short for the jump.
    #[error("the module's `{name}` is too short to be hooked")]
    TooShort {
        /// The function's name.
        name: String,
    },
    /// The module lacks a function that is needed: one in which tests are called, or one of those for panics.
    #[error("the module has no function `{function}`, {purpose}")]
    NoWindow {
        /// The path of the function that is missing.
        function: &'static str,
        /// What it is for, in words such as `in which a test is called`.
        purpose: &'static str,
    },
    /// There is no function that could be the program's window.
    #[error("the module has no main function and no `_start`")]
    NoMain,
    /// Blocks of the start-up code cannot be told from those of the program.
    #[error(
        "the module's main function, or its name, has become part of the start-up code, which allocates too: build it \
         with less optimisation"
    )]
    MainInlined,
    /// With the added functions, types and exports, the module would exceed a limit that engines have.
    #[error("the module has too many functions, types or exports")]
    TooLarge,
    /// The function count of the code section is written in more bytes than it needs.
    #[error("the module's code section is written in an unusual way")]
    UnusualCode,
}

impl NoHooks {
    /// Its stable name in reports: see `why_code` of [`crate::model::Heap`].
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Off => "not-asked-for",
            Self::NoNames => "no-names",
            Self::BadNames => "bad-names",
            Self::NoMalloc => "no-malloc",
            Self::Runtime { .. } => "own-runtime",
            Self::GlobalAllocator => "global-allocator",
            Self::Signature { .. } => "other-signature",
            Self::Ambiguous { .. } => "ambiguous-name",
            Self::TwoNames { .. } => "two-names",
            Self::Imported { .. } => "imported-function",
            Self::StartFunction => "start-function",
            Self::NoMemory => "no-memory",
            Self::ImportedMemory => "imported-memory",
            Self::TooShort { .. } => "too-short",
            Self::NoWindow { .. } => "no-window",
            Self::NoMain => "no-main",
            Self::MainInlined => "main-inlined",
            Self::TooLarge => "too-large",
            Self::UnusualCode => "unusual-code",
        }
    }
}
