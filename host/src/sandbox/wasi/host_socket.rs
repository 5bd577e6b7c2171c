//! TCP sockets of the host, granted by the policy. They never block the host: a call that has to wait is a poll in slices
//! that ends at the test's deadline.

use super::host_count::Tracked;
use super::object::{Accepted, File, Interest, Readiness, Result};
use super::world::World;
use rustix::event::PollFlags;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use wasi_common::snapshots::preview_1::types::{Errno, Fdflags, Filetype, Sdflags};

/// A listening socket.
pub struct Listener {
    socket: TcpListener,
    flags: Fdflags,
    _tracked: Tracked,
}

/// A connected socket.
pub struct Stream {
    socket: TcpStream,
    flags: Fdflags,
    _tracked: Tracked,
}

impl Listener {
    pub fn new(socket: TcpListener, tracked: Tracked) -> std::io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { socket, flags: Fdflags::empty(), _tracked: tracked })
    }
}

impl Stream {
    pub fn new(socket: TcpStream, flags: Fdflags, tracked: Tracked) -> std::io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { socket, flags, _tracked: tracked })
    }
}

/// Tries a non-blocking operation, waiting where the guest's descriptor is a blocking one.
fn retry<T>(
    world: &World,
    flags: Fdflags,
    fd: BorrowedFd<'_>,
    events: PollFlags,
    mut operation: impl FnMut() -> std::io::Result<T>,
) -> Result<T> {
    loop {
        match operation() {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                if flags.contains(Fdflags::NONBLOCK) {
                    return Err(Errno::Again.into());
                }
                world.watch.wait(fd, events, None)?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            done => return done.map_err(Into::into),
        }
    }
}

fn only_nonblock(flags: Fdflags) -> Result<Fdflags> {
    if Fdflags::NONBLOCK.contains(flags) { Ok(flags) } else { Err(Errno::Inval.into()) }
}

fn poll(fd: BorrowedFd<'_>, interest: Interest, bytes: impl FnOnce() -> u64) -> Result<Readiness> {
    let events = match interest {
        Interest::Read => PollFlags::IN,
        Interest::Write => PollFlags::OUT,
    };
    let mut fds = [rustix::event::PollFd::new(&fd, events)];
    let now = rustix::event::Timespec::default();
    let ready = rustix::event::poll(&mut fds, Some(&now)).map_err(std::io::Error::from)?;
    if ready == 0 {
        return Ok(Readiness::NotReady);
    }
    let hangup = fds[0].revents().contains(PollFlags::HUP);
    Ok(Readiness::Ready { bytes: if interest == Interest::Read { bytes() } else { 0 }, hangup })
}

impl File for Listener {
    fn kind(&self) -> Filetype {
        Filetype::SocketStream
    }

    fn flags(&self) -> Fdflags {
        self.flags
    }

    fn set_flags(&mut self, flags: Fdflags) -> Result<()> {
        self.flags = only_nonblock(flags)?;
        Ok(())
    }

    fn poll(&mut self, interest: Interest) -> Result<Readiness> {
        poll(self.socket.as_fd(), interest, || 1)
    }

    fn accept(&mut self, world: &mut World, flags: Fdflags) -> Result<Accepted> {
        let flags = only_nonblock(flags)?;
        let (socket, peer) = retry(world, self.flags, self.socket.as_fd(), PollFlags::IN, || self.socket.accept())?;
        let stream = Stream::new(socket, flags, world.host.track())?;
        // The peer's port is the host's choice and differs from run to run; the address does not.
        Ok(Accepted { socket: Box::new(stream), peer: peer.ip().to_string() })
    }
}

impl File for Stream {
    fn kind(&self) -> Filetype {
        Filetype::SocketStream
    }

    fn flags(&self) -> Fdflags {
        self.flags
    }

    fn set_flags(&mut self, flags: Fdflags) -> Result<()> {
        self.flags = only_nonblock(flags)?;
        Ok(())
    }

    fn read(&mut self, world: &mut World, buffer: &mut [u8]) -> Result<usize> {
        retry(world, self.flags, self.socket.as_fd(), PollFlags::IN, || (&self.socket).read(buffer))
    }

    fn write(&mut self, world: &mut World, bytes: &[u8]) -> Result<usize> {
        retry(world, self.flags, self.socket.as_fd(), PollFlags::OUT, || (&self.socket).write(bytes))
    }

    fn poll(&mut self, interest: Interest) -> Result<Readiness> {
        poll(self.socket.as_fd(), interest, || rustix::io::ioctl_fionread(&self.socket).unwrap_or(0))
    }

    fn recv(&mut self, world: &mut World, buffer: &mut [u8], peek: bool) -> Result<usize> {
        if peek {
            retry(world, self.flags, self.socket.as_fd(), PollFlags::IN, || self.socket.peek(buffer))
        } else {
            self.read(world, buffer)
        }
    }

    fn send(&mut self, world: &mut World, bytes: &[u8]) -> Result<usize> {
        self.write(world, bytes)
    }

    fn shutdown(&mut self, how: Sdflags) -> Result<()> {
        let how = match (how.contains(Sdflags::RD), how.contains(Sdflags::WR)) {
            (true, true) => Shutdown::Both,
            (true, false) => Shutdown::Read,
            (false, true) => Shutdown::Write,
            (false, false) => return Err(Errno::Inval.into()),
        };
        Ok(self.socket.shutdown(how)?)
    }
}
