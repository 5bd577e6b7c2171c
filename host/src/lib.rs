//! Hermetic tests that cannot leak quietly.
//!
//! A test that is compiled to `wasm32-wasip1` runs in a fresh WebAssembly instance, with metered memory, and with only the
//! files and sockets that it was granted. The host counts every resource that the test leaves open, says where it was acquired,
//! and proves that all of it was reclaimed.
//!
//! ```text
//! wasm bytes -> catalogue (which tests?) -> instrument -> compiled module, cached
//! policy + test -> sandbox (fresh store) -> events -> ledger (who holds what) -> balance at the end
//! balance + ending -> report -> writers (console, JSON)
//! ```
//!
//! A program that embeds the library makes a [`Runner`] from a configuration and a profile, loads modules, plans their tests,
//! and runs them:
//!
//! ```no_run
//! use airtight::config::Config;
//! use airtight::{LoadOptions, Runner, Selection, Subject};
//!
//! let config = Config::load(".".as_ref())?;
//! let runner = Runner::builder(&config, "default")?.build()?;
//! let module = runner.load(std::fs::read("tests.wasm")?, LoadOptions::named("tests"))?;
//! let plan = runner.plan(vec![Subject::new(module)], &Selection::default())?;
//! let report = runner.run(&plan, &mut ())?;
//! for test in report.canonical.modules.iter().flat_map(|module| &module.tests) {
//!     println!("{} {:?}", test.name, test.verdict);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod catalogue;
pub mod config;
pub mod faults;
mod files;
mod harness;
mod instrument;
mod ledger;
mod model;
pub mod policy;
pub mod pollution;
pub mod report;
mod run;
mod sandbox;
mod symbols;
pub mod verify;

pub use harness::ListError;
pub use harness::go::{GoFlagError, GoFlags};
pub use model::events::{Event, Listener};
pub use model::{Exploration, ExplorationError, Harness, HarnessNameError, exit_status};
pub use run::{
    FileError, ModuleGrants, OwnDirError, Partition, PartitionError, Plan, PlannedModule, PlannedTest, Results,
    RunError, RunIgnored, Runner, RunnerBuilder, SearchError, Seed, SeedError, Selection, SetupError, Subject,
};
pub use sandbox::wasi::{GrantError, Streams};
pub use sandbox::{Cache, Compiler, EngineError, LoadError, LoadOptions, LoadedModule};

#[cfg(feature = "build")]
pub use airtight_toolchain as toolchain;

/// What this repository's own programs, tests and benches need beside the public library. It is not for others: it changes
/// without notice.
#[doc(hidden)]
pub mod internals {
    pub use crate::catalogue::{Module, validate};
    pub use crate::files::{Links, read as read_file};
    pub use crate::instrument::{InstrumentError, InstrumentedModule, Options, Window, WindowFunctions, instrument};
    pub use crate::model::codes::Topic;
    pub use crate::model::safe_text::Lines;
    pub use crate::model::units::Quantity;
    pub use crate::report::console::diff::{DiffOptions, DiffText, GrowthText};
    pub use crate::report::console::verification::{TrialLine, VerificationEnd};
    pub use crate::report::files::{replace as replace_file, resolve as writable_file};
    pub use crate::sandbox::compile_task;
}
