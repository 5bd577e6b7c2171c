//! The directory of the host below an overlay, which is only ever read.
//!
//! Everything is reached from the directory's own handle, one name at a time and without following a symbolic link. So
//! nothing outside can be reached, whatever is done to the tree meanwhile.

use super::kind::FileKind;
use super::node_id::NodeId;
use crate::sandbox::wasi::host::{DescriptorToken, HostCount, special};
use crate::sandbox::wasi::resolve::{FsError, Result, Target, check};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, open, openat, readlinkat, statat};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// How many directories below one overlay a test keeps open.
const OPEN_DIRS: usize = 8;

/// A host directory that overlays lie over. Opened once, and shared by the tests of a run.
#[derive(Debug, Clone)]
pub struct Lower(Arc<OpenDir>);

impl Lower {
    /// Opens a directory.
    ///
    /// # Errors
    /// The path is not a directory, or it cannot be opened.
    pub fn open(host: &std::path::Path) -> std::io::Result<Self> {
        let fd = open(host, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        special::refuse_grant(&fd)?;
        Ok(Self(Arc::new(OpenDir { path: "".into(), fd, _tracked: None })))
    }
}

#[derive(Debug)]
struct OpenDir {
    /// The path from the overlay's root, which is the empty path.
    path: Arc<str>,
    fd: OwnedFd,
    /// Absent for the root, which the test does not own.
    _tracked: Option<DescriptorToken>,
}

/// A file below an overlay that is open for reading.
#[derive(Debug)]
pub(super) struct OpenFile {
    fd: OwnedFd,
    _tracked: DescriptorToken,
}

impl OpenFile {
    /// Reads from `offset` on; fewer bytes than asked only at the end.
    pub(super) fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let mut done = 0;
        while done < buf.len() {
            match rustix::io::pread(&self.fd, &mut buf[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(Errno::INTR) => {}
                Err(error) => return Err(from_host(error)),
            }
        }
        Ok(done)
    }
}

/// What a name in a directory below stands for.
#[derive(Debug)]
pub(super) enum FoundBelow {
    File { size: u64 },
    Dir,
    Symlink(Target),
    Special(FileKind),
}

/// A tree of the store that lies over a directory of the host.
#[derive(Debug)]
pub(super) struct Overlay {
    pub(super) root: NodeId,
    pub(super) view: View,
}

impl Overlay {
    /// Whether the overlay lies over this directory.
    pub(super) fn is_over(&self, lower: &Lower) -> bool {
        self.view.is_of(lower)
    }
}

/// One test's view of the directory below one of its overlays.
#[derive(Debug)]
pub(super) struct View {
    root: Arc<OpenDir>,
    /// The directories used last, the latest at the end.
    recent: VecDeque<Arc<OpenDir>>,
    host: HostCount,
}

impl View {
    /// A view that has opened nothing. Host descriptors will be counted in `host`.
    pub(super) fn new(lower: &Lower, host: HostCount) -> Self {
        Self { root: Arc::clone(&lower.0), recent: VecDeque::new(), host }
    }

    /// A view of the same directory for another test, whose host descriptors are counted in `host`.
    pub(super) fn fork(&self, host: HostCount) -> Self {
        Self { root: Arc::clone(&self.root), recent: VecDeque::new(), host }
    }

    /// Whether the view is of this directory.
    pub(super) fn is_of(&self, lower: &Lower) -> bool {
        Arc::ptr_eq(&self.root, &lower.0)
    }

    /// What a name in the directory at `path` stands for. Host work: the depth of `path`.
    pub(super) fn find(&mut self, path: &str, name: &str) -> Result<Option<FoundBelow>> {
        let dir = self.dir(path)?;
        look(&dir, name)
    }

    /// Everything in the directory at `path` that has a name in UTF-8, in order of the names' bytes. Host work: the entries.
    pub(super) fn list(&mut self, path: &str) -> Result<Vec<(Arc<str>, FoundBelow)>> {
        let dir = self.dir(path)?;
        let mut listed = Vec::new();
        for entry in Dir::read_from(&dir.fd).map_err(from_host)? {
            let entry = entry.map_err(from_host)?;
            // A name that is not UTF-8 cannot be given to the guest. Listing the others is better than failing.
            let Ok(name) = entry.file_name().to_str() else { continue };
            if matches!(name, "." | "..") {
                continue;
            }
            // A name that is removed during the listing is left out.
            if let Some(found) = look(&dir, name)? {
                listed.push((name.into(), found));
            }
        }
        listed.sort_unstable_by(|(a, _): &(Arc<str>, FoundBelow), (b, _)| a.cmp(b));
        Ok(listed)
    }

    /// Opens a regular file for reading.
    pub(super) fn open(&mut self, path: &str, name: &str) -> Result<OpenFile> {
        // Opening a FIFO that was put in the file's place would wait for its other end.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let fd = openat(&self.dir(path)?.fd, name, flags, Mode::empty()).map_err(from_host)?;
        let tracked = self.host.track();
        special::refuse(&fd).map_err(from_host)?;
        match kind(&fstat(&fd).map_err(from_host)?) {
            FileKind::File => Ok(OpenFile { fd, _tracked: tracked }),
            _ => Err(FsError::Acces),
        }
    }

    fn dir(&mut self, path: &str) -> Result<Arc<OpenDir>> {
        if path.is_empty() {
            return Ok(Arc::clone(&self.root));
        }
        if let Some(index) = self.recent.iter().position(|dir| &*dir.path == path) {
            let dir = self.recent.remove(index).ok_or(FsError::Io)?;
            self.recent.push_back(Arc::clone(&dir));
            return Ok(dir);
        }
        let nearest = self.recent.iter().filter(|dir| is_above(&dir.path, path)).max_by_key(|dir| dir.path.len());
        let mut at = Arc::clone(nearest.unwrap_or(&self.root));
        while at.path.len() < path.len() {
            let from = if at.path.is_empty() { 0 } else { at.path.len() + 1 };
            let end = path[from..].find('/').map_or(path.len(), |slash| from + slash);
            let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let fd = openat(&at.fd, &path[from..end], flags, Mode::empty()).map_err(from_host)?;
            special::refuse(&fd).map_err(from_host)?;
            at = Arc::new(OpenDir { path: path[..end].into(), fd, _tracked: Some(self.host.track()) });
            if self.recent.len() == OPEN_DIRS {
                self.recent.pop_front();
            }
            self.recent.push_back(Arc::clone(&at));
        }
        Ok(at)
    }
}

/// Whether a directory is somewhere above a path.
fn is_above(dir: &str, path: &str) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}

fn look(dir: &OpenDir, name: &str) -> Result<Option<FoundBelow>> {
    let stat = match statat(&dir.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT | Errno::NAMETOOLONG) => return Ok(None),
        stat => stat.map_err(from_host)?,
    };
    Ok(Some(match kind(&stat) {
        FileKind::File => FoundBelow::File { size: u64::try_from(stat.st_size).unwrap_or_default() },
        FileKind::Dir => FoundBelow::Dir,
        FileKind::Symlink => {
            let Some(target) = read_link(dir, name)? else { return Ok(None) };
            FoundBelow::Symlink(target)
        }
        special => FoundBelow::Special(special),
    }))
}

/// Where a symbolic link leads. `None` if it was removed since it was found, or something else was put in its place.
fn read_link(dir: &OpenDir, name: &str) -> Result<Option<Target>> {
    match readlinkat(&dir.fd, name, Vec::new()) {
        Ok(target) => Ok(Some(target.to_str().map_err(|_| FsError::Ilseq).and_then(target_of))),
        Err(Errno::NOENT | Errno::INVAL) => Ok(None),
        Err(error) => Err(from_host(error)),
    }
}

fn target_of(target: &str) -> Target {
    check(target).map(|()| target.into())
}

fn kind(stat: &Stat) -> FileKind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Dir,
        FileType::Symlink => FileKind::Symlink,
        FileType::Fifo => FileKind::Fifo,
        FileType::BlockDevice => FileKind::BlockDevice,
        FileType::Socket => FileKind::Socket,
        FileType::CharacterDevice | FileType::Unknown => FileKind::CharDevice,
    }
}

fn from_host(error: Errno) -> FsError {
    match error {
        // The name was there: another process has removed it, or put something else in its place.
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP => FsError::Noent,
        Errno::ACCESS | Errno::PERM => FsError::Acces,
        Errno::MFILE | Errno::NFILE => FsError::Nfile,
        _ => FsError::Io,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_is_gone_when_it_is_read_is_not_there() {
        let host = tempfile::tempdir().unwrap();
        std::fs::write(host.path().join("file"), "").unwrap();
        std::os::unix::fs::symlink("file", host.path().join("link")).unwrap();
        let dir = Lower::open(host.path()).unwrap().0;
        assert_eq!(read_link(&dir, "link"), Ok(Some(Ok("file".into()))));
        assert_eq!(read_link(&dir, "gone"), Ok(None));
        assert_eq!(read_link(&dir, "file"), Ok(None), "another has taken its place");
    }
}
