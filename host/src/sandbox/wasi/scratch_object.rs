//! Files and directories of the scratch file system, as descriptors hold them.

use super::fault::Fault;
use super::object::{Dir, DirEntry, File, How, Interest, Opened, Readiness, Result, Times};
use super::scratch::{FileKind, FsError, NodeId, OpenHow, Stat};
use super::world::World;
use std::any::Any;
use std::io::SeekFrom;
use std::sync::Arc;
use wasi_common::snapshots::preview_1::types::{Errno, Fdflags, Filesize, Filestat, Filetype};

/// Most names in one scratch file system.
pub const MAX_ENTRIES: u64 = 1 << 16;

/// A directory; the root is where the file system is placed.
pub struct ScratchDir {
    node: Option<NodeId>,
}

/// An open regular file.
struct ScratchFile {
    node: NodeId,
    at: u64,
    flags: Fdflags,
}

impl From<FsError> for Fault {
    fn from(error: FsError) -> Self {
        Self::Errno(match error {
            FsError::Badf => Errno::Badf,
            FsError::Busy => Errno::Busy,
            FsError::Exist => Errno::Exist,
            FsError::Fbig => Errno::Fbig,
            FsError::Inval => Errno::Inval,
            FsError::Isdir => Errno::Isdir,
            FsError::Loop => Errno::Loop,
            FsError::Nametoolong => Errno::Nametoolong,
            FsError::Noent => Errno::Noent,
            FsError::Nospc => Errno::Nospc,
            FsError::Notdir => Errno::Notdir,
            FsError::Notempty => Errno::Notempty,
            // A path that leads out of its directory is `Perm` in every WASI engine, and in the standard test suite.
            FsError::Perm | FsError::NotCapable => Errno::Perm,
        })
    }
}

fn filetype(kind: FileKind) -> Filetype {
    match kind {
        FileKind::File => Filetype::RegularFile,
        FileKind::Dir => Filetype::Directory,
        FileKind::Symlink => Filetype::SymbolicLink,
    }
}

fn filestat(stat: Stat) -> Filestat {
    Filestat {
        dev: stat.dev,
        ino: stat.ino,
        filetype: filetype(stat.kind),
        nlink: stat.nlink,
        size: stat.size,
        atim: stat.atime,
        mtim: stat.mtime,
        ctim: stat.ctime,
    }
}

impl ScratchDir {
    pub fn root() -> Self {
        Self { node: None }
    }

    fn node(&self, world: &World) -> NodeId {
        self.node.unwrap_or_else(|| world.scratch.root())
    }
}

fn same_kind(dir: &dyn Dir) -> Result<&ScratchDir> {
    dir.as_any().downcast_ref().ok_or_else(|| Errno::Xdev.into())
}

impl Dir for ScratchDir {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn open(&self, world: &mut World, path: &str, how: How) -> Result<Opened> {
        let opened = world.scratch.open(
            self.node(world),
            path,
            OpenHow {
                follow: how.follow,
                create: how.create,
                exclusive: how.exclusive,
                truncate: how.truncate,
                directory: how.directory,
                write: how.write,
            },
            world.clock.realtime(),
        )?;
        Ok(match opened.kind {
            FileKind::Dir => Opened::Dir(Arc::new(Self { node: Some(opened.node) })),
            _ => Opened::File(Box::new(ScratchFile { node: opened.node, at: 0, flags: how.flags })),
        })
    }

    fn stat(&self, world: &mut World) -> Result<Filestat> {
        Ok(filestat(world.scratch.stat(self.node(world))?))
    }

    fn stat_path(&self, world: &mut World, path: &str, follow: bool) -> Result<Filestat> {
        Ok(filestat(world.scratch.stat_path(self.node(world), path, follow)?))
    }

    fn list(&self, world: &mut World) -> Result<Vec<DirEntry>> {
        let entries = world.scratch.read_dir(self.node(world), 0)?;
        Ok(entries
            .map(|entry| DirEntry { name: entry.name.to_owned(), ino: entry.ino, kind: filetype(entry.kind) })
            .collect())
    }

    fn read_link(&self, world: &mut World, path: &str) -> Result<String> {
        Ok(world.scratch.read_link(self.node(world), path)?.to_owned())
    }

    fn create_dir(&self, world: &mut World, path: &str) -> Result<()> {
        world.scratch.create_dir(self.node(world), path, world.clock.realtime())?;
        Ok(())
    }

    fn remove_dir(&self, world: &mut World, path: &str) -> Result<()> {
        Ok(world.scratch.remove_dir(self.node(world), path, world.clock.realtime())?)
    }

    fn unlink(&self, world: &mut World, path: &str) -> Result<()> {
        Ok(world.scratch.unlink(self.node(world), path, world.clock.realtime())?)
    }

    fn symlink(&self, world: &mut World, target: &str, path: &str) -> Result<()> {
        world.scratch.symlink(target, self.node(world), path, world.clock.realtime())?;
        Ok(())
    }

    fn rename(&self, world: &mut World, from: &str, to_dir: &dyn Dir, to: &str) -> Result<()> {
        let (from_base, to_base) = (self.node(world), same_kind(to_dir)?.node(world));
        Ok(world.scratch.rename(from_base, from, to_base, to, world.clock.realtime())?)
    }

    fn link(&self, world: &mut World, from: &str, follow: bool, to_dir: &dyn Dir, to: &str) -> Result<()> {
        let (from_base, to_base) = (self.node(world), same_kind(to_dir)?.node(world));
        Ok(world.scratch.link(from_base, from, follow, to_base, to, world.clock.realtime())?)
    }

    fn set_times(&self, world: &mut World, path: &str, follow: bool, times: Times) -> Result<()> {
        let node = world.scratch.lookup(self.node(world), path, follow)?;
        Ok(world.scratch.set_times(node, times.accessed, times.modified, world.clock.realtime())?)
    }

    fn close(&self, world: &mut World) {
        if let Some(node) = self.node {
            // It was retained when it was opened, so it is there.
            let _ = world.scratch.release(node);
        }
    }
}

impl File for ScratchFile {
    fn kind(&self) -> Filetype {
        Filetype::RegularFile
    }

    fn flags(&self) -> Fdflags {
        self.flags
    }

    fn set_flags(&mut self, flags: Fdflags) -> Result<()> {
        self.flags = flags;
        Ok(())
    }

    fn read(&mut self, world: &mut World, buffer: &mut [u8]) -> Result<usize> {
        let count = world.scratch.read_at(self.node, self.at, buffer)?;
        self.at += count as u64;
        Ok(count)
    }

    fn read_at(&mut self, world: &mut World, buffer: &mut [u8], offset: u64) -> Result<usize> {
        Ok(world.scratch.read_at(self.node, offset, buffer)?)
    }

    fn write(&mut self, world: &mut World, bytes: &[u8]) -> Result<usize> {
        if self.flags.contains(Fdflags::APPEND) {
            self.at = world.scratch.stat(self.node)?.size;
        }
        let count = world.scratch.write_at(self.node, self.at, bytes, world.clock.realtime())?;
        self.at += count as u64;
        Ok(count)
    }

    fn write_at(&mut self, world: &mut World, bytes: &[u8], offset: u64) -> Result<usize> {
        Ok(world.scratch.write_at(self.node, offset, bytes, world.clock.realtime())?)
    }

    fn seek(&mut self, world: &mut World, to: SeekFrom) -> Result<u64> {
        let (base, offset) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::Current(offset) => (self.at, offset),
            SeekFrom::End(offset) => (world.scratch.stat(self.node)?.size, offset),
        };
        self.at = base.checked_add_signed(offset).filter(|at| i64::try_from(*at).is_ok()).ok_or(Errno::Inval)?;
        Ok(self.at)
    }

    fn stat(&self, world: &mut World) -> Result<Filestat> {
        Ok(filestat(world.scratch.stat(self.node)?))
    }

    fn set_size(&mut self, world: &mut World, size: Filesize) -> Result<()> {
        Ok(world.scratch.truncate(self.node, size, world.clock.realtime())?)
    }

    fn allocate(&mut self, world: &mut World, offset: Filesize, len: Filesize) -> Result<()> {
        Ok(world.scratch.allocate(self.node, offset, len, world.clock.realtime())?)
    }

    fn set_times(&mut self, world: &mut World, times: Times) -> Result<()> {
        Ok(world.scratch.set_times(self.node, times.accessed, times.modified, world.clock.realtime())?)
    }

    fn poll(&mut self, _: &mut World, _: Interest) -> Result<Readiness> {
        Ok(Readiness::Ready { bytes: 0, hangup: false })
    }

    fn close(&mut self, world: &mut World) {
        // It was retained when it was opened, so it is there.
        let _ = world.scratch.release(self.node);
    }
}
