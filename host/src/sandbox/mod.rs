//! The engine, a fresh store for each test, its limits and its outcome: the only user of wasmtime.
//!
//! One [`Engine`] serves a whole run of the program. A [`LoadedModule`] is compiled once.
//!
//! ```text
//! execute   one run of one test: a fresh store, in which `test_run` calls and cleans up; `job` is what to do, `outcome` is
//! how it went
//! image     where a set-up ended, from which tests begin
//! fork      where a test forked a subtest, which begins there; `memory_image` is the memory of that
//! state     the data of a test's store: no host function is below it, all of them are above
//! subtests  the host enters each from within the test; `scopes`, `said` and `cleanups` hold what is known of them and of
//! the test
//! ending    how a call ended; `ended` makes it from the engine's errors
//! rerun     why and how a test is run again: [`run`] is the way in, also for a test that is run once
//! heap      the hooks of the guest's allocator, and the end of its heap
//! threads   tests with threads: stores that share a memory, and whose turn it is
//! panics    the panic that ended a test which is expected to panic, and what it says
//! wasi      what a guest imports, and everything behind it
//! ```

mod cache;
mod capture;
mod changes;
mod child;
mod cleanups;
mod code;
mod compile;
mod contexts;
mod ended;
mod ending;
mod engine;
mod execute;
mod fork;
mod fork_base;
mod forked;
mod fuel_counts;
mod globals;
mod guest;
mod guest_memory;
pub mod heap;
mod image;
mod image_source;
mod job;
mod limiter;
mod load_error;
mod memory_image;
mod module;
mod no_answer;
mod outcome;
mod panics;
mod probe;
pub mod rerun;
mod rounds;
mod run_cleanups;
mod said;
mod scopes;
mod sdk;
mod start;
mod state;
mod stop;
mod store;
mod string_probe;
mod strings;
mod subtest_call;
mod subtests;
mod take_fork;
mod test_run;
mod threads;
pub mod wasi;
mod watching;

pub use cache::Cache;
pub(crate) use child::ChildCompiler;
pub use compile::compile_task;
pub use ending::{Ending, TrapKind};
pub use engine::{Compiler, Engine, EngineError, EngineOptions};
// Not public: a guest may only be called on a thread with the stack that it needs, and only the runner's threads have it.
pub use cleanups::FailedCleanup;
pub(crate) use fork_base::{Fork, ForkBase};
pub(crate) use forked::ForkImage;
pub(crate) use image::{AfterSetUp, BeginsReady, Image, ImageError, InstanceImage, SetUp};
pub(crate) use job::Job;
pub use load_error::LoadError;
pub(crate) use module::CodeRules;
pub use module::{LoadOptions, LoadedModule};
pub(crate) use outcome::Run;
pub(crate) use panics::PanicSaid;
pub(crate) use rerun::run;
pub use rounds::RoundLevels;
pub use said::Failure;
pub(crate) use scopes::{BlockScopes, SubtestRun, scope_id};
pub use start::SdkCall;
pub(crate) use start::{EntryPoint, ListedTest, MarkedPanic, StartCall};
pub(crate) use threads::{Preemptions, StoppedThread, ThreadDeadlock, Turn, TurnEnd, Wait as ThreadWait};
