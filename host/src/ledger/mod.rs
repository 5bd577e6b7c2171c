//! Who holds what: pure data, no I/O. One [`Ledger`] lives in each store.
//!
//! A handle is keyed by a [`HandleId`] that is never reused; the descriptor number is only where the guest finds it now.
//! Closed handles are forgotten at once (their number is kept), so a test that opens a million files costs no memory.
//!
//! What it cannot see: resources the guest makes for itself inside its own memory (a handle table of its own, a pool).

mod handle;
pub mod heap;
mod stack;

pub use handle::{Access, Handle, HandleId, Kind, Origin, SocketEnds};
pub(crate) use stack::both_ends;
pub use stack::{RawFrame, Stack};

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// The books of one test.
#[derive(Debug, Default)]
pub struct Ledger {
    next: u64,
    open: BTreeMap<HandleId, Handle>,
    open_by_test: u32,
    peak: u32,
    closed: u64,
}

/// What there is to say of a handle when it is acquired.
#[derive(Debug, Clone)]
pub struct Acquisition {
    /// What it is.
    pub kind: Kind,
    /// The guest's name for it.
    pub path: Option<Arc<str>>,
    /// The descriptor it is found at.
    pub fd: u32,
    /// What it may be used for.
    pub access: Access,
    /// Who acquired it.
    pub origin: Origin,
    /// Where.
    pub stack: Option<Stack>,
}

impl Ledger {
    /// Enters a handle that was just acquired.
    pub fn acquire(&mut self, what: Acquisition) -> HandleId {
        let id = HandleId(self.next);
        self.next += 1;
        if what.origin == Origin::Test {
            self.open_by_test += 1;
            self.peak = self.peak.max(self.open_by_test);
        }
        self.open.insert(id, Handle::new(what));
        id
    }

    /// Takes a handle off the books: it was closed, dropped, or replaced by a renumbering.
    ///
    /// Returns false where the id is not open, which is a mistake of the caller's.
    pub fn release(&mut self, id: HandleId) -> bool {
        let Some(handle) = self.open.remove(&id) else {
            return false;
        };
        if handle.origin == Origin::Test {
            self.open_by_test -= 1;
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

    /// Notes the two sides of a socket.
    pub fn connected(&mut self, id: HandleId, local: Option<SocketAddr>, peer: Option<SocketAddr>) {
        if let Some(handle) = self.open.get_mut(&id) {
            handle.socket = Some(SocketEnds { local, peer, waiting: None });
        }
    }

    /// Notes what a socket had received and the test did not take; `None` where that is not exact.
    pub fn left_waiting(&mut self, id: HandleId, waiting: Option<u64>) {
        if let Some(handle) = self.open.get_mut(&id) {
            handle.socket.get_or_insert_default().waiting = waiting;
        }
    }

    /// One open handle.
    pub fn get(&self, id: HandleId) -> Option<&Handle> {
        self.open.get(&id)
    }

    /// Handles of the test's own that are open now.
    pub fn open_by_test(&self) -> u32 {
        self.open_by_test
    }

    /// Handles that are open now, granted ones included.
    #[cfg(test)]
    pub fn open_now(&self) -> usize {
        self.open.len()
    }

    /// Most handles of the test's own that were open at once.
    pub fn peak(&self) -> u32 {
        self.peak
    }

    /// The balance at the end: what the test acquired and still holds, in order of acquisition.
    pub fn balance(self) -> Vec<Handle> {
        debug_assert_eq!(self.next - self.closed, self.open.len() as u64, "the books do not balance");
        if self.open_by_test == 0 {
            return Vec::new();
        }
        self.open.into_values().filter(|handle| handle.origin == Origin::Test).collect()
    }
}

#[cfg(test)]
mod tests;
