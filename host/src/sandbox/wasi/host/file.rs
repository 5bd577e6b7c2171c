//! A regular file of the host, below a granted directory.

use super::count::DescriptorToken;
use super::identity::{HostId, filestat};
use super::times::timestamps;
use crate::sandbox::wasi::resolve::SIZE_MAX;
use crate::sandbox::wasi::table::{File, Interest, OpenMode, Readiness, Result, Times};
use crate::sandbox::wasi::world::World;
use std::io::{Read, Seek, SeekFrom, Write};
use wasi_common::snapshots::preview_1::types::{Errno, Fdflags, Filesize, Filestat, Filetype};

/// An open host file.
pub struct HostFile {
    file: std::fs::File,
    id: HostId,
    writable: bool,
    flags: Fdflags,
    _tracked: DescriptorToken,
}

impl HostFile {
    pub fn new(file: std::fs::File, id: HostId, writable: bool, how: OpenMode, tracked: DescriptorToken) -> Self {
        Self { file, id, writable, flags: how.flags, _tracked: tracked }
    }

    fn writable(&self) -> Result<()> {
        if self.writable { Ok(()) } else { Err(Errno::Rofs.into()) }
    }

    fn modified(&self, world: &mut World) {
        world.files.facts(self.id).modified(world.clock.realtime());
    }

    fn appends(&self) -> bool {
        self.flags.contains(Fdflags::APPEND)
    }
}

impl File for HostFile {
    fn kind(&self) -> Filetype {
        Filetype::RegularFile
    }

    fn flags(&self) -> Fdflags {
        self.flags
    }

    fn set_flags(&mut self, flags: Fdflags) -> Result<()> {
        use rustix::fs::OFlags;
        let mut host = rustix::fs::fcntl_getfl(&self.file).map_err(std::io::Error::from)?;
        host.set(OFlags::APPEND, flags.contains(Fdflags::APPEND));
        rustix::fs::fcntl_setfl(&self.file, host).map_err(std::io::Error::from)?;
        self.flags = flags;
        Ok(())
    }

    fn read(&mut self, _: &mut World, buffer: &mut [u8]) -> Result<usize> {
        Ok(self.file.read(buffer)?)
    }

    fn read_at(&mut self, _: &mut World, buffer: &mut [u8], offset: u64) -> Result<usize> {
        Ok(rustix::io::pread(&self.file, buffer, offset).map_err(std::io::Error::from)?)
    }

    fn write(&mut self, world: &mut World, bytes: &[u8]) -> Result<usize> {
        let count = self.file.write(bytes)?;
        self.modified(world);
        Ok(count)
    }

    fn write_at(&mut self, world: &mut World, bytes: &[u8], offset: u64) -> Result<usize> {
        if offset >= SIZE_MAX {
            return Err(Errno::Fbig.into());
        }
        self.modified(world);
        // Linux ignores the offset when it appends. POSIX does not, and neither do we.
        if !self.appends() {
            return Ok(rustix::io::pwrite(&self.file, bytes, offset).map_err(std::io::Error::from)?);
        }
        self.set_flags(self.flags & !Fdflags::APPEND)?;
        let written = rustix::io::pwrite(&self.file, bytes, offset).map_err(std::io::Error::from);
        self.set_flags(self.flags | Fdflags::APPEND)?;
        Ok(written?)
    }

    fn seek(&mut self, _: &mut World, to: SeekFrom) -> Result<u64> {
        Ok(self.file.seek(to)?)
    }

    fn stat(&self, world: &mut World) -> Result<Filestat> {
        let found = rustix::fs::fstat(&self.file).map_err(std::io::Error::from)?;
        Ok(filestat(&mut world.files, &found, self.writable))
    }

    fn set_size(&mut self, world: &mut World, size: Filesize) -> Result<()> {
        self.writable()?;
        if size > SIZE_MAX {
            return Err(Errno::Fbig.into());
        }
        self.file.set_len(size)?;
        self.modified(world);
        Ok(())
    }

    fn allocate(&mut self, world: &mut World, offset: Filesize, len: Filesize) -> Result<()> {
        self.writable()?;
        if len == 0 {
            return Err(Errno::Inval.into());
        }
        let end = offset.checked_add(len).filter(|end| *end <= SIZE_MAX).ok_or(Errno::Fbig)?;
        if self.file.metadata()?.len() < end {
            self.file.set_len(end)?;
            self.modified(world);
        }
        Ok(())
    }

    fn set_times(&mut self, world: &mut World, times: Times) -> Result<()> {
        self.writable()?;
        rustix::fs::futimens(&self.file, &timestamps(times)).map_err(std::io::Error::from)?;
        world.files.facts(self.id).set(times, world.clock.realtime());
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        Ok(self.file.sync_all()?)
    }

    fn poll(&mut self, _: &mut World, interest: Interest) -> Result<Readiness> {
        let bytes = match interest {
            Interest::Read => self.file.metadata()?.len().saturating_sub(self.file.stream_position()?),
            Interest::Write => 0,
        };
        Ok(Readiness::Ready { bytes, hangup: false })
    }
}
