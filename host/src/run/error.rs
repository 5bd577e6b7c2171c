//! What can go wrong with a runner and a run.

use super::granted::OwnDirError;
use crate::config::UntrustedGrants;
use crate::harness::ListError;
use crate::model::{Report, exit_status};
use crate::sandbox::EngineError;
use crate::sandbox::wasi::GrantError;

/// Why a runner cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The configuration grants what only the user can allow: see [`RunnerBuilder::trust`](crate::RunnerBuilder::trust).
    #[error(transparent)]
    Untrusted(#[from] UntrustedGrants),
    /// The profile grants a directory that no test may have.
    #[error(transparent)]
    OwnDir(#[from] OwnDirError),
    /// The engine cannot be made.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The worker threads cannot be started.
    #[error("the worker threads cannot be started: {0}")]
    Threads(String),
    /// The profile wants stacks of another size than the engine was made for.
    #[error(
        "the engine was made for stacks of {own} bytes, and the profile wants {wanted}: make another runner for it"
    )]
    OtherStack {
        /// Bytes of a stack that the engine was made for.
        own: u64,
        /// Bytes of a stack that the profile wants.
        wanted: u64,
    },
}

/// Why a run cannot be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The run was interrupted while a module listed its tests. For modules that do not list their tests, see
    /// [`Plan::refused`](crate::Plan::refused).
    #[error(transparent)]
    List(#[from] ListError),
    /// A granted directory cannot be opened.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// A module is granted a directory that no test may have.
    #[error(transparent)]
    OwnDir(#[from] OwnDirError),
    /// A module was loaded by a runner that has another engine, and its machine code is that engine's.
    #[error(
        "module `{module}` was loaded by a runner with another engine: load it with the runner that runs it, or make that runner by `Runner::under`"
    )]
    OtherEngine {
        /// The module's name.
        module: String,
    },
    /// A bug of airtight's own: its books do not balance, or it panicked.
    #[error("a bug of airtight: {first} (tests concerned: {tests}); please report this")]
    Bug {
        /// The first test concerned, and what went wrong.
        first: String,
        /// How many tests are concerned.
        tests: usize,
        /// The report of the run, nevertheless.
        report: Box<Report>,
    },
}

impl RunError {
    /// The exit status of a program that ends with this error.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::List(_) => exit_status::MODULE_UNUSABLE,
            Self::Grant(_) | Self::OwnDir(_) | Self::OtherEngine { .. } => exit_status::SETUP,
            Self::Bug { .. } => exit_status::BUG,
        }
    }
}
