use super::directory::{Directory, DirectoryEntry};
use super::lower::Overlay;
use super::node::{Body, Nanos, Node, SCRATCH};
use super::node_id::NodeId;
use super::quota::{Quota, QuotaUsage};
use super::slots::{FoundNodes, Slots};
use crate::model::Limit;
use crate::sandbox::wasi::resolve::{FsError, Result};
use std::sync::Arc;

/// The work that calls have made for the host, beside moving bytes from and to the guest. The holder charges for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Work {
    /// Bytes copied from below an overlay.
    pub bytes: u64,
    /// Entries read in directories below, and pieces of files looked at for a reservation.
    pub entries: u64,
    /// Components resolved in targets of symbolic links, and directories passed on the way up to a root. The length of a
    /// path argument says nothing about these.
    pub steps: u64,
}

/// The files of one test. See the [module](super) for what holds of every call.
#[derive(Debug)]
pub struct Scratch {
    root: Node,
    nodes: Slots,
    free: Vec<usize>,
    next_ino: u64,
    /// In order of first use.
    pub(super) overlays: Vec<Overlay>,
    pub(super) quota: Quota,
    /// What is remembered of files below overlays. No quota counts it, and it never shrinks.
    pub(super) met: QuotaUsage,
    pub(super) work: Work,
    /// The times of files that were there before the test.
    pub(super) start: Nanos,
    /// The files as the set-up left them, if the test began after one: the test's changes are found by comparison with
    /// these.
    pub(super) found: Option<FoundNodes>,
    /// Files from this inode number on are the test's own; those before are the set-up's. `None` if all are the test's own.
    pub(super) first_own: Option<u64>,
}

impl Scratch {
    /// An empty file system that holds at most `max_bytes` bytes of contents, names and link targets, and at most
    /// `max_entries` names. The times of its root, and of every file found below an overlay, are `now`. Allocates nothing.
    pub const fn new(max_bytes: u64, max_entries: u64, now: Nanos) -> Self {
        let ino = NodeId::ROOT.ino;
        Self {
            root: Node::new(ino, SCRATCH, Body::Dir(Directory::new(NodeId::ROOT)), now),
            nodes: Slots::new(),
            free: Vec::new(),
            next_ino: ino + 1,
            overlays: Vec::new(),
            quota: Quota::new(max_bytes, max_entries),
            met: QuotaUsage { bytes: 0, entries: 0 },
            work: Work { bytes: 0, entries: 0, steps: 0 },
            start: now,
            found: None,
            first_own: None,
        }
    }

    /// The root directory of the scratch file system. It cannot be removed, and need not be retained.
    pub const fn root(&self) -> NodeId {
        NodeId::ROOT
    }

    /// What is charged against the quotas now.
    pub const fn usage(&self) -> QuotaUsage {
        self.quota.used
    }

    /// The first limit because of which a call was refused, if any was.
    pub const fn refused(&self) -> Option<Limit> {
        self.quota.refused
    }

    /// What is remembered of the files met below overlays: the bytes of their names, paths and link targets, and their
    /// number.
    pub const fn met(&self) -> QuotaUsage {
        self.met
    }

    /// The work done since the last call of this function, by calls that succeeded and by calls that failed.
    pub fn take_work(&mut self) -> Work {
        std::mem::take(&mut self.work)
    }

    /// Counts one more handle on a file: its contents outlive its last name until [`Scratch::release`].
    ///
    /// # Errors
    /// `Badf` if the file is gone.
    pub fn retain(&mut self, node: NodeId) -> Result<()> {
        self.node_mut(node)?.handles += 1;
        Ok(())
    }

    /// Counts one handle less, and frees the file if that was the last and no name is left.
    ///
    /// # Errors
    /// `Badf` if the file is gone or has no handle.
    pub fn release(&mut self, node: NodeId) -> Result<()> {
        let held = self.node_mut(node)?;
        held.handles = held.handles.checked_sub(1).ok_or(FsError::Badf)?;
        if let (0, Body::FileBelow(file)) = (held.handles, &mut held.body) {
            file.open = None;
        }
        if held.handles == 0 && held.nlink == 0 {
            self.discard(node);
        }
        Ok(())
    }

    pub(super) fn node(&self, id: NodeId) -> Result<&Node> {
        let node = if id.slot == NodeId::ROOT.slot {
            Some(&self.root)
        } else {
            self.nodes.get().get(id.slot).and_then(Option::as_ref)
        };
        node.filter(|node| node.ino == id.ino).ok_or(FsError::Badf)
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> Result<&mut Node> {
        let node = if id.slot == NodeId::ROOT.slot {
            Some(&mut self.root)
        } else {
            self.nodes.get_mut().get_mut(id.slot).and_then(Option::as_mut)
        };
        node.filter(|node| node.ino == id.ino).ok_or(FsError::Badf)
    }

    /// The same store, with other overlays.
    pub(super) fn with_overlays(&self, overlays: Vec<Overlay>) -> Self {
        Self {
            root: self.root.clone(),
            nodes: self.nodes.clone(),
            free: self.free.clone(),
            next_ino: self.next_ino,
            overlays,
            quota: self.quota.clone(),
            met: self.met,
            work: self.work,
            start: self.start,
            found: self.found.clone(),
            first_own: self.first_own,
        }
    }

    /// Tests will begin with the files as they are now. They share these files.
    pub fn share(&mut self) {
        self.found = Some(self.nodes.share());
    }

    /// The inode number of the next file.
    pub(super) const fn next_ino(&self) -> u64 {
        self.next_ino
    }

    /// The ids of all files but the root.
    pub(super) fn ids(&self) -> impl Iterator<Item = NodeId> {
        let slots = self.nodes.get().iter().enumerate();
        slots.filter_map(|(slot, node)| Some(NodeId { ino: node.as_ref()?.ino, slot }))
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        std::iter::once(&self.root).chain(self.nodes.get().iter().flatten())
    }

    pub(super) fn dir(&self, id: NodeId) -> Result<&Directory> {
        match &self.node(id)?.body {
            Body::Dir(dir) => Ok(dir),
            _ => Err(FsError::Notdir),
        }
    }

    pub(super) fn dir_mut(&mut self, id: NodeId) -> Result<&mut Directory> {
        match &mut self.node_mut(id)?.body {
            Body::Dir(dir) => Ok(dir),
            _ => Err(FsError::Notdir),
        }
    }

    /// Checks that `dir` can take one more name.
    pub(super) fn check_room(&self, dir: NodeId) -> Result<()> {
        if self.node(dir)?.nlink == 0 {
            return Err(FsError::Noent);
        }
        if self.dir(dir)?.is_exhausted() { Err(FsError::Nospc) } else { Ok(()) }
    }

    /// Makes a file under a name that the caller knows to be free.
    pub(super) fn create(&mut self, dir: NodeId, name: Arc<str>, body: Body, now: Nanos) -> Result<NodeId> {
        self.check_room(dir)?;
        let node = Node::new(self.next_id().ino, self.node(dir)?.tree, body, now);
        self.quota.charge(name.len() as u64 + node.charged(), 1)?;
        let is_dir = node.is_dir();
        let id = self.insert(node);
        self.append(dir, name, id, now)?;
        if is_dir {
            self.node_mut(dir)?.nlink += 1;
        }
        Ok(id)
    }

    /// The id of the next file.
    pub(super) fn next_id(&self) -> NodeId {
        NodeId { ino: self.next_ino, slot: self.free.last().copied().unwrap_or(self.nodes.get().len()) }
    }

    /// Adds a file with the id of [`Scratch::next_id`].
    pub(super) fn insert(&mut self, node: Node) -> NodeId {
        let id = self.next_id();
        self.next_ino += 1;
        match self.free.pop() {
            Some(slot) => self.nodes.get_mut()[slot] = Some(node),
            None => self.nodes.get_mut().push(Some(node)),
        }
        id
    }

    /// Adds a name that has been checked and charged for.
    pub(super) fn append(&mut self, dir: NodeId, name: Arc<str>, node: NodeId, now: Nanos) -> Result<()> {
        self.dir_mut(dir)?.append(name, node);
        self.node_mut(dir)?.modified(now);
        Ok(())
    }

    /// Takes back an entry whose name was removed from its directory. The contents go with the last name and handle.
    pub(super) fn unname(&mut self, entry: DirectoryEntry, now: Nanos) -> Result<()> {
        let node = self.node_mut(entry.node)?;
        node.ctime = now;
        node.nlink = if node.is_dir() { 0 } else { node.nlink.saturating_sub(1) };
        if node.nlink == 0 && node.handles > 0 {
            // Unlinked while open: it stays charged as an entry.
            node.holds_entry = entry.paid;
            return Ok(());
        }
        let gone = node.nlink == 0;
        self.quota.refund(0, u64::from(entry.paid));
        if gone {
            self.discard(entry.node);
        }
        Ok(())
    }

    fn discard(&mut self, id: NodeId) {
        if let Some(node) = self.nodes.get_mut().get_mut(id.slot).and_then(Option::take) {
            self.free.push(id.slot);
            self.quota.refund(node.charged(), u64::from(node.holds_entry));
        }
    }
}
