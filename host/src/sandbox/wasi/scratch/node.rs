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
    /// A regular file of the lower directory, which nobody has written to yet.
    FileBelow(FileBelow),
    Dir(Directory),
    Symlink {
        target: Target,
        /// Met below, so not charged for.
        below: bool,
    },
    Special(FileKind),
}

/// A regular file that is still the host's: where it is, and what is known of it.
#[derive(Debug, Clone)]
pub(super) struct FileBelow {
    pub(super) dir: Arc<str>,
    pub(super) name: Arc<str>,
    /// Its size as it was first met: a test does not see it change.
    pub(super) size: u64,
    /// Open while the guest has a handle on it.
    pub(super) open: Option<Arc<OpenFile>>,
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) ino: u64,
    pub(super) tree: Tree,
    /// Names; for a directory 2 plus its subdirectories as far as they are known, and 0 once it is removed.
    pub(super) nlink: u64,
    /// Handles of the guest. The contents live until names and handles are both gone.
    pub(super) handles: u64,
    /// Its last name is gone, and the entry that was charged for it is not given back before it is closed.
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

    /// The size that the guest is told. A link that leads nowhere has none: its length would be the host's.
    pub(super) fn size(&self) -> u64 {
        match &self.body {
            Body::File(data) => data.size(),
            Body::FileBelow(file) => file.size,
            Body::Symlink { target: Ok(target), .. } => target.len() as u64,
            Body::Symlink { target: Err(_), .. } | Body::Dir(_) | Body::Special(_) => 0,
        }
    }

    /// Bytes charged for the contents; a directory's names are charged one by one, and what is below is not.
    pub(super) fn charged(&self) -> u64 {
        match &self.body {
            Body::File(data) => data.charged(),
            Body::Symlink { below: false, .. } => self.size(),
            Body::FileBelow(_) | Body::Symlink { below: true, .. } | Body::Dir(_) | Body::Special(_) => 0,
        }
    }

    /// The contents changed.
    pub(super) const fn modified(&mut self, now: Nanos) {
        self.mtime = now;
        self.ctime = now;
    }
}
