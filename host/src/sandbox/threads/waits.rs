//! What threads wait for, and which of them is woken first.

use std::collections::{BTreeMap, BTreeSet};

/// The number by which the guest knows a thread. The main thread is 0.
pub type ThreadId = u32;

/// The thread that the test begins with.
pub const MAIN: ThreadId = 0;

/// What a thread waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// A notification of this address.
    Address(u32),
    /// The passing of time.
    Time,
    /// A change of a descriptor. If only another thread can bring it about, the words say what that is.
    Descriptor(String),
}

impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) => write!(f, "a notification at {address:#x}"),
            Self::Time => f.write_str("its time"),
            Self::Descriptor(words) => f.write_str(words),
        }
    }
}

/// Why a thread that waited runs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// It was notified, or has to look again.
    Told,
    /// The time of its wait is up.
    TimedOut,
}

/// The wait of a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// What it waits for.
    pub wait: Wait,
    /// When its time is up, in nanoseconds of the test.
    pub due: Option<u64>,
    /// When it began, in nanoseconds of the test.
    pub since: u64,
    /// Its number in the order of all waits.
    nth: u64,
}

/// The waits of all threads. A thread has one wait at a time.
#[derive(Debug, Default)]
pub struct Waits {
    timers: BTreeSet<(u64, ThreadId)>,
    addresses: BTreeMap<(u32, u64), ThreadId>,
    descriptors: BTreeSet<ThreadId>,
    count: u64,
}

impl Waits {
    /// Notes that a thread waits, since this time.
    pub fn begin(&mut self, id: ThreadId, wait: Wait, due: Option<u64>, since: u64) -> Waiting {
        self.count += 1;
        let nth = self.count;
        match &wait {
            Wait::Address(address) => {
                self.addresses.insert((*address, nth), id);
            }
            Wait::Descriptor(_) => {
                self.descriptors.insert(id);
            }
            Wait::Time => {}
        }
        if let Some(due) = due {
            self.timers.insert((due, id));
        }
        Waiting { wait, due, since, nth }
    }

    /// Notes that a thread does not wait any more.
    pub fn end(&mut self, id: ThreadId, waiting: &Waiting) {
        if let Some(due) = waiting.due {
            self.timers.remove(&(due, id));
        }
        if let Wait::Address(address) = waiting.wait {
            self.addresses.remove(&(address, waiting.nth));
        }
        self.descriptors.remove(&id);
    }

    /// The wait whose time is up first: when that is, and whose wait it is.
    pub fn first_timer(&self) -> Option<(u64, ThreadId)> {
        self.timers.first().copied()
    }

    /// The thread that has waited longest for this address.
    pub fn first_at(&self, address: u32) -> Option<ThreadId> {
        self.addresses.range((address, 0)..=(address, u64::MAX)).next().map(|(_, id)| *id)
    }

    /// A thread that waits for a descriptor.
    pub fn first_for_descriptor(&self) -> Option<ThreadId> {
        self.descriptors.first().copied()
    }
}
