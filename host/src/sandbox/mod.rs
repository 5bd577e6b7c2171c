//! The engine, a fresh store a test, its limits and its outcome: the only user of wasmtime.
//!
//! One [`Engine`] serves a run. A [`LoadedModule`] is compiled once; `run` makes a fresh store and WASI context for one
//! test, calls it, runs its clean-ups, drops the store and says exactly how it was.

mod cache;
mod code;
mod ending;
mod engine;
mod execute;
pub mod heap;
mod limiter;
mod module;
pub mod rerun;
mod rounds;
mod sdk;
mod state;
mod store;
pub mod wasi;

pub use cache::Cache;
pub use ending::{Ending, TrapKind};
pub use engine::{Compiler, Engine, EngineError, EngineOptions, HOST_STACK_RESERVE, TICK};
// Not public: a guest may only be called on a thread with the stack it needs, and the runner's threads have it.
pub(crate) use execute::{Entry, Job, Run};
pub use module::{LoadError, LoadOptions, LoadedModule};
pub(crate) use rerun::run;
pub use rounds::{Level, Round};
pub use sdk::{FailedCleanup, Failure, SdkCall, SdkOutcome};
