//! The books of one test: its handles ([`Ledger`]) and its heap ([`heap`]). Pure data, no I/O. Each store has its own.
//!
//! The key of a handle is a [`HandleId`], which is never reused. Its descriptor only says where the guest finds it now: after a
//! close, the next file gets the same descriptor and another id. A closed handle is forgotten and only counted, so that a test
//! which opens and closes a million files costs no memory.
//!
//! The ledger cannot see resources that exist in the guest's own memory alone, such as a pool of emulated connections.

mod coverage;
mod handle;
pub mod heap;
mod outlived;
mod scope;
mod scoping;
mod stack;
mod task;
mod tracked;

pub use coverage::AcquisitionSites;
pub use handle::{Access, Acquisition, Handle, HandleId, Kind, Origin, SocketEnds};
use outlived::OutlivedBook;
pub use outlived::{OutlivedHandles, Outliving};
pub use scope::ScopeId;
pub use scoping::{EndedScope, ScopeHandles};
pub use stack::{RawFrame, Stack};
pub(crate) use stack::{both_ends, short};
pub use tracked::{ScopeTracked, TrackedCounts};

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// The books of one test: every handle that is open, and how many there were.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    next: u64,
    open: BTreeMap<HandleId, Handle>,
    open_by_test: u32,
    /// The most handles of the test that were open at once since the innermost scope began; see [`Ledger::peak`].
    peak: u32,
    /// The most handles of the test that were open at once before the innermost scope began.
    peak_before: u32,
    closed: u64,
    /// The scope that is running.
    scope: ScopeId,
    /// The acting thread, in a test with threads.
    thread: Option<u32>,
    outlived: OutlivedBook,
    /// Resources of the user's own kinds.
    tracked: TrackedCounts,
    /// The same for each scope that runs, without the test itself; the innermost is the last.
    tracked_in_scopes: Vec<BTreeMap<Arc<str>, ScopeTracked>>,
    /// Where handles were acquired; `None` unless that is to be noted.
    sites: Option<AcquisitionSites>,
}

impl Ledger {
    /// Enters a handle that was just acquired.
    pub fn acquire(&mut self, what: Acquisition) -> HandleId {
        let id = HandleId(self.next);
        self.next += 1;
        if what.origin == Origin::Test {
            self.open_by_test += 1;
            self.peak = self.peak.max(self.open_by_test);
            if let Some(sites) = &mut self.sites {
                sites.acquired(what.kind, what.stack.as_ref());
            }
        }
        self.open.insert(id, Handle { scope: self.scope, thread: self.thread, ..Handle::new(what) });
        id
    }

    /// From here on, handles are acquired by this thread. The main thread is 0.
    pub fn act_as(&mut self, thread: u32) {
        self.thread = Some(thread);
    }

    /// Begins a test in these books: the handles that are open now were acquired by the set-up of its module.
    pub fn begin_test(&mut self) {
        for handle in self.open.values_mut().filter(|handle| handle.origin == Origin::Test) {
            handle.origin = Origin::SetUp;
            handle.scope = ScopeId::TEST;
            handle.outlives = false;
        }
        (self.open_by_test, self.peak, self.peak_before) = (0, 0, 0);
        self.scope = ScopeId::TEST;
        self.outlived = OutlivedBook::default();
        if self.sites.is_some() {
            self.note_sites();
        }
        self.begin_tracked();
        self.tracked.values_mut().for_each(|count| count.found = count.open);
    }

    /// Begins a teardown in these books: the handles that are open now count as its own, since it is to release them; it has
    /// acquired nothing yet.
    pub fn begin_teardown(&mut self) {
        for handle in self.open.values_mut() {
            handle.scope = ScopeId::TEST;
            handle.outlives = false;
        }
        (self.peak, self.peak_before) = (self.open_by_test, 0);
        self.outlived = OutlivedBook::default();
        self.begin_tracked();
    }

    /// Takes a handle off the books: it was closed, or another one was renumbered to its descriptor.
    ///
    /// `stack` is the guest's current stack; it is of use only for a handle that outlived its scope: see
    /// [`Ledger::wants_release`].
    ///
    /// Returns false if no handle of this id is open, which is a mistake of the caller.
    pub fn release(&mut self, id: HandleId, stack: Option<&Stack>) -> bool {
        let Some(handle) = self.open.remove(&id) else {
            return false;
        };
        match (&handle.tracked, handle.kind) {
            (Some(kind), _) => self.untracked(kind, handle.origin),
            (None, Kind::Task) => {}
            (None, _) if handle.origin == Origin::Test => self.open_by_test -= 1,
            (None, _) => {}
        }
        if handle.outlives {
            self.outlived.released(&handle, stack);
        }
        self.closed += 1;
        true
    }

    /// Notes that a handle is now found at another descriptor.
    pub fn renumber(&mut self, id: HandleId, fd: u32) {
        if let Some(handle) = self.open.get_mut(&id) {
            handle.fd = fd;
        }
    }

    /// Counts bytes read through a handle.
    pub fn read(&mut self, id: HandleId, bytes: u64) {
        if let Some(handle) = self.open.get_mut(&id) {
            handle.bytes_read = handle.bytes_read.saturating_add(bytes);
        }
    }

    /// Counts bytes written through a handle.
    pub fn wrote(&mut self, id: HandleId, bytes: u64) {
        if let Some(handle) = self.open.get_mut(&id) {
            handle.bytes_written = handle.bytes_written.saturating_add(bytes);
        }
    }

    /// Notes the addresses of the two sides of a socket.
    pub fn connected(&mut self, id: HandleId, local: Option<SocketAddr>, peer: Option<SocketAddr>) {
        if let Some(handle) = self.open.get_mut(&id) {
            handle.socket = Some(SocketEnds { local, peer, waiting: None });
        }
    }

    /// Notes what a socket had received and the test did not take: see [`SocketEnds::waiting`]. `None` means that another run
    /// could give another figure.
    pub fn left_waiting(&mut self, id: HandleId, waiting: Option<u64>) {
        if let Some(handle) = self.open.get_mut(&id) {
            handle.socket.get_or_insert_default().waiting = waiting;
        }
    }

    /// The open handle of this id.
    pub fn get(&self, id: HandleId) -> Option<&Handle> {
        self.open.get(&id)
    }

    /// The number that the next handle gets.
    pub fn next_number(&self) -> u64 {
        self.next
    }

    /// The handles from this number on that the test itself acquired and still holds, in order of acquisition.
    pub fn held_since(&self, number: u64) -> impl Iterator<Item = &Handle> {
        self.open.range(HandleId(number)..).map(|(_, handle)| handle).filter(|handle| handle.origin == Origin::Test)
    }

    /// How many handles are open now that the test itself acquired.
    pub fn open_by_test(&self) -> u32 {
        self.open_by_test
    }

    /// Handles that are open now, granted ones included.
    #[cfg(test)]
    pub fn open_now(&self) -> usize {
        self.open.len()
    }

    /// A hash over the handles that the test itself has open. It is equal for two moments at which handles of the same kinds,
    /// acquired at the same places, are open in the same order.
    pub fn open_places(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        for handle in self.open.values().filter(|handle| handle.origin == Origin::Test) {
            (handle.kind, handle.access, &handle.tracked, &handle.stack).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// The most handles that were open at once, of those that the test itself acquired.
    pub fn peak(&self) -> u32 {
        self.peak.max(self.peak_before)
    }

    /// The balance at the end: the handles that the test acquired and still holds, in the order of acquisition. Those at the
    /// descriptors of standard streams are not part of it.
    pub fn balance(self) -> Vec<Handle> {
        debug_assert_eq!(self.next - self.closed, self.open.len() as u64, "the books do not balance");
        self.open.into_values().filter(Handle::is_left).collect()
    }
}

#[cfg(test)]
mod tests;
