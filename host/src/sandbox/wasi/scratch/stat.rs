use super::error::Result;
use super::node::{FileKind, Nanos, NodeId};
use super::store::Scratch;

/// The device number of every scratch file.
pub const DEVICE: u64 = 1;

/// What is known of a file besides its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Always [`DEVICE`].
    pub dev: u64,
    /// The inode number: see [`NodeId::ino`].
    pub ino: u64,
    /// Names; for a directory 2 plus its subdirectories. 0 for what is removed and still open.
    pub nlink: u64,
    /// What the file is.
    pub kind: FileKind,
    /// Bytes in a regular file (holes included) or in a link's target; 0 for a directory.
    pub size: u64,
    /// Last access as set by the guest: reading does not move it.
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
        Ok(Stat {
            dev: DEVICE,
            ino: node.ino,
            nlink: node.nlink,
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
    pub fn stat_path(&self, base: NodeId, path: &str, follow: bool) -> Result<Stat> {
        self.stat(self.lookup(base, path, follow)?)
    }

    /// Sets the access and modification times that are given. The change time becomes `now`.
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
