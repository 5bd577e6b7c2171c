//! The events of a test, if it is traced: see [`crate::model::trace`].
//!
//! ```text
//! event     an event as it is kept while the test runs
//! tracer    keeps the events of one test, up to a number
//! describe  what a function of the interface does, and how a call of it ended
//! shape     what the arguments of a function mean
//! numbered  calls that acquire or release a resource with a number
//! ```

mod describe;
mod event;
mod numbered;
mod shape;
#[cfg(test)]
mod tests;
mod tracer;

pub use describe::TracedCall;
#[cfg(test)]
use describe::errno_name;
pub use event::{RawTrace, TracedEvent};
pub use numbered::numbered;
pub use shape::paths_of;
pub use tracer::Tracer;
