//! One open handle of a test, and all that the books say of it.

use super::scope::ScopeId;
use super::stack::Stack;
use std::net::SocketAddr;
use std::sync::Arc;

/// Standard input, output and error are the process's own, also where the test has put a file in the place of one (`freopen`,
/// `dup2`): a program ends with one of each. Valgrind counts alike: "4 open (3 std) at exit".
pub(super) const LAST_STREAM: u32 = 2;

/// What is known of a handle when it is acquired.
#[derive(Debug, Clone)]
pub struct Acquisition {
    /// What the handle stands for.
    pub kind: Kind,
    /// The guest's path of it.
    pub path: Option<Arc<str>>,
    /// The descriptor that the guest got.
    pub fd: u32,
    /// What the guest may use it for.
    pub access: Access,
    /// Who acquired it.
    pub origin: Origin,
    /// The guest's stack at this moment.
    pub stack: Option<Stack>,
}

/// The key of a handle: counts up from 0 within a test and is never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HandleId(pub(super) u64);

impl HandleId {
    /// The number of this key.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The key of this number, which need not be one of a handle.
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }
}

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
    /// A resource of a kind of the user's own. It has no descriptor.
    Tracked,
    /// An asynchronous task. It has no descriptor.
    Task,
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
    /// What a handle may be used for that has these two rights.
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
    /// The host opened it for the test, before the test began. Still open at the end, it is not a leak.
    Granted,
    /// The set-up of its module acquired it, before the test began. Still open at the end, it is no leak of the test.
    SetUp,
    /// The test opened it. Still open at the end, it is a leak.
    Test,
}

/// An open entry of the guest's descriptor table.
#[derive(Debug, Clone, PartialEq)]
pub struct Handle {
    /// What the handle stands for.
    pub kind: Kind,
    /// The guest's path of it; `None` for what has no path, such as a socket that was accepted.
    pub path: Option<Arc<str>>,
    /// The descriptor at which the guest finds it now. `fd_renumber` can change that.
    pub fd: u32,
    /// What the guest may use it for.
    pub access: Access,
    /// Who acquired it.
    pub origin: Origin,
    /// The guest's stack when the handle was acquired.
    pub stack: Option<Stack>,
    /// Bytes read through it.
    pub bytes_read: u64,
    /// Bytes written through it.
    pub bytes_written: u64,
    /// The two ends of a connection; `None` for what is not a socket.
    pub socket: Option<SocketEnds>,
    /// Where it waits, of a task: the guest's stack when it last asked to be woken.
    pub waits: Option<Stack>,
    /// The user's kind, of a resource of the user's own.
    pub tracked: Option<Arc<str>>,
    /// The scope that acquired it.
    pub scope: ScopeId,
    /// The thread that acquired it, of a test with threads.
    pub thread: Option<u32>,
    /// Whether that scope has ended.
    pub outlives: bool,
}

/// The two sides of a socket. A figure is `None` where another run could give another one, such as a port that the system
/// chooses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SocketEnds {
    /// The address of the test's side.
    pub local: Option<SocketAddr>,
    /// The address of the other side.
    pub peer: Option<SocketAddr>,
    /// What was still waiting at the end of the test: bytes that had arrived and were not read, or, of a listening socket,
    /// connections that were not accepted.
    pub waiting: Option<u64>,
}

impl Handle {
    /// Whether it is a leak if it is open when its test has ended: the test's own, and not in the place of a standard stream.
    pub fn is_left(&self) -> bool {
        self.origin == Origin::Test && (!self.has_descriptor() || self.fd > LAST_STREAM)
    }

    /// Whether the guest finds it at a descriptor.
    pub fn has_descriptor(&self) -> bool {
        !matches!(self.kind, Kind::Tracked | Kind::Task)
    }

    pub(super) fn new(what: Acquisition) -> Self {
        let Acquisition { kind, path, fd, access, origin, stack } = what;
        Self {
            waits: None,
            tracked: None,
            kind,
            path,
            fd,
            access,
            origin,
            stack,
            bytes_read: 0,
            bytes_written: 0,
            socket: None,
            scope: ScopeId::TEST,
            thread: None,
            outlives: false,
        }
    }
}
