//! Where the files of a store are. Stores that begin at one image share their files until they change one.

use super::node::Node;
use super::node_id::NodeId;
use std::fmt;
use std::sync::Arc;

/// The files of a store, each in its slot. The root is not among them.
pub(super) enum Slots {
    Own(Vec<Option<Node>>),
    Shared(FoundNodes),
}

/// The files as a set-up left them.
#[derive(Debug, Clone)]
pub(super) struct FoundNodes(Arc<Vec<Option<Node>>>);

impl Slots {
    pub(super) const fn new() -> Self {
        Self::Own(Vec::new())
    }

    pub(super) fn get(&self) -> &[Option<Node>] {
        match self {
            Self::Own(nodes) => nodes,
            Self::Shared(FoundNodes(nodes)) => nodes,
        }
    }

    /// The files, to be changed: from here on they are not shared.
    pub(super) fn get_mut(&mut self) -> &mut Vec<Option<Node>> {
        if let Self::Shared(found) = self {
            *self = Self::Own(Vec::clone(&found.0));
        }
        match self {
            Self::Own(nodes) => nodes,
            Self::Shared(_) => unreachable!("they were made its own"),
        }
    }

    /// The files as they are now, to be kept for comparison. From here on they are shared.
    pub(super) fn share(&mut self) -> FoundNodes {
        let found = match self {
            Self::Own(nodes) => FoundNodes(Arc::new(std::mem::take(nodes))),
            Self::Shared(found) => found.clone(),
        };
        *self = Self::Shared(found.clone());
        found
    }
}

impl Clone for Slots {
    fn clone(&self) -> Self {
        match self {
            Self::Own(nodes) => Self::Own(nodes.clone()),
            Self::Shared(found) => Self::Shared(found.clone()),
        }
    }
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

impl FoundNodes {
    /// A file that was there at that time, under the same id.
    pub(super) fn node(&self, id: NodeId) -> Option<&Node> {
        self.0.get(id.slot)?.as_ref().filter(|node| node.ino == id.ino)
    }
}
