use super::kind::FileKind;
use super::node_id::NodeId;
use super::store::Scratch;
use crate::sandbox::wasi::resolve::{FsError, Result};

/// One line of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirEntry<'a> {
    /// The name. `.` and `..` are listed, too, and come first.
    pub name: &'a str,
    /// The inode number.
    pub ino: u64,
    /// What it is; a symbolic link is not followed.
    pub kind: FileKind,
}

impl Scratch {
    /// Lists a directory as it is now. A caller that reads it in parts keeps the entries.
    ///
    /// Names come in order of creation. In a directory that also exists below an overlay, the names that were there before
    /// the test come first, in the order of their bytes. A file that is moved within its directory, or over another name,
    /// keeps its position.
    ///
    /// # Errors
    /// `Badf`, `Notdir`; `Noent` if the directory is removed; `Acces`, `Io`, `Nfile` if what is below cannot be read.
    pub fn read_dir(&mut self, dir: NodeId) -> Result<impl Iterator<Item = DirEntry<'_>>> {
        self.meet_all(dir)?;
        let this = &*self;
        let directory = this.dir(dir)?;
        if this.node(dir)?.nlink == 0 {
            return Err(FsError::Noent);
        }
        let dots = [(".", dir), ("..", directory.parent)];
        let listed = dots.into_iter().chain(directory.by_position());
        Ok(listed.filter_map(move |(name, node)| {
            let kind = this.node(node).ok()?.kind();
            Some(DirEntry { name, ino: node.ino, kind })
        }))
    }
}
