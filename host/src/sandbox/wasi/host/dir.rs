//! A host directory granted to the guest. Paths are resolved as everywhere else, by names that never leave the directory.
//! The host is only ever given a single name: it never interprets a slash, `.`, `..` or a symbolic link.
//!
//! Only regular files and directories are opened: a FIFO would block the host, and a device is not the test's.
//! The host's times, inode numbers, sizes of directories and link counts are never shown, so a test sees the same on every
//! machine: see [`HostFiles`](super::HostFiles).
//!
//! A read-only grant refuses as a read-only mount of Linux does: errors in the arguments come first.

use super::file::HostFile;
use super::identity::{HostId, filestat};
use super::special;
use super::times::timestamps;
use super::tree::{HostNode, HostTree, OpenDir, look};
use crate::sandbox::wasi::resolve::{self, FoundName, FsError, ParentAndName, PathTarget, Spot, What, check};
use crate::sandbox::wasi::table::{Dir, DirEntry, FileOrDir, OpenMode, Result, Times};
use crate::sandbox::wasi::world::World;
use rustix::fs::{self as real, AtFlags, FileType, Mode, OFlags, Stat};
use std::any::Any;
use std::io::Error;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use wasi_common::snapshots::preview_1::types::{Errno, Fdflags, Filestat, Filetype};

/// A directory below a grant.
pub struct HostDir {
    dir: Arc<OpenDir>,
    writable: bool,
}

/// A name that a call makes, moves or removes.
type HostPlace<'p> = ParentAndName<Arc<OpenDir>, &'p str>;

/// What a path led to: the handle of its directory, and its name there, `.` for the directory itself.
struct NamedEntry {
    dir: Arc<OpenDir>,
    name: Arc<str>,
    stat: Stat,
    what: What,
}

impl HostDir {
    /// The grant's own directory. Directories below it are writable if it is.
    ///
    /// # Errors
    /// The path is not a directory, or it cannot be opened.
    pub fn root(host: &Path, writable: bool) -> std::io::Result<Self> {
        let fd = real::open(host, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        special::refuse_grant(&fd)?;
        Ok(Self { dir: OpenDir::new(fd, None), writable })
    }

    #[cfg(test)]
    pub(super) fn handle(&self) -> &Arc<OpenDir> {
        &self.dir
    }

    fn writable(&self) -> Result<()> {
        if self.writable { Ok(()) } else { Err(Errno::Rofs.into()) }
    }

    fn lookup(&self, world: &mut World, path: &str, follow: bool) -> Result<NamedEntry> {
        match resolve::lookup(&mut HostTree::new(world), &self.dir, path, follow)? {
            PathTarget::Named(found) => Ok(found.into()),
            PathTarget::Dir(dir) => {
                let stat = real::fstat(&dir.fd).map_err(Error::from)?;
                Ok(NamedEntry { dir, name: ".".into(), stat, what: What::Dir })
            }
        }
    }

    fn place<'p>(&self, world: &mut World, path: &'p str) -> Result<HostPlace<'p>> {
        resolve::place(&mut HostTree::new(world), &self.dir, path)
    }

    /// The name at this place, if a file may be made there and the name is free.
    fn free_for_file<'p>(&self, world: &mut World, place: &HostPlace<'p>) -> Result<&'p str> {
        let name = place.to_make()?;
        let taken = find(world, &place.dir, name)?;
        place.check_free_for_file(taken.as_ref().map(|taken| &taken.what))?;
        self.writable()?;
        Ok(name)
    }

    /// Makes a file under a name that was free a moment ago.
    fn create(&self, world: &mut World, dir: &OpenDir, name: &str, how: OpenMode) -> Result<FileOrDir> {
        self.writable()?;
        let mut flags = host_flags(how) | OFlags::CREATE;
        flags.set(OFlags::EXCL, how.exclusive);
        let fd = real::openat(&dir.fd, name, flags, Mode::from_raw_mode(0o666)).map_err(Error::from)?;
        made(world, dir, name)?;
        self.regular(world, fd, how)
    }

    fn open_file(&self, world: &mut World, found: &NamedEntry, how: OpenMode) -> Result<FileOrDir> {
        if how.write || how.truncate {
            self.writable()?;
        }
        let fd = real::openat(&found.dir.fd, &*found.name, host_flags(how), Mode::empty()).map_err(Error::from)?;
        self.regular(world, fd, how)
    }

    /// Wraps the file that was opened. Its kind is checked again, since another process may have replaced it meanwhile.
    fn regular(&self, world: &mut World, fd: OwnedFd, how: OpenMode) -> Result<FileOrDir> {
        let tracked = world.host.track();
        let stat = real::fstat(&fd).map_err(Error::from)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Errno::Acces.into());
        }
        special::refuse(&fd).map_err(Error::from)?;
        let id = HostId::new(&stat);
        if how.truncate {
            real::ftruncate(&fd, 0).map_err(Error::from)?;
            world.files.facts(id).modified(world.clock.realtime());
        }
        Ok(FileOrDir::File(Box::new(HostFile::new(fd.into(), id, self.writable, how, tracked))))
    }

    /// A name can only move between directories that are both writable or both read-only. A file of a read-only grant would
    /// otherwise become writable.
    fn same_mount(&self, other: &Self) -> Result<()> {
        if self.writable == other.writable { Ok(()) } else { Err(Errno::Xdev.into()) }
    }

    fn open_dir(&self, world: &mut World, found: &NamedEntry) -> Result<FileOrDir> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = real::openat(&found.dir.fd, &*found.name, flags, Mode::empty()).map_err(Error::from)?;
        special::refuse(&fd).map_err(Error::from)?;
        let dir = OpenDir::new(fd, Some(world.host.track()));
        Ok(FileOrDir::Dir(Arc::new(Self { dir, writable: self.writable })))
    }
}

impl From<FoundName<HostNode>> for NamedEntry {
    fn from(found: FoundName<HostNode>) -> Self {
        let HostNode { dir, name, stat } = found.node;
        Self { dir, name, stat, what: found.what }
    }
}

fn find(world: &mut World, dir: &Arc<OpenDir>, name: &str) -> Result<Option<FoundName<HostNode>>> {
    resolve::Tree::find(&mut HostTree::new(world), dir, name)
}

/// Notes that the test has made this name.
fn made(world: &mut World, dir: &OpenDir, name: &str) -> Result<()> {
    if let Some(found) = look(dir, name)? {
        world.files.made(HostId::new(&found), world.clock.realtime());
    }
    names_changed(world, dir)
}

/// Notes that the test has made, moved or removed a name in this directory.
fn names_changed(world: &mut World, dir: &OpenDir) -> Result<()> {
    let found = real::fstat(&dir.fd).map_err(Error::from)?;
    world.files.facts(HostId::new(&found)).modified(world.clock.realtime());
    Ok(())
}

/// Notes that the test has moved or linked a file to this name.
fn status_changed(world: &mut World, dir: &OpenDir, name: &str) -> Result<()> {
    if let Some(found) = look(dir, name)? {
        world.files.facts(HostId::new(&found)).changed = world.clock.realtime();
    }
    names_changed(world, dir)
}

/// How the host opens a regular file.
fn host_flags(how: OpenMode) -> OFlags {
    // Opening a FIFO would wait for its other end. On a regular file the flag changes nothing.
    let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // Truncating takes a handle that can write, even if the guest only reads.
    let (read, write) = (how.read || !how.write, how.write || how.truncate);
    flags |= match (read, write) {
        (true, true) => OFlags::RDWR,
        (false, true) => OFlags::WRONLY,
        (_, false) => OFlags::RDONLY,
    };
    flags.set(OFlags::APPEND, how.write && how.flags.contains(Fdflags::APPEND));
    flags
}

fn same_kind(dir: &dyn Dir) -> Result<&HostDir> {
    dir.as_any().downcast_ref().ok_or_else(|| Errno::Xdev.into())
}

impl Dir for HostDir {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn open(&self, world: &mut World, path: &str, how: OpenMode) -> Result<FileOrDir> {
        if how.directory && (how.create || how.exclusive || how.truncate) {
            return Err(Errno::Inval.into());
        }
        let found = if how.create {
            match resolve::find_or_place(&mut HostTree::new(world), &self.dir, path, how.follow, how.exclusive)? {
                Spot::Free { dir, name } => return self.create(world, &dir, &name, how),
                Spot::There(found) => found.into(),
            }
        } else {
            self.lookup(world, path, how.follow)?
        };
        match FileType::from_raw_mode(found.stat.st_mode) {
            FileType::Directory if how.changes() => Err(Errno::Isdir.into()),
            FileType::Directory => self.open_dir(world, &found),
            _ if how.directory => Err(Errno::Notdir.into()),
            FileType::Symlink => Err(Errno::Loop.into()),
            FileType::RegularFile => self.open_file(world, &found, how),
            _ => Err(Errno::Acces.into()),
        }
    }

    fn stat(&self, world: &mut World) -> Result<Filestat> {
        let found = real::fstat(&self.dir.fd).map_err(Error::from)?;
        Ok(filestat(&mut world.files, &found, self.writable))
    }

    fn stat_path(&self, world: &mut World, path: &str, follow: bool) -> Result<Filestat> {
        let found = self.lookup(world, path, follow)?;
        let mut stat = filestat(&mut world.files, &found.stat, self.writable);
        if let What::Link(target) = found.what {
            // A target that may not be read is a path of the host, and so is its length.
            stat.size = target.map_or(0, |target| target.len() as u64);
        }
        Ok(stat)
    }

    fn list(&self, world: &mut World) -> Result<Vec<DirEntry>> {
        let own = real::fstat(&self.dir.fd).map_err(Error::from)?;
        // The name is removed.
        if own.st_nlink == 0 {
            return Err(Errno::Noent.into());
        }
        let mut entries = Vec::new();
        for entry in real::Dir::read_from(&self.dir.fd).map_err(Error::from)? {
            let entry = entry.map_err(Error::from)?;
            // A name that is not UTF-8 cannot be given to the guest. Listing the others is better than failing.
            let Ok(name) = entry.file_name().to_str() else { continue };
            if matches!(name, "." | "..") {
                continue;
            }
            // A name that is removed during the listing is left out.
            let Some(found) = look(&self.dir, name)? else { continue };
            entries.push((name.to_owned(), found));
        }
        entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let own = filestat(&mut world.files, &own, self.writable).ino;
        let dots = [".", ".."].map(|name| DirEntry { name: name.to_owned(), ino: own, kind: Filetype::Directory });
        let listed = entries.into_iter().map(|(name, found)| {
            let Filestat { ino, filetype, .. } = filestat(&mut world.files, &found, self.writable);
            DirEntry { name, ino, kind: filetype }
        });
        Ok(dots.into_iter().chain(listed).collect())
    }

    fn read_link(&self, world: &mut World, path: &str) -> Result<String> {
        match self.lookup(world, path, false)?.what {
            What::Link(target) => Ok((*target?).to_owned()),
            What::Dir | What::Other => Err(Errno::Inval.into()),
        }
    }

    fn create_dir(&self, world: &mut World, path: &str) -> Result<()> {
        let place = self.place(world, path)?;
        let name = place.to_make()?;
        if look(&place.dir, name)?.is_some() {
            return Err(Errno::Exist.into());
        }
        self.writable()?;
        real::mkdirat(&place.dir.fd, name, Mode::from_raw_mode(0o777)).map_err(Error::from)?;
        made(world, &place.dir, name)
    }

    fn remove_dir(&self, world: &mut World, path: &str) -> Result<()> {
        let place = self.place(world, path)?;
        let name = place.to_remove_dir()?;
        self.writable()?;
        real::unlinkat(&place.dir.fd, name, AtFlags::REMOVEDIR).map_err(Error::from)?;
        names_changed(world, &place.dir)
    }

    fn unlink(&self, world: &mut World, path: &str) -> Result<()> {
        let place = self.place(world, path)?;
        let name = place.to_unlink()?;
        self.writable()?;
        let found = find(world, &place.dir, name)?.ok_or(FsError::Noent)?;
        place.check_unlink(&found.what)?;
        real::unlinkat(&place.dir.fd, name, AtFlags::empty()).map_err(Error::from)?;
        names_changed(world, &place.dir)
    }

    fn symlink(&self, world: &mut World, target: &str, path: &str) -> Result<()> {
        check(target)?;
        let place = self.place(world, path)?;
        let name = self.free_for_file(world, &place)?;
        real::symlinkat(target, &place.dir.fd, name).map_err(Error::from)?;
        made(world, &place.dir, name)
    }

    fn rename(&self, world: &mut World, from: &str, to_dir: &dyn Dir, to: &str) -> Result<()> {
        let to_dir = same_kind(to_dir)?;
        let (from, to) = (self.place(world, from)?, to_dir.place(world, to)?);
        self.same_mount(to_dir)?;
        let (from_name, to_name) = (from.to_rename()?, to.to_rename()?);
        self.writable()?;
        let moved = find(world, &from.dir, from_name)?.ok_or(FsError::Noent)?;
        look(&to.dir, to_name)?;
        from.check_rename(&to, &moved.what)?;
        real::renameat(&from.dir.fd, from_name, &to.dir.fd, to_name).map_err(Error::from)?;
        names_changed(world, &from.dir)?;
        status_changed(world, &to.dir, to_name)
    }

    fn link(&self, world: &mut World, from: &str, follow: bool, to_dir: &dyn Dir, to: &str) -> Result<()> {
        let to_dir = same_kind(to_dir)?;
        let from = self.lookup(world, from, follow)?;
        let to = to_dir.place(world, to)?;
        let to_name = to_dir.free_for_file(world, &to)?;
        self.same_mount(to_dir)?;
        if from.what.is_dir() {
            return Err(Errno::Perm.into());
        }
        real::linkat(&from.dir.fd, &*from.name, &to.dir.fd, to_name, AtFlags::empty()).map_err(Error::from)?;
        status_changed(world, &to.dir, to_name)
    }

    fn set_times(&self, world: &mut World, path: &str, follow: bool, times: Times) -> Result<()> {
        let found = self.lookup(world, path, follow)?;
        self.writable()?;
        real::utimensat(&found.dir.fd, &*found.name, &timestamps(times), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(Error::from)?;
        world.files.facts(HostId::new(&found.stat)).set(times, world.clock.realtime());
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        Ok(real::fsync(&self.dir.fd).map_err(Error::from)?)
    }
}
