//! Directories that no host has. `/dev`, for programs that look for the null device there: it holds `null`, and never
//! anything else. And an empty root `/`, so that an absolute path that leads nowhere is a missing file, and not a mistake
//! of the caller's.

use super::fault::Fault;
use super::table::{Dir, DirEntry, File, FileOrDir, OpenMode, Result, Times};
use super::world::World;
use std::any::Any;
use std::io::SeekFrom;
use std::sync::Arc;
use wasi_common::snapshots::preview_1::types::{Errno, Fdflags, Filestat, Filetype};

/// The only name in `/dev`.
const NULL: &str = "null";

const DIR_INODE: u64 = 1;
const NULL_INODE: u64 = 2;
const ROOT_INODE: u64 = 3;

/// One of the two directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Devices {
    /// `/dev`.
    Dev,
    /// `/`.
    Root,
}

/// What a path in such a directory leads to.
#[derive(Debug, PartialEq, Eq)]
enum DevicePath {
    Dir,
    Null,
}

/// Where a path leads.
fn resolve(dir: Devices, path: &str) -> Result<DevicePath> {
    let mut parts = path.split('/').filter(|part| !["", "."].contains(part));
    match (parts.next(), parts.next()) {
        (None, _) if path.is_empty() => Err(Errno::Noent.into()),
        (None, _) => Ok(DevicePath::Dir),
        (Some(".."), _) => Err(Errno::Perm.into()),
        (Some(NULL), None) if dir == Devices::Dev && !path.ends_with('/') => Ok(DevicePath::Null),
        (Some(NULL), _) if dir == Devices::Dev => Err(Errno::Notdir.into()),
        (Some(_), _) => Err(Errno::Noent.into()),
    }
}

/// The error of a call that makes, moves or removes a name here.
fn refused<T>() -> Result<T> {
    Err(Errno::Rofs.into())
}

fn stat(dir: Devices, place: &DevicePath) -> Filestat {
    let (ino, filetype) = match (place, dir) {
        (DevicePath::Dir, Devices::Dev) => (DIR_INODE, Filetype::Directory),
        (DevicePath::Dir, Devices::Root) => (ROOT_INODE, Filetype::Directory),
        (DevicePath::Null, _) => (NULL_INODE, Filetype::CharacterDevice),
    };
    Filestat { dev: 0, ino, filetype, nlink: 1, size: 0, atim: 0, mtim: 0, ctim: 0 }
}

impl Dir for Devices {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn is_the_hosts(&self) -> bool {
        false
    }

    fn open(&self, _: &mut World, path: &str, how: OpenMode) -> Result<FileOrDir> {
        match resolve(*self, path) {
            Ok(_) if how.exclusive => Err(Errno::Exist.into()),
            Ok(DevicePath::Null) if how.directory => Err(Errno::Notdir.into()),
            Ok(DevicePath::Null) => Ok(FileOrDir::File(Box::new(Null { flags: how.flags }))),
            Ok(DevicePath::Dir) if how.changes() => Err(Errno::Isdir.into()),
            Ok(DevicePath::Dir) => Ok(FileOrDir::Dir(Arc::new(*self))),
            Err(Fault::Errno(Errno::Noent)) if how.create => refused(),
            Err(error) => Err(error),
        }
    }

    fn stat(&self, _: &mut World) -> Result<Filestat> {
        Ok(stat(*self, &DevicePath::Dir))
    }

    fn stat_path(&self, _: &mut World, path: &str, _follow: bool) -> Result<Filestat> {
        resolve(*self, path).map(|place| stat(*self, &place))
    }

    fn list(&self, _: &mut World) -> Result<Vec<DirEntry>> {
        let entry = |name: &str, ino, kind| DirEntry { name: name.to_owned(), ino, kind };
        let own = stat(*self, &DevicePath::Dir).ino;
        let own = [".", ".."].map(|name| entry(name, own, Filetype::Directory));
        let null = (*self == Self::Dev).then(|| entry(NULL, NULL_INODE, Filetype::CharacterDevice));
        Ok(own.into_iter().chain(null).collect())
    }

    fn read_link(&self, _: &mut World, path: &str) -> Result<String> {
        resolve(*self, path).and(Err(Errno::Inval.into()))
    }

    fn create_dir(&self, _: &mut World, path: &str) -> Result<()> {
        match resolve(*self, path) {
            Ok(_) => Err(Errno::Exist.into()),
            Err(_) => refused(),
        }
    }

    fn remove_dir(&self, _: &mut World, _: &str) -> Result<()> {
        refused()
    }

    fn unlink(&self, _: &mut World, _: &str) -> Result<()> {
        refused()
    }

    fn symlink(&self, _: &mut World, _: &str, _: &str) -> Result<()> {
        refused()
    }

    fn rename(&self, _: &mut World, _: &str, _: &dyn Dir, _: &str) -> Result<()> {
        refused()
    }

    fn link(&self, _: &mut World, _: &str, _: bool, _: &dyn Dir, _: &str) -> Result<()> {
        refused()
    }

    fn set_times(&self, _: &mut World, _: &str, _: bool, _: Times) -> Result<()> {
        refused()
    }
}

/// The null device: reading it gives nothing, and writing to it succeeds.
#[derive(Clone)]
struct Null {
    flags: Fdflags,
}

impl File for Null {
    fn fork(&self) -> Option<Box<dyn File>> {
        Some(Box::new(self.clone()))
    }

    fn kind(&self) -> Filetype {
        Filetype::CharacterDevice
    }

    fn flags(&self) -> Fdflags {
        self.flags
    }

    fn set_flags(&mut self, flags: Fdflags) -> Result<()> {
        self.flags = flags;
        Ok(())
    }

    fn read(&mut self, _: &mut World, _: &mut [u8]) -> Result<usize> {
        Ok(0)
    }

    fn read_at(&mut self, _: &mut World, _: &mut [u8], _offset: u64) -> Result<usize> {
        Ok(0)
    }

    fn write(&mut self, _: &mut World, bytes: &[u8]) -> Result<usize> {
        Ok(bytes.len())
    }

    fn write_at(&mut self, _: &mut World, bytes: &[u8], _offset: u64) -> Result<usize> {
        Ok(bytes.len())
    }

    fn seek(&mut self, _: &mut World, _: SeekFrom) -> Result<u64> {
        Ok(0)
    }

    fn stat(&self, _: &mut World) -> Result<Filestat> {
        Ok(stat(Devices::Dev, &DevicePath::Null))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errno<T>(done: Result<T>) -> Option<Errno> {
        match done {
            Ok(_) => None,
            Err(Fault::Errno(errno)) => Some(errno),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_but_the_null_device_is_ever_there() {
        for (path, place) in
            [("null", DevicePath::Null), ("./null", DevicePath::Null), (".", DevicePath::Dir), ("./", DevicePath::Dir)]
        {
            assert_eq!(resolve(Devices::Dev, path).ok(), Some(place), "{path}");
        }
        for (path, expected) in [
            ("", Errno::Noent),
            ("zero", Errno::Noent),
            ("null/", Errno::Notdir),
            ("null/x", Errno::Notdir),
            ("../etc", Errno::Perm),
        ] {
            assert_eq!(errno(resolve(Devices::Dev, path)), Some(expected), "{path}");
        }
    }

    #[test]
    fn nothing_is_in_the_root() {
        assert_eq!(resolve(Devices::Root, ".").ok(), Some(DevicePath::Dir));
        for (path, expected) in [("null", Errno::Noent), ("etc/passwd", Errno::Noent), ("../etc", Errno::Perm)] {
            assert_eq!(errno(resolve(Devices::Root, path)), Some(expected), "{path}");
        }
        assert_ne!(stat(Devices::Root, &DevicePath::Dir).ino, stat(Devices::Dev, &DevicePath::Dir).ino);
    }
}
