//! A host directory granted to the guest. Paths are resolved by cap-std, which never leaves the directory, whatever `..`,
//! symbolic links or races do.
//!
//! Only regular files and directories are opened: a FIFO would block the host, and a device is not the test's.
//! Times, inode numbers and directories' sizes and link counts are never the host's, so that a test sees the same on every
//! machine: see [`HostFiles`](super::host_files::HostFiles).

use super::count::DescriptorToken;
use super::file::HostFile;
use super::identity::HostId;
use crate::sandbox::wasi::fault::Fault;
use crate::sandbox::wasi::table::{Dir, DirEntry, FileOrDir, OpenMode, Result, Times};
use crate::sandbox::wasi::world::World;
use cap_fs_ext::{
    DirExt, FileTypeExt, FollowSymlinks, MetadataExt, OpenOptionsFollowExt, OpenOptionsMaybeDirExt, SystemTimeSpec,
};
use cap_std::fs::{FileType, Metadata, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;
use std::any::Any;
use std::path::Path;
use std::time::{Duration, SystemTime};
use wasi_common::snapshots::preview_1::types::{Errno, Fdflags, Filestat, Filetype};

/// A directory below a grant.
pub struct HostDir {
    dir: cap_std::fs::Dir,
    writable: bool,
    /// Absent for the grant's own directory, which is opened once a run and shared by its tests.
    _tracked: Option<DescriptorToken>,
}

impl HostDir {
    /// The grant's own directory. What is below it is writable if it is.
    pub fn root(dir: cap_std::fs::Dir, writable: bool) -> Self {
        Self { dir, writable, _tracked: None }
    }

    fn writable(&self) -> Result<()> {
        if self.writable { Ok(()) } else { Err(Errno::Rofs.into()) }
    }

    fn metadata(&self, path: &str, follow: bool) -> Result<Metadata> {
        Ok(if follow { self.dir.metadata(path)? } else { self.dir.symlink_metadata(path)? })
    }

    fn options(&self, how: OpenMode) -> OpenOptions {
        let mut options = OpenOptions::new();
        options
            .maybe_dir(true)
            .read(how.read || !how.write)
            .write(how.write)
            .create_new(how.create && how.exclusive)
            .create(how.create && !how.exclusive)
            .truncate(how.truncate)
            .follow(if how.follow { FollowSymlinks::Yes } else { FollowSymlinks::No })
            .custom_flags(i32::try_from(host_flags(how).bits()).unwrap_or_default());
        // POSIX lets a file be created or truncated that is only read; the host's options want the right to write.
        if (how.create || how.truncate) && !how.write {
            options.write(true);
        }
        options
    }

    /// Refuses what must not even be opened; whether there is something. A second look at the open file closes the race.
    fn refuse_special(&self, path: &str, follow: bool) -> Result<bool> {
        match self.metadata(path, follow) {
            Ok(found) if !is_plain(found.file_type()) => Err(Errno::Acces.into()),
            found => Ok(there(found)?.is_some()),
        }
    }

    /// The test has made this name.
    fn made(&self, world: &mut World, path: &str) -> Result<()> {
        if let Some(found) = there(self.metadata(path, false))? {
            world.files.made(HostId::new(&found), world.clock.realtime());
        }
        self.names_changed(world, path)
    }

    /// The test has made, moved or removed this name, so its directory is modified.
    fn names_changed(&self, world: &mut World, path: &str) -> Result<()> {
        let parent = Path::new(path).parent().filter(|parent| !parent.as_os_str().is_empty());
        let found = parent.map_or_else(|| self.dir.dir_metadata(), |parent| self.dir.metadata(parent));
        // What is gone meanwhile has no times to keep.
        if let Some(found) = there(found.map_err(Into::into))? {
            world.files.facts(HostId::new(&found)).modified(world.clock.realtime());
        }
        Ok(())
    }

    /// The test has moved or linked a file to this name.
    fn status_changed(&self, world: &mut World, path: &str) -> Result<()> {
        if let Some(found) = there(self.metadata(path, false))? {
            world.files.facts(HostId::new(&found)).changed = world.clock.realtime();
        }
        self.names_changed(world, path)
    }
}

/// What was found, if it was: only an error that the guest could be told means that it was not.
fn there<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Fault::Errno(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// The flags that the host's options have no word for.
fn host_flags(how: OpenMode) -> OFlags {
    // Opening a FIFO would wait for its other end; on a regular file this changes nothing.
    let mut flags = OFlags::NONBLOCK;
    // The options refuse to append to a file that is truncated, which POSIX allows.
    flags.set(OFlags::APPEND, how.write && how.flags.contains(Fdflags::APPEND));
    flags
}

fn is_plain(kind: FileType) -> bool {
    !(kind.is_fifo() || kind.is_block_device() || kind.is_char_device() || kind.is_socket())
}

pub fn filetype(kind: FileType) -> Filetype {
    if kind.is_dir() {
        Filetype::Directory
    } else if kind.is_file() {
        Filetype::RegularFile
    } else if kind.is_symlink() {
        Filetype::SymbolicLink
    } else if kind.is_block_device() {
        Filetype::BlockDevice
    } else if kind.is_char_device() {
        Filetype::CharacterDevice
    } else if kind.is_socket() {
        Filetype::SocketStream
    } else {
        Filetype::Unknown
    }
}

/// A host file's status as the guest may see it. Links are counted only where the test may make some.
pub fn filestat(world: &mut World, found: &Metadata, writable: bool) -> Filestat {
    let kind = filetype(found.file_type());
    let known = world.files.facts(HostId::new(found));
    let (nlink, size) = match kind {
        Filetype::Directory => (1, 0),
        _ if writable => (found.nlink(), found.len()),
        _ => (1, found.len()),
    };
    let (atim, mtim, ctim) = (known.accessed, known.modified, known.changed);
    Filestat { dev: 1, ino: known.ino, filetype: kind, nlink, size, atim, mtim, ctim }
}

pub fn time_spec(nanos: u64) -> SystemTimeSpec {
    SystemTimeSpec::Absolute(cap_std::time::SystemTime::from_std(SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)))
}

fn same_kind(dir: &dyn Dir) -> Result<&HostDir> {
    dir.as_any().downcast_ref().ok_or_else(|| Errno::Xdev.into())
}

impl Dir for HostDir {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn open(&self, world: &mut World, path: &str, how: OpenMode) -> Result<FileOrDir> {
        if how.changes() {
            self.writable()?;
        }
        if how.directory && (how.create || how.exclusive || how.truncate) {
            return Err(Errno::Inval.into());
        }
        let existed = self.refuse_special(path, how.follow)?;
        let file = self.dir.open_with(path, &self.options(how))?;
        let tracked = world.host.track();
        let found = file.metadata()?;
        let (id, kind) = (HostId::new(&found), found.file_type());
        if how.create && !existed {
            self.made(world, path)?;
        } else if how.truncate {
            world.files.facts(id).modified(world.clock.realtime());
        }
        if kind.is_dir() {
            if how.write {
                return Err(Errno::Isdir.into());
            }
            let dir = cap_std::fs::Dir::from_std_file(file.into_std());
            return Ok(FileOrDir::Dir(std::sync::Arc::new(HostDir {
                dir,
                writable: self.writable,
                _tracked: Some(tracked),
            })));
        }
        if how.directory {
            return Err(Errno::Notdir.into());
        }
        if !kind.is_file() {
            return Err(Errno::Acces.into());
        }
        Ok(FileOrDir::File(Box::new(HostFile::new(file, id, self.writable, how, tracked))))
    }

    fn stat(&self, world: &mut World) -> Result<Filestat> {
        let found = self.dir.dir_metadata()?;
        Ok(filestat(world, &found, self.writable))
    }

    fn stat_path(&self, world: &mut World, path: &str, follow: bool) -> Result<Filestat> {
        let found = self.metadata(path, follow)?;
        let mut stat = filestat(world, &found, self.writable);
        if stat.filetype == Filetype::SymbolicLink {
            // The length of a target that may not be read is that of a path of the host.
            stat.size = there(self.read_link(world, path))?.map_or(0, |target| target.len() as u64);
        }
        Ok(stat)
    }

    fn list(&self, world: &mut World) -> Result<Vec<DirEntry>> {
        use cap_fs_ext::DirEntryExt;
        let mut entries = Vec::new();
        for entry in self.dir.entries()? {
            let entry = entry?;
            // A name that is not UTF-8 cannot be told to the guest, and listing the rest is better than nothing.
            let Ok(name) = entry.file_name().into_string() else { continue };
            // What is removed while it is listed is not there.
            let Some(found) = there(entry.full_metadata().map_err(Into::into))? else { continue };
            entries.push((name, found));
        }
        entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let own = world.files.facts(HostId::new(&self.dir.dir_metadata()?)).ino;
        let dots = [".", ".."].map(|name| DirEntry { name: name.to_owned(), ino: own, kind: Filetype::Directory });
        let listed = entries.into_iter().map(|(name, found)| DirEntry {
            ino: world.files.facts(HostId::new(&found)).ino,
            kind: filetype(found.file_type()),
            name,
        });
        Ok(dots.into_iter().chain(listed).collect())
    }

    fn read_link(&self, _: &mut World, path: &str) -> Result<String> {
        let target = self.dir.read_link(path)?;
        target.into_os_string().into_string().map_err(|_| Errno::Ilseq.into())
    }

    fn create_dir(&self, world: &mut World, path: &str) -> Result<()> {
        self.writable()?;
        self.dir.create_dir(path)?;
        self.made(world, path)
    }

    fn remove_dir(&self, world: &mut World, path: &str) -> Result<()> {
        self.writable()?;
        self.dir.remove_dir(path)?;
        self.names_changed(world, path)
    }

    fn unlink(&self, world: &mut World, path: &str) -> Result<()> {
        self.writable()?;
        if path.ends_with('/') {
            return Err(if self.metadata(path, true)?.is_dir() { Errno::Isdir } else { Errno::Notdir }.into());
        }
        self.dir.remove_file_or_symlink(path)?;
        self.names_changed(world, path)
    }

    fn symlink(&self, world: &mut World, target: &str, path: &str) -> Result<()> {
        self.writable()?;
        if target.starts_with('/') {
            return Err(Errno::Notcapable.into());
        }
        DirExt::symlink(&self.dir, target, path)?;
        self.made(world, path)
    }

    fn rename(&self, world: &mut World, from: &str, to_dir: &dyn Dir, to: &str) -> Result<()> {
        let to_dir = same_kind(to_dir)?;
        self.writable()?;
        to_dir.writable()?;
        self.dir.rename(from, &to_dir.dir, to)?;
        self.names_changed(world, from)?;
        to_dir.status_changed(world, to)
    }

    fn link(&self, world: &mut World, from: &str, follow: bool, to_dir: &dyn Dir, to: &str) -> Result<()> {
        let to_dir = same_kind(to_dir)?;
        self.writable()?;
        to_dir.writable()?;
        if follow {
            return Err(Errno::Inval.into());
        }
        self.dir.hard_link(from, &to_dir.dir, to)?;
        to_dir.status_changed(world, to)
    }

    fn set_times(&self, world: &mut World, path: &str, follow: bool, times: Times) -> Result<()> {
        self.writable()?;
        let (accessed, modified) = (times.accessed.map(time_spec), times.modified.map(time_spec));
        if follow {
            DirExt::set_times(&self.dir, path, accessed, modified)?;
        } else {
            self.dir.set_symlink_times(path, accessed, modified)?;
        }
        let id = HostId::new(&self.metadata(path, follow)?);
        world.files.facts(id).set(times, world.clock.realtime());
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        // A handle of its own: one that only names the directory cannot be synchronised.
        Ok(self.dir.open(".")?.sync_all()?)
    }
}
