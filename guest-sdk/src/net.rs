//! Sockets that a test opens for itself.
//!
//! Under airtight every test has a loopback network of its own, in the memory of the host: no port of the machine is
//! used, no other test sees it, and the same test gets the same ports everywhere. What comes back are ordinary
//! [`std::net`] types. Natively, the same functions open sockets of the machine, so that one source serves both.
//! ```
//! # use airtight_sdk as airtight;
//! use std::io::{Read, Write};
//!
//! # fn main() -> std::io::Result<()> {
//! let server = airtight::net::listen("127.0.0.1:0")?;
//! let mut client = airtight::net::connect(airtight::net::local_addr(&server)?)?;
//! client.write_all(b"ping")?;
//! drop(client);
//!
//! let (mut served, _peer) = airtight::net::accept(&server)?;
//! let mut text = String::new();
//! served.read_to_string(&mut text)?;
//! assert_eq!(text, "ping");
//! # Ok(())
//! # }
//! ```
//!
//! # Where a socket leads
//! | address | under airtight |
//! | --- | --- |
//! | [`listen`] on 127.0.0.0/8 or `::1` | the test's own network; port 0 takes the next free one from 49152 |
//! | [`listen`] on `0.0.0.0` or `::` | every loopback address of that IP version |
//! | [`connect`] to where the test listens | that socket |
//! | [`connect`] to an address in the profile's `outbound` | a connection of the host's, where the test itself does not listen there |
//! | [`connect`] to another loopback address | `ConnectionRefused` |
//! | [`connect`] to anything else | `PermissionDenied`: the message names the setting |
//!
//! There are no host names: `localhost` is written 127.0.0.1 or `::1`.
//!
//! # A test waits for itself alone
//! A test has one thread. Where it would wait for a socket of its own network (for a connection that nobody can make, for
//! bytes that nobody can send, for room that nobody can make) it would wait for ever, so airtight ends it at once, as
//! `timeout`, and names the socket. Up to 128 connections wait to be accepted and 64 KiB in each direction wait to be
//! read; so connect, write, then accept and read, as above, or use `set_nonblocking`.
//!
//! # What std cannot do
//! On `wasm32-wasip1`, std's `local_addr`, `peer_addr`, `peek`, `bind`, `connect` and the setters of socket options answer
//! `Unsupported`, and the address that `TcpListener::accept` returns is 0.0.0.0:0. Use the functions of this module.
//!
//! A test binary that uses it has imports of airtight's own: other WASI engines do not load it.

mod address;
#[cfg(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1"))]
#[path = "net/sandbox.rs"]
mod platform;
#[cfg(not(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1")))]
#[path = "net/native.rs"]
mod platform;

pub use address::Address;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

/// Opens a socket that listens at an address; port 0 takes a free one, which [`local_addr`] tells.
///
/// # Errors
/// `AddrInUse`: the test listens there already. `AddrNotAvailable`: the address is not a loopback one. `InvalidInput`: it
/// is no IP address and port.
/// ```
/// # use airtight_sdk as airtight;
/// # fn main() -> std::io::Result<()> {
/// let server = airtight::net::listen("127.0.0.1:0")?;
/// let again = airtight::net::listen(airtight::net::local_addr(&server)?);
/// assert_eq!(again.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
/// # Ok(())
/// # }
/// ```
pub fn listen(address: impl Address) -> io::Result<TcpListener> {
    platform::listen(address.address()?)
}

/// Opens a connection.
///
/// # Errors
/// `ConnectionRefused`: nobody listens there. `PermissionDenied`: the profile's `outbound` does not name the address.
/// `InvalidInput`: it is no IP address and port.
/// ```
/// # use airtight_sdk as airtight;
/// let named = airtight::net::connect("localhost:80").unwrap_err();
/// assert_eq!(named.kind(), std::io::ErrorKind::InvalidInput);
/// ```
pub fn connect(address: impl Address) -> io::Result<TcpStream> {
    platform::connect(address.address()?)
}

/// Takes the next connection, with the address that it comes from.
///
/// # Errors
/// As [`TcpListener::accept`]. On a connection that the host made, the address is 0.0.0.0:0: the host's ports differ from
/// run to run.
pub fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    platform::accept(listener)
}

/// Two ends of one new connection.
///
/// # Errors
/// As [`listen`], [`connect`] and [`accept`].
/// ```
/// # use airtight_sdk as airtight;
/// # fn main() -> std::io::Result<()> {
/// let (one, other) = airtight::net::pair()?;
/// assert_eq!(airtight::net::peer_addr(&one)?, airtight::net::local_addr(&other)?);
/// # Ok(())
/// # }
/// ```
pub fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = listen("127.0.0.1:0")?;
    let connected = connect(local_addr(&listener)?)?;
    Ok((connected, accept(&listener)?.0))
}

/// The address of a socket's own side.
///
/// # Errors
/// `Unsupported` on a socket of the host's whose port the host chose: it would differ from run to run.
pub fn local_addr<S: Socket>(socket: &S) -> io::Result<SocketAddr> {
    socket.local()
}

/// The address of a connection's other side.
///
/// # Errors
/// As [`local_addr`].
pub fn peer_addr(stream: &TcpStream) -> io::Result<SocketAddr> {
    platform::peer_addr(stream)
}

/// Receives bytes and leaves them where they are.
///
/// # Errors
/// As [`TcpStream::peek`].
/// ```
/// # use airtight_sdk as airtight;
/// use std::io::{Read, Write};
///
/// # fn main() -> std::io::Result<()> {
/// let (mut one, mut other) = airtight::net::pair()?;
/// one.write_all(b"ping")?;
/// let mut bytes = [0; 4];
/// assert_eq!(airtight::net::peek(&other, &mut bytes[..2])?, 2);
/// other.read_exact(&mut bytes)?;
/// assert_eq!(&bytes, b"ping");
/// # Ok(())
/// # }
/// ```
pub fn peek(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    platform::peek(stream, buffer)
}

/// A socket of [`std::net`] that [`local_addr`] can ask: [`TcpListener`] and [`TcpStream`].
pub trait Socket: sealed::Socket {}

impl<S: sealed::Socket> Socket for S {}

mod sealed {
    use super::platform;
    use std::io;
    use std::net::{SocketAddr, TcpListener, TcpStream};

    pub trait Socket {
        fn local(&self) -> io::Result<SocketAddr>;
    }

    impl Socket for TcpListener {
        fn local(&self) -> io::Result<SocketAddr> {
            platform::local_addr_of_listener(self)
        }
    }

    impl Socket for TcpStream {
        fn local(&self) -> io::Result<SocketAddr> {
            platform::local_addr_of_stream(self)
        }
    }
}

#[cfg(test)]
mod tests;
