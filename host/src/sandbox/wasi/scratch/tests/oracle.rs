//! The same random calls on this file system and on a real directory of the kernel: same results, same tree. An overlay is
//! compared with a copy of the directory that it lies over, and that directory must be as it was at the end.
//!
//! A long run, of a hundred thousand sequences each (about an hour):
//!
//! ```text
//! PROPTEST_CASES=100000 cargo test -p airtight --lib scratch::tests::oracle
//! ```

use super::below::{picture, plant, seeds};
use super::ops::{Call, Op, op};
use super::*;
use crate::sandbox::wasi::host::HostCount;
use proptest::prelude::*;
use rustix::fs::{self as real, AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::Path;

/// What a call shows, in a form that both sides can give.
#[derive(Debug, PartialEq)]
enum Seen {
    Nothing,
    Text(String),
    Bytes(Vec<u8>),
    File { kind: FileKind, size: u64, nlink: u64 },
    Names(Vec<(String, FileKind)>),
}

/// An open file on both sides.
struct Handle {
    node: NodeId,
    fd: OwnedFd,
    kind: FileKind,
    write: bool,
}

struct Pair {
    fs: Scratch,
    root: NodeId,
    /// The root, and whatever is opened.
    handles: Vec<Handle>,
    /// What is written: each write something else.
    stamp: u8,
}

impl Pair {
    /// A directory of `fs`, and a real one with the same in it.
    fn new(fs: Scratch, root: NodeId, dir: &Path) -> Self {
        let fd = real::open(dir, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let handle = Handle { node: root, fd, kind: FileKind::Dir, write: false };
        Self { fs, root, handles: vec![handle], stamp: 0 }
    }

    /// Runs everything, compares what is left, and closes what is open.
    fn run_all(mut self, ops: &[Op], dir: &Path) {
        for op in ops {
            self.run(op);
        }
        self.compare_trees(dir);
        while self.handles.len() > 1 {
            self.close(0);
        }
        audit::audit(&self.fs);
    }

    fn base(&self, index: usize) -> &Handle {
        let dirs: Vec<_> = self.handles.iter().filter(|handle| handle.kind == FileKind::Dir).collect();
        dirs[index % dirs.len()]
    }

    /// An open regular file, if there is one.
    fn file(&self, op: &Op) -> Option<&Handle> {
        let any = matches!(op.call, Call::Read);
        let fits = |handle: &&Handle| handle.kind == FileKind::File && (any || handle.write);
        let files: Vec<_> = self.handles.iter().filter(fits).collect();
        files.get(op.at % files.len().max(1)).copied()
    }

    fn run(&mut self, op: &Op) {
        if let Call::Close = op.call {
            return self.close(op.at);
        }
        self.stamp = self.stamp.wrapping_add(1);
        if self.leaves(op) {
            // Never tried for real: it would touch what is outside.
            let ours = self.ours(op);
            assert!(ours.is_err(), "{op:?} leaves its base: {ours:?}");
        } else if let Call::Open = op.call {
            self.open(op);
        } else {
            let (ours, theirs) = (self.ours(op), self.theirs(op).map_err(from_kernel));
            assert!(agree(op, &ours, &theirs), "{op:?}: {ours:?}, the kernel: {theirs:?}");
        }
        audit::audit(&self.fs);
    }

    fn open(&mut self, op: &Op) {
        let (node, fd) = (self.base(op.at).node, &self.base(op.at).fd);
        let theirs = real::openat(fd, &op.path, flags(op.how), Mode::from(0o600)).map_err(from_kernel);
        let ours = self.fs.open(node, &op.path, op.how, 2);
        match (ours, theirs) {
            (Ok(OpenResult { node, kind }), Ok(fd)) => {
                assert_eq!(self.seen(node), Ok(seen(&real::fstat(&fd).unwrap())), "{op:?}");
                self.handles.push(Handle { node, fd, kind, write: op.how.write });
            }
            (ours, theirs) => assert_eq!(ours.err(), theirs.err(), "{op:?}"),
        }
    }

    fn close(&mut self, index: usize) {
        // The root stays open.
        let index = 1 + index % self.handles.len();
        if index < self.handles.len() {
            let handle = self.handles.remove(index);
            assert_eq!(self.fs.release(handle.node), Ok(()));
        }
    }

    /// Whether a path of the call leads out of its base, as the kernel sees it.
    fn leaves(&self, op: &Op) -> bool {
        let leaves = |at: usize, path: &str, follow: bool| leaves(&self.base(at).fd, path, follow);
        // A call that makes or removes a name does not follow it, even if a slash comes after.
        let place = |at: usize, path: &str| leaves(at, path.trim_end_matches('/'), false);
        match op.call {
            Call::Open => leaves(op.at, &op.path, op.how.follow && !(op.how.create && op.how.exclusive)),
            Call::Stat => leaves(op.at, &op.path, op.how.follow),
            Call::ReadLink => leaves(op.at, &op.path, false),
            Call::CreateDir | Call::RemoveDir | Call::Unlink | Call::Symlink => place(op.at, &op.path),
            Call::Link => leaves(op.at, &op.path, op.how.follow) || place(op.to_at, &op.to),
            Call::Rename => place(op.at, &op.path) || place(op.to_at, &op.to),
            _ => false,
        }
    }

    fn ours(&mut self, op: &Op) -> Result<Seen> {
        let (base, to_base) = (self.base(op.at).node, self.base(op.to_at).node);
        let fs = &mut self.fs;
        match op.call {
            Call::Open => fs.open(base, &op.path, op.how, 2).map(|_| Seen::Nothing),
            Call::CreateDir => fs.create_dir(base, &op.path, 2).map(|_| Seen::Nothing),
            Call::RemoveDir => fs.remove_dir(base, &op.path, 2).map(|()| Seen::Nothing),
            Call::Unlink => fs.unlink(base, &op.path, 2).map(|()| Seen::Nothing),
            Call::Symlink => fs.symlink(&op.to, base, &op.path, 2).map(|_| Seen::Nothing),
            Call::Link => fs.link(base, &op.path, op.how.follow, to_base, &op.to, 2).map(|()| Seen::Nothing),
            Call::Rename => fs.rename(base, &op.path, to_base, &op.to, 2).map(|()| Seen::Nothing),
            Call::ReadLink => fs.read_link(base, &op.path).map(|target| Seen::Text((*target).to_owned())),
            Call::Stat => {
                let node = self.fs.lookup(base, &op.path, op.how.follow)?;
                self.seen(node)
            }
            Call::List => self.names(base),
            _ => self.ours_on_file(op),
        }
    }

    fn ours_on_file(&mut self, op: &Op) -> Result<Seen> {
        let Some(&Handle { node, .. }) = self.file(op) else { return Ok(Seen::Nothing) };
        let mut bytes = vec![self.stamp; op.len];
        match op.call {
            Call::Read => {
                let count = self.fs.read_at(node, op.offset, &mut bytes)?;
                return Ok(Seen::Bytes(bytes[..count].to_vec()));
            }
            Call::Write => assert_eq!(self.fs.write_at(node, op.offset, &bytes, 2)?, op.len),
            Call::Truncate => self.fs.truncate(node, op.offset, 2)?,
            _ => self.fs.allocate(node, op.offset, op.len as u64, 2)?,
        }
        self.seen(node)
    }

    fn theirs(&self, op: &Op) -> rustix::io::Result<Seen> {
        let (fd, to_fd) = (&self.base(op.at).fd, &self.base(op.to_at).fd);
        let (path, to) = (&op.path, &op.to);
        let link_follow = if op.how.follow { AtFlags::SYMLINK_FOLLOW } else { AtFlags::empty() };
        let stat_follow = if op.how.follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
        match op.call {
            Call::CreateDir => real::mkdirat(fd, path, Mode::from(0o700))?,
            Call::RemoveDir => real::unlinkat(fd, path, AtFlags::REMOVEDIR)?,
            Call::Unlink => real::unlinkat(fd, path, AtFlags::empty())?,
            Call::Symlink => real::symlinkat(to, fd, path)?,
            Call::Link => real::linkat(fd, path, to_fd, to, link_follow)?,
            Call::Rename => real::renameat(fd, path, to_fd, to)?,
            Call::ReadLink => return Ok(Seen::Text(real::readlinkat(fd, path, vec![])?.into_string().unwrap())),
            Call::Stat => return Ok(seen(&real::statat(fd, path, stat_follow)?)),
            Call::List => return Ok(Seen::Names(real_names(fd)?)),
            _ => return self.theirs_on_file(op),
        }
        Ok(Seen::Nothing)
    }

    fn theirs_on_file(&self, op: &Op) -> rustix::io::Result<Seen> {
        let Some(Handle { fd, .. }) = self.file(op) else { return Ok(Seen::Nothing) };
        let mut bytes = vec![self.stamp; op.len];
        let end = op.offset + op.len as u64;
        match op.call {
            Call::Read => {
                let count = rustix::io::pread(fd, &mut bytes[..], op.offset)?;
                return Ok(Seen::Bytes(bytes[..count].to_vec()));
            }
            Call::Write => assert_eq!(rustix::io::pwrite(fd, &bytes, op.offset)?, op.len),
            Call::Truncate => real::ftruncate(fd, op.offset)?,
            // Not every file system of the kernel has `fallocate`; what it shows, every one has.
            _ if op.len == 0 => return Err(Errno::INVAL),
            _ if end > real::fstat(fd)?.st_size as u64 => real::ftruncate(fd, end)?,
            _ => {}
        }
        Ok(seen(&real::fstat(fd)?))
    }

    fn seen(&self, node: NodeId) -> Result<Seen> {
        let stat = self.fs.stat(node)?;
        // A directory's link count differs between the kernel's file systems.
        let nlink = if stat.kind == FileKind::Dir { 0 } else { stat.nlink };
        Ok(Seen::File { kind: stat.kind, size: stat.size, nlink })
    }

    fn names(&mut self, dir: NodeId) -> Result<Seen> {
        let mut names: Vec<_> = match self.fs.read_dir(dir) {
            Ok(entries) => entries.map(|entry| (entry.name.to_owned(), entry.kind)).collect(),
            // A removed directory, which the kernel lists as empty of even the dots.
            Err(FsError::Noent) => vec![],
            Err(error) => return Err(error),
        };
        names.sort();
        Ok(Seen::Names(names))
    }

    /// Compares what is left, file by file.
    fn compare_trees(&mut self, dir: &Path) {
        let mut real = vec![];
        real_tree(dir, "", &mut real);
        real.sort();
        let mut ours = vec![];
        our_tree(&mut self.fs, self.root, "", &mut ours);
        ours.sort();
        assert_eq!(ours, real);
        for path in ours {
            let node = self.fs.lookup(self.root, &path, false).unwrap();
            let theirs = dir.join(&path);
            let stat = real::lstat(&theirs).unwrap();
            assert_eq!(self.seen(node), Ok(seen(&stat)), "{path}");
            match self.fs.stat(node).unwrap().kind {
                FileKind::File => {
                    self.fs.open(self.root, &path, READ, 2).unwrap();
                    assert_eq!(content(&self.fs, node), std::fs::read(theirs).unwrap(), "{path}");
                    self.fs.release(node).unwrap();
                }
                FileKind::Symlink => {
                    let target = std::fs::read_link(theirs).unwrap();
                    assert_eq!(self.fs.read_link(self.root, &path), Ok(target.to_str().unwrap().into()), "{path}");
                }
                _ => {}
            }
        }
    }
}

fn our_tree(fs: &mut Scratch, dir: NodeId, prefix: &str, paths: &mut Vec<String>) {
    let entries: Vec<_> = fs.read_dir(dir).unwrap().map(|entry| (entry.name.to_owned(), entry.kind)).collect();
    for (name, kind) in entries.into_iter().skip(2) {
        let path = format!("{prefix}{name}");
        if kind == FileKind::Dir {
            let below = fs.lookup(dir, &name, false).unwrap();
            our_tree(fs, below, &format!("{path}/"), paths);
        }
        paths.push(path);
    }
}

/// The same result, but for one: WASI's test suite asks for `Notdir` where a file holds the name, and a slash follows.
fn agree(op: &Op, ours: &Result<Seen>, theirs: &Result<Seen>) -> bool {
    let new_name = match op.call {
        Call::Symlink => &op.path,
        Call::Link => &op.to,
        _ => "",
    };
    let excused = new_name.ends_with('/') && (ours, theirs) == (&Err(FsError::Notdir), &Err(FsError::Exist));
    ours == theirs || excused
}

/// The kernel's own answer to whether a path stays beneath a directory.
fn leaves(base: &OwnedFd, path: &str, follow: bool) -> bool {
    let nofollow = if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
    let flags = OFlags::PATH | OFlags::CLOEXEC | nofollow;
    loop {
        match real::openat2(base, path, flags, Mode::empty(), ResolveFlags::BENEATH) {
            // Something was renamed elsewhere on the machine meanwhile.
            Err(Errno::AGAIN) => {}
            Err(Errno::NOSYS | Errno::PERM) => {
                panic!("this test needs `openat2`: Linux 5.6, and a sandbox that lets it pass")
            }
            result => return result.err() == Some(Errno::XDEV),
        }
    }
}

fn flags(how: OpenFlags) -> OFlags {
    let mut flags = OFlags::CLOEXEC | if how.write { OFlags::RDWR } else { OFlags::RDONLY };
    flags.set(OFlags::NOFOLLOW, !how.follow);
    flags.set(OFlags::CREATE, how.create);
    flags.set(OFlags::EXCL, how.create && how.exclusive);
    flags.set(OFlags::TRUNC, how.truncate);
    flags.set(OFlags::DIRECTORY, how.directory);
    flags
}

fn from_kernel(errno: Errno) -> FsError {
    match errno {
        Errno::BUSY => FsError::Busy,
        Errno::EXIST => FsError::Exist,
        Errno::INVAL => FsError::Inval,
        Errno::ISDIR => FsError::Isdir,
        Errno::LOOP => FsError::Loop,
        Errno::NAMETOOLONG => FsError::Nametoolong,
        Errno::NOENT => FsError::Noent,
        Errno::NOTDIR => FsError::Notdir,
        Errno::NOTEMPTY => FsError::Notempty,
        Errno::PERM => FsError::Perm,
        other => panic!("the kernel says {other}"),
    }
}

fn kind(file: real::FileType) -> FileKind {
    match file {
        real::FileType::Directory => FileKind::Dir,
        real::FileType::RegularFile => FileKind::File,
        real::FileType::Symlink => FileKind::Symlink,
        other => panic!("a {other:?}"),
    }
}

#[allow(clippy::unnecessary_cast, reason = "the width of `st_nlink` differs between architectures")]
fn seen(stat: &real::Stat) -> Seen {
    match kind(real::FileType::from_raw_mode(stat.st_mode)) {
        FileKind::Dir => Seen::File { kind: FileKind::Dir, size: 0, nlink: 0 },
        kind => Seen::File { kind, size: stat.st_size as u64, nlink: stat.st_nlink as u64 },
    }
}

fn real_names(fd: &OwnedFd) -> rustix::io::Result<Vec<(String, FileKind)>> {
    let mut names = vec![];
    for entry in real::Dir::read_from(fd)? {
        let entry = entry?;
        names.push((entry.file_name().to_str().unwrap().to_owned(), kind(entry.file_type())));
    }
    names.sort();
    Ok(names)
}

fn real_tree(dir: &Path, prefix: &str, paths: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            real_tree(&entry.path(), &format!("{path}/"), paths);
        }
        paths.push(path);
    }
}

proptest! {
    #[test]
    fn agrees_with_the_kernel(ops in prop::collection::vec(op(), 1..80)) {
        let dir = tempfile::tempdir().unwrap();
        let fs = scratch();
        let root = fs.root();
        Pair::new(fs, root, dir.path()).run_all(&ops, dir.path());
    }

    #[test]
    fn an_overlay_agrees_with_a_copy(seeds in seeds(), ops in prop::collection::vec(op(), 1..80)) {
        let (below, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for dir in [&below, &copy] {
            plant(&seeds, dir.path());
        }
        let before = picture(below.path());
        let (mut fs, mut host) = (scratch(), HostCount::default());
        let root = fs.overlay(&Lower::open(below.path()).unwrap(), &mut host);
        Pair::new(fs, root, copy.path()).run_all(&ops, copy.path());
        prop_assert_eq!(host.open(), 0);
        prop_assert_eq!(picture(below.path()), before);
    }
}
