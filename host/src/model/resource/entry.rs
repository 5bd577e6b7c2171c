//! An entry of the report for what a test held at its end.

use super::{BlocksRecord, LeakSetting, ResourceKind};
use crate::model::{Frame, figure};
use serde::{Deserialize, Serialize};

/// Something a test held at its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Resource {
    /// What it is.
    pub kind: ResourceKind,
    /// The user's kind, of resources of the user's own; their label is the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracked: Option<String>,
    /// How many were acquired at the same place with the same path (a leak in a loop is one entry). Heap blocks that hold each other are
    /// one entry from several places.
    #[serde(with = "figure")]
    pub count: u64,
    /// The guest's path, package-relative where it is the package's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The descriptor at the end; of the first, where there are several. Absent for what is not open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fd: Option<u32>,
    /// Size of the file that is left, for residue; bytes of all blocks together, for the heap.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// `read`, `write`, `read-write`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Bytes read through it.
    #[serde(with = "figure")]
    pub bytes_read: u64,
    /// Bytes written through it.
    #[serde(with = "figure")]
    pub bytes_written: u64,
    /// What else there is to say of a socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<SocketRecord>,
    /// What else there is to say of a thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<ThreadRecord>,
    /// What else there is to say of heap blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks: Option<Box<BlocksRecord>>,
    /// The test or subtest that acquired it.
    pub scope: String,
    /// The guest's stack at the acquisition, user frames first.
    pub stack: Vec<Frame>,
    /// How many further places or paths this one entry stands for, which are not listed each: there are too many. It has the
    /// kind, the scope and the sums that they have together.
    #[serde(default, with = "figure", skip_serializing_if = "figure::is_zero")]
    pub omitted_places: u64,
    /// What accepts it, of a baseline: see [`AcceptedRecord::by`](crate::report::AcceptedRecord::by). It does not fail its test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
}

/// The scope of what was there before the first test of a module, and so belongs to none of them.
pub const SETUP_SCOPE: &str = "set-up";

impl Resource {
    /// The setting that decides what this leak does to the verdict.
    #[must_use]
    pub fn setting(&self) -> LeakSetting {
        match self.kind {
            ResourceKind::Task if self.scope == SETUP_SCOPE => LeakSetting::SetupTasks,
            kind => kind.setting(),
        }
    }

    /// One resource of which nothing more is known than who acquired it, and where.
    #[must_use]
    pub fn new(kind: ResourceKind, scope: impl Into<String>, stack: Vec<Frame>) -> Self {
        Self {
            kind,
            tracked: None,
            count: 1,
            path: None,
            fd: None,
            bytes: None,
            mode: None,
            bytes_read: 0,
            bytes_written: 0,
            socket: None,
            thread: None,
            blocks: None,
            scope: scope.into(),
            stack,
            omitted_places: 0,
            accepted: None,
        }
    }
}

/// A thread that had not ended. Of several in one entry, the number and the time are the first one's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ThreadRecord {
    /// Its number, from 1 in the order of spawning.
    pub number: u32,
    /// Its name, where the program gave it one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it does or waits for: `runs`, `sleeps`, `is parked`, `locks a mutex`.
    pub does: String,
    /// For how long it has waited, in nanoseconds of the test's time; 0 where it runs.
    #[serde(with = "figure")]
    pub waited_ns: u64,
    /// Handles that it opened and that are still open; of all, where several threads are in one entry. Absent where there are none, and
    /// of goroutines, of which it is not seen.
    #[serde(with = "figure", skip_serializing_if = "figure::is_zero")]
    pub handles: u64,
    /// Blocks of the heap that only its stack reaches, likewise. What it has in locals is not seen. Absent where there are none, and
    /// where more than 32 threads had not ended or the heap is very large, where it is not looked at.
    #[serde(with = "figure", skip_serializing_if = "figure::is_zero")]
    pub blocks: u64,
    /// Their bytes.
    #[serde(with = "figure", skip_serializing_if = "figure::is_zero")]
    pub bytes: u64,
    /// Where it is, user frames first.
    pub stack: Vec<Frame>,
}

/// The two sides of a socket that was held. Of several in one entry, the addresses are the first one's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SocketRecord {
    /// The address of its own side; absent where the host chose the port, which differs from run to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<String>,
    /// The address of its other side; absent for a listening socket, and where the host chose the port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// Bytes that it had received and the test never read; absent for a socket of the host's, where that depends on the
    /// moment.
    #[serde(with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub unread: Option<u64>,
    /// Connections to a listening socket that the test never accepted; absent for a socket of the host's.
    #[serde(with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub unaccepted: Option<u64>,
}
