//! The answers that a case's calls must get, and the handles that must be open after them: a map of descriptors and two
//! trees.

use super::steps::{GuestCall, Open};
use super::tree::{How, Node, Tree, errno};
use std::collections::BTreeMap;

/// Handles a test may hold at once.
pub const HANDLES: u32 = 6;

/// Where the model's trees are in the guest, by descriptor: from 3 on.
pub const ROOTS: [&str; 3] = ["/tmp", "/granted", "/overlay"];

/// The tree that is a directory of the host.
const HOST: usize = 1;

/// Files that the overlay finds below, and their sizes.
pub const BELOW: [(&str, u64); 2] = [("a", 5), ("d/b", 7)];

const FD_READ: u64 = 1 << 1;
const FD_SEEK: u64 = 1 << 2;
const FD_WRITE: u64 = 1 << 6;
const PATH_CREATE_DIRECTORY: u64 = 1 << 9;
const PATH_CREATE_FILE: u64 = 1 << 10;
const PATH_OPEN: u64 = 1 << 13;
const FD_READDIR: u64 = 1 << 14;
const PATH_RENAME_SOURCE: u64 = 1 << 16;
const PATH_RENAME_TARGET: u64 = 1 << 17;
const PATH_FILESTAT_SET_SIZE: u64 = 1 << 19;
const PATH_REMOVE_DIRECTORY: u64 = 1 << 25;
const PATH_UNLINK_FILE: u64 = 1 << 26;
const SOCKETS: u64 = 1 << 28 | 1 << 29;
/// Rights of a file: data-sync, read, seek, flags, sync, tell, write, advise, allocate, status, size, times, poll.
const OF_FILE: u64 = 0x1ff | 1 << 21 | 1 << 22 | 1 << 23 | 1 << 27;
/// Rights of a directory: all that begin with `path`, listing it, its own status and times, synchronising it.
const OF_DIR: u64 = ((1 << 27) - (1 << 9)) & !(1 << 22) | 1 | 1 << 4;
/// Rights of a stream, reading or writing aside: data-sync, flags, sync, status, poll.
const OF_STREAM: u64 = 1 | 1 << 3 | 1 << 4 | 1 << 21 | 1 << 27;

/// A way to be wrong, for the canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Descriptor numbers are not used again.
    NeverReuses,
    /// What a renumbering replaces stays open.
    RenumberKeeps,
    /// A handle is known by the number it was opened at.
    RenumberIsNotSeen,
    /// Closing a descriptor that is not open succeeds.
    CloseForgives,
    /// The peak counts what is open at the end.
    PeakIsTheEnd,
    /// A descriptor has every right that was asked for.
    RightsStay,
    /// An exit with a status is a normal finish.
    ExitsAreNormal,
}

impl Flaw {
    pub const ALL: [Self; 7] = [
        Self::NeverReuses,
        Self::RenumberKeeps,
        Self::RenumberIsNotSeen,
        Self::CloseForgives,
        Self::PeakIsTheEnd,
        Self::RightsStay,
        Self::ExitsAreNormal,
    ];
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Thing {
    Stdin,
    /// Standard output, or error.
    Stdout(bool),
    Node {
        tree: usize,
        node: Node,
        dir: bool,
        at: u64,
        append: bool,
    },
}

/// What a descriptor refers to.
#[derive(Debug, Clone)]
struct Handle {
    thing: Thing,
    path: String,
    base: u64,
    inheriting: u64,
    /// Its place in the order of acquisition; what the host opened has none.
    opened: Option<u32>,
    opened_at: u32,
    mode: Option<&'static str>,
    read: u64,
    written: u64,
}

/// A handle as the report lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldHandle {
    pub dir: bool,
    pub fd: u32,
    pub path: String,
    pub mode: Option<String>,
    pub read: u64,
    pub written: u64,
}

/// What a call answers: its errno, and what it returns.
pub type Answer = Result<Vec<u8>, u32>;

pub struct Model {
    trees: [Tree; 3],
    open: BTreeMap<u32, Handle>,
    /// What a flawed model keeps for ever.
    kept: Vec<(u32, Handle)>,
    acquired: u32,
    peak: u32,
    highest: u32,
    flaw: Option<Flaw>,
}

impl Model {
    pub fn new(flaw: Option<Flaw>) -> Self {
        let granted = |thing, path: &str, base, inheriting| Handle {
            thing,
            path: path.to_owned(),
            base,
            inheriting,
            opened: None,
            opened_at: 0,
            mode: None,
            read: 0,
            written: 0,
        };
        let streams = [(Thing::Stdin, FD_READ), (Thing::Stdout(false), FD_WRITE), (Thing::Stdout(true), FD_WRITE)];
        let streams = streams.map(|(thing, right)| granted(thing, "", right | OF_STREAM, 0));
        let roots = [0, 1, 2].map(|tree| {
            let root = Thing::Node { tree, node: 0, dir: true, at: 0, append: false };
            granted(root, ROOTS[tree], OF_DIR, OF_DIR | OF_FILE)
        });
        let open = (0..).zip(streams.into_iter().chain(roots)).collect();
        let trees = [Tree::default(), Tree::default(), Tree::holding(&BELOW)];
        Self { trees, open, kept: Vec::new(), acquired: 0, peak: 0, highest: 5, flaw }
    }

    fn wrong(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// A descriptor that still leads to standard output or error, and which of the two it is.
    pub fn stream(&self) -> Option<(u32, bool)> {
        self.open.iter().find_map(|(fd, handle)| match handle.thing {
            Thing::Stdout(error) if handle.base & FD_WRITE != 0 => Some((*fd, error)),
            _ => None,
        })
    }

    /// What the test holds, in order of acquisition. What stands for a standard stream at the end is not held.
    pub fn held(&self) -> Vec<HeldHandle> {
        let kept = self.kept.iter().map(|(fd, handle)| (fd, handle));
        let open = self.open.iter().filter(|(fd, _)| **fd > 2);
        let mut held: Vec<_> = open.chain(kept).filter(|(_, handle)| handle.opened.is_some()).collect();
        held.sort_by_key(|(_, handle)| handle.opened);
        held.into_iter()
            .map(|(fd, handle)| HeldHandle {
                dir: matches!(handle.thing, Thing::Node { dir: true, .. }),
                fd: if self.wrong(Flaw::RenumberIsNotSeen) { handle.opened_at } else { *fd },
                path: handle.path.clone(),
                mode: handle.mode.map(str::to_owned),
                read: handle.read,
                written: handle.written,
            })
            .collect()
    }

    /// The most handles at once.
    pub fn peak(&self) -> u32 {
        if self.wrong(Flaw::PeakIsTheEnd) { self.count() } else { self.peak }
    }

    fn count(&self) -> u32 {
        u32::try_from(self.open.values().filter(|handle| handle.opened.is_some()).count()).unwrap_or(u32::MAX)
    }

    /// What a call answers.
    pub fn step(&mut self, step: &GuestCall) -> Answer {
        match step {
            GuestCall::Open(open) => self.open(open),
            GuestCall::Close(fd) => match self.open.remove(fd) {
                None if !self.wrong(Flaw::CloseForgives) => Err(errno::BADF),
                _ => Ok(Vec::new()),
            },
            GuestCall::Renumber(from, to) => self.renumber(*from, *to),
            GuestCall::Read(fd, len) => self.read(*fd, *len),
            GuestCall::Write(fd, len) => self.write(*fd, *len),
            GuestCall::Seek(fd, to) => self.seek(*fd, *to),
            GuestCall::ReadDir(fd) => self.read_dir(*fd),
            GuestCall::SetRights(fd, base, inheriting) => self.set_rights(*fd, *base, *inheriting),
            GuestCall::Accept(fd) => {
                self.handle(*fd)?;
                Err(errno::NOTSOCK)
            }
            GuestCall::CreateDir(fd, path) => {
                let (tree, node) = self.dir(*fd, PATH_CREATE_DIRECTORY)?;
                self.trees[tree].create_dir(node, path).map(|()| Vec::new())
            }
            GuestCall::RemoveDir(fd, path) => {
                let (tree, node) = self.dir(*fd, PATH_REMOVE_DIRECTORY)?;
                self.trees[tree].remove_dir(node, path).map(|()| Vec::new())
            }
            GuestCall::Unlink(fd, path) => {
                let (tree, node) = self.dir(*fd, PATH_UNLINK_FILE)?;
                self.trees[tree].unlink(node, path).map(|()| Vec::new())
            }
            GuestCall::Rename(from, path, to, name) => {
                let (from, to) = (self.dir(*from, PATH_RENAME_SOURCE)?, self.dir(*to, PATH_RENAME_TARGET)?);
                if from.0 != to.0 {
                    return Err(self.across((from, path), (to, name)));
                }
                self.trees[from.0].rename((from.1, path), (to.1, name)).map(|()| Vec::new())
            }
        }
    }

    /// Why nothing is moved from one file system to another.
    fn across(&self, from: ((usize, Node), &str), to: ((usize, Node), &str)) -> u32 {
        let ((from_tree, from_dir), ((to_tree, to_dir), name)) = (from.0, to);
        // Those in memory are found out when both directories are known, as on Linux; the host is never asked.
        if from_tree == HOST || to_tree == HOST {
            return errno::XDEV;
        }
        let found = self.trees[from_tree].find(from_dir, from.1);
        found.and_then(|()| self.trees[to_tree].find(to_dir, name)).err().unwrap_or(errno::XDEV)
    }

    fn handle(&mut self, fd: u32) -> Result<&mut Handle, u32> {
        self.open.get_mut(&fd).ok_or(errno::BADF)
    }

    fn dir(&mut self, fd: u32, needed: u64) -> Result<(usize, Node), u32> {
        let handle = self.handle(fd)?;
        match handle.thing {
            Thing::Node { tree, node, dir: true, .. } => {
                holds(handle.base, needed)?;
                Ok((tree, node))
            }
            _ => Err(errno::NOTDIR),
        }
    }

    fn open(&mut self, open: &Open) -> Answer {
        let needed = PATH_OPEN
            | if open.create { PATH_CREATE_FILE } else { 0 }
            | if open.truncate { PATH_FILESTAT_SET_SIZE } else { 0 };
        let (tree, base) = self.dir(open.dir, needed)?;
        let parent = self.handle(open.dir)?;
        let (path, passed) = (named(&parent.path, open.path), parent.inheriting);
        if (open.base | open.inheriting) & !SOCKETS & !passed != 0 {
            return Err(errno::NOTCAPABLE);
        }
        if self.count() >= HANDLES {
            return Err(errno::MFILE);
        }
        let write = open.base & FD_WRITE != 0;
        let how = How {
            create: open.create,
            directory: open.directory,
            exclusive: open.exclusive,
            truncate: open.truncate,
            write,
        };
        let node = self.trees[tree].open(base, open.path, how)?;
        let dir = self.trees[tree].is_dir(node);
        let applies = if self.wrong(Flaw::RightsStay) { (u64::MAX, u64::MAX) } else { rights_of(dir) };
        let mode = match (dir, open.base & FD_READ != 0, write) {
            (true, ..) | (false, false, false) => None,
            (false, true, false) => Some("read"),
            (false, false, true) => Some("write"),
            (false, true, true) => Some("read-write"),
        };
        let lowest = (0..).find(|fd| !self.open.contains_key(fd)).unwrap_or(u32::MAX);
        let fd = if self.wrong(Flaw::NeverReuses) { self.highest + 1 } else { lowest };
        self.highest = self.highest.max(fd);
        let handle = Handle {
            thing: Thing::Node { tree, node, dir, at: 0, append: open.append },
            path,
            base: open.base & applies.0,
            inheriting: open.inheriting & applies.1,
            opened: Some(self.acquired),
            opened_at: fd,
            mode,
            read: 0,
            written: 0,
        };
        self.acquired += 1;
        self.open.insert(fd, handle);
        self.peak = self.peak.max(self.count());
        Ok(fd.to_le_bytes().to_vec())
    }

    fn renumber(&mut self, from: u32, to: u32) -> Answer {
        self.handle(to)?;
        self.handle(from)?;
        if from != to
            && let Some(moved) = self.open.remove(&from)
            && let Some(replaced) = self.open.insert(to, moved)
            && self.wrong(Flaw::RenumberKeeps)
        {
            self.kept.push((to, replaced));
        }
        Ok(Vec::new())
    }

    fn read(&mut self, fd: u32, len: u32) -> Answer {
        let handle = self.open.get_mut(&fd).ok_or(errno::BADF)?;
        if matches!(handle.thing, Thing::Node { dir: true, .. }) {
            return Err(errno::ISDIR);
        }
        holds(handle.base, FD_READ)?;
        let count = match &mut handle.thing {
            Thing::Node { tree, node, at, .. } => {
                let count = self.trees[*tree].size(*node).saturating_sub(*at).min(len.into());
                *at += count;
                count
            }
            Thing::Stdin | Thing::Stdout(_) => 0,
        };
        handle.read += count;
        Ok(low_bytes(count))
    }

    fn write(&mut self, fd: u32, len: u32) -> Answer {
        let handle = self.open.get_mut(&fd).ok_or(errno::BADF)?;
        if matches!(handle.thing, Thing::Node { dir: true, .. }) {
            return Err(errno::ISDIR);
        }
        holds(handle.base, FD_WRITE)?;
        handle.written += u64::from(len);
        if let Thing::Node { tree, node, at, append, .. } = &mut handle.thing
            && len > 0
        {
            let size = self.trees[*tree].size(*node);
            if *append {
                *at = size;
            }
            *at += u64::from(len);
            self.trees[*tree].set_size(*node, size.max(*at));
        }
        Ok(low_bytes(len.into()))
    }

    /// Whether a descriptor is standard output or error, and which.
    pub fn is_stream(&self, fd: u32) -> Option<bool> {
        match self.open.get(&fd)?.thing {
            Thing::Stdout(error) => Some(error),
            _ => None,
        }
    }

    fn seek(&mut self, fd: u32, to: u64) -> Answer {
        let handle = self.handle(fd)?;
        match &mut handle.thing {
            Thing::Node { dir: true, .. } => Err(errno::ISDIR),
            Thing::Node { at, .. } => {
                holds(handle.base, FD_SEEK)?;
                *at = to;
                Ok(to.to_le_bytes().to_vec())
            }
            Thing::Stdin | Thing::Stdout(_) => Err(errno::SPIPE),
        }
    }

    fn read_dir(&mut self, fd: u32) -> Answer {
        let (tree, node) = self.dir(fd, FD_READDIR)?;
        let named: usize = self.trees[tree].names(node).iter().map(|len| 24 + len).sum();
        let all = named + 2 * 24 + ".".len() + "..".len();
        Ok(low_bytes(all.min(super::case::LISTED as usize) as u64))
    }

    fn set_rights(&mut self, fd: u32, base: u64, inheriting: u64) -> Answer {
        let handle = self.handle(fd)?;
        if base & !handle.base != 0 || inheriting & !handle.inheriting != 0 {
            return Err(errno::NOTCAPABLE);
        }
        (handle.base, handle.inheriting) = (base, inheriting);
        Ok(Vec::new())
    }
}

fn rights_of(dir: bool) -> (u64, u64) {
    if dir { (OF_DIR, OF_DIR | OF_FILE) } else { (OF_FILE, 0) }
}

fn holds(base: u64, needed: u64) -> Result<(), u32> {
    match needed & !base {
        0 => Ok(()),
        missing if missing & (FD_READ | FD_WRITE) != 0 => Err(errno::BADF),
        _ => Err(errno::NOTCAPABLE),
    }
}

fn low_bytes(count: u64) -> Vec<u8> {
    count.to_le_bytes()[..4].to_vec()
}

/// How a report names what a path leads to.
fn named(base: &str, path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." && !parts.is_empty() {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.iter().fold(base.to_owned(), |name, part| format!("{name}/{part}"))
}
