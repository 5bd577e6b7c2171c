//! All that a test does, event by event, where that is asked for: see [`crate::model::trace`].
//!
//! ```text
//! event     an event as it is kept while the test runs
//! tracer    keeps the events of one test, and no more than so many
//! describe  what a function of the interface is called for, and what came of it
//! shape     what the arguments of a function mean
//! numbered  calls that acquire or release what has a number
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
