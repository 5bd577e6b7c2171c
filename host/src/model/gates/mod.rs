//! The gates of a run: figures of all tests together that it has to keep.
//!
//! A record is made so that those of parts of a suite can be joined: its figures are sums, or the largest, of figures of single
//! tests, and each test belongs to one part.

mod judge;
mod limits;
mod record;
#[cfg(test)]
mod tests;

pub use judge::judge;
pub use limits::GateLimits;
pub use record::{GateKind, GateRecord, GateTest, UnknownTest};
