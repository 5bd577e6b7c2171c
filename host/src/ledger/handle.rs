//! One open handle of a test, and everything that the books know of it.

use super::scope::ScopeId;
use super::stack::Stack;
use std::net::SocketAddr;
use std::sync::Arc;

/// The highest descriptor of a standard stream. What stands at 0, 1 and 2 is never a leak, even if the test has put a file
/// there (`freopen`, `dup2`): a program ends with one of each. Valgrind counts the same way: "4 open (3 std) at exit".
pub(super) const LAST_STREAM: u32 = 2;

/// What is known of a handle when it is acquired.
#[derive(Debug, Clone)]
pub struct Acquisition {
    /// What the handle stands for.
    pub kind: Kind,
    /// Its path in the guest.
    pub path: Option<Arc<str>>,
    /// The descriptor that the guest got.
    pub fd: u32,
    /// What the guest may use it for.
    pub access: Access,
    /// Who acquired it.
    pub origin: Origin,
    /// The guest's stack at the acquisition.
    pub stack: Option<Stack>,
}

/// The key of a handle: counts up from 0 within a test and is never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HandleId(pub(super) u64);

impl HandleId {
    /// The key as a number.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The key with this number. There need not be a handle with that key.
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
    /// The access of a handle with these two rights.
    pub fn new(read: bool, write: bool) -> Self {
        match (read, write) {
            (false, false) => Self::None,
            (true, false) => Self::Read,
            (false, true) => Self::Write,
            (true, true) => Self::ReadWrite,
        }
    }

    /// The word for reports; `Access::None` has no word.
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
    /// The host opened it for the test, before the test began. It is not a leak if it is open at the end.
    Granted,
    /// The set-up of the module acquired it, before the test began. It is not a leak of the test if it is open at the end.
    SetUp,
    /// The test acquired it. It is a leak if it is open at the end.
    Test,
}

/// An open entry of the guest's descriptor table; or a tracked resource or a task, which are kept in the same books and have no
/// descriptor.
#[derive(Debug, Clone, PartialEq)]
pub struct Handle {
    /// What the handle stands for.
    pub kind: Kind,
    /// Its path in the guest; the label of a tracked resource, the name of a task. `None` where there is none, as for a socket
    /// that was accepted.
    pub path: Option<Arc<str>>,
    /// The descriptor at which the guest finds it now. `fd_renumber` can change it. 0 for a handle without a descriptor.
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
    /// The two sides of a socket; `None` for other kinds.
    pub socket: Option<SocketEnds>,
    /// For a task, where it waits: the guest's stack when the task last asked to be woken.
    pub waits: Option<Stack>,
    /// For a tracked resource, the name of the user's kind.
    pub tracked: Option<Arc<str>>,
    /// The scope that acquired it.
    pub scope: ScopeId,
    /// The thread that acquired it, in a test with threads.
    pub thread: Option<u32>,
    /// Whether the scope that acquired it has ended.
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
    /// For a listening socket, how many connections were not accepted by the end of the test; for another socket, how many
    /// bytes had arrived and were not read.
    pub waiting: Option<u64>,
}

impl Handle {
    /// Whether it is a leak if it is open when its test has ended. It is if the test acquired it and it does not stand at the
    /// descriptor of a standard stream.
    pub fn is_left(&self) -> bool {
        self.origin == Origin::Test && (!self.has_descriptor() || self.fd > LAST_STREAM)
    }

    /// Whether it has a descriptor.
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
