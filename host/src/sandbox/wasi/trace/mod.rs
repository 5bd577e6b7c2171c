//! All that a test does, event by event, where that is asked for: see [`crate::model::trace`].
//!
//! ```text
//! event     an event as it is kept while the test runs
//! tracer    keeps the events of one test, and no more than so many
//! describe  what a function of the interface is called for, and what came of it
//! numbered  calls that acquire or release what has a number
//! ```

mod describe;
mod event;
mod numbered;
#[cfg(test)]
mod tests;
mod tracer;

#[cfg(test)]
use describe::errno_name;
pub use describe::{TracedCall, paths_of};
pub use event::{RawTrace, TracedEvent};
pub use numbered::numbered;
pub use tracer::Tracer;
