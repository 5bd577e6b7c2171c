//! Results of earlier runs, taken where a test's result cannot be another one.
//!
//! A test that passed is a function of its module, of what it is granted and given, of the program that runs it, and of what it read from
//! the host. The first three are its key; what it read is noted while it runs, and is looked at again before a result is taken. What cannot be
//! known to be the same is not recorded, and why is told.
//!
//! ```text
//! key      all that a result depends on and that is known before a test runs
//! store    the folder in which results are
//! taken    what one run takes, proves and records
//! ```

mod key;
mod store;
mod taken;

pub(super) use key::key as key_of_test;
pub use store::Results;
pub(super) use taken::{RecordedRun, Taken};

/// What a run does with results that are recorded.
#[derive(Debug, Clone)]
pub(crate) struct ResultsUse {
    /// Where they are.
    pub results: Results,
    /// Runs so many tests of which a result is recorded, and no others, and compares; instead of taking results.
    pub proves: Option<usize>,
}
