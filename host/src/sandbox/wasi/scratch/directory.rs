use super::node_id::NodeId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// In a directory that also exists below, positions from here on are those of names that the test made.
const FIRST_MADE: u32 = 1 << 31;

/// The node that a name stands for, and what is known of the name.
#[derive(Debug, Clone, Copy)]
pub(super) struct DirectoryEntry {
    pub(super) node: NodeId,
    /// The position in the listing. `None` for a name met below until the directory is listed.
    pub(super) position: Option<u32>,
    /// Whether the test made the name, and was charged for it.
    pub(super) paid: bool,
}

/// The part of a directory below that was not read yet.
#[derive(Debug, Clone)]
struct Unread {
    /// The directory's path from the overlay's root.
    path: Arc<str>,
    /// Names that were met. They are not looked for below again, whatever has become of them.
    met: BTreeSet<Arc<str>>,
}

/// The names of one directory, by name for lookups and by position for listings.
///
/// Positions count up and are never used twice.
///
/// A directory of an overlay starts without names, and with a directory below it in which names are found one by one. Once
/// the directory below was read as a whole, this is an ordinary directory.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    /// The directory that holds this one; a root holds itself.
    pub(super) parent: NodeId,
    names: BTreeMap<Arc<str>, DirectoryEntry>,
    order: BTreeMap<u32, (Arc<str>, NodeId)>,
    next: u32,
    /// Names that were below and that the test removed. The test may have made others in their places.
    removed: BTreeSet<Arc<str>>,
    /// Whether the directory was there before the test. Then its number of subdirectories is not known before all names are
    /// met.
    pub(super) was_below: bool,
    below: Option<Unread>,
}

impl Directory {
    pub(super) const fn new(parent: NodeId) -> Self {
        Self::with(parent, 0, None)
    }

    /// A directory whose names are those of the directory below at `path`, from the overlay's root.
    pub(super) const fn over(parent: NodeId, path: Arc<str>) -> Self {
        Self::with(parent, FIRST_MADE, Some(Unread { path, met: BTreeSet::new() }))
    }

    const fn with(parent: NodeId, next: u32, below: Option<Unread>) -> Self {
        let was_below = below.is_some();
        Self {
            parent,
            names: BTreeMap::new(),
            order: BTreeMap::new(),
            next,
            removed: BTreeSet::new(),
            was_below,
            below,
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<NodeId> {
        self.names.get(name).map(|entry| entry.node)
    }

    pub(super) fn entry(&self, name: &str) -> Option<DirectoryEntry> {
        self.names.get(name).copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(super) fn len(&self) -> u64 {
        self.names.len() as u64
    }

    /// Whether no position is left: after 2 billion creations in this directory.
    pub(super) fn is_exhausted(&self) -> bool {
        self.next == u32::MAX
    }

    /// The directory below, if some of its names may not have been met yet.
    pub(super) fn unread(&self) -> Option<&Arc<str>> {
        self.below.as_ref().map(|below| &below.path)
    }

    /// Whether there is no need to look for a name below.
    pub(super) fn has_met(&self, name: &str) -> bool {
        self.below.as_ref().is_none_or(|below| below.met.contains(name))
    }

    /// Adds a name that was found below.
    pub(super) fn meet(&mut self, name: Arc<str>, node: NodeId) {
        if let Some(below) = &mut self.below {
            below.met.insert(Arc::clone(&name));
        }
        self.place(name, DirectoryEntry { node, position: None, paid: false });
    }

    /// Every name below has been met: those without a position get one, in the order of their bytes. No host directory has
    /// more names than there are positions.
    pub(super) fn all_met(&mut self) {
        self.below = None;
        let unlisted = self.names.iter_mut().filter(|(_, entry)| entry.position.is_none());
        for (position, (name, entry)) in (0..FIRST_MADE).zip(unlisted) {
            entry.position = Some(position);
            self.order.insert(position, (Arc::clone(name), entry.node));
        }
    }

    /// Adds a name at the end of the listing. The caller has checked that a position is left.
    pub(super) fn append(&mut self, name: Arc<str>, node: NodeId) {
        let position = Some(self.next);
        self.next = self.next.saturating_add(1);
        self.place(name, DirectoryEntry { node, position, paid: true });
    }

    /// Adds a name at a position that the caller has just freed.
    pub(super) fn place(&mut self, name: Arc<str>, entry: DirectoryEntry) {
        if let Some(position) = entry.position {
            self.order.insert(position, (Arc::clone(&name), entry.node));
        }
        self.names.insert(name, entry);
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<DirectoryEntry> {
        let (name, entry) = self.names.remove_entry(name)?;
        if let Some(position) = entry.position {
            self.order.remove(&position);
        }
        // A name that the test made and removed was never below.
        if !entry.paid {
            self.removed.insert(name);
        }
        Some(entry)
    }

    /// Names in order of their bytes.
    pub(super) fn by_name(&self) -> impl Iterator<Item = (&str, NodeId)> {
        self.names.iter().map(|(name, entry)| (&**name, entry.node))
    }

    /// Names in order of their bytes, together with the names that were below and are gone, which have no entry.
    pub(super) fn with_removed(&self) -> impl Iterator<Item = (&str, Option<DirectoryEntry>)> {
        let there = self.names.iter().map(|(name, entry)| (&**name, Some(*entry)));
        let gone = self.removed.iter().filter(|name| !self.names.contains_key(*name));
        let mut all: Vec<_> = there.chain(gone.map(|name| (&**name, None))).collect();
        all.sort_by_key(|(name, _)| *name);
        all.into_iter()
    }

    /// Names in order of position.
    pub(super) fn by_position(&self) -> impl Iterator<Item = (&str, NodeId)> {
        self.order.values().map(|(name, node)| (&**name, *node))
    }
}
