//! What the functions of preview 1 have in common: path arguments and their price, strings, scattered reads and gathered
//! writes, directory listings, opening.

use super::buffers::{gather, scatter};
use crate::sandbox::wasi::context::Wasi;
use crate::sandbox::wasi::fault::Fault;
use crate::sandbox::wasi::grants::{Grants, SCRATCH_PATH};
use crate::sandbox::wasi::meter;
use crate::sandbox::wasi::resolve::PATH_MAX;
use crate::sandbox::wasi::table::{DirEntry, OpenMode, Result, RightsPair, Times};
use wasi_common::snapshots::preview_1::types::{self, Errno, Fd, Rights};
use wiggle::{GuestMemory, GuestPtr};

impl Wasi {
    /// Reads a path argument, and charges its price.
    pub(super) fn path(&mut self, memory: &GuestMemory<'_>, path: GuestPtr<str>) -> Result<String> {
        self.world.meter.charge(meter::PATH, 1);
        self.given_paths.note(path.offset().0);
        if path.len() as usize > PATH_MAX {
            return Err(Errno::Nametoolong.into());
        }
        self.world.meter.charge(meter::BYTE, path.len() as usize);
        let path = memory.as_cow_str(path)?;
        if path.is_empty() {
            return Err(Errno::Noent.into());
        }
        if path.contains('\0') {
            return Err(Errno::Ilseq.into());
        }
        Ok(path.into_owned())
    }

    /// Remembers a path below `/` or `/tmp` at which the call found nothing. Other directories are granted by name: a path
    /// missing there is the test's own affair.
    pub(super) fn note_missing<T>(&mut self, dirfd: Fd, path: &str, found: Result<T>) -> Result<T> {
        if matches!(found, Err(Fault::Errno(Errno::Noent)))
            && let Some(dir @ ("/" | SCRATCH_PATH)) = self.table.get(dirfd)?.preopen.as_deref()
        {
            self.missing_paths.note(dir, path);
        }
        found
    }

    /// Counts bytes that moved between the guest and the outside: they cost fuel, and count against the limit `io`.
    pub(in crate::sandbox::wasi) fn moved(&mut self, bytes: usize) {
        self.world.meter.charge(meter::BYTE, bytes);
        self.quota.moved(bytes as u64);
    }

    /// Writes strings and the table of their addresses, as `args_get` and `environ_get` lay them out.
    pub(super) fn write_strings<'a>(
        &mut self,
        memory: &mut GuestMemory<'_>,
        strings: impl Iterator<Item = &'a str>,
        heads: GuestPtr<GuestPtr<u8>>,
        mut at: GuestPtr<u8>,
    ) -> Result<()> {
        let mut head = heads;
        for string in strings {
            let len = u32::try_from(string.len())?;
            memory.copy_from_slice(string.as_bytes(), at.as_array(len))?;
            memory.write(at.add(len)?, 0)?;
            memory.write(head, at)?;
            head = head.add(1)?;
            at = at.add(len + 1)?;
            self.world.meter.charge(meter::ENTRY, 1);
        }
        Ok(())
    }

    pub(super) fn times(&self, atim: u64, mtim: u64, flags: types::Fstflags) -> Result<Times> {
        let now = self.world.clock.realtime();
        let one = |set, set_now, value| match (set, set_now) {
            (true, true) => Err(Errno::Inval),
            (true, false) => Ok(Some(value)),
            (false, true) => Ok(Some(now)),
            (false, false) => Ok(None),
        };
        use types::Fstflags as F;
        Ok(Times {
            accessed: one(flags.contains(F::ATIM), flags.contains(F::ATIM_NOW), atim)?,
            modified: one(flags.contains(F::MTIM), flags.contains(F::MTIM_NOW), mtim)?,
        })
    }

    /// The guest's environment variables, as `name=value`.
    pub(super) fn environment<'a>(grants: &'a Grants, sockets: Option<&'a str>) -> impl Iterator<Item = &'a str> {
        grants.env.iter().map(String::as_str).chain(sockets)
    }
}

pub(super) fn sizes<'a>(strings: impl Iterator<Item = &'a str>) -> Result<(u32, u32)> {
    let (mut count, mut bytes) = (0u32, 0usize);
    for string in strings {
        count += 1;
        bytes += string.len() + 1;
    }
    Ok((count, u32::try_from(bytes)?))
}

pub(super) fn follows(flags: types::Lookupflags) -> bool {
    flags.contains(types::Lookupflags::SYMLINK_FOLLOW)
}

/// Where the next buffer of a read or write goes: `offset` plus the bytes done. `None` stands for the descriptor's own
/// offset.
fn at(offset: Option<u64>, done: usize) -> Result<Option<u64>> {
    offset.map(|offset| offset.checked_add(done as u64).ok_or_else(|| Errno::Fbig.into())).transpose()
}

impl Wasi {
    pub(super) fn read_file(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        iovs: types::IovecArray,
        offset: Option<u64>,
    ) -> Result<u32> {
        let (id, most) = (self.table.get(fd)?.id, self.most_bytes());
        let file = self.table.moving(fd, Rights::FD_READ, offset.is_some())?;
        let one = file.kind() != types::Filetype::RegularFile;
        let world = &mut self.world;
        let count = scatter(memory, iovs, (one, most), |buffer, done| match at(offset, done)? {
            Some(offset) => file.read_at(world, buffer, offset),
            None => file.read(world, buffer),
        });
        let count = count.map_err(|fault| self.name_wait(fd, fault))?;
        self.ledger.read(id, count as u64);
        self.moved(count);
        Ok(u32::try_from(count)?)
    }

    pub(super) fn write_file(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        iovs: types::CiovecArray,
        offset: Option<u64>,
    ) -> Result<u32> {
        let (id, most) = (self.table.get(fd)?.id, self.most_bytes());
        let file = self.table.moving(fd, Rights::FD_WRITE, offset.is_some())?;
        let world = &mut self.world;
        let count = gather(memory, iovs, most, |buffer, done| match at(offset, done)? {
            Some(offset) => file.write_at(world, buffer, offset),
            None => file.write(world, buffer),
        });
        let count = count.map_err(|fault| self.name_wait(fd, fault))?;
        self.ledger.wrote(id, count as u64);
        self.moved(count);
        Ok(u32::try_from(count)?)
    }

    pub(super) fn read_dir(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        buf: GuestPtr<u8>,
        len: u32,
        cookie: u64,
    ) -> Result<u32> {
        let listing = self.listing(fd, cookie == 0)?;
        let skip = usize::try_from(cookie).unwrap_or(usize::MAX).min(listing.len());
        let mut at = buf;
        let mut used = 0u32;
        for (index, entry) in listing.iter().enumerate().skip(skip) {
            self.world.meter.charge(meter::ENTRY, 1);
            for part in [&dirent(entry, index as u64 + 1)?[..], entry.name.as_bytes()] {
                let count = u32::try_from(part.len())?.min(len - used);
                memory.copy_from_slice(&part[..count as usize], at.as_array(count))?;
                used += count;
                self.quota.moved(count.into());
                // An entry that is cut, or a full buffer, tells the guest to call again.
                if (count as usize) < part.len() {
                    return Ok(len);
                }
                at = at.add(count)?;
            }
        }
        Ok(used)
    }

    pub(super) fn open_path(&mut self, dirfd: Fd, path: &str, how: OpenMode, asked: RightsPair) -> Result<Fd> {
        self.room_for_handle()?;
        let dir = self.table.dir(dirfd, Rights::empty())?;
        let opened = dir.open(&mut self.world, path, how)?;
        self.opened(dirfd, path, opened, asked)
    }
}

/// A directory entry's head as preview 1 lays it out: next cookie, inode, name length, type.
fn dirent(entry: &DirEntry, next: u64) -> Result<[u8; 24]> {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&next.to_le_bytes());
    bytes[8..16].copy_from_slice(&entry.ino.to_le_bytes());
    bytes[16..20].copy_from_slice(&u32::try_from(entry.name.len())?.to_le_bytes());
    bytes[20] = entry.kind as u8;
    Ok(bytes)
}
