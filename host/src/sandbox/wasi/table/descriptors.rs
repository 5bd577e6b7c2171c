//! The guest's descriptor table: from a descriptor to its object, with the object's key in the ledger. As in POSIX, the
//! lowest free number is used first.
//!
//! The accessors check what a call needs, in this order: the descriptor is open (`Badf`), it is of the right kind (`Isdir`,
//! `Notdir`, `Notsock`, `Spipe`), and it has the rights (see [`rights::check`]).

use super::object::{Dir, File};
use super::rights::{self, RightsPair};
use super::values::{DirEntry, Interest, Result};
use crate::ledger::HandleId;
use crate::sandbox::wasi::fault::Fault;
use std::sync::Arc;
use wasi_common::snapshots::preview_1::types::{Errno, Fd, Filetype, Rights};

/// What a descriptor refers to.
pub enum Object {
    File(Box<dyn File>),
    Dir {
        dir: Arc<dyn Dir>,
        /// The entries as they were when reading began: cookies stay valid while the guest removes names that it lists.
        listing: Option<Arc<[DirEntry]>>,
    },
}

impl Object {
    /// A copy of the object as it stands now, for a copy of its world; `None` for a file or directory that was opened on
    /// the host. A `granted` directory of the host is shared by all tests.
    fn fork(&self, granted: bool) -> Option<Self> {
        match self {
            Self::File(file) => file.fork().map(Self::File),
            Self::Dir { dir, .. } if dir.is_the_hosts() && !granted => None,
            Self::Dir { dir, listing } => Some(Self::Dir { dir: Arc::clone(dir), listing: listing.clone() }),
        }
    }
}

/// One descriptor.
pub struct DescriptorEntry {
    pub object: Object,
    pub id: HandleId,
    pub rights: RightsPair,
    /// The guest path under which reports name the object.
    pub path: Arc<str>,
    /// The path as which the descriptor was pre-opened.
    pub preopen: Option<Arc<str>>,
}

impl DescriptorEntry {
    /// The object's name for a message, with the descriptor at which the guest finds it.
    pub fn named_at(&self, fd: Fd) -> String {
        format!("{} (fd {})", self.path, u32::from(fd))
    }
}

/// All descriptors of one test.
#[derive(Default)]
pub struct Table {
    entries: Vec<Option<DescriptorEntry>>,
    /// All descriptors below this one are taken: finding the lowest free one does not take longer the more are open.
    taken: usize,
}

impl Table {
    pub fn with_capacity(entries: usize) -> Self {
        Self { entries: Vec::with_capacity(entries), taken: 0 }
    }

    /// The descriptor that [`Table::insert`] will use next.
    pub fn next_fd(&self) -> u32 {
        let above = &self.entries[self.taken..];
        let free = self.taken + above.iter().position(Option::is_none).unwrap_or(above.len());
        u32::try_from(free).unwrap_or(u32::MAX)
    }

    /// Puts an entry at the lowest free number: that of [`Table::next_fd`].
    pub fn insert(&mut self, entry: DescriptorEntry) -> u32 {
        let fd = self.next_fd();
        match self.entries.get_mut(fd as usize) {
            Some(slot) => *slot = Some(entry),
            None => self.entries.push(Some(entry)),
        }
        self.taken = fd as usize + 1;
        fd
    }

    pub fn get(&self, fd: Fd) -> Result<&DescriptorEntry> {
        self.entries.get(u32::from(fd) as usize).and_then(Option::as_ref).ok_or_else(|| Errno::Badf.into())
    }

    pub fn get_mut(&mut self, fd: Fd) -> Result<&mut DescriptorEntry> {
        self.entries.get_mut(u32::from(fd) as usize).and_then(Option::as_mut).ok_or_else(|| Errno::Badf.into())
    }

    pub fn remove(&mut self, fd: Fd) -> Result<DescriptorEntry> {
        let at = u32::from(fd) as usize;
        let removed = self.entries.get_mut(at).and_then(Option::take).ok_or(Errno::Badf)?;
        self.taken = self.taken.min(at);
        Ok(removed)
    }

    /// Moves `from` to the open descriptor `to`. Gives the entry that was at `to`.
    pub fn renumber(&mut self, from: Fd, to: Fd) -> Result<Option<DescriptorEntry>> {
        self.get(to)?;
        self.get(from)?;
        if from == to {
            return Ok(None);
        }
        let moved = self.remove(from)?;
        Ok(self.entries[u32::from(to) as usize].replace(moved))
    }

    /// The entry at a descriptor that has these rights, of any kind.
    pub fn having(&mut self, fd: Fd, needed: Rights) -> Result<&mut DescriptorEntry> {
        let entry = self.get_mut(fd)?;
        rights::check(entry.rights.base, needed)?;
        Ok(entry)
    }

    /// The file, stream or socket at a descriptor that has these rights; `Isdir` for a directory.
    pub fn file(&mut self, fd: Fd, needed: Rights) -> Result<&mut dyn File> {
        let entry = self.get_mut(fd)?;
        match &mut entry.object {
            Object::File(file) => {
                rights::check(entry.rights.base, needed)?;
                Ok(file.as_mut())
            }
            Object::Dir { .. } => Err(Errno::Isdir.into()),
        }
    }

    /// The regular file at a descriptor that has these rights; the errno `other` for a stream or a socket.
    pub fn regular(&mut self, fd: Fd, needed: Rights, other: Errno) -> Result<&mut dyn File> {
        if self.file(fd, Rights::empty())?.kind() != Filetype::RegularFile {
            return Err(other.into());
        }
        self.file(fd, needed)
    }

    /// The regular file at a descriptor whose size may be set; `Inval` for one that is not open for writing, as on Linux.
    pub fn resizable(&mut self, fd: Fd) -> Result<&mut dyn File> {
        self.regular(fd, Rights::empty(), Errno::Inval)?;
        if !self.get(fd)?.rights.base.contains(Rights::FD_WRITE) {
            return Err(Errno::Inval.into());
        }
        self.file(fd, Rights::FD_FILESTAT_SET_SIZE)
    }

    /// Which of two rights to ask for if one includes the other: the wider one, if the descriptor has it.
    pub fn either(&self, fd: Fd, wider: Rights, narrower: Rights) -> Result<Rights> {
        Ok(if self.get(fd)?.rights.base.contains(wider) { wider } else { narrower })
    }

    /// Synchronises the file or directory at a descriptor that has these rights. A directory's names are data to programs
    /// that rename.
    pub fn sync(&mut self, fd: Fd, needed: Rights) -> Result<()> {
        match self.dir(fd, needed) {
            Ok(dir) => dir.sync(),
            Err(Fault::Errno(Errno::Notdir)) => self.file(fd, needed)?.sync(),
            Err(fault) => Err(fault),
        }
    }

    /// The file whose bytes this right allows to move. If the call names the offset itself (`placed`), a stream is `Spipe`.
    pub fn moving(&mut self, fd: Fd, right: Rights, placed: bool) -> Result<&mut dyn File> {
        if placed { self.regular(fd, right | Rights::FD_SEEK, Errno::Spipe) } else { self.file(fd, right) }
    }

    /// The file at a descriptor that may be polled for this readiness.
    pub fn polled(&mut self, fd: Fd, interest: Interest) -> Result<&mut dyn File> {
        let needed = match interest {
            Interest::Read => Rights::FD_READ,
            Interest::Write => Rights::FD_WRITE,
        };
        self.file(fd, needed | Rights::POLL_FD_READWRITE)
    }

    /// The socket at a descriptor that has these rights; `Notsock` for anything else.
    pub fn socket(&mut self, fd: Fd, needed: Rights) -> Result<&mut dyn File> {
        let entry = self.get_mut(fd)?;
        match &mut entry.object {
            Object::File(file) if matches!(file.kind(), Filetype::SocketStream | Filetype::SocketDgram) => {
                rights::check(entry.rights.base, needed)?;
                Ok(file.as_mut())
            }
            Object::File(_) | Object::Dir { .. } => Err(Errno::Notsock.into()),
        }
    }

    /// Every open socket, by number.
    pub fn sockets(&self) -> impl Iterator<Item = (HandleId, &dyn File)> {
        self.entries.iter().flatten().filter_map(|entry| match &entry.object {
            Object::File(file) if file.kind() == Filetype::SocketStream => Some((entry.id, &**file)),
            _ => None,
        })
    }

    /// The directory at a descriptor that has these rights; `Notdir` for a file.
    pub fn dir(&self, fd: Fd, needed: Rights) -> Result<Arc<dyn Dir>> {
        let entry = self.get(fd)?;
        match &entry.object {
            Object::Dir { dir, .. } => {
                rights::check(entry.rights.base, needed)?;
                Ok(Arc::clone(dir))
            }
            Object::File(_) => Err(Errno::Notdir.into()),
        }
    }

    /// A copy of the table as it stands now.
    ///
    /// # Errors
    /// The name of the first entry that was opened on the host, and so cannot be copied.
    pub fn fork(&self) -> Result<Self, String> {
        let fork = |(fd, entry): (u32, &Option<DescriptorEntry>)| {
            let Some(entry) = entry else { return Ok::<_, String>(None) };
            let object = entry.object.fork(entry.preopen.is_some()).ok_or_else(|| entry.named_at(fd.into()))?;
            let (path, preopen) = (Arc::clone(&entry.path), entry.preopen.clone());
            Ok(Some(DescriptorEntry { object, id: entry.id, rights: entry.rights, path, preopen }))
        };
        let entries = (0..).zip(&self.entries).map(fork).collect::<Result<_, _>>()?;
        Ok(Self { entries, taken: self.taken })
    }

    /// Takes every entry out, by number.
    pub fn drain(&mut self) -> impl Iterator<Item = DescriptorEntry> + '_ {
        self.taken = 0;
        self.entries.drain(..).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::wasi::stdio::Stdout;
    use proptest::prelude::*;

    fn entry() -> DescriptorEntry {
        let object = Object::File(Box::new(Stdout { error: false }));
        let rights = RightsPair { base: Rights::empty(), inheriting: Rights::empty() };
        DescriptorEntry { object, id: HandleId::from_number(0), rights, path: "".into(), preopen: None }
    }

    proptest! {
        #[test]
        fn the_lowest_free_number_comes_first(steps in prop::collection::vec((0u32..3, 0u32..12, 0u32..12), 0..60)) {
            let mut table = Table::default();
            let mut open = std::collections::BTreeSet::new();
            for (step, a, b) in steps {
                let lowest = (0..).find(|fd| !open.contains(fd)).unwrap();
                prop_assert_eq!(table.next_fd(), lowest);
                match step {
                    0 => {
                        prop_assert_eq!(table.insert(entry()), lowest);
                        open.insert(lowest);
                    }
                    1 => prop_assert_eq!(table.remove(a.into()).is_ok(), open.remove(&a)),
                    _ => {
                        let both = open.contains(&a) && open.contains(&b);
                        prop_assert_eq!(table.renumber(a.into(), b.into()).is_ok(), both);
                        if both && a != b {
                            open.remove(&a);
                        }
                    }
                }
            }
            table.drain().for_each(drop);
            prop_assert_eq!(table.next_fd(), 0);
        }
    }
}
