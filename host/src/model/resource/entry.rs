//! An entry of the report for a resource that a test held at its end.

use super::{BlocksRecord, LeakSetting, ResourceKind};
use crate::model::{Frame, figure};
use serde::{Deserialize, Serialize};

/// A resource that a test held at its end, or several of them from one place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Resource {
    /// Its kind.
    pub kind: ResourceKind,
    /// The name of the user's kind, for a resource of the user's own; `path` is then its label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracked: Option<String>,
    /// How many were acquired at the same place with the same path: a leak in a loop is one entry. Heap blocks that hold each
    /// other are one entry, too, even if they come from several places.
    #[serde(with = "figure")]
    pub count: u64,
    /// Its path in the guest; relative to the package if it lies in the package's directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The descriptor at the end; of several, that of the first. Absent for a resource that is not open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fd: Option<u32>,
    /// For residue, the size of the file; for the heap, the bytes of all blocks together.
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
    /// More about a socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<SocketRecord>,
    /// More about a thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<ThreadRecord>,
    /// More about heap blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks: Option<Box<BlocksRecord>>,
    /// The test or subtest that acquired it.
    pub scope: String,
    /// The guest's stack at the acquisition, user frames first.
    pub stack: Vec<Frame>,
    /// How many further places or paths this entry stands for, because there are too many to list each of them; 0 for an
    /// ordinary entry. Such an entry has the kind and the scope that they share, and the sums of their counts and bytes.
    #[serde(default, with = "figure", skip_serializing_if = "figure::is_zero")]
    pub omitted_places: u64,
    /// The rule of the baseline that accepts this leak, so that it does not fail its test: see
    /// [`AcceptedRecord::by`](crate::report::AcceptedRecord::by).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
}

/// The scope of resources that were there before the first test of a module began, and so belong to no test.
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

/// A thread, a goroutine or an asynchronous task that had not ended. In an entry for several, number and time are those of the
/// first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ThreadRecord {
    /// The number of a thread, from 1 in the order of spawning; of a goroutine, the one that Go gives it; 0 for an asynchronous
    /// task.
    pub number: u32,
    /// Its name, where the program gave it one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the thread was doing or waiting for: `runs`, `sleeps`, `is parked`, `locks a mutex`.
    pub does: String,
    /// How long it had waited, in nanoseconds of the test's time; 0 if it was running, and for goroutines and asynchronous
    /// tasks.
    #[serde(with = "figure")]
    pub waited_ns: u64,
    /// Handles that the thread opened and that are still open; in an entry for several threads, of all of them. Absent if there
    /// are none. Absent for goroutines: the host does not see which of them opened a handle.
    #[serde(with = "figure", skip_serializing_if = "figure::is_zero")]
    pub handles: u64,
    /// Heap blocks that only the thread's stack reaches; in an entry for several threads, of all of them. Blocks that it holds
    /// in locals are not seen. Absent if there are none, and if that was not looked at: more than 32 threads had not ended, or
    /// the heap is very large.
    #[serde(with = "figure", skip_serializing_if = "figure::is_zero")]
    pub blocks: u64,
    /// The bytes of these blocks.
    #[serde(with = "figure", skip_serializing_if = "figure::is_zero")]
    pub bytes: u64,
    /// The thread's stack, user frames first.
    pub stack: Vec<Frame>,
}

/// The two sides of a socket that was held. In an entry for several sockets, the addresses are those of the first.
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
    /// Bytes that the socket had received and the test never read; absent for a socket of the host, because the figure depends
    /// on the moment.
    #[serde(with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub unread: Option<u64>,
    /// Connections to a listening socket that the test never accepted; absent for a socket of the host.
    #[serde(with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub unaccepted: Option<u64>,
}
