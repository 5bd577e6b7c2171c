use super::node::{Body, FileKind, Nanos, NodeId};
use super::store::Scratch;
use crate::sandbox::wasi::resolve::{self, FsError, Result, Spot};

/// How [`Scratch::open`] opens. What a handle may read and write later is for its holder to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenFlags {
    /// Follow a final symbolic link.
    pub follow: bool,
    /// Make a regular file if there is none.
    pub create: bool,
    /// With `create`: fail if the name is taken, even by a dangling link.
    pub exclusive: bool,
    /// Cut a regular file to nothing.
    pub truncate: bool,
    /// Fail on anything but a directory. Not with the three above.
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

    /// The file, and whether it was made. Through a dangling link, the file is made where the link points.
    fn find_or_create(&mut self, base: NodeId, path: &str, how: OpenFlags, now: Nanos) -> Result<(NodeId, bool)> {
        self.dir(base)?;
        match resolve::find_or_place(self, &base, path, how.follow, how.exclusive)? {
            Spot::There(found) => Ok((found.node, false)),
            Spot::Free { dir, name } => Ok((self.create(dir, name, Body::File(Vec::new()), now)?, true)),
        }
    }

    /// Reads into `buf` from `offset` on, and returns how many bytes: fewer than asked only at the end of the file.
    ///
    /// # Errors
    /// `Badf` (also for a file below that was not opened), `Io` (the host cannot read it); what is not a regular file is `Isdir`
    /// or `Inval`.
    pub fn read_at(&self, node: NodeId, offset: u64, buf: &mut [u8]) -> Result<usize> {
        match &self.node(node)?.body {
            Body::File(data) => {
                let rest = usize::try_from(offset).ok().and_then(|offset| data.get(offset..)).unwrap_or_default();
                let count = rest.len().min(buf.len());
                buf[..count].copy_from_slice(&rest[..count]);
                Ok(count)
            }
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

    /// Writes at `offset`, fills a gap before it with zeros, and returns how many bytes were written: fewer than asked only
    /// where the quota ends. To append, write at the size of the file. Host work: `bytes` and the gap.
    ///
    /// # Errors
    /// `Badf`, `Isdir`, `Inval` (a symbolic link); `Fbig` if `offset` is beyond the quota; `Nospc` if not one byte fits.
    pub fn write_at(&mut self, node: NodeId, offset: u64, bytes: &[u8], now: Nanos) -> Result<usize> {
        self.file_size(node)?;
        if bytes.is_empty() {
            return Ok(0);
        }
        if offset >= self.quota.max.bytes {
            return Err(FsError::Fbig);
        }
        self.copy_up(node, u64::MAX)?;
        let size = self.file_size(node)?;
        let limit = size + self.quota.free_bytes();
        let end = offset.saturating_add(bytes.len() as u64).min(limit);
        if end <= offset {
            return Err(FsError::Nospc);
        }
        self.reserve(node, end.max(size))?;
        let (start, count) = (to_usize(offset)?, to_usize(end - offset)?);
        let data = self.file_mut(node)?;
        let gap = start.saturating_sub(data.len());
        if gap > 0 {
            data.resize(start, 0);
        }
        let overwritten = count.min(data.len() - start);
        data[start..start + overwritten].copy_from_slice(&bytes[..overwritten]);
        data.extend_from_slice(&bytes[overwritten..count]);
        self.work.bytes += gap as u64;
        self.node_mut(node)?.modified(now);
        Ok(count)
    }

    /// Sets the size of a regular file: cuts it, or extends it with zeros. Host work: the bytes added.
    ///
    /// # Errors
    /// `Badf`, `Isdir`, `Inval` (a symbolic link); `Fbig` over the quota, `Nospc` over what is left of it.
    pub fn truncate(&mut self, node: NodeId, size: u64, now: Nanos) -> Result<()> {
        if size > self.file_size(node)? && size > self.quota.max.bytes {
            return Err(FsError::Fbig);
        }
        self.copy_up(node, size)?;
        let old = self.file_size(node)?;
        self.reserve(node, size.max(old))?;
        let len = to_usize(size)?;
        let data = self.file_mut(node)?;
        data.resize(len, 0);
        // What is cut is no longer charged for, so it must not stay allocated either.
        if data.capacity() / 2 > len {
            data.shrink_to(len);
        }
        self.quota.refund(old.saturating_sub(size), 0);
        self.work.bytes += size.saturating_sub(old);
        self.node_mut(node)?.modified(now);
        Ok(())
    }

    /// Makes sure that the file reaches to `offset + len`, with zeros; never cuts it. Host work: the bytes added.
    ///
    /// # Errors
    /// `Badf`, `Isdir`, `Inval` (a symbolic link, or `len` is 0); `Fbig` over the quota, `Nospc` over what is left of it.
    pub fn allocate(&mut self, node: NodeId, offset: u64, len: u64, now: Nanos) -> Result<()> {
        let size = self.file_size(node)?;
        if len == 0 {
            return Err(FsError::Inval);
        }
        let end = offset.checked_add(len).ok_or(FsError::Fbig)?;
        if end > size { self.truncate(node, end, now) } else { Ok(()) }
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
    fn file_mut(&mut self, node: NodeId) -> Result<&mut Vec<u8>> {
        match &mut self.node_mut(node)?.body {
            Body::File(data) => Ok(data),
            Body::Dir(_) => Err(FsError::Isdir),
            Body::FileBelow(_) | Body::Symlink { .. } | Body::Special(_) => Err(FsError::Inval),
        }
    }

    /// Charges and allocates for growth to `size`, which is not below the size now. The host's memory running out is `Nospc`
    /// to the guest, not the end of the process.
    fn reserve(&mut self, node: NodeId, size: u64) -> Result<()> {
        if size > self.quota.max.bytes {
            return Err(FsError::Fbig);
        }
        let added = size - self.file_mut(node)?.len() as u64;
        let more = to_usize(added)?;
        self.quota.charge(added, 0)?;
        if self.file_mut(node)?.try_reserve(more).is_err() {
            self.quota.refund(added, 0);
            return Err(FsError::Nospc);
        }
        Ok(())
    }
}

fn to_usize(bytes: u64) -> Result<usize> {
    usize::try_from(bytes).map_err(|_| FsError::Fbig)
}
