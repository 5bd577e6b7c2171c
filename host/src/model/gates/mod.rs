//! The gates of a run: limits on figures of all its tests together.
//!
//! The records of the parts of a suite can be joined into one. That is so because each test belongs to one part, and because
//! every figure of a record is the sum or the largest of the figures of single tests.

mod judge;
mod limits;
mod record;
#[cfg(test)]
mod tests;

pub use judge::judge;
pub use limits::GateLimits;
pub use record::{GateKind, GateRecord, GateTest, UnknownTest};
