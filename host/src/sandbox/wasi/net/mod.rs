//! The network of one test: a loopback in memory, which the guest SDK listens on and connects to.
//!
//! ```text
//! calls     airtight's own imports: listen, connect, address
//! socket    what a descriptor stands for: a listener, or an end of a connection
//! network   who listens where, which connections wait to be accepted, which port is next
//! connection, pipe   two ends, and bytes between them
//! ```
//! It answers as TCP does on Linux's loopback. Only the test itself can end a wait here. So a call that has to wait is a
//! [`Fault::Waiting`](super::fault::Fault::Waiting), which ends the test at once, unless another thread of the test may
//! still run.

mod calls;
mod connection;
mod network;
mod pipe;
mod socket;
#[cfg(test)]
mod tests;

pub use calls::{address, connect, listen};
pub use network::Network;
