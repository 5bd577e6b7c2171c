//! A connection: two ends, each with the bytes on their way to it.

use super::pipe::{Budget, CAPACITY, Pipe};
use crate::sandbox::wasi::table::{Interest, Readiness};
use std::net::SocketAddr;
use wasi_common::snapshots::preview_1::types::Errno;

/// One of the two ends of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

impl Side {
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// The result of reading or writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    Bytes(usize),
    /// No byte can move before the other end does something.
    Blocked,
}

#[derive(Debug, Clone)]
struct End {
    address: SocketAddr,
    incoming: Pipe,
    /// Reading ends behind the last byte, instead of waiting.
    read_shut: bool,
    /// This end will send no more.
    write_shut: bool,
    /// This end is closed.
    closed: bool,
    /// The other end refused bytes: this end can send no more.
    reset: bool,
    /// The error that the next call gets, once.
    error: Option<Errno>,
}

impl End {
    fn new(address: SocketAddr) -> Self {
        let incoming = Pipe::default();
        Self { address, incoming, read_shut: false, write_shut: false, closed: false, reset: false, error: None }
    }

    fn reset(&mut self) {
        if !self.closed && !self.reset {
            (self.reset, self.error) = (true, Some(Errno::Connreset));
        }
    }
}

/// A connection has two ends.
#[derive(Debug, Clone)]
pub struct Connection {
    client: End,
    server: End,
}

impl Connection {
    pub fn new(client: SocketAddr, server: SocketAddr) -> Self {
        Self { client: End::new(client), server: End::new(server) }
    }

    fn end(&self, side: Side) -> &End {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    /// This end and the other one.
    fn ends(&mut self, side: Side) -> (&mut End, &mut End) {
        match side {
            Side::Client => (&mut self.client, &mut self.server),
            Side::Server => (&mut self.server, &mut self.client),
        }
    }

    pub fn address(&self, side: Side) -> SocketAddr {
        self.end(side).address
    }

    /// How many bytes have arrived at an end and were not read.
    pub fn unread(&self, side: Side) -> usize {
        self.end(side).incoming.len()
    }

    /// Whether both ends are closed.
    pub fn is_over(&self) -> bool {
        self.client.closed && self.server.closed
    }

    /// Whether no more bytes can arrive at this end.
    fn at_end(&self, side: Side) -> bool {
        let (own, other) = (self.end(side), self.end(side.other()));
        own.read_shut || own.reset || other.write_shut || other.closed
    }

    pub fn read(&mut self, side: Side, buffer: &mut [u8], peek: bool, budget: &mut Budget) -> Result<Transfer, Errno> {
        let at_end = self.at_end(side);
        let (own, _) = self.ends(side);
        // As on Linux: bytes that arrived before a reset can still be read.
        if !own.incoming.is_empty() {
            let count = if peek { own.incoming.peek(buffer) } else { own.incoming.read(buffer, budget) };
            return Ok(Transfer::Bytes(count));
        }
        match own.error.take() {
            Some(error) => Err(error),
            None if at_end => Ok(Transfer::Bytes(0)),
            None => Ok(Transfer::Blocked),
        }
    }

    pub fn write(&mut self, side: Side, bytes: &[u8], budget: &mut Budget) -> Result<Transfer, Errno> {
        let (own, other) = self.ends(side);
        if let Some(error) = own.error.take() {
            return Err(error);
        }
        if own.write_shut || own.reset {
            return Err(Errno::Pipe);
        }
        if other.closed {
            // The first bytes are sent before the answer arrives that the other end is closed.
            own.reset = true;
            return Ok(Transfer::Bytes(bytes.len().min(CAPACITY)));
        }
        if other.incoming.is_full() {
            return Ok(Transfer::Blocked);
        }
        other.incoming.write(bytes, budget).map(Transfer::Bytes)
    }

    pub fn shut(&mut self, side: Side, read: bool, write: bool) -> Result<(), Errno> {
        let (own, _) = self.ends(side);
        if own.reset {
            return Err(Errno::Notconn);
        }
        own.read_shut |= read;
        own.write_shut |= write;
        Ok(())
    }

    /// Closes an end. If it leaves bytes unread, the other end is reset.
    pub fn close(&mut self, side: Side, budget: &mut Budget) {
        let (own, other) = self.ends(side);
        let unread = !own.incoming.is_empty();
        own.incoming.clear(budget);
        own.closed = true;
        if unread {
            other.reset();
        }
    }

    /// Closes an end that was never accepted, and resets the other.
    pub fn refuse(&mut self, side: Side, budget: &mut Budget) {
        self.close(side, budget);
        self.ends(side).1.reset();
    }

    pub fn poll(&self, side: Side, interest: Interest) -> Readiness {
        let (own, other) = (self.end(side), self.end(side.other()));
        let ready = match interest {
            Interest::Read => !own.incoming.is_empty() || own.error.is_some() || self.at_end(side),
            Interest::Write => own.write_shut || own.reset || other.closed || !other.incoming.is_full(),
        };
        if !ready {
            return Readiness::Never;
        }
        let bytes = if interest == Interest::Read { own.incoming.len() as u64 } else { 0 };
        let hangup = own.reset || (own.write_shut && (other.write_shut || other.closed));
        Readiness::Ready { bytes, hangup }
    }
}
