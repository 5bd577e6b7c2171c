//! What the host holds for a test, added up over all its objects.

use super::context::Wasi;
use super::quota::{BrokenLimit, MET, NAME};
use super::table::{DescriptorEntry, Object};
use crate::ledger::Origin;

impl Wasi {
    /// The bytes that the host holds for the test: captured output, the buffers of its own network, contents and names of the
    /// scratch file system and of what overlays changed, open descriptors with their names and acquisition stacks, directories
    /// that are being read, what is kept of subtests, of live heap blocks and of their stacks, and what is remembered of host files, those below
    /// overlays included. A descriptor that is closed is no longer counted, and nothing of it is kept, but where a collector that the
    /// test did not ask for closed it.
    pub(crate) fn held(&self) -> u64 {
        let (scratch, met) = (self.world.scratch.usage(), self.world.scratch.met());
        [
            self.world.capture.held(),
            self.world.network.held(),
            scratch.bytes,
            met.bytes,
            scratch.entries.saturating_add(met.entries).saturating_mul(NAME),
            self.quota.held(),
            self.world.files.met().saturating_mul(MET),
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }

    /// Checks that the last call broke no limit.
    pub(crate) fn check_quota(&self) -> Result<(), BrokenLimit> {
        self.quota.check(self.held())
    }

    /// Raises the limits for clean-ups: they may move and hold more than the test.
    pub(crate) fn open_reserve(&mut self) {
        let held = self.held();
        self.quota.open_reserve(held);
    }

    /// Sets the limits back to the test's own, before the test is called again.
    pub(crate) fn close_reserve(&mut self) {
        self.quota.close_reserve();
    }

    /// Raises the limits for the clean-ups of a subtest. Gives the argument for [`Wasi::resume`] after them.
    pub(crate) fn suspend(&mut self) -> u64 {
        self.open_reserve();
        self.quota.moved_so_far()
    }

    /// The test goes on after the clean-ups of a subtest.
    pub(crate) fn resume(&mut self, moved: u64) {
        self.quota.resume(moved);
    }

    /// Counts what the host holds for that many live blocks of the heap.
    pub(crate) fn hold_blocks(&mut self, blocks: u64) {
        self.quota.hold_blocks(blocks);
    }

    /// Counts bytes that the host holds for the stacks of allocations.
    pub(crate) fn hold_stacks(&mut self, bytes: u64) {
        self.quota.hold_stacks(bytes);
    }

    /// Checks that the host may hold that many more bytes for the test.
    pub(crate) fn check_quota_for(&self, more: u64) -> Result<(), BrokenLimit> {
        self.quota.check(self.held().saturating_add(more))
    }

    /// Counts bytes that the host keeps for a subtest.
    pub(crate) fn hold_scope(&mut self, bytes: u64) {
        self.quota.hold_scope(bytes);
    }

    /// Takes what goes with a descriptor off the count. To be called before the ledger forgets the handle.
    pub(super) fn let_go(&mut self, entry: &DescriptorEntry) {
        if let Object::Dir { listing: Some(listing), .. } = &entry.object {
            self.quota.hold_listing(Some(listing), &[]);
        }
        if let Some(handle) = self.ledger.get(entry.id).filter(|handle| handle.origin != Origin::Granted) {
            self.quota.let_go(&entry.path, handle.stack.as_ref().map_or(0, |stack| stack.len()));
        }
    }
}
