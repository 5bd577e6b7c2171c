//! What a test did, event by event.

use super::{Frame, Verdict, figure};
use serde::{Deserialize, Serialize};

/// What is traced of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceOptions {
    /// Most events that are kept: the first half of them and the last. What is between is counted.
    pub most: u32,
    /// The least size of an allocation that is an event, in bytes.
    pub allocation: u32,
    /// Whether events have their places in the code.
    pub(crate) places: bool,
}

impl Default for TraceOptions {
    fn default() -> Self {
        Self { most: 10_000, allocation: 64 << 10, places: true }
    }
}

impl TraceOptions {
    /// Most events that can be kept of one test.
    pub const MOST: u32 = 100_000;

    /// The events of a [timeline](super::timeline::TestTimeline): a few, without their places.
    pub(crate) const OF_TIMELINE: Self = Self { most: 100, allocation: u32::MAX, places: false };

    /// The same with so many events at most, which are [`Self::MOST`] or fewer.
    #[must_use]
    pub fn most(self, most: u32) -> Self {
        Self { most: most.min(Self::MOST), ..self }
    }

    /// The same, where allocations of so many bytes or more are events.
    #[must_use]
    pub fn allocation(self, allocation: u32) -> Self {
        Self { allocation, ..self }
    }
}

/// What one test did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TestTrace {
    /// Its module.
    pub module: String,
    /// Its name.
    pub test: String,
    /// What it came to.
    pub verdict: Verdict,
    /// Why allocations are not among the events; absent where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_allocations: Option<String>,
    /// The events that are kept, in their order.
    pub events: Vec<TraceEvent>,
    /// How many more there were. Their numbers are missing among those that are kept.
    pub left_out: u64,
    /// The places in the guest's code at which there were events, user frames first: each once.
    pub sites: Vec<Vec<Frame>>,
    /// How many places more there were: those of a module whose names are very long are not all kept.
    #[serde(default, skip_serializing_if = "figure::is_zero")]
    pub sites_left_out: u64,
}

/// Something that a test did, or that happened to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct TraceEvent {
    /// Its number, from 1.
    pub nth: u64,
    /// Fuel that the test had spent, clean-ups included. Absent where it is not known: of memory that grew outside of an allocator.
    #[serde(with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// The thread; the main one is 0.
    #[serde(skip_serializing_if = "is_main")]
    pub thread: u32,
    /// The subtest; absent for the test itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// What it is.
    pub kind: TraceKind,
    /// The function that was called, `begins` or `ends`.
    pub call: String,
    /// What it acted on: a path, the name of a stream or a socket, the name of a subtest, a clean-up or a task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// What that was renamed or linked to, or where a clean-up was registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The descriptor that it acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fd: Option<u32>,
    /// The descriptor that it gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened: Option<u32>,
    /// Bytes that were moved, allocated, or that memory has now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Bytes that memory had before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Nanoseconds of the test's virtual time that passed meanwhile.
    #[serde(with = "figure", skip_serializing_if = "figure::is_zero")]
    pub waited: u64,
    /// How it failed: an errno, or words. Absent where it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// The place in the guest's code, among [`TestTrace::sites`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<u32>,
}

fn is_main(thread: &u32) -> bool {
    *thread == 0
}

/// What an event is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TraceKind {
    /// A file, a directory or a socket was opened.
    Open,
    /// Bytes were read.
    Read,
    /// Bytes were written.
    Write,
    /// A descriptor was closed, or replaced.
    Close,
    /// The host was called for something else.
    #[default]
    Call,
    /// Something was waited for.
    Wait,
    /// Linear memory grew, or was refused.
    Memory,
    /// A block was allocated or reallocated.
    Allocation,
    /// The test's own code began or ended.
    Test,
    /// A subtest began or ended.
    Subtest,
    /// A clean-up began or ended.
    Cleanup,
    /// A thread was spawned or ended.
    Thread,
    /// An asynchronous task was spawned, waits, or is done.
    Task,
    /// A resource of the user's own kind was acquired or released.
    Tracked,
}

impl TraceKind {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Read => "read",
            Self::Write => "write",
            Self::Close => "close",
            Self::Call => "call",
            Self::Wait => "wait",
            Self::Memory => "memory",
            Self::Allocation => "allocation",
            Self::Test => "test",
            Self::Subtest => "subtest",
            Self::Cleanup => "clean-up",
            Self::Thread => "thread",
            Self::Task => "task",
            Self::Tracked => "tracked",
        }
    }
}
