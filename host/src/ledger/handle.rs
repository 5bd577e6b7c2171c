use super::{Acquisition, Stack};
use std::net::SocketAddr;
use std::sync::Arc;

/// The key of a handle: counts up from 0 within a test and is never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HandleId(pub(super) u64);

/// What a handle stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A socket, listening or connected.
    Socket,
    /// A standard stream.
    Stream,
}

/// What a handle may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Neither reading nor writing bytes (directories, listening sockets).
    None,
    /// Reading.
    Read,
    /// Writing.
    Write,
    /// Both.
    ReadWrite,
}

impl Access {
    /// From the two rights.
    pub fn new(read: bool, write: bool) -> Self {
        match (read, write) {
            (false, false) => Self::None,
            (true, false) => Self::Read,
            (false, true) => Self::Write,
            (true, true) => Self::ReadWrite,
        }
    }

    /// The word for reports; `None` has none.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Read => Some("read"),
            Self::Write => Some("write"),
            Self::ReadWrite => Some("read-write"),
        }
    }
}

/// Who acquired a handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The host, before the test began: open at the end, it is no leak.
    Granted,
    /// The test.
    Test,
}

/// An open entry of the guest's descriptor table.
#[derive(Debug, Clone, PartialEq)]
pub struct Handle {
    /// What it is.
    pub kind: Kind,
    /// The guest's name for it.
    pub path: Option<Arc<str>>,
    /// The descriptor at which the guest finds it now.
    pub fd: u32,
    /// What it may be used for.
    pub access: Access,
    /// Who acquired it.
    pub origin: Origin,
    /// The guest's stack at the acquisition.
    pub stack: Option<Stack>,
    /// Bytes read through it.
    pub bytes_read: u64,
    /// Bytes written through it.
    pub bytes_written: u64,
    /// What else there is to say of a socket.
    pub socket: Option<SocketEnds>,
}

/// The two sides of a socket. What would differ from run to run is not told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SocketEnds {
    /// The address of its own side.
    pub local: Option<SocketAddr>,
    /// The address of its other side.
    pub peer: Option<SocketAddr>,
    /// Bytes that had arrived and were not read, or connections that a listening socket did not accept: at the end of the
    /// test, where that is exact.
    pub waiting: Option<u64>,
}

impl Handle {
    pub(super) fn new(what: Acquisition) -> Self {
        let Acquisition { kind, path, fd, access, origin, stack } = what;
        Self { kind, path, fd, access, origin, stack, bytes_read: 0, bytes_written: 0, socket: None }
    }
}
