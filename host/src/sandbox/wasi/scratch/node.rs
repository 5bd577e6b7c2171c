use super::directory::Directory;

/// Nanoseconds since the epoch, by the virtual clock.
pub type Nanos = u64;

/// A file of one [`super::Scratch`]. It stays unique after the file is gone: a stale one is `Badf`, never another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    pub(super) ino: u64,
    pub(super) slot: usize,
}

impl NodeId {
    /// The root lives beside the slab, so that an unused file system needs none.
    pub(super) const ROOT: Self = Self { ino: 1, slot: usize::MAX };

    /// The inode number: from 1, in order of creation, never used twice.
    #[cfg(test)]
    pub const fn ino(self) -> u64 {
        self.ino
    }
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink,
}

#[derive(Debug)]
pub(super) enum Body {
    File(Vec<u8>),
    Dir(Directory),
    Symlink(Box<str>),
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) ino: u64,
    /// Names; for a directory 2 plus its subdirectories, and 0 once it is removed.
    pub(super) nlink: u64,
    /// Handles of the guest. The contents live until names and handles are both gone.
    pub(super) handles: u64,
    pub(super) atime: Nanos,
    pub(super) mtime: Nanos,
    pub(super) ctime: Nanos,
    pub(super) body: Body,
}

impl Node {
    pub(super) const fn new(ino: u64, body: Body, now: Nanos) -> Self {
        let nlink = if matches!(body, Body::Dir(_)) { 2 } else { 1 };
        Self { ino, nlink, handles: 0, atime: now, mtime: now, ctime: now, body }
    }

    pub(super) const fn kind(&self) -> FileKind {
        match self.body {
            Body::File(_) => FileKind::File,
            Body::Dir(_) => FileKind::Dir,
            Body::Symlink(_) => FileKind::Symlink,
        }
    }

    pub(super) const fn is_dir(&self) -> bool {
        matches!(self.body, Body::Dir(_))
    }

    /// Bytes charged for the contents; a directory's names are charged one by one.
    pub(super) const fn size(&self) -> u64 {
        match &self.body {
            Body::File(data) => data.len() as u64,
            Body::Dir(_) => 0,
            Body::Symlink(target) => target.len() as u64,
        }
    }

    /// The contents changed.
    pub(super) const fn modified(&mut self, now: Nanos) {
        self.mtime = now;
        self.ctime = now;
    }
}
