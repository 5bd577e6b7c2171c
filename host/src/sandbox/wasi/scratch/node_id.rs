/// A file of one [`super::Scratch`]. The id stays unique after the file is gone: a stale id is `Badf`, never another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    pub(super) ino: u64,
    pub(super) slot: usize,
}

impl NodeId {
    /// The root is kept beside the slab, so that an unused file system needs no slab.
    pub(super) const ROOT: Self = Self { ino: 1, slot: usize::MAX };

    /// The inode number: from 1, in order of creation or first touch, never used twice.
    #[cfg(test)]
    pub const fn ino(self) -> u64 {
        self.ino
    }
}
