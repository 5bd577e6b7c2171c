//! The host's functions. See [`airtight_abi::net`].

use airtight_abi::net::{self, Address, LOCAL, PEER};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};

#[link(wasm_import_module = "airtight")]
unsafe extern "C" {
    fn sock_listen(address: *const Address, fd: *mut RawFd) -> i32;
    fn sock_connect(address: *const Address, fd: *mut RawFd) -> i32;
    fn sock_address(fd: RawFd, side: u32, address: *mut Address) -> i32;
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn sock_recv(
        fd: RawFd,
        buffers: *const Buffer,
        count: usize,
        flags: u32,
        received: *mut usize,
        told: *mut u16,
    ) -> i32;
}

/// `iovec` of WASI preview 1.
#[repr(C)]
struct Buffer {
    start: *mut u8,
    len: usize,
}

/// `RECV_PEEK` of WASI preview 1.
const RECV_PEEK: u32 = 1;

/// `EACCES` and `ECONNREFUSED` of WASI preview 1: what connecting says of an address that is not granted.
const ACCES: i32 = 2;
const CONNREFUSED: i32 = 14;

pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let mut fd = 0;
    // SAFETY: both point to values that outlive the call, of the layouts that the host was told.
    check(unsafe { sock_listen(&net::encode(address), &mut fd) })?;
    // SAFETY: the host made it for this call, so nobody else owns it.
    Ok(unsafe { TcpListener::from_raw_fd(fd) })
}

pub(super) fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let mut fd = 0;
    // SAFETY: both point to values that outlive the call, of the layouts that the host was told.
    check(unsafe { sock_connect(&net::encode(address), &mut fd) }).map_err(|error| explain(error, address))?;
    // SAFETY: the host made it for this call, so nobody else owns it.
    Ok(unsafe { TcpStream::from_raw_fd(fd) })
}

/// Says what would allow the connection.
fn explain(error: io::Error, address: SocketAddr) -> io::Error {
    let setting = format!("add it to the profile's setting `outbound` (outbound = [\"{address}\"])");
    match error.raw_os_error() {
        Some(ACCES) => io::Error::new(
            ErrorKind::PermissionDenied,
            format!("connecting to {address} is not granted to this test; to allow it, {setting}"),
        ),
        Some(CONNREFUSED) => io::Error::new(
            ErrorKind::ConnectionRefused,
            format!("nobody listens at {address} (if it is a service of the host, {setting})"),
        ),
        _ => error,
    }
}

pub(super) fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, unknown) = listener.accept()?;
    let peer = match peer_addr(&stream) {
        Err(error) if error.kind() == ErrorKind::Unsupported => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        Err(_) => unknown,
        Ok(peer) => peer,
    };
    Ok((stream, peer))
}

pub(super) fn local_addr_of_listener(listener: &TcpListener) -> io::Result<SocketAddr> {
    address(listener.as_raw_fd(), LOCAL)
}

pub(super) fn local_addr_of_stream(stream: &TcpStream) -> io::Result<SocketAddr> {
    address(stream.as_raw_fd(), LOCAL)
}

pub(super) fn peer_addr(stream: &TcpStream) -> io::Result<SocketAddr> {
    address(stream.as_raw_fd(), PEER)
}

pub(super) fn peek(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let part = Buffer { start: buffer.as_mut_ptr(), len: buffer.len() };
    let (mut received, mut told) = (0, 0);
    // SAFETY: one buffer, which is `buffer`, and places for the answers, which outlive the call.
    check(unsafe { sock_recv(stream.as_raw_fd(), &part, 1, RECV_PEEK, &mut received, &mut told) })?;
    Ok(received)
}

fn address(fd: RawFd, side: u32) -> io::Result<SocketAddr> {
    let mut bytes = Address::default();
    // SAFETY: it points to a value that outlives the call, of the layout that the host was told.
    check(unsafe { sock_address(fd, side, &mut bytes) })?;
    net::decode(bytes).ok_or_else(|| io::Error::from(ErrorKind::InvalidData))
}

fn check(errno: i32) -> io::Result<()> {
    if errno == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(errno)) }
}
