//! Grants: the directories and sockets of the host that a test may use.

use serde::Serialize;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What a guest may do below a granted host directory. Subdirectories keep the mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Nothing below can be created, changed or removed.
    ReadOnly,
    /// Everything below can be created, changed and removed, but only in memory: the host's files are never written to. Changes
    /// are seen by no other test, and vanish when the test ends. They are charged to [`super::Limit::Scratch`]. A directory
    /// that is granted under several guest paths is one overlay; a granted directory within another one is an overlay of its
    /// own.
    Overlay,
    /// Writes reach the host.
    ReadWrite,
    /// Not a directory of the host, but one in memory. It holds the null device as `null`; at `/` it is empty. Go's programs
    /// look for the null device at `/dev`, so that their tests are given this directory there.
    Devices,
}

/// A host directory placed in the guest's file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirGrant {
    /// Absolute path in the guest, without a trailing slash (but `/` itself).
    pub guest: String,
    /// The directory on the host. It never reaches the guest or the report.
    pub host: PathBuf,
    /// What the guest may do there.
    pub mode: Mode,
    /// A grant with a name is given only to tests that ask for it by this name; a grant without a name is given to all tests.
    pub name: Option<String>,
    /// Another guest path for the same directory: reports name files by that path. `airtight test` uses it for the package
    /// directory.
    pub alias_of: Option<String>,
}

/// Where the host gets a pre-opened socket from, for each test anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketSource {
    /// A TCP socket listening on a loopback address; port 0 takes a free one.
    Listen(SocketAddr),
    /// A TCP socket connected to this address.
    Connect(SocketAddr),
    /// A Unix socket listening at this path of the host. Nothing may exist there before. The file is removed when the guest
    /// closes the socket, or when its test is over.
    ListenUnix(PathBuf),
    /// A Unix socket connected to this path of the host.
    ConnectUnix(PathBuf),
    /// A socket connected to the listening socket of this name, granted to the same test.
    ConnectTo(String),
}

impl SocketSource {
    /// Whether the socket listens.
    #[must_use]
    pub fn listens(&self) -> bool {
        matches!(self, Self::Listen(_) | Self::ListenUnix(_))
    }
}

/// A socket that is open when the test starts.
///
/// The guest finds its descriptor in the environment variable `AIRTIGHT_SOCKETS`, as `name=fd` pairs joined by `:`.
///
/// ```
/// use airtight::policy::{SocketGrant, SocketSource};
///
/// let server = SocketGrant {
///     name: "server".to_owned(),
///     source: SocketSource::Listen(([127, 0, 0, 1], 0).into()),
///     on_request: true,
/// };
/// assert!(server.source.listens());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketGrant {
    /// The name by which the guest knows it.
    pub name: String,
    /// Where the host gets it from.
    pub source: SocketSource,
    /// Whether only tests that ask for it by name get it.
    pub on_request: bool,
}
