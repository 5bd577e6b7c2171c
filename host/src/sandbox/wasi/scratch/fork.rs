//! A copy of all files, for a test that begins where they stand.

use super::lower::Overlay;
use super::node::{Body, Node};
use super::node_id::NodeId;
use super::quota::QuotaUsage;
use super::store::{Scratch, Work};
use crate::sandbox::wasi::host::HostCount;
use crate::sandbox::wasi::resolve::Result;

impl Scratch {
    /// A copy of the files as they stand now, for another world. Its host descriptors are counted in `host`. Contents are
    /// shared until one of the two writes to them.
    ///
    /// # Errors
    /// A file below an overlay that is open cannot be opened again.
    pub fn fork(&self, host: &mut HostCount) -> Result<Self> {
        let overlay = |overlay: &Overlay| Overlay { root: overlay.root, view: overlay.view.fork(host.share()) };
        let overlays = self.overlays.iter().map(overlay).collect();
        let mut fork = self.with_overlays(overlays);
        for id in fork.open_below_now() {
            if let Body::FileBelow(file) = &mut fork.node_mut(id)?.body {
                file.open = None;
            }
            fork.open_below(id)?;
        }
        Ok(fork)
    }

    /// A test begins, with that much room. Files that are there were there before it. They take some of that room, but they
    /// are neither residue nor changes of the test.
    pub fn begin_test(&mut self, bytes: u64, entries: u64) {
        self.first_own = Some(self.next_ino());
        self.begin_teardown(bytes, entries);
    }

    /// A teardown begins, with that much room. Files that are there are its own, and count as residue if it leaves them. To
    /// find its changes, the files are compared with the state that it found.
    pub fn begin_teardown(&mut self, bytes: u64, entries: u64) {
        if self.found.is_none() {
            self.share();
        }
        self.quota.max = QuotaUsage { bytes, entries };
        self.quota.refused = None;
        self.work = Work::default();
    }

    /// The open files that are below overlays.
    fn open_below_now(&self) -> Vec<NodeId> {
        let is_open = |node: &Node| matches!(&node.body, Body::FileBelow(file) if file.open.is_some());
        self.ids().filter(|id| self.node(*id).is_ok_and(is_open)).collect()
    }
}
