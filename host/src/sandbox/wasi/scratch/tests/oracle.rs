//! The same random calls on this file system and on a real directory of the kernel: same results, same tree.

use super::ops::{Call, Op, op};
use super::*;
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
    /// The root, and whatever is opened.
    handles: Vec<Handle>,
    /// What is written: each write something else.
    stamp: u8,
}

impl Pair {
    fn new(dir: &Path) -> Self {
        let fs = scratch();
        let fd = real::open(dir, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let root = Handle { node: fs.root(), fd, kind: FileKind::Dir, write: false };
        Self { fs, handles: vec![root], stamp: 0 }
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
            (Ok(Opened { node, kind }), Ok(fd)) => {
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
            Call::ReadLink => fs.read_link(base, &op.path).map(|target| Seen::Text(target.to_owned())),
            Call::Stat => self.seen(self.fs.lookup(base, &op.path, op.how.follow)?),
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

    fn names(&self, dir: NodeId) -> Result<Seen> {
        let mut names: Vec<_> = match self.fs.read_dir(dir, 0) {
            Ok(entries) => entries.map(|entry| (entry.name.to_owned(), entry.kind)).collect(),
            // A removed directory, which the kernel lists as empty of even the dots.
            Err(FsError::Noent) => vec![],
            Err(error) => return Err(error),
        };
        names.sort();
        Ok(Seen::Names(names))
    }

    /// Compares what is left, file by file.
    fn compare_trees(&self, dir: &Path) {
        let mut real = vec![];
        real_tree(dir, "", &mut real);
        real.sort();
        let mut ours = tree(&self.fs);
        ours.sort();
        assert_eq!(ours, real);
        for path in ours {
            let node = self.fs.lookup(self.fs.root(), &path, false).unwrap();
            let theirs = dir.join(&path);
            let stat = real::lstat(&theirs).unwrap();
            assert_eq!(self.seen(node), Ok(seen(&stat)), "{path}");
            match self.fs.stat(node).unwrap().kind {
                FileKind::File => assert_eq!(content(&self.fs, node), std::fs::read(theirs).unwrap(), "{path}"),
                FileKind::Symlink => {
                    let target = std::fs::read_link(theirs).unwrap();
                    assert_eq!(self.fs.read_link(self.fs.root(), &path), Ok(target.to_str().unwrap()), "{path}");
                }
                FileKind::Dir => {}
            }
        }
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

fn flags(how: OpenHow) -> OFlags {
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
        let mut pair = Pair::new(dir.path());
        for op in &ops {
            pair.run(op);
        }
        pair.compare_trees(dir.path());
        while pair.handles.len() > 1 {
            pair.close(0);
        }
        audit::audit(&pair.fs);
    }
}
