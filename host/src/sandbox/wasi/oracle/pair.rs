//! A directory of a guest and one of the kernel, on which the same calls are made.

use super::kernel;
use super::ops::{Op, OracleCall};
use super::seen::ObservedResult;
use crate::sandbox::wasi::captured::{CapturedOutput, Streams};
use crate::sandbox::wasi::clock::Clock;
use crate::sandbox::wasi::fault::Fault;
use crate::sandbox::wasi::scratch::{self, Scratch};
use crate::sandbox::wasi::table::{Dir, File, FileOrDir, OpenMode};
use crate::sandbox::wasi::watchdog::Watchdog;
use crate::sandbox::wasi::world::World;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasi_common::snapshots::preview_1::types::{Errno, Filestat, Filetype};

type Result<T> = std::result::Result<T, Errno>;

enum Ours {
    Dir(Arc<dyn Dir>),
    File(Box<dyn File>),
}

/// Something open on both sides.
struct PairedHandle {
    ours: Ours,
    fd: Arc<OwnedFd>,
    write: bool,
}

pub struct Pair {
    world: World,
    /// The root, then everything that was opened.
    handles: Vec<PairedHandle>,
    /// The kernel's directory.
    real: PathBuf,
    /// The byte that the next write writes: another one each time.
    stamp: u8,
}

const READ: OpenMode = OpenMode { follow: false, ..OpenMode::READ };

impl Pair {
    pub fn new(dir: Arc<dyn Dir>, real: &Path) -> Self {
        let watchdog = Watchdog { deadline: Instant::now() + Duration::from_secs(600), interrupted: Arc::default() };
        let clock = Clock::new(crate::policy::Clock::default());
        let scratch = Scratch::new(1 << 20, 10_000, clock.start());
        let world = World::new(scratch, CapturedOutput::new(0, Streams::Captured), watchdog, clock);
        let handle = PairedHandle { ours: Ours::Dir(dir), fd: kernel::open_dir(real).into(), write: false };
        Self { world, handles: vec![handle], real: real.to_owned(), stamp: 0 }
    }

    /// Makes all calls, and compares the trees at the end.
    pub fn run_all(mut self, ops: &[Op]) {
        for op in ops {
            self.run(op);
        }
        self.finish();
    }

    /// Compares the trees, and closes what is open.
    pub fn finish(mut self) {
        self.compare_trees();
        while self.handles.len() > 1 {
            self.close(0);
        }
        scratch::audit(&self.world.scratch);
        drop(std::mem::take(&mut self.handles));
        let host = self.world.host.clone();
        drop(self.world);
        assert_eq!(host.open(), 0);
    }

    fn base(&self, index: usize) -> (Arc<dyn Dir>, Arc<OwnedFd>) {
        let dirs: Vec<_> = self.handles.iter().filter_map(PairedHandle::dir).collect();
        dirs[index % dirs.len()].clone()
    }

    fn root(&self) -> Arc<dyn Dir> {
        self.base(0).0
    }

    pub fn run(&mut self, op: &Op) {
        self.stamp = self.stamp.wrapping_add(1);
        let ((base, fd), (to_base, to_fd)) = (self.base(op.at), self.base(op.to_at));
        match op.call {
            OracleCall::Close => self.close(op.at),
            OracleCall::Read | OracleCall::Write | OracleCall::Truncate | OracleCall::Allocate => self.run_on_file(op),
            _ if leads_out(op, &fd, &to_fd) => {
                // Never made on the kernel's side, where it would reach outside.
                let ours = call(&mut self.world, op, &base, &to_base);
                assert!(ours.is_err(), "{op:?} leaves its base: {ours:?}");
            }
            OracleCall::Open => {
                let theirs = kernel::open(op, &fd).map_err(kernel::errno);
                self.open(op, &base, theirs);
            }
            _ => {
                let theirs = kernel::call(op, &fd, &to_fd).map_err(kernel::errno);
                let ours = call(&mut self.world, op, &base, &to_base);
                assert!(agree(op, &ours, &theirs), "{op:?}: {ours:?}, the kernel: {theirs:?}");
            }
        }
        scratch::audit(&self.world.scratch);
    }

    fn open(&mut self, op: &Op, base: &Arc<dyn Dir>, theirs: Result<OwnedFd>) {
        let ours = base.open(&mut self.world, &op.path, op.how).map_err(errno);
        match (ours, theirs) {
            (Ok(opened), Ok(fd)) => {
                let ours = match opened {
                    FileOrDir::Dir(dir) => Ours::Dir(dir),
                    FileOrDir::File(file) => Ours::File(file),
                };
                let handle = PairedHandle { ours, fd: fd.into(), write: op.how.write };
                let theirs = kernel::seen(&rustix::fs::fstat(&handle.fd).unwrap());
                assert_eq!(handle.seen(&mut self.world), Ok(theirs), "{op:?}");
                self.handles.push(handle);
            }
            (ours, theirs) => assert_eq!(ours.err(), theirs.err(), "{op:?}"),
        }
    }

    /// Makes a call that would change something, on a directory that must not change. Its error is compared with the
    /// kernel's on a copy.
    pub fn refuse(&mut self, op: &Op, copy: &Path) {
        let (root, fd) = (self.root(), kernel::open_dir(copy));
        if matches!(op.call, OracleCall::Write | OracleCall::Truncate | OracleCall::Allocate) {
            assert!(!self.handles.iter().any(|handle| handle.write), "it was opened for writing");
            return;
        }
        if leads_out(op, &fd, &fd) {
            let ours = call(&mut self.world, op, &root, &root);
            assert!(ours.is_err(), "{op:?} leaves its base: {ours:?}");
            return;
        }
        let count = |copy| {
            let mut paths = vec![];
            kernel::tree(copy, "", &mut paths);
            paths.len()
        };
        let before = count(copy);
        let theirs = kernel::call(op, &fd, &fd).map_err(kernel::errno);
        let ours = call(&mut self.world, op, &root, &root);
        let harmless =
            matches!(op.call, OracleCall::Open) && !op.how.write && !op.how.truncate && count(copy) == before;
        match (&ours, &theirs) {
            (_, Ok(_)) if harmless => assert_eq!(ours, theirs, "{op:?}"),
            (_, Ok(_)) => assert_eq!(ours, Err(Errno::Rofs), "{op:?}"),
            (Err(Errno::Rofs), Err(_)) => {}
            _ => assert!(agree(op, &ours, &theirs), "{op:?}: {ours:?}, the kernel: {theirs:?}"),
        }
    }

    fn run_on_file(&mut self, op: &Op) {
        let any = matches!(op.call, OracleCall::Read);
        let files = self.handles.iter_mut().filter_map(|PairedHandle { ours, fd, write }| match ours {
            Ours::File(file) if any || *write => Some((file, fd)),
            _ => None,
        });
        let mut files: Vec<_> = files.collect();
        let count = files.len().max(1);
        let Some((file, fd)) = files.get_mut(op.at % count) else { return };
        let ours = call_on_file(&mut self.world, op, &mut ***file, self.stamp);
        let theirs = kernel::call_on_file(op, fd, self.stamp).map_err(kernel::errno);
        assert_eq!(ours, theirs, "{op:?}");
    }

    fn close(&mut self, index: usize) {
        // The root stays open.
        let index = 1 + index % self.handles.len();
        if index < self.handles.len() {
            close(self.handles.remove(index).ours, &mut self.world);
        }
    }

    /// Compares the two trees, file by file.
    fn compare_trees(&mut self) {
        let mut real = vec![];
        kernel::tree(&self.real, "", &mut real);
        real.sort();
        let mut ours = vec![];
        let root = self.root();
        tree(&mut self.world, &root, "", &mut ours);
        ours.sort();
        assert_eq!(ours, real);
        for path in ours {
            self.compare(&root, &path);
        }
    }

    fn compare(&mut self, root: &Arc<dyn Dir>, path: &str) {
        let world = &mut self.world;
        let theirs = self.real.join(path);
        let stat = rustix::fs::lstat(&theirs).unwrap();
        let target = std::fs::read_link(&theirs).unwrap_or_default().into_os_string().into_encoded_bytes();
        let found = root.stat_path(world, path, false).map_err(errno).unwrap();
        assert_eq!(seen(&found), kernel::hidden(kernel::seen(&stat), &target), "{path}");
        match found.filetype {
            Filetype::RegularFile => {
                let Ok(FileOrDir::File(mut file)) = root.open(world, path, READ) else { panic!("{path}") };
                let mut bytes = vec![0; usize::try_from(found.size).unwrap() + 1];
                let count = file.read_at(world, &mut bytes, 0).map_err(errno).unwrap();
                assert_eq!(bytes[..count], std::fs::read(theirs).unwrap(), "{path}");
                close(Ours::File(file), world);
            }
            Filetype::SymbolicLink => match root.read_link(world, path).map_err(errno) {
                Ok(read) => assert_eq!(read.as_bytes(), target, "{path}"),
                Err(error) => assert_eq!((error, target[0]), (Errno::Perm, b'/'), "{path}"),
            },
            _ => {}
        }
    }
}

impl PairedHandle {
    fn dir(&self) -> Option<(Arc<dyn Dir>, Arc<OwnedFd>)> {
        match &self.ours {
            Ours::Dir(dir) => Some((Arc::clone(dir), Arc::clone(&self.fd))),
            Ours::File(_) => None,
        }
    }

    fn seen(&self, world: &mut World) -> Result<ObservedResult> {
        let stat = match &self.ours {
            Ours::Dir(dir) => dir.stat(world),
            Ours::File(file) => file.stat(world),
        };
        stat.map(|stat| seen(&stat)).map_err(errno)
    }
}

fn close(ours: Ours, world: &mut World) {
    match ours {
        Ours::Dir(dir) => dir.close(world),
        Ours::File(mut file) => file.close(world),
    }
}

fn errno(fault: Fault) -> Errno {
    match fault {
        Fault::Errno(errno) => errno,
        other => panic!("{other:?}"),
    }
}

fn seen(stat: &Filestat) -> ObservedResult {
    ObservedResult::file(stat.filetype, stat.size, stat.nlink)
}

/// Makes a call on directories of the guest.
fn call(world: &mut World, op: &Op, base: &Arc<dyn Dir>, to_base: &Arc<dyn Dir>) -> Result<ObservedResult> {
    let done = |()| ObservedResult::Nothing;
    let result = match op.call {
        OracleCall::Open => base.open(world, &op.path, op.how).and_then(|opened| match opened {
            FileOrDir::Dir(dir) => {
                let stat = dir.stat(world);
                close(Ours::Dir(dir), world);
                Ok(seen(&stat?))
            }
            FileOrDir::File(file) => {
                let stat = file.stat(world);
                close(Ours::File(file), world);
                Ok(seen(&stat?))
            }
        }),
        OracleCall::CreateDir => base.create_dir(world, &op.path).map(done),
        OracleCall::RemoveDir => base.remove_dir(world, &op.path).map(done),
        OracleCall::Unlink => base.unlink(world, &op.path).map(done),
        OracleCall::Symlink => base.symlink(world, &op.to, &op.path).map(done),
        OracleCall::Link => base.link(world, &op.path, op.how.follow, &**to_base, &op.to).map(done),
        OracleCall::Rename => base.rename(world, &op.path, &**to_base, &op.to).map(done),
        OracleCall::ReadLink => base.read_link(world, &op.path).map(ObservedResult::Text),
        OracleCall::Stat => base.stat_path(world, &op.path, op.how.follow).map(|stat| seen(&stat)),
        OracleCall::List => return names(world, base).map(ObservedResult::Names),
        OracleCall::Close | OracleCall::Read | OracleCall::Write | OracleCall::Truncate | OracleCall::Allocate => {
            unreachable!("not on a directory")
        }
    };
    result.map_err(errno)
}

fn call_on_file(world: &mut World, op: &Op, file: &mut dyn File, stamp: u8) -> Result<ObservedResult> {
    let mut bytes = vec![stamp; op.len];
    match op.call {
        OracleCall::Read => {
            let count = file.read_at(world, &mut bytes, op.offset).map_err(errno)?;
            return Ok(ObservedResult::Bytes(bytes[..count].to_vec()));
        }
        OracleCall::Write => assert_eq!(file.write_at(world, &bytes, op.offset).map_err(errno)?, op.len),
        OracleCall::Truncate => file.set_size(world, op.offset).map_err(errno)?,
        _ => file.allocate(world, op.offset, op.len as u64).map_err(errno)?,
    }
    file.stat(world).map(|stat| seen(&stat)).map_err(errno)
}

fn names(world: &mut World, dir: &Arc<dyn Dir>) -> Result<Vec<(String, Filetype)>> {
    match dir.list(world).map_err(errno) {
        Ok(entries) => {
            let mut names: Vec<_> = entries.into_iter().map(|entry| (entry.name, entry.kind)).collect();
            names.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            Ok(names)
        }
        // A removed directory: the kernel lists it without even the dots.
        Err(Errno::Noent) => Ok(vec![]),
        Err(error) => Err(error),
    }
}

fn tree(world: &mut World, dir: &Arc<dyn Dir>, prefix: &str, paths: &mut Vec<String>) {
    for (name, kind) in names(world, dir).unwrap() {
        if matches!(&*name, "." | "..") {
            continue;
        }
        let path = format!("{prefix}{name}");
        if kind == Filetype::Directory {
            let Ok(FileOrDir::Dir(below)) = dir.open(world, &name, READ) else { panic!("{path}") };
            tree(world, &below, &format!("{path}/"), paths);
            close(Ours::Dir(below), world);
        }
        paths.push(path);
    }
}

/// Whether a call leads out of its base, as the kernel sees it. A symbolic link that a test makes may not lead to an
/// absolute path.
fn leads_out(op: &Op, fd: &OwnedFd, to_fd: &OwnedFd) -> bool {
    kernel::op_leaves(op, fd, to_fd) || matches!(op.call, OracleCall::Symlink) && op.to.starts_with('/')
}

/// Whether both results are the same. Two differences are allowed. If a file holds the name and a slash follows, WASI's
/// test suite asks for `Notdir`. And a link's target that is an absolute path of the host is not read.
fn agree(op: &Op, ours: &Result<ObservedResult>, theirs: &Result<ObservedResult>) -> bool {
    let new_name = match op.call {
        OracleCall::Symlink => &op.path,
        OracleCall::Link => &op.to,
        _ => "",
    };
    let slash = new_name.ends_with('/') && (ours, theirs) == (&Err(Errno::Notdir), &Err(Errno::Exist));
    let hidden =
        matches!((ours, theirs), (Err(Errno::Perm), Ok(ObservedResult::Text(target))) if target.starts_with('/'));
    ours == theirs || slash || hidden
}
