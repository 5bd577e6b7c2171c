//! What threads wait for, and who of them is woken first.

use std::collections::{BTreeMap, BTreeSet};

/// The number of a thread: what the guest knows it by. The main one is 0.
pub type ThreadId = u32;

/// The thread that the test begins with.
pub const MAIN: ThreadId = 0;

/// What a thread waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// That another thread notifies of this address.
    Address(u32),
    /// That time passes.
    Time,
    /// That something becomes of a descriptor: in words, where nothing but another thread can bring it about.
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
    /// It was notified, or is to look again.
    Told,
    /// Its time is up.
    TimedOut,
}

/// A wait of a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// For what.
    pub wait: Wait,
    /// When it is up, in nanoseconds of the test.
    pub due: Option<u64>,
    /// When it began.
    pub since: u64,
    /// Its place among all waits.
    nth: u64,
}

/// The waits of all threads: those of one thread are over one after the other.
#[derive(Debug, Default)]
pub struct Waits {
    timers: BTreeSet<(u64, ThreadId)>,
    addresses: BTreeMap<(u32, u64), ThreadId>,
    descriptors: BTreeSet<ThreadId>,
    count: u64,
}

impl Waits {
    /// A thread begins to wait.
    pub fn begin(&mut self, id: ThreadId, wait: Wait, due: Option<u64>, now: u64) -> Waiting {
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
        Waiting { wait, due, since: now, nth }
    }

    /// A thread does not wait any more.
    pub fn end(&mut self, id: ThreadId, waiting: &Waiting) {
        if let Some(due) = waiting.due {
            self.timers.remove(&(due, id));
        }
        if let Wait::Address(address) = waiting.wait {
            self.addresses.remove(&(address, waiting.nth));
        }
        self.descriptors.remove(&id);
    }

    /// The first wait whose time will be up: when, and whose it is.
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
