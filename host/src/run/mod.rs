//! Turns modules, a profile and a selection into events and a report.
//!
//! [`Runner`] owns the engine, the cache and the worker threads. It lists and plans the tests, runs each in a fresh
//! instance on threads with the stack that guests need, judges them, and tells a [`crate::model::events::Listener`].

mod bounds;
mod builder;
mod context;
mod coverage;
mod details_size;
mod doubts;
mod entry;
mod error;
mod execute;
mod faulted;
mod go;
mod go_account;
mod goroutines;
mod granted;
mod heap;
mod heap_entries;
mod heap_verdict;
mod isolated;
mod judge;
mod keepers;
mod module_grants;
mod options;
mod package;
mod places;
mod plan;
mod planned;
mod profile_room;
mod record;
mod recorded;
mod report_room;
mod resources;
mod retries;
mod runner;
mod schedules;
mod search;
mod seed;
mod selection;
mod serial;
mod single;
mod slow;
mod subtests;
mod threads;
mod together;
mod traced;
mod world;
mod world_figures;

pub use builder::RunnerBuilder;
pub use error::{RunError, SetupError};
pub(crate) use faulted::{FaultEnd, FaultSubject, FaultedRun, HostPaths, cannot_fail};
pub use granted::OwnDirError;
pub use module_grants::ModuleGrants;
pub use package::FileError;
pub(crate) use package::with_causes;
pub use plan::{Plan, PlannedModule, Subject};
pub use planned::PlannedTest;
pub use recorded::Results;
pub use runner::Runner;
pub use search::SearchError;
pub(crate) use search::{HostBug, NotSearched};
pub(crate) use seed::order;
pub use seed::{Seed, SeedError};
pub use selection::{Partition, PartitionError, RunIgnored, Selection};
pub(crate) use together::{SharedInstance, Together, cannot_share};
