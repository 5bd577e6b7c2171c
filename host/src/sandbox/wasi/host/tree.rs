//! How paths are resolved in directories of the host: one name at a time, each from the handle of the directory that holds
//! it, without following a symbolic link. So nothing outside of the grant can be reached, whatever other processes do to
//! the tree meanwhile.

use super::count::{DescriptorToken, HostCount};
use super::identity::HostId;
use super::special;
use crate::sandbox::wasi::fault::Fault;
use crate::sandbox::wasi::meter::{self, Meter};
use crate::sandbox::wasi::resolve::{FoundName, FsError, Target, Tree, What, check};
use crate::sandbox::wasi::world::World;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};
use rustix::io::Errno as Host;
use std::io::Error;
use std::os::fd::OwnedFd;
use std::sync::Arc;

type Result<T> = std::result::Result<T, Fault>;

/// An open directory of the host.
#[derive(Debug)]
pub struct OpenDir {
    pub fd: OwnedFd,
    /// Absent for the grant's own directory, which is opened once a run and shared by the tests.
    _tracked: Option<DescriptorToken>,
}

impl OpenDir {
    pub fn new(fd: OwnedFd, tracked: Option<DescriptorToken>) -> Arc<Self> {
        Arc::new(Self { fd, _tracked: tracked })
    }
}

/// A name in a directory of the host, and the status of what it stood for.
#[derive(Debug)]
pub struct HostNode {
    pub dir: Arc<OpenDir>,
    pub name: Arc<str>,
    pub stat: Stat,
}

/// The host's directories, for one resolution.
pub struct HostTree<'w> {
    count: &'w mut HostCount,
    meter: &'w mut Meter,
}

impl<'w> HostTree<'w> {
    pub fn new(world: &'w mut World) -> Self {
        Self { count: &mut world.host, meter: &mut world.meter }
    }
}

/// The flags to open a directory only to go through it.
#[cfg(target_os = "linux")]
const THROUGH: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const THROUGH: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Tree for HostTree<'_> {
    type Dir = Arc<OpenDir>;
    type Node = HostNode;
    type Mark = HostId;
    type Error = Fault;

    fn find(&mut self, dir: &Arc<OpenDir>, name: &str) -> Result<Option<FoundName<HostNode>>> {
        let Some(stat) = look(dir, name)? else {
            return Ok(None);
        };
        let what = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => What::Dir,
            FileType::Symlink => match target(dir, name)? {
                Some(target) => What::Link(target),
                // Another process has removed the link meanwhile, or put something else in its place.
                None => return Ok(None),
            },
            _ => What::Other,
        };
        Ok(Some(FoundName { node: HostNode { dir: Arc::clone(dir), name: name.into(), stat }, what }))
    }

    fn enter(&mut self, found: &HostNode) -> Result<Arc<OpenDir>> {
        let fd = openat(&found.dir.fd, &*found.name, THROUGH, Mode::empty()).map_err(Error::from)?;
        special::refuse(&fd).map_err(Error::from)?;
        Ok(OpenDir::new(fd, Some(self.count.track())))
    }

    fn mark(&mut self, dir: &Arc<OpenDir>) -> Result<HostId> {
        Ok(HostId::new(&fstat(&dir.fd).map_err(Error::from)?))
    }

    fn leave(&mut self, dir: &Arc<OpenDir>, above: HostId) -> Result<Arc<OpenDir>> {
        let fd = openat(&dir.fd, "..", THROUGH, Mode::empty()).map_err(Error::from)?;
        let parent = OpenDir::new(fd, Some(self.count.track()));
        // Another process has moved this directory: its parent may now be outside of the grant.
        if self.mark(&parent)? != above { Err(FsError::Noent.into()) } else { Ok(parent) }
    }

    fn count_step(&mut self) {
        self.meter.charge(meter::COMPONENT, 1);
    }
}

/// What a name stands for, if it exists. A symbolic link is not followed.
pub fn look(dir: &OpenDir, name: &str) -> Result<Option<Stat>> {
    match statat(&dir.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Host::NOENT) => Ok(None),
        found => Ok(Some(found.map_err(Error::from)?)),
    }
}

/// Where a symbolic link leads; `None` if the name is not a link any more.
fn target(dir: &OpenDir, name: &str) -> Result<Option<Target>> {
    match readlinkat(&dir.fd, name, Vec::new()) {
        Ok(target) => Ok(Some(match target.to_str() {
            Ok(target) => check(target).map(|()| target.into()),
            Err(_) => Err(FsError::Ilseq),
        })),
        Err(Host::NOENT | Host::INVAL) => Ok(None),
        Err(error) => Err(Error::from(error).into()),
    }
}
