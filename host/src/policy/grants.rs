//! What of the host a test may see: directories and sockets.

use serde::Serialize;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What a guest may do below a granted host directory. Subdirectories keep the mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Nothing below can be created, changed or removed.
    ReadOnly,
    /// Everything below can be created, changed and removed, in memory: the host's files are never written to, and what a
    /// test does is seen by no other test and gone when it ends. Charged to [`super::Limit::Scratch`]. A directory that is
    /// granted under several guest paths is one overlay; one that lies within another is an overlay of its own.
    Overlay,
    /// Writes reach the host.
    ReadWrite,
    /// No directory of the host's: one in memory, with the null device as `null` in it, or at `/` with nothing. Go's programs look for
    /// the null device at `/dev`, so their tests get it there.
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
    /// With a name, the grant is given only to tests that ask for it; without, to all.
    pub name: Option<String>,
    /// Another guest path under which reports name what is found here (see the package directory of `airtight test`).
    pub alias_of: Option<String>,
}

/// Where the host gets a pre-opened socket from, for each test anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketSource {
    /// A TCP socket listening on a loopback address; port 0 takes a free one.
    Listen(SocketAddr),
    /// A TCP socket connected to this address.
    Connect(SocketAddr),
    /// A Unix socket listening at this path of the host, where nothing may be yet. The file is removed when the guest
    /// closes the socket, or its test is over.
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
    /// What the guest calls it.
    pub name: String,
    /// Where it comes from.
    pub source: SocketSource,
    /// Whether only tests that ask for it by name get it.
    pub on_request: bool,
}
