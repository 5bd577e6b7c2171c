//! Files and directories of the scratch file system and of overlays, as descriptors hold them.

use super::{FileKind, Lower, NodeId, OpenFlags, Scratch, Stat};
use crate::sandbox::wasi::meter;
use crate::sandbox::wasi::resolve::FsError;
use crate::sandbox::wasi::table::{Dir, DirEntry, File, FileOrDir, Interest, OpenMode, Readiness, Result, Times};
use crate::sandbox::wasi::world::World;
use std::any::Any;
use std::io::SeekFrom;
use std::sync::Arc;
use wasi_common::snapshots::preview_1::types::{Errno, Fdflags, Filesize, Filestat, Filetype};

/// A directory in memory.
pub enum ScratchDir {
    /// The root of the scratch file system.
    Scratch,
    /// The root of an overlay.
    Overlay(Lower),
    /// A directory that was opened, and is retained.
    Opened(NodeId),
}

/// An open regular file.
#[derive(Clone)]
struct ScratchFile {
    node: NodeId,
    at: u64,
    flags: Fdflags,
}

fn filetype(kind: FileKind) -> Filetype {
    match kind {
        FileKind::File => Filetype::RegularFile,
        FileKind::Dir => Filetype::Directory,
        FileKind::Symlink => Filetype::SymbolicLink,
        FileKind::BlockDevice => Filetype::BlockDevice,
        FileKind::CharDevice => Filetype::CharacterDevice,
        FileKind::Socket => Filetype::SocketStream,
        FileKind::Fifo => Filetype::Unknown,
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
    fn node(&self, world: &mut World) -> NodeId {
        match self {
            Self::Scratch => world.scratch.root(),
            Self::Overlay(lower) => world.scratch.overlay(lower, &mut world.host),
            Self::Opened(node) => *node,
        }
    }

    /// Calls the file system with this directory as the base.
    fn with<T>(
        &self,
        world: &mut World,
        call: impl FnOnce(&mut Scratch, NodeId, u64) -> Result<T, FsError>,
    ) -> Result<T> {
        let node = self.node(world);
        with(world, |scratch, now| call(scratch, node, now))
    }
}

/// Calls the file system at the time of the test's clock, and charges for its work.
fn with<T>(world: &mut World, call: impl FnOnce(&mut Scratch, u64) -> Result<T, FsError>) -> Result<T> {
    let done = call(&mut world.scratch, world.clock.realtime());
    let work = world.scratch.take_work();
    let priced = [(meter::BYTE, work.bytes), (meter::ENTRY, work.entries), (meter::COMPONENT, work.steps)];
    for (price, count) in priced {
        world.meter.charge(price, usize::try_from(count).unwrap_or(usize::MAX));
    }
    Ok(done?)
}

fn same_kind(dir: &dyn Dir) -> Result<&ScratchDir> {
    dir.as_any().downcast_ref().ok_or_else(|| Errno::Xdev.into())
}

impl Dir for ScratchDir {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn is_the_hosts(&self) -> bool {
        false
    }

    fn open(&self, world: &mut World, path: &str, how: OpenMode) -> Result<FileOrDir> {
        let open_how = OpenFlags {
            follow: how.follow,
            create: how.create,
            exclusive: how.exclusive,
            truncate: how.truncate,
            directory: how.directory,
            write: how.write,
        };
        let opened = self.with(world, |scratch, node, now| scratch.open(node, path, open_how, now))?;
        Ok(match opened.kind {
            FileKind::Dir => FileOrDir::Dir(Arc::new(Self::Opened(opened.node))),
            _ => FileOrDir::File(Box::new(ScratchFile { node: opened.node, at: 0, flags: how.flags })),
        })
    }

    fn stat(&self, world: &mut World) -> Result<Filestat> {
        self.with(world, |scratch, node, _| scratch.stat(node)).map(filestat)
    }

    fn stat_path(&self, world: &mut World, path: &str, follow: bool) -> Result<Filestat> {
        self.with(world, |scratch, node, _| scratch.stat_path(node, path, follow)).map(filestat)
    }

    fn list(&self, world: &mut World) -> Result<Vec<DirEntry>> {
        self.with(world, |scratch, node, _| {
            let entries = scratch.read_dir(node)?;
            Ok(entries
                .map(|entry| DirEntry { name: entry.name.to_owned(), ino: entry.ino, kind: filetype(entry.kind) })
                .collect())
        })
    }

    fn read_link(&self, world: &mut World, path: &str) -> Result<String> {
        self.with(world, |scratch, node, _| scratch.read_link(node, path)).map(|target| (*target).to_owned())
    }

    fn create_dir(&self, world: &mut World, path: &str) -> Result<()> {
        self.with(world, |scratch, node, now| scratch.create_dir(node, path, now)).map(drop)
    }

    fn remove_dir(&self, world: &mut World, path: &str) -> Result<()> {
        self.with(world, |scratch, node, now| scratch.remove_dir(node, path, now))
    }

    fn unlink(&self, world: &mut World, path: &str) -> Result<()> {
        self.with(world, |scratch, node, now| scratch.unlink(node, path, now))
    }

    fn symlink(&self, world: &mut World, target: &str, path: &str) -> Result<()> {
        self.with(world, |scratch, node, now| scratch.symlink(target, node, path, now)).map(drop)
    }

    fn rename(&self, world: &mut World, from: &str, to_dir: &dyn Dir, to: &str) -> Result<()> {
        let to_base = same_kind(to_dir)?.node(world);
        self.with(world, |scratch, from_base, now| scratch.rename(from_base, from, to_base, to, now))
    }

    fn link(&self, world: &mut World, from: &str, follow: bool, to_dir: &dyn Dir, to: &str) -> Result<()> {
        let to_base = same_kind(to_dir)?.node(world);
        self.with(world, |scratch, from_base, now| scratch.link(from_base, from, follow, to_base, to, now))
    }

    fn set_times(&self, world: &mut World, path: &str, follow: bool, times: Times) -> Result<()> {
        self.with(world, |scratch, node, now| {
            let node = scratch.lookup(node, path, follow)?;
            scratch.set_times(node, times.accessed, times.modified, now)
        })
    }

    fn close(&self, world: &mut World) {
        if let Self::Opened(node) = self {
            // The directory was retained when it was opened, so releasing it cannot fail.
            let _ = world.scratch.release(*node);
        }
    }
}

impl File for ScratchFile {
    fn fork(&self) -> Option<Box<dyn File>> {
        Some(Box::new(self.clone()))
    }

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
        let count = self.write_at(world, bytes, self.at)?;
        self.at += count as u64;
        Ok(count)
    }

    fn write_at(&mut self, world: &mut World, bytes: &[u8], offset: u64) -> Result<usize> {
        with(world, |scratch, now| scratch.write_at(self.node, offset, bytes, now))
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
        with(world, |scratch, now| scratch.truncate(self.node, size, now))
    }

    fn allocate(&mut self, world: &mut World, offset: Filesize, len: Filesize) -> Result<()> {
        with(world, |scratch, now| scratch.allocate(self.node, offset, len, now))
    }

    fn set_times(&mut self, world: &mut World, times: Times) -> Result<()> {
        with(world, |scratch, now| scratch.set_times(self.node, times.accessed, times.modified, now))
    }

    fn poll(&mut self, _: &mut World, _: Interest) -> Result<Readiness> {
        Ok(Readiness::Ready { bytes: 0, hangup: false })
    }

    fn close(&mut self, world: &mut World) {
        // The file was retained when it was opened, so releasing it cannot fail.
        let _ = world.scratch.release(self.node);
    }
}

#[cfg(test)]
mod tests;
