//! The 46 functions of WASI preview 1, each a few lines over the descriptor table.

use super::buffers::{gather, scatter, whole};
use super::calls::{follows, sizes};
use crate::ledger::Kind;
use crate::sandbox::stop::GuestExit;
use crate::sandbox::wasi::clock::RESOLUTION;
use crate::sandbox::wasi::context::{NewHandle, Wasi};
use crate::sandbox::wasi::fault::{Fault, Halt};
use crate::sandbox::wasi::meter;
use crate::sandbox::wasi::table::rights::{self, RightsPair};
use crate::sandbox::wasi::table::{Object, OpenMode};
use std::io::SeekFrom;
use wasi_common::snapshots::preview_1::types::{self, Errno, Error, Fd, Rights};
use wasi_common::snapshots::preview_1::wasi_snapshot_preview1::WasiSnapshotPreview1;
use wiggle::{GuestMemory, GuestPtr};

type Result<T> = std::result::Result<T, Error>;

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
        let (grants, sockets) = (std::sync::Arc::clone(&self.grants), self.env_sockets.clone());
        let strings = Self::environment(&grants, sockets.as_deref());
        Ok(self.write_strings(memory, strings, environ, buf)?)
    }

    async fn environ_sizes_get(&mut self, _: &mut GuestMemory<'_>) -> Result<(u32, u32)> {
        Ok(sizes(Self::environment(&self.grants, self.env_sockets.as_deref()))?)
    }

    async fn clock_res_get(&mut self, _: &mut GuestMemory<'_>, _: types::Clockid) -> Result<u64> {
        Ok(RESOLUTION)
    }

    async fn clock_time_get(&mut self, _: &mut GuestMemory<'_>, id: types::Clockid, _precision: u64) -> Result<u64> {
        Ok(self.world.clock.shows(id))
    }

    async fn fd_advise(&mut self, _: &mut GuestMemory<'_>, fd: Fd, _: u64, _: u64, _: types::Advice) -> Result<()> {
        self.table.regular(fd, Rights::FD_ADVISE, Errno::Spipe)?;
        Ok(())
    }

    async fn fd_allocate(&mut self, _: &mut GuestMemory<'_>, fd: Fd, offset: u64, len: u64) -> Result<()> {
        let file = self.table.regular(fd, Rights::FD_WRITE | Rights::FD_ALLOCATE, Errno::Spipe)?;
        Ok(file.allocate(&mut self.world, offset, len)?)
    }

    async fn fd_close(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Result<()> {
        let entry = self.table.remove(fd)?;
        self.close_entry(entry);
        Ok(())
    }

    async fn fd_datasync(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Result<()> {
        // A descriptor that may synchronise everything may synchronise the data. As on the host, this takes no right to
        // write.
        let needed = self.table.either(fd, Rights::FD_SYNC, Rights::FD_DATASYNC)?;
        Ok(self.table.sync(fd, needed)?)
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
            fs_rights_base: entry.rights.base,
            fs_rights_inheriting: entry.rights.inheriting,
        })
    }

    async fn fd_fdstat_set_flags(&mut self, _: &mut GuestMemory<'_>, fd: Fd, flags: types::Fdflags) -> Result<()> {
        Ok(self.table.file(fd, Rights::FD_FDSTAT_SET_FLAGS)?.set_flags(flags)?)
    }

    async fn fd_fdstat_set_rights(
        &mut self,
        _: &mut GuestMemory<'_>,
        fd: Fd,
        base: Rights,
        inheriting: Rights,
    ) -> Result<()> {
        let held = &mut self.table.get_mut(fd)?.rights;
        if !held.base.contains(base) || !held.inheriting.contains(inheriting) {
            return Err(Errno::Notcapable.into());
        }
        *held = RightsPair { base, inheriting };
        Ok(())
    }

    async fn fd_filestat_get(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Result<types::Filestat> {
        Ok(match &self.table.having(fd, Rights::FD_FILESTAT_GET)?.object {
            Object::File(file) => file.stat(&mut self.world)?,
            Object::Dir { dir, .. } => dir.stat(&mut self.world)?,
        })
    }

    async fn fd_filestat_set_size(&mut self, _: &mut GuestMemory<'_>, fd: Fd, size: u64) -> Result<()> {
        let file = self.table.resizable(fd)?;
        Ok(file.set_size(&mut self.world, size)?)
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
        match &mut self.table.having(fd, Rights::FD_FILESTAT_SET_TIMES)?.object {
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
        let tells = to == SeekFrom::Current(0);
        let needed = if tells { self.table.either(fd, Rights::FD_SEEK, Rights::FD_TELL)? } else { Rights::FD_SEEK };
        Ok(self.table.regular(fd, needed, Errno::Spipe)?.seek(&mut self.world, to)?)
    }

    async fn fd_sync(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Result<()> {
        Ok(self.table.sync(fd, Rights::FD_SYNC)?)
    }

    async fn fd_tell(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Result<u64> {
        let needed = self.table.either(fd, Rights::FD_SEEK, Rights::FD_TELL)?;
        Ok(self.table.regular(fd, needed, Errno::Spipe)?.seek(&mut self.world, SeekFrom::Current(0))?)
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
        Ok(self.table.dir(dirfd, Rights::PATH_CREATE_DIRECTORY)?.create_dir(&mut self.world, &path)?)
    }

    async fn path_filestat_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        dirfd: Fd,
        flags: types::Lookupflags,
        path: GuestPtr<str>,
    ) -> Result<types::Filestat> {
        let path = self.path(memory, path)?;
        let dir = self.table.dir(dirfd, Rights::PATH_FILESTAT_GET)?;
        let stat = dir.stat_path(&mut self.world, &path, follows(flags));
        Ok(self.note_missing(dirfd, &path, stat)?)
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
        Ok(self.table.dir(dirfd, Rights::PATH_FILESTAT_SET_TIMES)?.set_times(
            &mut self.world,
            &path,
            follows(flags),
            times,
        )?)
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
        let source = self.table.dir(src_fd, Rights::PATH_LINK_SOURCE)?;
        let target = self.table.dir(target_fd, Rights::PATH_LINK_TARGET)?;
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
        self.table.dir(dirfd, rights::to_open(oflags))?;
        let asked = RightsPair { base, inheriting };
        let parent = self.table.get(dirfd)?.rights;
        parent.passes_on(asked, flags)?;
        let how = OpenMode {
            follow: follows(dirflags),
            create: oflags.contains(types::Oflags::CREAT),
            exclusive: oflags.contains(types::Oflags::EXCL),
            truncate: oflags.contains(types::Oflags::TRUNC),
            directory: oflags.contains(types::Oflags::DIRECTORY),
            read: base.contains(Rights::FD_READ),
            write: base.contains(Rights::FD_WRITE),
            flags,
        };
        let opened = self.open_path(dirfd, &path, how, asked.opened_from(parent));
        Ok(self.note_missing(dirfd, &path, opened)?)
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
        let target = self.table.dir(dirfd, Rights::PATH_READLINK)?.read_link(&mut self.world, &path)?;
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
        Ok(self.table.dir(dirfd, Rights::PATH_REMOVE_DIRECTORY)?.remove_dir(&mut self.world, &path)?)
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
        let source = self.table.dir(src_fd, Rights::PATH_RENAME_SOURCE)?;
        let target = self.table.dir(dest_fd, Rights::PATH_RENAME_TARGET)?;
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
        Ok(self.table.dir(dirfd, Rights::PATH_SYMLINK)?.symlink(&mut self.world, &target, &path)?)
    }

    async fn path_unlink_file(&mut self, memory: &mut GuestMemory<'_>, dirfd: Fd, path: GuestPtr<str>) -> Result<()> {
        let path = self.path(memory, path)?;
        Ok(self.table.dir(dirfd, Rights::PATH_UNLINK_FILE)?.unlink(&mut self.world, &path)?)
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

    async fn proc_exit(&mut self, _: &mut GuestMemory<'_>, status: types::Exitcode) -> wiggle::error::Error {
        Halt::from(GuestExit(status)).into()
    }

    async fn proc_raise(&mut self, _: &mut GuestMemory<'_>, _: types::Signal) -> Result<()> {
        Err(Errno::Notsup.into())
    }

    async fn sched_yield(&mut self, _: &mut GuestMemory<'_>) -> Result<()> {
        Ok(())
    }

    async fn random_get(&mut self, memory: &mut GuestMemory<'_>, buf: GuestPtr<u8>, len: types::Size) -> Result<()> {
        let bytes = memory.as_slice_mut(buf.as_array(len))?.ok_or(Errno::Notsup)?;
        self.moved(bytes.len());
        // Randomness has no short reads, so a long read checks the deadline on its way.
        for part in bytes.chunks_mut(meter::MAX_BYTES) {
            self.world.watchdog.check().map_err(Fault::from)?;
            self.random.fill(part);
        }
        Ok(())
    }

    async fn sock_accept(&mut self, _: &mut GuestMemory<'_>, fd: Fd, flags: types::Fdflags) -> Result<Fd> {
        self.table.socket(fd, Rights::SOCK_ACCEPT)?;
        self.room_for_handle()?;
        let accepted = self.table.socket(fd, Rights::SOCK_ACCEPT)?.accept(&mut self.world, flags);
        let accepted = accepted.map_err(|fault| self.name_wait(fd, fault))?;
        let listener = self.table.get(fd)?;
        let (rights, listener) = (listener.rights, std::sync::Arc::clone(&listener.path));
        let path = format!("{listener} <- {}", accepted.peer).into();
        let rights = RightsPair { base: rights.inheriting, ..rights }.for_kind(Kind::Socket);
        let what = NewHandle { kind: Kind::Socket, path, access: rights.access(), rights };
        Ok(self.acquired(Object::File(accepted.socket), what)?)
    }

    async fn sock_recv(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        data: types::IovecArray,
        flags: types::Riflags,
    ) -> Result<(u32, types::Roflags)> {
        let (id, most) = (self.table.get(fd)?.id, self.most_bytes());
        let peek = flags.contains(types::Riflags::RECV_PEEK);
        let all = flags.contains(types::Riflags::RECV_WAITALL) && !peek;
        let socket = self.table.socket(fd, Rights::FD_READ)?;
        let world = &mut self.world;
        let count = scatter(memory, data, (!all, most), |buffer, _| {
            if all { whole(buffer, |rest| socket.recv(world, rest, false)) } else { socket.recv(world, buffer, peek) }
        });
        let count = count.map_err(|fault| self.name_wait(fd, fault))?;
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
        let (id, most) = (self.table.get(fd)?.id, self.most_bytes());
        let socket = self.table.socket(fd, Rights::FD_WRITE)?;
        let world = &mut self.world;
        let count = gather(memory, data, most, |buffer, _| socket.send(world, buffer));
        let count = count.map_err(|fault| self.name_wait(fd, fault))?;
        self.ledger.wrote(id, count as u64);
        self.moved(count);
        Ok(u32::try_from(count)?)
    }

    async fn sock_shutdown(&mut self, _: &mut GuestMemory<'_>, fd: Fd, how: types::Sdflags) -> Result<()> {
        Ok(self.table.socket(fd, Rights::SOCK_SHUTDOWN)?.shutdown(&mut self.world, how)?)
    }
}
