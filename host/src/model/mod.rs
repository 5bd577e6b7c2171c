//! The words that everyone uses: what a harness, a verdict, a frame, a resource, a limit and a report are. Pure data at the
//! bottom of the house: nothing here knows how any of it comes about or is written.

pub(crate) mod accepted;
mod attempts;
pub mod change;
pub(crate) mod codes;
pub mod counts;
mod coverage;
mod date;
pub mod digest;
pub mod doubt;
pub mod events;
pub mod exit_status;
mod exploration;
mod figure;
mod finding;
mod frame;
pub(crate) mod fuel;
pub(crate) mod gates;
mod go;
pub mod growth;
mod harness;
mod injected;
pub mod language;
mod limit;
mod omitted;
mod output;
pub mod profile;
mod record;
mod recorded;
mod report;
pub mod resource;
mod role;
pub mod safe_text;
#[cfg(test)]
pub(crate) mod samples;
pub mod shorten;
mod subtest;
pub(crate) mod threshold;
pub(crate) mod timeline;
pub mod trace;
mod tracked;
pub mod units;
mod usage;
mod verdict;
mod worlds;

pub use accepted::{AcceptedRecord, BaselineEntry, BaselineUse};
pub use attempts::{AttemptsRecord, FailedAttempt};
pub(crate) use coverage::CoveredPlaces;
pub use coverage::{CleanupCoverage, MissedSite, Percent, PercentError, UnfinishedCleanup};
pub use date::{Date, DateError};
pub use exploration::{Exploration, ExplorationError};
pub(crate) use finding::FindingId;
pub use finding::FindingKind;
pub use frame::Frame;
pub use fuel::{FuelByFunction, FunctionFuel, FunctionGrowth};
pub use gates::{GateKind, GateLimits, GateRecord, GateTest, UnknownTest};
pub use go::{GoHeapDoubt, GoHeapGrowth, GoHeapSite, GoRecord, MetricRecord};
pub use harness::{Harness, HarnessNameError};
pub use injected::InjectedRecord;
pub use limit::{
    Breach, HeapFigure, HeapKind, Leftover, Limit, LimitName, LimitRecord, LimitValues, RefusedGrowth, Source, Tally,
    ValueError, verdict_of_breach,
};
pub use omitted::Omitted;
pub use output::Output;
pub use record::{CleanupRecord, Details, ModuleRecord, TestRecord};
pub use recorded::RecordedResults;
pub use report::{BakedRecord, Canonical, RefusedModule, Report, SCHEMA, SubtestTime, TestTime, Volatile};
pub use resource::{OutlivedRecord, Resource, ResourceKind, SETUP_SCOPE, SocketRecord, ThreadRecord};
pub use role::EntryRole;
pub(crate) use subtest::{ENDED_WITHIN, FAILED_WITHIN};
pub use subtest::{OwnSubtests, SubtestFilter, SubtestPattern, SubtestRecord, SuppressedRecord};
pub use threshold::Threshold;
pub use tracked::TrackedRecord;
pub use usage::{Heap, Usage};
pub use verdict::Verdict;
pub use worlds::{WorldEntry, WorldFigures};
