//! The kernel's side of the comparison: calls on a real directory, and their results.

use super::ops::{Op, OracleCall};
use super::seen::ObservedResult;
use rustix::fs::{self as real, AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno as Host;
use std::os::fd::OwnedFd;
use std::path::Path;
use wasi_common::snapshots::preview_1::types::{Errno, Filetype};

pub fn open_dir(dir: &Path) -> OwnedFd {
    real::open(dir, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap()
}

/// Makes a call on a directory; a call with two paths, on another directory as well.
pub fn call(op: &Op, fd: &OwnedFd, to_fd: &OwnedFd) -> rustix::io::Result<ObservedResult> {
    let (path, to) = (&op.path, &op.to);
    let link_follow = if op.how.follow { AtFlags::SYMLINK_FOLLOW } else { AtFlags::empty() };
    let stat_follow = if op.how.follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
    match op.call {
        OracleCall::Open => return open(op, fd).and_then(|fd| Ok(seen(&real::fstat(&fd)?))),
        OracleCall::CreateDir => real::mkdirat(fd, path, Mode::from(0o700))?,
        OracleCall::RemoveDir => real::unlinkat(fd, path, AtFlags::REMOVEDIR)?,
        OracleCall::Unlink => real::unlinkat(fd, path, AtFlags::empty())?,
        OracleCall::Symlink => real::symlinkat(to, fd, path)?,
        OracleCall::Link => real::linkat(fd, path, to_fd, to, link_follow)?,
        OracleCall::Rename => real::renameat(fd, path, to_fd, to)?,
        OracleCall::ReadLink => {
            return Ok(ObservedResult::Text(real::readlinkat(fd, path, vec![])?.into_string().unwrap()));
        }
        OracleCall::Stat => {
            let stat = real::statat(fd, path, stat_follow)?;
            let target = real::readlinkat(fd, path, vec![]).unwrap_or_default();
            return Ok(hidden(seen(&stat), target.as_bytes()));
        }
        OracleCall::List => return Ok(ObservedResult::Names(names(fd)?)),
        OracleCall::Close | OracleCall::Read | OracleCall::Write | OracleCall::Truncate | OracleCall::Allocate => {
            unreachable!("not on a directory")
        }
    }
    Ok(ObservedResult::Nothing)
}

pub fn open(op: &Op, fd: &OwnedFd) -> rustix::io::Result<OwnedFd> {
    real::openat(fd, &op.path, flags(op), Mode::from(0o600))
}

/// Makes a call on an open file. Each write has another `stamp`, which is what it writes.
pub fn call_on_file(op: &Op, fd: &OwnedFd, stamp: u8) -> rustix::io::Result<ObservedResult> {
    let mut bytes = vec![stamp; op.len];
    let end = op.offset + op.len as u64;
    match op.call {
        OracleCall::Read => {
            let count = rustix::io::pread(fd, &mut bytes[..], op.offset)?;
            return Ok(ObservedResult::Bytes(bytes[..count].to_vec()));
        }
        OracleCall::Write => assert_eq!(rustix::io::pwrite(fd, &bytes, op.offset)?, op.len),
        OracleCall::Truncate => real::ftruncate(fd, op.offset)?,
        // Some file systems lack `fallocate`. Extending the file shows the same.
        _ if op.len == 0 => return Err(Host::INVAL),
        _ if end > real::fstat(fd)?.st_size as u64 => real::ftruncate(fd, end)?,
        _ => {}
    }
    Ok(seen(&real::fstat(fd)?))
}

/// Whether one of the call's paths leads out of its base.
pub fn op_leaves(op: &Op, fd: &OwnedFd, to_fd: &OwnedFd) -> bool {
    // A call that makes or removes a name does not follow it, even if a slash comes after it.
    let place = |fd, path: &str| leaves(fd, path.trim_end_matches('/'), false);
    match op.call {
        OracleCall::Open => leaves(fd, &op.path, op.how.follow && !(op.how.create && op.how.exclusive)),
        OracleCall::Stat => leaves(fd, &op.path, op.how.follow),
        OracleCall::ReadLink => leaves(fd, &op.path, false),
        OracleCall::CreateDir | OracleCall::RemoveDir | OracleCall::Unlink | OracleCall::Symlink => place(fd, &op.path),
        OracleCall::Link => leaves(fd, &op.path, op.how.follow) || place(to_fd, &op.to),
        OracleCall::Rename => place(fd, &op.path) || place(to_fd, &op.to),
        _ => false,
    }
}

/// The kernel's own answer to whether a path stays beneath a directory.
fn leaves(base: &OwnedFd, path: &str, follow: bool) -> bool {
    let nofollow = if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
    let flags = OFlags::PATH | OFlags::CLOEXEC | nofollow;
    loop {
        match real::openat2(base, path, flags, Mode::empty(), ResolveFlags::BENEATH) {
            // Another process has renamed something on this machine meanwhile.
            Err(Host::AGAIN) => {}
            Err(Host::NOSYS | Host::PERM) => {
                panic!("this test needs `openat2`: Linux 5.6, and a sandbox that lets it pass")
            }
            result => return result.err() == Some(Host::XDEV),
        }
    }
}

fn flags(op: &Op) -> OFlags {
    let how = op.how;
    let mut flags = OFlags::CLOEXEC | if how.write { OFlags::RDWR } else { OFlags::RDONLY };
    flags.set(OFlags::NOFOLLOW, !how.follow);
    flags.set(OFlags::CREATE, how.create);
    flags.set(OFlags::EXCL, how.create && how.exclusive);
    flags.set(OFlags::TRUNC, how.truncate);
    flags.set(OFlags::DIRECTORY, how.directory);
    flags
}

/// The errno that a guest gets for an error of the kernel.
pub fn errno(error: Host) -> Errno {
    match error {
        Host::BUSY => Errno::Busy,
        Host::EXIST => Errno::Exist,
        Host::INVAL => Errno::Inval,
        Host::ISDIR => Errno::Isdir,
        Host::LOOP => Errno::Loop,
        Host::NAMETOOLONG => Errno::Nametoolong,
        Host::NOENT => Errno::Noent,
        Host::NOTDIR => Errno::Notdir,
        Host::NOTEMPTY => Errno::Notempty,
        Host::PERM => Errno::Perm,
        other => panic!("the kernel says {other}"),
    }
}

fn kind(file: real::FileType) -> Filetype {
    match file {
        real::FileType::Directory => Filetype::Directory,
        real::FileType::RegularFile => Filetype::RegularFile,
        real::FileType::Symlink => Filetype::SymbolicLink,
        other => panic!("a {other:?}"),
    }
}

#[allow(clippy::unnecessary_cast, reason = "the width of `st_nlink` differs between architectures")]
pub fn seen(stat: &real::Stat) -> ObservedResult {
    ObservedResult::file(kind(real::FileType::from_raw_mode(stat.st_mode)), stat.st_size as u64, stat.st_nlink as u64)
}

/// A link to an absolute path of the host is shown without a size.
pub fn hidden(seen: ObservedResult, target: &[u8]) -> ObservedResult {
    match seen {
        ObservedResult::File { kind: Filetype::SymbolicLink, nlink, .. } if target.starts_with(b"/") => {
            ObservedResult::File { kind: Filetype::SymbolicLink, size: 0, nlink }
        }
        other => other,
    }
}

fn names(fd: &OwnedFd) -> rustix::io::Result<Vec<(String, Filetype)>> {
    let mut names = vec![];
    for entry in real::Dir::read_from(fd)? {
        let entry = entry?;
        names.push((entry.file_name().to_str().unwrap().to_owned(), kind(entry.file_type())));
    }
    names.sort_unstable_by(|(a, _): &(String, _), (b, _)| a.cmp(b));
    Ok(names)
}

/// The paths of everything below a directory.
pub fn tree(dir: &Path, prefix: &str, paths: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            tree(&entry.path(), &format!("{path}/"), paths);
        }
        paths.push(path);
    }
}
