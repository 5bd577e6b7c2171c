use super::contents::Contents;
use super::kind::FileKind;
use super::node::{Body, Nanos};
use super::node_id::NodeId;
use super::store::Scratch;
use crate::model::Limit;
use crate::sandbox::wasi::resolve::{self, FsError, Result, SIZE_MAX, Spot};

/// How [`Scratch::open`] opens. Whether a handle may read or write later is up to its holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenFlags {
    /// Follow a final symbolic link.
    pub follow: bool,
    /// Make a regular file if there is none.
    pub create: bool,
    /// With `create`: fail if the name is taken, even by a dangling link.
    pub exclusive: bool,
    /// Cut a regular file to size 0.
    pub truncate: bool,
    /// Fail on anything but a directory. Not together with the three above.
    pub directory: bool,
    /// The handle is to write: fail on a directory.
    pub write: bool,
}

/// A file that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenResult {
    /// The file, retained once: release it once.
    pub node: NodeId,
    /// A regular file or a directory; a symbolic link cannot be opened.
    pub kind: FileKind,
}

impl Scratch {
    /// Opens or makes a file, and retains it.
    ///
    /// # Errors
    /// Those of [`Scratch::lookup`]; `Acces` (no regular file), `Exist` (with `exclusive`), `Inval` (contradictory flags),
    /// `Isdir`, `Loop` (a final link that is not followed), `Nospc`, `Notdir`.
    pub fn open(&mut self, base: NodeId, path: &str, how: OpenFlags, now: Nanos) -> Result<OpenResult> {
        if how.directory && (how.create || how.exclusive || how.truncate) {
            return Err(FsError::Inval);
        }
        let (found, made) = if how.create {
            self.find_or_create(base, path, how, now)?
        } else {
            (self.lookup(base, path, how.follow)?, false)
        };
        let kind = self.node(found)?.kind();
        match kind {
            FileKind::Dir if how.create || how.write || how.truncate => return Err(FsError::Isdir),
            FileKind::Dir => {}
            _ if how.directory => return Err(FsError::Notdir),
            FileKind::Symlink => return Err(FsError::Loop),
            FileKind::File if how.truncate && !made => self.truncate(found, 0, now)?,
            FileKind::File => self.open_below(found)?,
            FileKind::Fifo | FileKind::BlockDevice | FileKind::CharDevice | FileKind::Socket => {
                return Err(FsError::Acces);
            }
        }
        self.retain(found)?;
        Ok(OpenResult { node: found, kind })
    }

    /// Finds the file, or makes it; says whether it was made. Through a dangling link, the file is made where the link
    /// points.
    fn find_or_create(&mut self, base: NodeId, path: &str, how: OpenFlags, now: Nanos) -> Result<(NodeId, bool)> {
        self.dir(base)?;
        match resolve::find_or_place(self, &base, path, how.follow, how.exclusive)? {
            Spot::There(found) => Ok((found.node, false)),
            Spot::Free { dir, name } => Ok((self.create(dir, name, Body::File(Contents::default()), now)?, true)),
        }
    }

    /// Reads into `buf` from `offset` on, and returns the number of bytes: fewer than asked only at the end of the file.
    ///
    /// # Errors
    /// `Badf` (also for a file below that was not opened), `Io` (the host cannot read it); what is not a regular file is `Isdir`
    /// or `Inval`.
    pub fn read_at(&self, node: NodeId, offset: u64, buf: &mut [u8]) -> Result<usize> {
        match &self.node(node)?.body {
            Body::File(data) => Ok(data.read(offset, buf)),
            Body::FileBelow(file) => {
                let rest = usize::try_from(file.size.saturating_sub(offset)).unwrap_or(usize::MAX);
                let count = rest.min(buf.len());
                match &file.open {
                    _ if count == 0 => Ok(0),
                    Some(open) => open.read_at(offset, &mut buf[..count]),
                    None => Err(FsError::Badf),
                }
            }
            Body::Dir(_) => Err(FsError::Isdir),
            Body::Symlink { .. } | Body::Special(_) => Err(FsError::Inval),
        }
    }

    /// Writes at `offset`, and returns the number of bytes: fewer than asked only if the quota or the host's memory ends. A
    /// gap before `offset` becomes a hole. To append, write at the size of the file. Host work: `bytes`.
    ///
    /// # Errors
    /// `Badf`, `Isdir`, `Inval` (a symbolic link); `Fbig` past the largest size; `Nospc` if not one byte fits.
    pub fn write_at(&mut self, node: NodeId, offset: u64, bytes: &[u8], now: Nanos) -> Result<usize> {
        self.file_size(node)?;
        if bytes.is_empty() {
            return Ok(0);
        }
        let allowed = SIZE_MAX.saturating_sub(offset).min(bytes.len() as u64);
        if allowed == 0 {
            return Err(FsError::Fbig);
        }
        self.copy_up(node, u64::MAX)?;
        let free = self.quota.free_bytes();
        let Body::File(data) = &mut self.node_mut(node)?.body else { return Err(FsError::Inval) };
        let before = data.charged();
        let fits = |len| data.charged_after_write(offset, len) - before <= free;
        let len = if fits(allowed) { allowed } else { largest(allowed, fits) };
        if len == 0 {
            return Err(self.quota.refuse(Limit::Scratch));
        }
        let written = data.write(offset, &bytes[..to_usize(len)?]);
        let after = data.charged();
        self.quota.charge(after - before, 0)?;
        let written = written?;
        self.node_mut(node)?.modified(now);
        Ok(written)
    }

    /// Sets the size of a regular file: cuts it, or extends it with a hole.
    ///
    /// # Errors
    /// `Badf`, `Isdir`, `Inval` (a symbolic link); `Fbig` past the largest size; `Nospc` if the last block was written in
    /// part, and there is no room for it as a whole.
    pub fn truncate(&mut self, node: NodeId, size: u64, now: Nanos) -> Result<()> {
        self.file_size(node)?;
        if size > SIZE_MAX {
            return Err(FsError::Fbig);
        }
        self.copy_up(node, size)?;
        let data = self.file_mut(node)?;
        let before = data.charged();
        if size > data.size() {
            let more = data.charged_after_growth(size) - before;
            self.quota.charge(more, 0)?;
            self.file_mut(node)?.resize(size);
        } else {
            data.resize(size);
            let less = before - data.charged();
            self.quota.refund(less, 0);
        }
        self.node_mut(node)?.modified(now);
        Ok(())
    }

    /// Takes room for every block from `offset` to `offset + len`, and extends the file that far. It never cuts the file.
    /// Host work: the number of its pieces.
    ///
    /// # Errors
    /// `Badf`, `Isdir`, `Inval` (a symbolic link, or `len` is 0); `Fbig` past the largest size; `Nospc` over the quota.
    pub fn allocate(&mut self, node: NodeId, offset: u64, len: u64, now: Nanos) -> Result<()> {
        let size = self.file_size(node)?;
        if len == 0 {
            return Err(FsError::Inval);
        }
        let end = offset.checked_add(len).filter(|end| *end <= SIZE_MAX).ok_or(FsError::Fbig)?;
        // A file below an overlay has no holes that a test could see.
        if end <= size && matches!(self.node(node)?.body, Body::FileBelow(_)) {
            return Ok(());
        }
        self.copy_up(node, u64::MAX)?;
        let data = self.file_mut(node)?;
        let (before, needed) = (data.charged(), data.reservation(offset, len));
        self.work.entries += needed.pieces;
        self.quota.charge(needed.charged - before, 0)?;
        self.file_mut(node)?.reserve(offset, len);
        if end > size {
            self.node_mut(node)?.modified(now);
        }
        Ok(())
    }

    fn file_size(&self, node: NodeId) -> Result<u64> {
        let node = self.node(node)?;
        match node.kind() {
            FileKind::File => Ok(node.size()),
            FileKind::Dir => Err(FsError::Isdir),
            _ => Err(FsError::Inval),
        }
    }

    /// The contents of a regular file that is in memory: see [`Scratch::copy_up`].
    fn file_mut(&mut self, node: NodeId) -> Result<&mut Contents> {
        match &mut self.node_mut(node)?.body {
            Body::File(data) => Ok(data),
            Body::Dir(_) => Err(FsError::Isdir),
            Body::FileBelow(_) | Body::Symlink { .. } | Body::Special(_) => Err(FsError::Inval),
        }
    }
}

/// The largest length up to `len` that fits, given that every shorter one fits, too; 0 if none does.
fn largest(len: u64, fits: impl Fn(u64) -> bool) -> u64 {
    let (mut fitting, mut too_long) = (0, len);
    while fitting + 1 < too_long {
        let middle = fitting.midpoint(too_long);
        if fits(middle) { fitting = middle } else { too_long = middle }
    }
    fitting
}

fn to_usize(bytes: u64) -> Result<usize> {
    usize::try_from(bytes).map_err(|_| FsError::Fbig)
}
