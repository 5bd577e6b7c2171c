//! Sockets of the host, TCP and Unix, granted by the policy. They never block the host: a call that has to wait polls in
//! slices until the test's deadline.

use super::count::DescriptorToken;
use crate::sandbox::wasi::fault::Fault;
use crate::sandbox::wasi::table::{File, Interest, NewConnection, Readiness, Result, only_nonblock};
use crate::sandbox::wasi::waiting::Wait;
use crate::sandbox::wasi::world::World;
use rustix::event::PollFlags;
use rustix::net::{RecvFlags, SendFlags, Shutdown, SocketFlags};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;
use wasi_common::snapshots::preview_1::types::{Errno, Fdflags, Filetype, Sdflags};

/// A listening socket.
pub struct Listener {
    socket: OwnedFd,
    flags: Fdflags,
    /// The socket's address, if the policy fixes the port.
    local: Option<SocketAddr>,
    _file: Option<SocketFile>,
    _tracked: DescriptorToken,
}

/// A connected socket.
pub struct Stream {
    socket: OwnedFd,
    flags: Fdflags,
    /// Both addresses, each only if it is the same in every run.
    local: Option<SocketAddr>,
    peer: Option<SocketAddr>,
    _tracked: DescriptorToken,
}

/// The file that a listening Unix socket made. It is removed with the socket, unless another file took its place.
struct SocketFile {
    path: PathBuf,
    made: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|found| found == self.made) {
            // There is nobody to report a failure to.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    let metadata = std::fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

impl Listener {
    /// Listens on TCP. Gives also the address, with the port if the host chose it.
    pub fn tcp(address: SocketAddr, tracked: DescriptorToken) -> std::io::Result<(Self, SocketAddr)> {
        let socket = TcpListener::bind(address)?;
        socket.set_nonblocking(true)?;
        let bound = socket.local_addr()?;
        let local = (address.port() != 0).then_some(address);
        let flags = Fdflags::empty();
        Ok((Self { socket: socket.into(), flags, local, _file: None, _tracked: tracked }, bound))
    }

    /// Listens on a new file. An existing file is not replaced.
    pub fn unix(path: &Path, tracked: DescriptorToken) -> std::io::Result<Self> {
        let socket = UnixListener::bind(path)?;
        let file = SocketFile { path: path.to_owned(), made: identity(path)? };
        socket.set_nonblocking(true)?;
        let flags = Fdflags::empty();
        Ok(Self { socket: socket.into(), flags, local: None, _file: Some(file), _tracked: tracked })
    }
}

impl Stream {
    /// Connects on TCP. `peer` is the address, if the policy fixes it.
    pub fn tcp(
        address: SocketAddr,
        peer: Option<SocketAddr>,
        limit: Duration,
        tracked: DescriptorToken,
    ) -> std::io::Result<Self> {
        let socket = TcpStream::connect_timeout(&address, limit)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket: socket.into(), flags: Fdflags::empty(), local: None, peer, _tracked: tracked })
    }

    /// Connects to the socket at a file.
    pub fn unix(path: &Path, limit: Duration, tracked: DescriptorToken) -> std::io::Result<Self> {
        use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, connect, socket_with, sockopt};
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        // If too many others wait to be accepted, connecting waits as sending does.
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(limit))?;
        connect(&socket, &SocketAddrUnix::new(path)?)?;
        rustix::io::ioctl_fionbio(&socket, true)?;
        Ok(Self { socket, flags: Fdflags::empty(), local: None, peer: None, _tracked: tracked })
    }
}

/// Connects to an address that the policy allows. Waits until the test's deadline at most.
pub fn connect(world: &mut World, address: SocketAddr) -> Result<Stream> {
    use rustix::net::{AddressFamily, SocketType, socket_with, sockopt};
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None).map_err(std::io::Error::from)?;
    let tracked = world.host.track();
    match rustix::net::connect(&socket, &address) {
        Err(rustix::io::Errno::INPROGRESS | rustix::io::Errno::INTR) => {
            let waited = world.watchdog.wait(socket.as_fd(), PollFlags::OUT, None);
            waited.map_err(|fault| fault.while_waiting(Wait::Answer(address)))?;
            sockopt::socket_error(&socket).and_then(|outcome| outcome).map_err(std::io::Error::from)?;
        }
        done => done.map_err(std::io::Error::from)?,
    }
    Ok(Stream { socket, flags: Fdflags::empty(), local: None, peer: Some(address), _tracked: tracked })
}

/// Tries a non-blocking operation. Waits if the guest's descriptor is a blocking one.
fn retry<T>(
    world: &World,
    flags: Fdflags,
    fd: BorrowedFd<'_>,
    wait: Wait,
    mut operation: impl FnMut() -> rustix::io::Result<T>,
) -> Result<T> {
    let events = if wait == Wait::Room { PollFlags::OUT } else { PollFlags::IN };
    loop {
        match operation() {
            Err(rustix::io::Errno::AGAIN) => {
                if flags.contains(Fdflags::NONBLOCK) {
                    return Err(Errno::Again.into());
                }
                world.watchdog.wait(fd, events, None).map_err(|fault: Fault| fault.while_waiting(wait))?;
            }
            Err(rustix::io::Errno::INTR) => {}
            done => return done.map_err(|error| std::io::Error::from(error).into()),
        }
    }
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

    fn poll(&mut self, _: &mut World, interest: Interest) -> Result<Readiness> {
        poll(self.socket.as_fd(), interest, || 1)
    }

    fn accept(&mut self, world: &mut World, flags: Fdflags) -> Result<NewConnection> {
        let flags = only_nonblock(flags)?;
        let (socket, peer) = retry(world, self.flags, self.socket.as_fd(), Wait::Connection, || {
            rustix::net::acceptfrom_with(&self.socket, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)
        })?;
        let stream = Stream { socket, flags, local: self.local, peer: None, _tracked: world.host.track() };
        // The host chooses the peer's port, which differs between runs; the IP address does not.
        let ip = peer.and_then(|peer| SocketAddr::try_from(peer).ok()).map(|peer| peer.ip());
        Ok(NewConnection { socket: Box::new(stream), peer: ip.as_ref().map_or("unix".to_owned(), IpAddr::to_string) })
    }

    fn local(&self, _: &World) -> Result<SocketAddr> {
        self.local.ok_or_else(|| Errno::Notsup.into())
    }

    fn peer(&self, _: &World) -> Result<SocketAddr> {
        Err(Errno::Notconn.into())
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
        self.recv(world, buffer, false)
    }

    fn write(&mut self, world: &mut World, bytes: &[u8]) -> Result<usize> {
        // No signal is raised: the guest gets the error alone.
        retry(world, self.flags, self.socket.as_fd(), Wait::Room, || {
            rustix::net::send(&self.socket, bytes, SendFlags::NOSIGNAL)
        })
    }

    fn poll(&mut self, _: &mut World, interest: Interest) -> Result<Readiness> {
        poll(self.socket.as_fd(), interest, || rustix::io::ioctl_fionread(&self.socket).unwrap_or(0))
    }

    fn recv(&mut self, world: &mut World, buffer: &mut [u8], peek: bool) -> Result<usize> {
        let flags = if peek { RecvFlags::PEEK } else { RecvFlags::empty() };
        retry(world, self.flags, self.socket.as_fd(), Wait::Bytes, || {
            rustix::net::recv(&self.socket, &mut *buffer, flags).map(|(count, _)| count)
        })
    }

    fn send(&mut self, world: &mut World, bytes: &[u8]) -> Result<usize> {
        self.write(world, bytes)
    }

    fn shutdown(&mut self, _: &mut World, how: Sdflags) -> Result<()> {
        let how = match (how.contains(Sdflags::RD), how.contains(Sdflags::WR)) {
            (true, true) => Shutdown::Both,
            (true, false) => Shutdown::Read,
            (false, true) => Shutdown::Write,
            (false, false) => return Err(Errno::Inval.into()),
        };
        Ok(rustix::net::shutdown(&self.socket, how).map_err(std::io::Error::from)?)
    }

    fn local(&self, _: &World) -> Result<SocketAddr> {
        self.local.ok_or_else(|| Errno::Notsup.into())
    }

    fn peer(&self, _: &World) -> Result<SocketAddr> {
        self.peer.ok_or_else(|| Errno::Notsup.into())
    }
}
