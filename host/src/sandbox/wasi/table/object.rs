//! What a descriptor can stand for. A method that a kind does not override fails with the errno that POSIX gives.

use super::values::{DirEntry, Interest, Readiness, Result, Times};
use crate::sandbox::wasi::world::World;
use std::any::Any;
use std::io::SeekFrom;
use std::net::SocketAddr;
use std::sync::Arc;
use wasi_common::snapshots::preview_1::types::{Errno, Fdflags, Filesize, Filestat, Filetype, Sdflags};

/// How a path is to be opened.
#[derive(Debug, Clone, Copy)]
pub struct OpenMode {
    pub follow: bool,
    pub create: bool,
    pub exclusive: bool,
    pub truncate: bool,
    pub directory: bool,
    pub read: bool,
    pub write: bool,
    pub flags: Fdflags,
}

impl OpenMode {
    /// Opens an existing file for reading, and follows links.
    #[cfg(test)]
    pub const READ: Self = Self {
        follow: true,
        create: false,
        exclusive: false,
        truncate: false,
        directory: false,
        read: true,
        write: false,
        flags: Fdflags::empty(),
    };

    /// Whether opening may change the directory or the file.
    pub fn changes(&self) -> bool {
        self.create || self.truncate || self.write
    }
}

/// What a path opened to.
pub enum FileOrDir {
    File(Box<dyn File>),
    Dir(Arc<dyn Dir>),
}

/// A connection taken from a listening socket.
pub struct NewConnection {
    pub socket: Box<dyn File>,
    pub peer: String,
}

/// Checks the flags of a socket: only non-blocking may be set.
pub fn only_nonblock(flags: Fdflags) -> Result<Fdflags> {
    if Fdflags::NONBLOCK.contains(flags) { Ok(flags) } else { Err(Errno::Inval.into()) }
}

/// An open file, stream or socket.
pub trait File: Send + Sync {
    fn kind(&self) -> Filetype;

    /// A copy of the file as it stands now, for a copy of its world; `None` for a file of the host, which exists only once.
    fn fork(&self) -> Option<Box<dyn File>> {
        None
    }

    fn flags(&self) -> Fdflags {
        Fdflags::empty()
    }

    fn set_flags(&mut self, _: Fdflags) -> Result<()> {
        Err(Errno::Badf.into())
    }

    fn read(&mut self, _: &mut World, _: &mut [u8]) -> Result<usize> {
        Err(Errno::Badf.into())
    }

    fn read_at(&mut self, _: &mut World, _: &mut [u8], _offset: u64) -> Result<usize> {
        Err(Errno::Spipe.into())
    }

    fn write(&mut self, _: &mut World, _: &[u8]) -> Result<usize> {
        Err(Errno::Badf.into())
    }

    fn write_at(&mut self, _: &mut World, _: &[u8], _offset: u64) -> Result<usize> {
        Err(Errno::Spipe.into())
    }

    fn seek(&mut self, _: &mut World, _: SeekFrom) -> Result<u64> {
        Err(Errno::Spipe.into())
    }

    fn stat(&self, _: &mut World) -> Result<Filestat> {
        Ok(Filestat { dev: 0, ino: 0, filetype: self.kind(), nlink: 1, size: 0, atim: 0, mtim: 0, ctim: 0 })
    }

    fn set_size(&mut self, _: &mut World, _: Filesize) -> Result<()> {
        Err(Errno::Inval.into())
    }

    fn allocate(&mut self, _: &mut World, _offset: Filesize, _len: Filesize) -> Result<()> {
        Err(Errno::Notsup.into())
    }

    fn set_times(&mut self, _: &mut World, _: Times) -> Result<()> {
        Err(Errno::Inval.into())
    }

    fn sync(&mut self) -> Result<()> {
        Ok(())
    }

    fn poll(&mut self, _: &mut World, _: Interest) -> Result<Readiness> {
        Ok(Readiness::Ready { bytes: 0, hangup: false })
    }

    fn accept(&mut self, _: &mut World, _: Fdflags) -> Result<NewConnection> {
        Err(Errno::Notsock.into())
    }

    /// Receives into a buffer; with `peek`, the bytes stay where they are.
    fn recv(&mut self, _: &mut World, _: &mut [u8], _peek: bool) -> Result<usize> {
        Err(Errno::Notsock.into())
    }

    fn send(&mut self, _: &mut World, _: &[u8]) -> Result<usize> {
        Err(Errno::Notsock.into())
    }

    fn shutdown(&mut self, _: &mut World, _: Sdflags) -> Result<()> {
        Err(Errno::Notsock.into())
    }

    /// The address of a socket's own side; `Notsup` if it would differ between runs.
    fn local(&self, _: &World) -> Result<SocketAddr> {
        Err(Errno::Notsock.into())
    }

    /// The address of a socket's other side; `Notsup` if it would differ between runs.
    fn peer(&self, _: &World) -> Result<SocketAddr> {
        Err(Errno::Notsock.into())
    }

    /// How many bytes a connection received and nobody read, or how many connections a listening socket received and nobody
    /// accepted; `None` if that depends on when one looks.
    fn waiting(&self, _: &World) -> Option<u64> {
        None
    }

    /// Gives back what the file holds in the world, before it is dropped.
    fn close(&mut self, _: &mut World) {}
}

/// A directory, from which paths are resolved that never leave it.
pub trait Dir: Send + Sync {
    fn as_any(&self) -> &dyn Any;

    /// Whether this is a directory of the host.
    fn is_the_hosts(&self) -> bool {
        true
    }

    fn open(&self, world: &mut World, path: &str, how: OpenMode) -> Result<FileOrDir>;

    fn stat(&self, world: &mut World) -> Result<Filestat>;

    fn stat_path(&self, world: &mut World, path: &str, follow: bool) -> Result<Filestat>;

    fn list(&self, world: &mut World) -> Result<Vec<DirEntry>>;

    fn read_link(&self, world: &mut World, path: &str) -> Result<String>;

    fn create_dir(&self, world: &mut World, path: &str) -> Result<()>;

    fn remove_dir(&self, world: &mut World, path: &str) -> Result<()>;

    fn unlink(&self, world: &mut World, path: &str) -> Result<()>;

    fn symlink(&self, world: &mut World, target: &str, path: &str) -> Result<()>;

    fn rename(&self, world: &mut World, from: &str, to_dir: &dyn Dir, to: &str) -> Result<()>;

    fn link(&self, world: &mut World, from: &str, follow: bool, to_dir: &dyn Dir, to: &str) -> Result<()>;

    fn set_times(&self, world: &mut World, path: &str, follow: bool, times: Times) -> Result<()>;

    fn sync(&self) -> Result<()> {
        Ok(())
    }

    /// Gives back what the directory holds in the world, before it is dropped.
    fn close(&self, _: &mut World) {}
}
