//! The guest's descriptor table: descriptor -> object, with its key in the ledger. Lowest free number first, as POSIX has it.

use super::object::{Dir, DirEntry, File, Result};
use crate::ledger::HandleId;
use std::sync::Arc;
use wasi_common::snapshots::preview_1::types::{Errno, Fd, Filetype, Rights};

/// What a descriptor refers to.
pub enum Object {
    File(Box<dyn File>),
    Dir {
        dir: Arc<dyn Dir>,
        /// The entries as they were when reading began: cookies stay good while the guest removes what it lists.
        listing: Option<Arc<[DirEntry]>>,
    },
}

/// One descriptor.
pub struct Entry {
    pub object: Object,
    pub id: HandleId,
    pub rights: Rights,
    pub inheriting: Rights,
    /// The guest path under which reports name it, and what it opens.
    pub path: Arc<str>,
    /// The path it was pre-opened as.
    pub preopen: Option<Arc<str>>,
}

impl Entry {
    /// Its name for a message, with the descriptor at which the guest finds it.
    pub fn named_at(&self, fd: Fd) -> String {
        format!("{} (fd {})", self.path, u32::from(fd))
    }
}

/// All descriptors of one test.
#[derive(Default)]
pub struct Table {
    entries: Vec<Option<Entry>>,
}

impl Table {
    pub fn with_capacity(entries: usize) -> Self {
        Self { entries: Vec::with_capacity(entries) }
    }

    /// The descriptor that [`Table::insert`] will use next.
    pub fn next_fd(&self) -> u32 {
        let free = self.entries.iter().position(Option::is_none).unwrap_or(self.entries.len());
        u32::try_from(free).unwrap_or(u32::MAX)
    }

    /// Puts an entry at the lowest free number, which [`Table::next_fd`] has told before.
    pub fn insert(&mut self, entry: Entry) -> u32 {
        let fd = self.next_fd();
        match self.entries.get_mut(fd as usize) {
            Some(slot) => *slot = Some(entry),
            None => self.entries.push(Some(entry)),
        }
        fd
    }

    pub fn get(&self, fd: Fd) -> Result<&Entry> {
        self.entries.get(u32::from(fd) as usize).and_then(Option::as_ref).ok_or_else(|| Errno::Badf.into())
    }

    pub fn get_mut(&mut self, fd: Fd) -> Result<&mut Entry> {
        self.entries.get_mut(u32::from(fd) as usize).and_then(Option::as_mut).ok_or_else(|| Errno::Badf.into())
    }

    pub fn remove(&mut self, fd: Fd) -> Result<Entry> {
        self.entries.get_mut(u32::from(fd) as usize).and_then(Option::take).ok_or_else(|| Errno::Badf.into())
    }

    /// Moves `from` to the open descriptor `to`; what was there is returned.
    pub fn renumber(&mut self, from: Fd, to: Fd) -> Result<Option<Entry>> {
        self.get(to)?;
        self.get(from)?;
        if from == to {
            return Ok(None);
        }
        let moved = self.remove(from)?;
        Ok(self.entries[u32::from(to) as usize].replace(moved))
    }

    /// The file at a descriptor; a directory is `Isdir`.
    pub fn file(&mut self, fd: Fd) -> Result<&mut dyn File> {
        match &mut self.get_mut(fd)?.object {
            Object::File(file) => Ok(file.as_mut()),
            Object::Dir { .. } => Err(Errno::Isdir.into()),
        }
    }

    /// The socket at a descriptor; a directory is none, and other files say so themselves.
    pub fn socket(&mut self, fd: Fd) -> Result<&mut dyn File> {
        match &mut self.get_mut(fd)?.object {
            Object::File(file) => Ok(file.as_mut()),
            Object::Dir { .. } => Err(Errno::Notsock.into()),
        }
    }

    /// Every open socket, by number.
    pub fn sockets(&self) -> impl Iterator<Item = (HandleId, &dyn File)> {
        self.entries.iter().flatten().filter_map(|entry| match &entry.object {
            Object::File(file) if file.kind() == Filetype::SocketStream => Some((entry.id, &**file)),
            _ => None,
        })
    }

    /// The directory at a descriptor; a file is `Notdir`.
    pub fn dir(&self, fd: Fd) -> Result<Arc<dyn Dir>> {
        match &self.get(fd)?.object {
            Object::Dir { dir, .. } => Ok(Arc::clone(dir)),
            Object::File(_) => Err(Errno::Notdir.into()),
        }
    }

    /// Every entry, by number, leaving the table empty.
    pub fn drain(&mut self) -> impl Iterator<Item = Entry> + '_ {
        self.entries.drain(..).flatten()
    }
}
