//! What a test may make the host move and hold: the limits `io` and `host-memory`, looked at after each call.

use super::context::Wasi;
use super::table::{DirEntry, Entry, Object};
use crate::ledger::RawFrame;
use crate::model::Limit;

/// What clean-ups may move and hold above a limit that their test has used up: 1 MiB.
const RESERVE: u64 = 1 << 20;

/// What a descriptor, a directory entry, a name in the scratch file system or met below an overlay, and a file of another
/// grant that the test has met are counted as, beside their contents: at least what the host needs for one.
const DESCRIPTOR: u64 = 512;
const LISTED: u64 = 48;
const NAME: u64 = 512;
const MET: u64 = 96;

/// A test made the host move or hold more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("over the limit `{}`: {seen} bytes, and {value} are allowed", .limit.name())]
pub struct BrokenLimit {
    /// The limit.
    pub limit: Limit,
    /// Its value.
    pub value: u64,
    /// What the test came to.
    pub seen: u64,
}

/// The two limits of one test, and what is counted as it happens. What the host holds is added up in [`Wasi::held`].
#[derive(Debug)]
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
}

impl Quota {
    pub fn new(io: u64, memory: u64) -> Self {
        Self { io, memory, moved: 0, raised: None, listed: 0, handles: 0 }
    }

    /// Counts bytes that a call moved between the guest and what is outside of it.
    pub fn moved(&mut self, bytes: u64) {
        self.moved = self.moved.saturating_add(bytes);
    }

    fn check(&self, held: u64) -> Result<(), BrokenLimit> {
        let (io, memory) = self.raised.unwrap_or((self.io, self.memory));
        let limits = [(Limit::Io, io, self.moved), (Limit::HostMemory, memory, held)];
        match limits.into_iter().find(|(_, value, seen)| seen > value) {
            Some((limit, value, seen)) => Err(BrokenLimit { limit, value, seen }),
            None => Ok(()),
        }
    }
}

impl Wasi {
    /// The bytes that the host holds for the test: captured output, the buffers of its own network, contents and names of the
    /// scratch file system and of what overlays changed, open descriptors with their names and acquisition stacks, directories
    /// that are being read, and what is remembered of host files, those below overlays included. A descriptor that is closed
    /// is no longer counted, and nothing of it is kept.
    pub(super) fn held(&self) -> u64 {
        let (scratch, met) = (self.world.scratch.usage(), self.world.scratch.met());
        [
            self.world.capture.held(),
            self.world.network.held(),
            scratch.bytes,
            met.bytes,
            scratch.entries.saturating_add(met.entries).saturating_mul(NAME),
            self.quota.listed,
            self.quota.handles,
            self.world.files.met().saturating_mul(MET),
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }

    /// Whether the call that was just made broke a limit.
    pub(crate) fn check_quota(&self) -> Result<(), BrokenLimit> {
        self.quota.check(self.held())
    }

    /// Lets clean-ups move and hold more than the test may.
    pub(crate) fn open_reserve(&mut self) {
        let held = self.held();
        let quota = &mut self.quota;
        let raised = |limit: u64, seen: u64| limit.max(seen).saturating_add(RESERVE);
        quota.raised = Some((raised(quota.io, quota.moved), raised(quota.memory, held)));
    }

    /// Puts the limits back to the test's own, before it is called again. It may move as much as in its first call; what the
    /// host holds for it stays counted.
    pub(crate) fn close_reserve(&mut self) {
        self.quota.raised = None;
        self.quota.moved = 0;
    }

    /// Counts a descriptor that the test acquired.
    pub(super) fn hold(&mut self, path: &str, frames: usize) {
        self.quota.handles = self.quota.handles.saturating_add(descriptor(path, frames));
    }

    /// Takes off the count what goes with a descriptor; to be called before the ledger forgets it.
    pub(super) fn let_go(&mut self, entry: &Entry) {
        if let Object::Dir { listing: Some(listing), .. } = &entry.object {
            self.quota.listed = self.quota.listed.saturating_sub(listed(listing));
        }
        if let Some(handle) = self.ledger.get(entry.id).filter(|handle| handle.origin == crate::ledger::Origin::Test) {
            let frames = handle.stack.as_ref().map_or(0, |stack| stack.len());
            self.quota.handles = self.quota.handles.saturating_sub(descriptor(&entry.path, frames));
        }
    }

    /// Counts a directory's entries in the place of those that its descriptor held before.
    pub(super) fn hold_listing(&mut self, old: Option<&[DirEntry]>, new: &[DirEntry]) {
        self.quota.listed = self.quota.listed.saturating_sub(old.map_or(0, listed)).saturating_add(listed(new));
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
