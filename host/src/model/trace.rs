//! What a test did, event by event.

use super::{Frame, Verdict, figure};
use serde::{Deserialize, Serialize};

/// How much of a test is traced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceOptions {
    /// Most events that are kept. Of more events, the first ones and the last ones are kept, half of `most` each; the others
    /// are only counted.
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

    /// The same options, with allocations of so many bytes or more as events.
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
    /// Its verdict.
    pub verdict: Verdict,
    /// Why allocations are not among the events; absent where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_allocations: Option<String>,
    /// The events that are kept, in their order.
    pub events: Vec<TraceEvent>,
    /// How many more events there were. Their numbers are missing among those of the events that are kept.
    pub left_out: u64,
    /// The stacks at which there were events, each once, user frames first.
    pub sites: Vec<Vec<Frame>>,
    /// How many more stacks there were. Those of a module with very long names are not all kept.
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
    /// Fuel that the test had spent, clean-ups included. Absent where that is not known: when memory grew outside of an
    /// allocator.
    #[serde(with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// The thread; the main one is 0.
    #[serde(skip_serializing_if = "is_main")]
    pub thread: u32,
    /// The subtest; absent for the test itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The kind of the event.
    pub kind: TraceKind,
    /// The function that was called, `begins` or `ends`.
    pub call: String,
    /// What the event is about: a path, or the name of a stream, a socket, a subtest, a clean-up or a task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The new name, for a path that was renamed or linked; where it was registered, for a clean-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The descriptor that the call acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fd: Option<u32>,
    /// The descriptor that the call returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened: Option<u32>,
    /// Bytes that were read or written, or allocated; for memory, its size after the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The size of memory before the event, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Nanoseconds of the test's virtual time that passed during the event.
    #[serde(with = "figure", skip_serializing_if = "figure::is_zero")]
    pub waited: u64,
    /// How the call failed: an errno, or words. Absent if it did not fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// The guest's stack: an index into [`TestTrace::sites`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<u32>,
}

fn is_main(thread: &u32) -> bool {
    *thread == 0
}

/// The kind of an event.
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
    /// Linear memory grew, or its growth was refused.
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
