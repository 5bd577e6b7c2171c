//! A guest that was ended while it waited for a socket: for what, and for which one.

use crate::ledger::Stack;
use std::net::SocketAddr;

/// Connections that wait to be accepted at one listening socket at most: what std asks of Linux.
pub const BACKLOG: usize = 128;

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// A connection to accept.
    Connection,
    /// Bytes to read.
    Bytes,
    /// Room for bytes to write.
    Room,
    /// That others are accepted at the address to connect to.
    Backlog(SocketAddr),
    /// The answer of a host's address.
    Answer(SocketAddr),
    /// That one of several becomes ready.
    Readiness,
}

/// A wait that ends the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockedWait {
    pub wait: Wait,
    /// Whether nothing could ever have ended it; else it was the wall clock that did.
    pub forever: bool,
}

/// A guest that was ended while it waited for a socket.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct FatalWait {
    /// What it waited for, beginning with `waits for`.
    pub message: String,
    /// Where that socket was acquired; none for one that was granted.
    pub acquired: Option<Stack>,
    /// Whether nothing could ever have ended it: so it was ended at once, on every machine; else on the wall clock.
    pub forever: bool,
}

impl BlockedWait {
    /// In words, of the sockets of these names.
    pub fn named(self, sockets: &str, acquired: Option<Stack>) -> FatalWait {
        let (what, never) = match self.wait {
            Wait::Connection => (format!("a connection on {sockets}"), "which nothing in this test will ever make"),
            Wait::Bytes => (format!("bytes on {sockets}"), "which nothing in this test will ever send"),
            Wait::Room => (format!("room to write on {sockets}"), "which nothing in this test will ever make"),
            Wait::Readiness => {
                (format!("{sockets} to become ready"), "which nothing in this test will ever bring about")
            }
            Wait::Backlog(address) => {
                let full = BACKLOG;
                (
                    format!("one of the {full} connections to {address} to be accepted"),
                    "which nothing in this test will ever do",
                )
            }
            Wait::Answer(address) => (format!("an answer from {address}"), ""),
        };
        let message = if self.forever { format!("waits for {what}, {never}") } else { format!("waits for {what}") };
        FatalWait { message, acquired, forever: self.forever }
    }

    /// The same, where the wait itself names the address.
    pub fn unnamed(self) -> FatalWait {
        self.named("a socket", None)
    }
}
