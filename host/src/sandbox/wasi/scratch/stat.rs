use super::kind::FileKind;
use super::node::{Body, Nanos};
use super::node_id::NodeId;
use super::store::Scratch;
use crate::sandbox::wasi::resolve::Result;

/// The device number of the scratch file system; the overlays have the numbers after it, in the order of their first use.
pub const DEVICE: u64 = 1;

/// What is known of a file beside its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// The file system: from [`DEVICE`] on.
    pub dev: u64,
    /// The inode number: see [`NodeId::ino`].
    pub ino: u64,
    /// The number of names; for a directory 2 plus its subdirectories; 0 if it is removed and still open. A file below an
    /// overlay has one name when the test meets it, whatever the host says, since a checkout of the same sources elsewhere
    /// may have no links. A directory below always has 1, as on file systems that do not count.
    pub nlink: u64,
    /// What the file is.
    pub kind: FileKind,
    /// Bytes in a regular file (holes included) or in a link's target; 0 for a directory.
    pub size: u64,
    /// Last access, as set by the guest: reading does not move it.
    pub atime: Nanos,
    /// Last change of the contents.
    pub mtime: Nanos,
    /// Last change of the contents, the names or the times.
    pub ctime: Nanos,
}

impl Scratch {
    /// What is known of a file.
    ///
    /// # Errors
    /// `Badf` if the file is gone.
    pub fn stat(&self, node: NodeId) -> Result<Stat> {
        let node = self.node(node)?;
        let uncounted = matches!(&node.body, Body::Dir(dir) if dir.was_below);
        Ok(Stat {
            dev: DEVICE + u64::from(node.tree),
            ino: node.ino,
            nlink: if uncounted { node.nlink.min(1) } else { node.nlink },
            kind: node.kind(),
            size: node.size(),
            atime: node.atime,
            mtime: node.mtime,
            ctime: node.ctime,
        })
    }

    /// [`Scratch::lookup`], then [`Scratch::stat`].
    ///
    /// # Errors
    /// Those of [`Scratch::lookup`].
    pub fn stat_path(&mut self, base: NodeId, path: &str, follow: bool) -> Result<Stat> {
        let node = self.lookup(base, path, follow)?;
        self.stat(node)
    }

    /// Sets the access and modification times that are given. The time of change becomes `now`.
    ///
    /// # Errors
    /// `Badf` if the file is gone.
    pub fn set_times(&mut self, node: NodeId, atime: Option<Nanos>, mtime: Option<Nanos>, now: Nanos) -> Result<()> {
        let node = self.node_mut(node)?;
        node.atime = atime.unwrap_or(node.atime);
        node.mtime = mtime.unwrap_or(node.mtime);
        node.ctime = now;
        Ok(())
    }
}
