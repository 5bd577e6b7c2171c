use super::contents::Contents;
use super::directory::Directory;
use super::kind::FileKind;
use super::lower::OpenFile;
use crate::sandbox::wasi::resolve::Target;
use std::sync::Arc;

/// Nanoseconds since the epoch, by the virtual clock.
pub type Nanos = u64;

/// Which tree of the store a file is in: 0 for the scratch file system, then the overlays in the order of their first use.
pub(super) type Tree = u32;

/// The tree of the scratch file system.
pub(super) const SCRATCH: Tree = 0;

#[derive(Debug, Clone)]
pub(super) enum Body {
    File(Contents),
    /// A regular file of the directory below an overlay, which the test has not written to yet.
    FileBelow(FileBelow),
    Dir(Directory),
    Symlink {
        target: Target,
        /// Whether it was met below, and so not charged for.
        below: bool,
    },
    Special(FileKind),
}

/// A regular file that is still the host's: where it is, and what is known of it.
#[derive(Debug, Clone)]
pub(super) struct FileBelow {
    pub(super) dir: Arc<str>,
    pub(super) name: Arc<str>,
    /// The file's size when the test first met it; the test does not see it change.
    pub(super) size: u64,
    /// Open while the guest has a handle on it.
    pub(super) open: Option<Arc<OpenFile>>,
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) ino: u64,
    pub(super) tree: Tree,
    /// The number of names. For a directory, 2 plus its known subdirectories, and 0 once it is removed.
    pub(super) nlink: u64,
    /// The number of the guest's handles. The contents live until names and handles are both gone.
    pub(super) handles: u64,
    /// Whether the last name is gone while the entry charged for it is held until the file is closed.
    pub(super) holds_entry: bool,
    pub(super) atime: Nanos,
    pub(super) mtime: Nanos,
    pub(super) ctime: Nanos,
    pub(super) body: Body,
}

impl Node {
    pub(super) const fn new(ino: u64, tree: Tree, body: Body, now: Nanos) -> Self {
        let nlink = if matches!(body, Body::Dir(_)) { 2 } else { 1 };
        Self { ino, tree, nlink, handles: 0, holds_entry: false, atime: now, mtime: now, ctime: now, body }
    }

    pub(super) const fn kind(&self) -> FileKind {
        match self.body {
            Body::File(_) | Body::FileBelow(_) => FileKind::File,
            Body::Dir(_) => FileKind::Dir,
            Body::Symlink { .. } => FileKind::Symlink,
            Body::Special(kind) => kind,
        }
    }

    pub(super) const fn is_dir(&self) -> bool {
        matches!(self.body, Body::Dir(_))
    }

    /// The size that the guest is shown. A link that leads nowhere has none: its length would be the host's.
    pub(super) fn size(&self) -> u64 {
        match &self.body {
            Body::File(data) => data.size(),
            Body::FileBelow(file) => file.size,
            Body::Symlink { target: Ok(target), .. } => target.len() as u64,
            Body::Symlink { target: Err(_), .. } | Body::Dir(_) | Body::Special(_) => 0,
        }
    }

    /// How many bytes are charged for the contents. A directory's names are charged one by one, and a file below is not
    /// charged.
    pub(super) fn charged(&self) -> u64 {
        match &self.body {
            Body::File(data) => data.charged(),
            Body::Symlink { below: false, .. } => self.size(),
            Body::FileBelow(_) | Body::Symlink { below: true, .. } | Body::Dir(_) | Body::Special(_) => 0,
        }
    }

    /// Notes that the contents changed.
    pub(super) const fn modified(&mut self, now: Nanos) {
        self.mtime = now;
        self.ctime = now;
    }
}
