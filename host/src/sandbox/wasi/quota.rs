//! How many bytes a test may make the host move and hold: the limits `io` and `host-memory`, checked after each call.

use super::table::DirEntry;
use crate::ledger::RawFrame;
use crate::model::Limit;

/// How much clean-ups may move and hold beyond a limit that their test has used up: 1 MiB.
const RESERVE: u64 = 1 << 20;

/// What each of these counts as, beside its contents: a descriptor, a directory entry, a name in the scratch file system or
/// met below an overlay, and a file of another grant that the test has met. It is at least what the host needs for one.
const DESCRIPTOR: u64 = 512;
const LISTED: u64 = 48;
pub(super) const NAME: u64 = 512;
pub(super) const MET: u64 = 96;

/// What a live block of the heap counts as: its row in the table of live blocks and, at the end, in the pictures by which
/// two runs are compared.
const BLOCK: u64 = 96;

/// A test made the host move or hold more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("over the limit `{}`: {seen} bytes, and {value} are allowed", .limit.name())]
pub struct BrokenLimit {
    /// The limit.
    pub limit: Limit,
    /// Its value.
    pub value: u64,
    /// How many bytes the test moved, or made the host hold.
    pub seen: u64,
}

/// The two limits of one test, and what is counted as it happens. Everything else that the host holds is added up in the
/// room `held`.
#[derive(Debug, Clone)]
pub(super) struct Quota {
    io: u64,
    memory: u64,
    moved: u64,
    /// Both limits while clean-ups run.
    raised: Option<(u64, u64)>,
    /// Entries of directories that are being read, with their names.
    listed: u64,
    /// Descriptors of the test's own, with their names and stacks.
    handles: u64,
    /// What is kept of subtests, in bytes; the three below are in bytes, too.
    scopes: u64,
    /// What is kept of live blocks of the heap.
    blocks: u64,
    /// What is kept of the stacks of allocations.
    stacks: u64,
    /// What is kept of descriptors that were closed.
    closed: u64,
}

impl Quota {
    pub fn new(io: u64, memory: u64) -> Self {
        Self { io, memory, moved: 0, raised: None, listed: 0, handles: 0, scopes: 0, blocks: 0, stacks: 0, closed: 0 }
    }

    /// A test begins with these limits, and has moved nothing. What the host holds already was there before it.
    pub fn begin_test(&mut self, io: u64, memory: u64) {
        (self.io, self.memory, self.moved, self.raised, self.scopes) = (io, memory, 0, None, 0);
    }

    /// Counts bytes that a call moved between the guest and what is outside of it.
    pub fn moved(&mut self, bytes: u64) {
        self.moved = self.moved.saturating_add(bytes);
    }

    /// What the host holds in descriptors, directories being read, subtests and live heap blocks.
    pub fn held(&self) -> u64 {
        [self.listed, self.handles, self.scopes, self.blocks, self.stacks, self.closed]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// Counts that many live blocks of the heap, instead of those counted before.
    pub fn hold_blocks(&mut self, blocks: u64) {
        self.blocks = blocks.saturating_mul(BLOCK);
    }

    /// Counts that many bytes of allocations' stacks, instead of those counted before.
    pub fn hold_stacks(&mut self, bytes: u64) {
        self.stacks = bytes;
    }

    /// Counts a descriptor that was closed but is kept for the report.
    pub fn hold_closed(&mut self, path: &str, frames: usize) {
        self.closed = self.closed.saturating_add(descriptor(path, frames));
    }

    /// Counts bytes that are kept of a subtest.
    pub fn hold_scope(&mut self, bytes: u64) {
        self.scopes = self.scopes.saturating_add(bytes);
    }

    /// Raises the limits for clean-ups. `held` is what the host holds for the test now.
    pub fn open_reserve(&mut self, held: u64) {
        let raised = |limit: u64, seen: u64| limit.max(seen).saturating_add(RESERVE);
        self.raised = Some((raised(self.io, self.moved), raised(self.memory, held)));
    }

    /// Sets the limits back to the test's own, before the test is called again. It may move as much as in its first call.
    /// What the host holds for it stays counted.
    pub fn close_reserve(&mut self) {
        self.raised = None;
        self.moved = 0;
    }

    /// Sets the limits back to the test's own, which goes on after the clean-ups of a subtest. What these moved is not
    /// counted for it.
    pub fn resume(&mut self, moved: u64) {
        self.raised = None;
        self.moved = moved;
    }

    /// How many bytes the test's calls have moved.
    pub fn moved_so_far(&self) -> u64 {
        self.moved
    }

    /// Counts a descriptor that the test acquired.
    pub fn hold(&mut self, path: &str, frames: usize) {
        self.handles = self.handles.saturating_add(descriptor(path, frames));
    }

    /// Takes such a descriptor off the count.
    pub fn let_go(&mut self, path: &str, frames: usize) {
        self.handles = self.handles.saturating_sub(descriptor(path, frames));
    }

    /// Counts a directory's entries, instead of those that its descriptor held before.
    pub fn hold_listing(&mut self, old: Option<&[DirEntry]>, new: &[DirEntry]) {
        self.listed = self.listed.saturating_sub(old.map_or(0, listed)).saturating_add(listed(new));
    }

    /// Checks both limits; `held` is what the host holds.
    pub fn check(&self, held: u64) -> Result<(), BrokenLimit> {
        let (io, memory) = self.raised.unwrap_or((self.io, self.memory));
        let limits = [(Limit::Io, io, self.moved), (Limit::HostMemory, memory, held)];
        match limits.into_iter().find(|(_, value, seen)| seen > value) {
            Some((limit, value, seen)) => Err(BrokenLimit { limit, value, seen }),
            None => Ok(()),
        }
    }
}

fn descriptor(path: &str, frames: usize) -> u64 {
    DESCRIPTOR + path.len() as u64 + (frames * size_of::<RawFrame>()) as u64
}

fn listed(entries: &[DirEntry]) -> u64 {
    entries.iter().map(|entry| LISTED + entry.name.len() as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_itself_is_allowed_and_one_more_is_not() {
        let mut quota = Quota::new(100, 10);
        quota.moved(100);
        assert_eq!(quota.check(10), Ok(()));
        assert_eq!(quota.check(11), Err(BrokenLimit { limit: Limit::HostMemory, value: 10, seen: 11 }));
        quota.moved(1);
        assert_eq!(quota.check(0), Err(BrokenLimit { limit: Limit::Io, value: 100, seen: 101 }));
        quota.moved(u64::MAX);
        assert!(quota.check(0).is_err(), "the count does not wrap");
    }
}
