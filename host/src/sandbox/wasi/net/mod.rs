//! The network of one test: a loopback in memory, which the guest SDK listens on and connects to.
//!
//! ```text
//! calls     airtight's own imports: listen, connect, address
//! socket    what a descriptor stands for: a listener, or an end of a connection
//! network   who listens where, what waits to be accepted, which port is next
//! connection, pipe   two ends, and bytes between them
//! ```
//! It answers as TCP does on Linux's loopback. A test has one thread, so what would block here would block for ever: that
//! is a [`Fault::Waiting`](super::fault::Fault::Waiting), and ends the test at once.

mod calls;
mod connection;
mod network;
mod pipe;
mod socket;
#[cfg(test)]
mod tests;

pub use calls::{address, connect, listen};
pub use network::Network;
