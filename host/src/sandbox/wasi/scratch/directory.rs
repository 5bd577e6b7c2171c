use super::node::NodeId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Positions below this are those of `.` and `..`.
pub(super) const FIRST_POSITION: u32 = 2;

/// A name's node and its place in the listing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) node: NodeId,
    pub(super) position: u32,
}

/// The names of one directory, by name for lookups and by position for listings.
///
/// Positions count up and are never used twice, so that a listing can go on from one whatever was removed meanwhile.
#[derive(Debug)]
pub(super) struct Directory {
    /// The directory that holds this one; the root holds itself.
    pub(super) parent: NodeId,
    names: BTreeMap<Arc<str>, Entry>,
    order: BTreeMap<u32, (Arc<str>, NodeId)>,
    next: u32,
}

impl Directory {
    pub(super) const fn new(parent: NodeId) -> Self {
        Self { parent, names: BTreeMap::new(), order: BTreeMap::new(), next: FIRST_POSITION }
    }

    pub(super) fn get(&self, name: &str) -> Option<NodeId> {
        self.names.get(name).map(|entry| entry.node)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(super) fn len(&self) -> u64 {
        self.names.len() as u64
    }

    /// No position is left: after 4 billion creations in this directory.
    pub(super) fn is_exhausted(&self) -> bool {
        self.next == u32::MAX
    }

    /// The position after the last one given out.
    pub(super) fn end(&self) -> u32 {
        self.next
    }

    /// Adds a name at the end of the listing. The caller has checked that it is free and that there is a position.
    pub(super) fn append(&mut self, name: Arc<str>, node: NodeId) {
        let position = self.next;
        self.next = self.next.saturating_add(1);
        self.place(name, node, position);
    }

    /// Adds a name at a position that the caller has just taken out.
    pub(super) fn place(&mut self, name: Arc<str>, node: NodeId, position: u32) {
        self.order.insert(position, (Arc::clone(&name), node));
        self.names.insert(name, Entry { node, position });
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<Entry> {
        let entry = self.names.remove(name)?;
        self.order.remove(&entry.position);
        Some(entry)
    }

    /// Names in order of their bytes.
    pub(super) fn by_name(&self) -> impl Iterator<Item = (&str, NodeId)> {
        self.names.iter().map(|(name, entry)| (&**name, entry.node))
    }

    /// Names at `from..end`, in order of position.
    pub(super) fn by_position(&self, from: u32, end: u32) -> impl Iterator<Item = (u32, &str, NodeId)> {
        // `range` panics on an inverted range, and a cookie comes from the guest.
        self.order.range(from..end.max(from)).map(|(position, (name, node))| (*position, &**name, *node))
    }
}
