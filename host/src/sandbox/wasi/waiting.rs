//! A guest that waits for a socket: for what, and for which one.

use crate::ledger::Stack;
use std::net::SocketAddr;

/// The most connections that wait to be accepted at one listening socket: what std asks of Linux.
pub const BACKLOG: usize = 128;

/// What the guest waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// A connection to accept.
    Connection,
    /// Bytes to read.
    Bytes,
    /// Room for bytes to write.
    Room,
    /// That waiting connections are accepted at the address to connect to.
    Backlog(SocketAddr),
    /// An answer from an address of the host.
    Answer(SocketAddr),
    /// That one of several sockets becomes ready.
    Readiness,
}

/// A wait that ends the test, unless another thread of the test may still end the wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockedWait {
    pub wait: Wait,
    /// Whether nothing outside of the test could ever have ended the wait; else the wall clock ended it.
    pub forever: bool,
}

/// A wait that ends the guest, in words.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct FatalWait {
    /// What the guest waited for, beginning with `waits for`.
    pub message: String,
    /// Where that socket was acquired; `None` for a granted one.
    pub acquired: Option<Stack>,
    /// Whether nothing outside of the test could ever have ended the wait. Then it ended at once, on every machine; else by
    /// the wall clock.
    pub forever: bool,
}

impl BlockedWait {
    /// The wait in words, for sockets of these names.
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

    /// The wait in words, if the wait itself names the address.
    pub fn unnamed(self) -> FatalWait {
        self.named("a socket", None)
    }
}
