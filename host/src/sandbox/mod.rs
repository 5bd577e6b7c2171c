//! The engine, a fresh store for each test, its limits and its outcome: the only user of wasmtime.
//!
//! One [`Engine`] serves a whole run of the program. A [`LoadedModule`] is compiled once.
//!
//! ```text
//! execute   one run of one test: instantiate, call, clean up, drop, and say exactly how it was
//! image     where a set-up ended, from which tests begin
//! scopes    the subtests of a test, which the host enters from within it; `said` and `cleanups` are for both
//! rerun     why and how a test is run again: [`run`] is the way in, also for a test that is run once
//! heap      the hooks of the guest's allocator, and the end of its heap
//! threads   tests with threads: stores that share a memory, and whose turn it is
//! panics    the panic that ended a test which is expected to panic, and what it says
//! wasi      what a guest imports, and everything behind it
//! ```

mod cache;
mod cleanups;
mod code;
mod compile;
mod ending;
mod engine;
mod execute;
mod guest;
pub mod heap;
mod image;
mod limiter;
mod module;
mod panics;
mod probe;
pub mod rerun;
mod rounds;
mod said;
mod scopes;
mod sdk;
mod start;
mod state;
mod store;
mod strings;
mod threads;
pub mod wasi;

pub use cache::Cache;
pub use ending::{Ending, TrapKind};
pub use engine::{Compiler, Engine, EngineError, EngineOptions};
// Not public: a guest may only be called on a thread with the stack it needs, and the runner's threads have it.
pub use cleanups::FailedCleanup;
pub(crate) use execute::{Entry, Job, Run};
pub(crate) use image::{AfterSetUp, Captured, Image, ImageError, SetUp};
pub(crate) use module::CodeRules;
pub use module::{LoadError, LoadOptions, LoadedModule};
pub(crate) use panics::PanicSaid;
pub(crate) use rerun::run;
pub use rounds::RoundLevels;
pub use said::Failure;
pub(crate) use scopes::{BlockScopes, SubtestRun, scope_id};
pub use sdk::SdkCall;
pub(crate) use start::{ListedTest, MarkedPanic, StartCall};
pub(crate) use threads::{Deadlocked, Preemptions, StoppedThread, Turn, TurnEnd, Wait as ThreadWait};
