//! The 46 functions of WASI preview 1, each a few lines over the descriptor table.

use super::buffers::{gather, scatter};
use super::clock::RESOLUTION;
use super::context::{Acquired, Wasi, socket_rights};
use super::meter;
use super::object::{How, Result as Outcome, Times};
use super::table::Object;
use crate::ledger::{Access, Kind};
use crate::sandbox::ending::GuestExit;
use std::io::SeekFrom;
use wasi_common::snapshots::preview_1::types::{self, Errno, Error, Fd, Rights};
use wasi_common::snapshots::preview_1::wasi_snapshot_preview1::WasiSnapshotPreview1;
use wiggle::{GuestMemory, GuestPtr};

type Result<T> = std::result::Result<T, Error>;

impl Wasi {
    /// A path argument, with its price.
    fn path(&mut self, memory: &GuestMemory<'_>, path: GuestPtr<str>) -> Outcome<String> {
        self.world.meter.charge(meter::PATH, 1);
        self.world.meter.charge(meter::BYTE, path.len() as usize);
        if path.len() > 4096 {
            return Err(Errno::Nametoolong.into());
        }
        let path = memory.as_cow_str(path)?;
        if path.is_empty() {
            return Err(Errno::Noent.into());
        }
        if path.contains('\0') {
            return Err(Errno::Ilseq.into());
        }
        Ok(path.into_owned())
    }

    fn moved(&mut self, bytes: usize) {
        self.world.meter.charge(meter::BYTE, bytes);
    }

    fn allowed(&self, fd: Fd, rights: Rights) -> Outcome<()> {
        if self.table.get(fd)?.rights.contains(rights) { Ok(()) } else { Err(Errno::Badf.into()) }
    }

    /// Writes strings and the table of their addresses, as `args_get` and `environ_get` lay them out.
    fn write_strings<'a>(
        &mut self,
        memory: &mut GuestMemory<'_>,
        strings: impl Iterator<Item = &'a str>,
        heads: GuestPtr<GuestPtr<u8>>,
        mut at: GuestPtr<u8>,
    ) -> Outcome<()> {
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

    fn times(&self, atim: u64, mtim: u64, flags: types::Fstflags) -> Outcome<Times> {
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

    fn environment(grants: &super::grants::Grants, sockets: Option<&str>) -> Vec<String> {
        grants.env.iter().cloned().chain(sockets.map(str::to_owned)).collect()
    }
}

fn sizes<'a>(strings: impl Iterator<Item = &'a str>) -> Outcome<(u32, u32)> {
    let (mut count, mut bytes) = (0u32, 0usize);
    for string in strings {
        count += 1;
        bytes += string.len() + 1;
    }
    Ok((count, u32::try_from(bytes)?))
}

fn follows(flags: types::Lookupflags) -> bool {
    flags.contains(types::Lookupflags::SYMLINK_FOLLOW)
}

/// A write's or read's place: at an offset, or at the descriptor's own.
fn at(offset: Option<u64>, done: usize) -> Outcome<Option<u64>> {
    offset.map(|offset| offset.checked_add(done as u64).ok_or_else(|| Errno::Fbig.into())).transpose()
}

impl Wasi {
    fn read_file(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        iovs: types::IovecArray,
        offset: Option<u64>,
    ) -> Outcome<u32> {
        self.allowed(fd, Rights::FD_READ)?;
        let id = self.table.get(fd)?.id;
        let file = self.table.file(fd)?;
        let one = file.kind() != types::Filetype::RegularFile;
        let world = &mut self.world;
        let count = scatter(memory, iovs, one, |buffer, done| match at(offset, done)? {
            Some(offset) => file.read_at(world, buffer, offset),
            None => file.read(world, buffer),
        })?;
        self.ledger.read(id, count as u64);
        self.moved(count);
        Ok(u32::try_from(count)?)
    }

    fn write_file(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        iovs: types::CiovecArray,
        offset: Option<u64>,
    ) -> Outcome<u32> {
        self.allowed(fd, Rights::FD_WRITE)?;
        let id = self.table.get(fd)?.id;
        let file = self.table.file(fd)?;
        let world = &mut self.world;
        let count = gather(memory, iovs, |buffer, done| match at(offset, done)? {
            Some(offset) => file.write_at(world, buffer, offset),
            None => file.write(world, buffer),
        })?;
        self.ledger.wrote(id, count as u64);
        self.moved(count);
        Ok(u32::try_from(count)?)
    }

    fn read_dir(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        buf: GuestPtr<u8>,
        len: u32,
        cookie: u64,
    ) -> Outcome<u32> {
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
                // A cut entry, or a full buffer, tells the guest to come again.
                if (count as usize) < part.len() {
                    return Ok(len);
                }
                at = at.add(count)?;
            }
        }
        Ok(used)
    }

    fn open_path(&mut self, dirfd: Fd, path: &str, how: How, rights: (Rights, Rights)) -> Outcome<Fd> {
        self.room_for_handle()?;
        let dir = self.table.dir(dirfd)?;
        let opened = dir.open(&mut self.world, path, how)?;
        self.opened(dirfd, path, opened, rights)
    }
}

/// A directory entry's head as preview 1 lays it out: next cookie, inode, name length, type.
fn dirent(entry: &super::object::DirEntry, next: u64) -> Outcome<[u8; 24]> {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&next.to_le_bytes());
    bytes[8..16].copy_from_slice(&entry.ino.to_le_bytes());
    bytes[16..20].copy_from_slice(&u32::try_from(entry.name.len())?.to_le_bytes());
    bytes[20] = entry.kind as u8;
    Ok(bytes)
}

#[wiggle::async_trait]
impl WasiSnapshotPreview1 for Wasi {
    async fn args_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        argv: GuestPtr<GuestPtr<u8>>,
        buf: GuestPtr<u8>,
    ) -> Result<()> {
        let args = self.args.clone();
        Ok(self.write_strings(memory, args.iter().map(AsRef::as_ref), argv, buf)?)
    }

    async fn args_sizes_get(&mut self, _: &mut GuestMemory<'_>) -> Result<(u32, u32)> {
        Ok(sizes(self.args.iter().map(AsRef::as_ref))?)
    }

    async fn environ_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        environ: GuestPtr<GuestPtr<u8>>,
        buf: GuestPtr<u8>,
    ) -> Result<()> {
        let strings = Self::environment(&self.grants, self.env_sockets.as_deref());
        Ok(self.write_strings(memory, strings.iter().map(String::as_str), environ, buf)?)
    }

    async fn environ_sizes_get(&mut self, _: &mut GuestMemory<'_>) -> Result<(u32, u32)> {
        Ok(sizes(self.grants.env.iter().map(String::as_str).chain(self.env_sockets.as_deref()))?)
    }

    async fn clock_res_get(&mut self, _: &mut GuestMemory<'_>, _: types::Clockid) -> Result<u64> {
        Ok(RESOLUTION)
    }

    async fn clock_time_get(&mut self, _: &mut GuestMemory<'_>, id: types::Clockid, _precision: u64) -> Result<u64> {
        let clock = &self.world.clock;
        Ok(match id {
            types::Clockid::Realtime => clock.realtime(),
            types::Clockid::Monotonic => clock.monotonic(),
            types::Clockid::ProcessCputimeId | types::Clockid::ThreadCputimeId => clock.spent,
        })
    }

    async fn fd_advise(&mut self, _: &mut GuestMemory<'_>, fd: Fd, _: u64, _: u64, _: types::Advice) -> Result<()> {
        match self.table.file(fd)?.kind() {
            types::Filetype::RegularFile => Ok(()),
            _ => Err(Errno::Spipe.into()),
        }
    }

    async fn fd_allocate(&mut self, _: &mut GuestMemory<'_>, fd: Fd, offset: u64, len: u64) -> Result<()> {
        self.allowed(fd, Rights::FD_WRITE)?;
        Ok(self.table.file(fd)?.allocate(&mut self.world, offset, len)?)
    }

    async fn fd_close(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Result<()> {
        let entry = self.table.remove(fd)?;
        self.close_entry(entry);
        Ok(())
    }

    async fn fd_datasync(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Result<()> {
        Ok(self.table.file(fd)?.sync()?)
    }

    async fn fd_fdstat_get(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Result<types::Fdstat> {
        let entry = self.table.get(fd)?;
        let (fs_filetype, fs_flags) = match &entry.object {
            Object::File(file) => (file.kind(), file.flags()),
            Object::Dir { .. } => (types::Filetype::Directory, types::Fdflags::empty()),
        };
        Ok(types::Fdstat {
            fs_filetype,
            fs_flags,
            fs_rights_base: entry.rights,
            fs_rights_inheriting: entry.inheriting,
        })
    }

    async fn fd_fdstat_set_flags(&mut self, _: &mut GuestMemory<'_>, fd: Fd, flags: types::Fdflags) -> Result<()> {
        Ok(self.table.file(fd)?.set_flags(flags)?)
    }

    async fn fd_fdstat_set_rights(
        &mut self,
        _: &mut GuestMemory<'_>,
        fd: Fd,
        base: Rights,
        inheriting: Rights,
    ) -> Result<()> {
        let entry = self.table.get_mut(fd)?;
        if !entry.rights.contains(base) || !entry.inheriting.contains(inheriting) {
            return Err(Errno::Notcapable.into());
        }
        (entry.rights, entry.inheriting) = (base, inheriting);
        Ok(())
    }

    async fn fd_filestat_get(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Result<types::Filestat> {
        Ok(match &self.table.get(fd)?.object {
            Object::File(file) => file.stat(&mut self.world)?,
            Object::Dir { dir, .. } => dir.stat(&mut self.world)?,
        })
    }

    async fn fd_filestat_set_size(&mut self, _: &mut GuestMemory<'_>, fd: Fd, size: u64) -> Result<()> {
        self.allowed(fd, Rights::FD_WRITE)?;
        Ok(self.table.file(fd)?.set_size(&mut self.world, size)?)
    }

    async fn fd_filestat_set_times(
        &mut self,
        _: &mut GuestMemory<'_>,
        fd: Fd,
        atim: u64,
        mtim: u64,
        flags: types::Fstflags,
    ) -> Result<()> {
        let times = self.times(atim, mtim, flags)?;
        let entry = self.table.get_mut(fd)?;
        match &mut entry.object {
            Object::File(file) => file.set_times(&mut self.world, times)?,
            Object::Dir { dir, .. } => dir.set_times(&mut self.world, ".", false, times)?,
        }
        Ok(())
    }

    async fn fd_read(&mut self, memory: &mut GuestMemory<'_>, fd: Fd, iovs: types::IovecArray) -> Result<u32> {
        Ok(self.read_file(memory, fd, iovs, None)?)
    }

    async fn fd_pread(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        iovs: types::IovecArray,
        offset: u64,
    ) -> Result<u32> {
        Ok(self.read_file(memory, fd, iovs, Some(offset))?)
    }

    async fn fd_write(&mut self, memory: &mut GuestMemory<'_>, fd: Fd, iovs: types::CiovecArray) -> Result<u32> {
        Ok(self.write_file(memory, fd, iovs, None)?)
    }

    async fn fd_pwrite(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        iovs: types::CiovecArray,
        offset: u64,
    ) -> Result<u32> {
        Ok(self.write_file(memory, fd, iovs, Some(offset))?)
    }

    async fn fd_prestat_get(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Result<types::Prestat> {
        let name = self.table.get(fd)?.preopen.as_ref().ok_or(Errno::Badf)?;
        Ok(types::Prestat::Dir(types::PrestatDir { pr_name_len: u32::try_from(name.len())? }))
    }

    async fn fd_prestat_dir_name(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        path: GuestPtr<u8>,
        max: u32,
    ) -> Result<()> {
        let name = self.table.get(fd)?.preopen.as_ref().ok_or(Errno::Badf)?;
        let len = u32::try_from(name.len())?;
        if len > max {
            return Err(Errno::Nametoolong.into());
        }
        Ok(memory.copy_from_slice(name.as_bytes(), path.as_array(len))?)
    }

    async fn fd_renumber(&mut self, _: &mut GuestMemory<'_>, from: Fd, to: Fd) -> Result<()> {
        if let Some(replaced) = self.table.renumber(from, to)? {
            self.close_entry(replaced);
            let id = self.table.get(to)?.id;
            self.ledger.renumber(id, to.into());
        }
        Ok(())
    }

    async fn fd_seek(&mut self, _: &mut GuestMemory<'_>, fd: Fd, offset: i64, whence: types::Whence) -> Result<u64> {
        let to = match whence {
            types::Whence::Cur => SeekFrom::Current(offset),
            types::Whence::End => SeekFrom::End(offset),
            types::Whence::Set => SeekFrom::Start(u64::try_from(offset).map_err(|_| Errno::Inval)?),
        };
        Ok(self.table.file(fd)?.seek(&mut self.world, to)?)
    }

    async fn fd_sync(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Result<()> {
        Ok(self.table.file(fd)?.sync()?)
    }

    async fn fd_tell(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Result<u64> {
        Ok(self.table.file(fd)?.seek(&mut self.world, SeekFrom::Current(0))?)
    }

    async fn fd_readdir(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        buf: GuestPtr<u8>,
        len: u32,
        cookie: u64,
    ) -> Result<u32> {
        Ok(self.read_dir(memory, fd, buf, len, cookie)?)
    }

    async fn path_create_directory(
        &mut self,
        memory: &mut GuestMemory<'_>,
        dirfd: Fd,
        path: GuestPtr<str>,
    ) -> Result<()> {
        let path = self.path(memory, path)?;
        Ok(self.table.dir(dirfd)?.create_dir(&mut self.world, &path)?)
    }

    async fn path_filestat_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        dirfd: Fd,
        flags: types::Lookupflags,
        path: GuestPtr<str>,
    ) -> Result<types::Filestat> {
        let path = self.path(memory, path)?;
        Ok(self.table.dir(dirfd)?.stat_path(&mut self.world, &path, follows(flags))?)
    }

    async fn path_filestat_set_times(
        &mut self,
        memory: &mut GuestMemory<'_>,
        dirfd: Fd,
        flags: types::Lookupflags,
        path: GuestPtr<str>,
        atim: u64,
        mtim: u64,
        fst_flags: types::Fstflags,
    ) -> Result<()> {
        let path = self.path(memory, path)?;
        let times = self.times(atim, mtim, fst_flags)?;
        Ok(self.table.dir(dirfd)?.set_times(&mut self.world, &path, follows(flags), times)?)
    }

    async fn path_link(
        &mut self,
        memory: &mut GuestMemory<'_>,
        src_fd: Fd,
        src_flags: types::Lookupflags,
        src_path: GuestPtr<str>,
        target_fd: Fd,
        target_path: GuestPtr<str>,
    ) -> Result<()> {
        let (from, to) = (self.path(memory, src_path)?, self.path(memory, target_path)?);
        let (source, target) = (self.table.dir(src_fd)?, self.table.dir(target_fd)?);
        Ok(source.link(&mut self.world, &from, follows(src_flags), &*target, &to)?)
    }

    async fn path_open(
        &mut self,
        memory: &mut GuestMemory<'_>,
        dirfd: Fd,
        dirflags: types::Lookupflags,
        path: GuestPtr<str>,
        oflags: types::Oflags,
        base: Rights,
        inheriting: Rights,
        flags: types::Fdflags,
    ) -> Result<Fd> {
        let path = self.path(memory, path)?;
        let parent = self.table.get(dirfd)?;
        let granted = parent.inheriting;
        let how = How {
            follow: follows(dirflags),
            create: oflags.contains(types::Oflags::CREAT),
            exclusive: oflags.contains(types::Oflags::EXCL),
            truncate: oflags.contains(types::Oflags::TRUNC),
            directory: oflags.contains(types::Oflags::DIRECTORY),
            read: base.contains(Rights::FD_READ),
            write: base.contains(Rights::FD_WRITE),
            flags,
        };
        let rights = (base & granted, inheriting & granted);
        Ok(self.open_path(dirfd, &path, how, rights)?)
    }

    async fn path_readlink(
        &mut self,
        memory: &mut GuestMemory<'_>,
        dirfd: Fd,
        path: GuestPtr<str>,
        buf: GuestPtr<u8>,
        len: u32,
    ) -> Result<u32> {
        let path = self.path(memory, path)?;
        let target = self.table.dir(dirfd)?.read_link(&mut self.world, &path)?;
        let count = u32::try_from(target.len())?.min(len);
        memory.copy_from_slice(&target.as_bytes()[..count as usize], buf.as_array(count))?;
        Ok(count)
    }

    async fn path_remove_directory(
        &mut self,
        memory: &mut GuestMemory<'_>,
        dirfd: Fd,
        path: GuestPtr<str>,
    ) -> Result<()> {
        let path = self.path(memory, path)?;
        Ok(self.table.dir(dirfd)?.remove_dir(&mut self.world, &path)?)
    }

    async fn path_rename(
        &mut self,
        memory: &mut GuestMemory<'_>,
        src_fd: Fd,
        src_path: GuestPtr<str>,
        dest_fd: Fd,
        dest_path: GuestPtr<str>,
    ) -> Result<()> {
        let (from, to) = (self.path(memory, src_path)?, self.path(memory, dest_path)?);
        let (source, target) = (self.table.dir(src_fd)?, self.table.dir(dest_fd)?);
        Ok(source.rename(&mut self.world, &from, &*target, &to)?)
    }

    async fn path_symlink(
        &mut self,
        memory: &mut GuestMemory<'_>,
        src_path: GuestPtr<str>,
        dirfd: Fd,
        dest_path: GuestPtr<str>,
    ) -> Result<()> {
        let (target, path) = (self.path(memory, src_path)?, self.path(memory, dest_path)?);
        Ok(self.table.dir(dirfd)?.symlink(&mut self.world, &target, &path)?)
    }

    async fn path_unlink_file(&mut self, memory: &mut GuestMemory<'_>, dirfd: Fd, path: GuestPtr<str>) -> Result<()> {
        let path = self.path(memory, path)?;
        Ok(self.table.dir(dirfd)?.unlink(&mut self.world, &path)?)
    }

    async fn poll_oneoff(
        &mut self,
        memory: &mut GuestMemory<'_>,
        subs: GuestPtr<types::Subscription>,
        events: GuestPtr<types::Event>,
        count: types::Size,
    ) -> Result<types::Size> {
        Ok(self.poll(memory, subs, events, count)?)
    }

    async fn proc_exit(&mut self, _: &mut GuestMemory<'_>, status: types::Exitcode) -> anyhow::Error {
        GuestExit(status).into()
    }

    async fn proc_raise(&mut self, _: &mut GuestMemory<'_>, _: types::Signal) -> Result<()> {
        Err(Errno::Notsup.into())
    }

    async fn sched_yield(&mut self, _: &mut GuestMemory<'_>) -> Result<()> {
        Ok(())
    }

    async fn random_get(&mut self, memory: &mut GuestMemory<'_>, buf: GuestPtr<u8>, len: types::Size) -> Result<()> {
        self.moved(len as usize);
        let bytes = memory.as_slice_mut(buf.as_array(len))?.ok_or(Errno::Notsup)?;
        // There is no short read of randomness, so a large one looks at the deadline on the way.
        for part in bytes.chunks_mut(meter::MAX_BYTES) {
            self.world.watch.check().map_err(super::fault::Fault::from)?;
            self.random.fill(part);
        }
        Ok(())
    }

    async fn sock_accept(&mut self, _: &mut GuestMemory<'_>, fd: Fd, flags: types::Fdflags) -> Result<Fd> {
        self.room_for_handle()?;
        let listener = std::sync::Arc::clone(&self.table.get(fd)?.path);
        let accepted = self.table.socket(fd)?.accept(&mut self.world, flags)?;
        let path = format!("{listener} <- {}", accepted.peer).into();
        let (rights, inheriting) = (socket_rights(), Rights::empty());
        let what = Acquired { kind: Kind::Socket, path, access: Access::ReadWrite, rights, inheriting };
        Ok(self.acquired(Object::File(accepted.socket), what)?)
    }

    async fn sock_recv(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        data: types::IovecArray,
        flags: types::Riflags,
    ) -> Result<(u32, types::Roflags)> {
        let id = self.table.get(fd)?.id;
        let peek = flags.contains(types::Riflags::RECV_PEEK);
        let all = flags.contains(types::Riflags::RECV_WAITALL) && !peek;
        let socket = self.table.socket(fd)?;
        let world = &mut self.world;
        let count = scatter(memory, data, !all, |buffer, _| {
            let mut got = socket.recv(world, buffer, peek)?;
            while all && got > 0 && got < buffer.len() {
                match socket.recv(world, &mut buffer[got..], false)? {
                    0 => break,
                    more => got += more,
                }
            }
            Ok(got)
        })?;
        if !peek {
            self.ledger.read(id, count as u64);
        }
        self.moved(count);
        Ok((u32::try_from(count)?, types::Roflags::empty()))
    }

    async fn sock_send(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        data: types::CiovecArray,
        _: types::Siflags,
    ) -> Result<u32> {
        let id = self.table.get(fd)?.id;
        let socket = self.table.socket(fd)?;
        let world = &mut self.world;
        let count = gather(memory, data, |buffer, _| socket.send(world, buffer))?;
        self.ledger.wrote(id, count as u64);
        self.moved(count);
        Ok(u32::try_from(count)?)
    }

    async fn sock_shutdown(&mut self, _: &mut GuestMemory<'_>, fd: Fd, how: types::Sdflags) -> Result<()> {
        Ok(self.table.socket(fd)?.shutdown(how)?)
    }
}
