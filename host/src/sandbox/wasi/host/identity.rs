//! Host files as one test knows them. The host's inode numbers and times differ between machines and between runs, and its
//! clock is ahead of the guest's. So a test gets inode numbers in the order in which it meets the files, and times that
//! begin with its own clock and move only by what the test itself does.

use crate::sandbox::wasi::table::Times;
use rustix::fs::{FileType, Stat};
use std::collections::HashMap;
use wasi_common::snapshots::preview_1::types::{Filestat, Filetype};

/// The scratch file system's inodes count from 1; those of the host start far above it.
const FIRST_INODE: u64 = 1 << 32;

/// The identity of a file on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HostId {
    device: u64,
    inode: u64,
}

impl HostId {
    #[allow(clippy::unnecessary_cast, reason = "the width of these differs between systems")]
    pub fn new(found: &Stat) -> Self {
        Self { device: found.st_dev as u64, inode: found.st_ino as u64 }
    }
}

/// What a test is shown of a host file. Times are in nanoseconds since 1970; reading does not move them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileFacts {
    pub ino: u64,
    pub accessed: u64,
    pub modified: u64,
    pub changed: u64,
}

impl FileFacts {
    fn new(ino: u64, now: u64) -> Self {
        Self { ino, accessed: now, modified: now, changed: now }
    }

    /// The contents changed, or the names in a directory.
    pub fn modified(&mut self, now: u64) {
        (self.modified, self.changed) = (now, now);
    }

    /// The test sets these times.
    pub fn set(&mut self, times: Times, now: u64) {
        self.accessed = times.accessed.unwrap_or(self.accessed);
        self.modified = times.modified.unwrap_or(self.modified);
        self.changed = now;
    }
}

/// The host files that one test has met.
#[derive(Debug, Clone)]
pub struct HostFiles {
    /// What the test's clock showed when it began.
    start: u64,
    known: HashMap<HostId, FileFacts>,
    met: u64,
}

impl HostFiles {
    /// No files yet, for a test that began at this time, in nanoseconds since 1970.
    pub fn new(start: u64) -> Self {
        Self { start, known: HashMap::new(), met: 0 }
    }

    /// The facts about a file; one that is met for the first time has the times of the test's start.
    pub fn facts(&mut self, id: HostId) -> &mut FileFacts {
        self.known.entry(id).or_insert_with(|| FileFacts::new(next(&mut self.met), self.start))
    }

    /// How many files are remembered.
    pub fn met(&self) -> u64 {
        self.known.len() as u64
    }

    /// The test has just made this file. The host may have given it the inode number of a file that is gone.
    pub fn made(&mut self, id: HostId, now: u64) {
        self.known.insert(id, FileFacts::new(next(&mut self.met), now));
    }
}

/// The status of a host file as the guest may see it. Links are counted only where the test may make some.
#[allow(clippy::unnecessary_cast, reason = "the width of `st_nlink` differs between systems")]
pub fn filestat(files: &mut HostFiles, found: &Stat, writable: bool) -> Filestat {
    let kind = filetype(FileType::from_raw_mode(found.st_mode));
    let known = files.facts(HostId::new(found));
    let bytes = u64::try_from(found.st_size).unwrap_or_default();
    let (nlink, size) = match kind {
        Filetype::Directory => (1, 0),
        _ if writable => (found.st_nlink as u64, bytes),
        _ => (1, bytes),
    };
    let (atim, mtim, ctim) = (known.accessed, known.modified, known.changed);
    Filestat { dev: 1, ino: known.ino, filetype: kind, nlink, size, atim, mtim, ctim }
}

fn filetype(kind: FileType) -> Filetype {
    match kind {
        FileType::Directory => Filetype::Directory,
        FileType::RegularFile => Filetype::RegularFile,
        FileType::Symlink => Filetype::SymbolicLink,
        FileType::BlockDevice => Filetype::BlockDevice,
        FileType::CharacterDevice => Filetype::CharacterDevice,
        FileType::Socket => Filetype::SocketStream,
        FileType::Fifo | FileType::Unknown => Filetype::Unknown,
    }
}

fn next(met: &mut u64) -> u64 {
    *met += 1;
    FIRST_INODE + *met - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_000;

    #[test]
    fn a_number_that_the_host_gives_again_is_another_file() {
        let mut files = HostFiles::new(START);
        let (a, b) = (HostId { device: 8, inode: 77 }, HostId { device: 9, inode: 77 });
        assert_eq!(*files.facts(a), FileFacts::new(FIRST_INODE, START));
        assert_eq!(files.facts(b).ino, FIRST_INODE + 1);
        files.facts(a).modified(START + 5);
        assert_eq!((files.facts(a).accessed, files.facts(a).modified), (START, START + 5));
        files.made(a, START + 9);
        assert_eq!(*files.facts(a), FileFacts::new(FIRST_INODE + 2, START + 9));
        assert_eq!(files.facts(b).ino, FIRST_INODE + 1);
    }
}
