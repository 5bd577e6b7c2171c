//! The writers of a report, with a file for each, and the comparison of reports. Writers return bytes.

pub(crate) mod compare;
pub mod console;
pub mod diff;
pub(crate) mod faults;
pub mod files;
pub mod json;
pub mod merge;
pub(crate) mod pollution;
mod pprof;
mod schema;
pub mod trace;
pub(crate) mod verification;
mod write_back;
mod writers;

pub use crate::model::change::{Change, ChangeKind};
pub use crate::model::counts::Counts;
pub use crate::model::digest::{CheckError, canonical_json};
pub use crate::model::doubt::{Cause, Doubt, TestId};
pub use crate::model::growth::{Growth, Round, Span, Trend};
pub use crate::model::profile::{HeapProfile, Missing, ProfileSite};
pub use crate::model::resource::{
    BlocksRecord, HeldBy, LastPointerRecord, PlacedBlocks, PointerWent, RingRecord, VariableRecord,
};
pub use crate::model::timeline::{TestTimeline, TimelinePoint};
pub use crate::model::{
    AcceptedRecord, AttemptsRecord, BakedRecord, BaselineEntry, BaselineUse, Canonical, CleanupCoverage, CleanupRecord,
    Date, DateError, Details, EntryRole, FailedAttempt, Frame, FuelByFunction, FunctionFuel, FunctionGrowth, GateKind,
    GateLimits, GateRecord, GateTest, GoHeapDoubt, GoHeapGrowth, GoHeapSite, GoRecord, Heap, InjectedRecord, LimitName,
    LimitRecord, MetricRecord, MissedSite, ModuleRecord, Omitted, OutlivedRecord, Output, Percent, PercentError,
    RecordedResults, RefusedGrowth, RefusedModule, Report, Resource, ResourceKind, SCHEMA, SocketRecord, SubtestRecord,
    SubtestTime, SuppressedRecord, TestRecord, TestTime, ThreadRecord, TrackedRecord, UnfinishedCleanup, UnknownTest,
    Usage, Verdict, Volatile, WorldEntry, WorldFigures,
};
pub use schema::REPORT_SCHEMA;
pub use write_back::{RefusedChange, WrittenBack};
