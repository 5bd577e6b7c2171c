//! Results of earlier runs. A result is taken if the test would have to come to it again.
//!
//! What a passing test does is decided by its module, by what it is granted and given, by the program that runs it, and by
//! what it read from the host. The first three are its key. What the test reads is noted while it runs, and compared before
//! its result is taken. If something cannot be known to be the same, the result is not recorded, and the run says why.
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
pub(super) use taken::{RecordedRun, ResultLookup};

use super::coverage::TestCoverage;
use crate::model::TestRecord;
use serde::{Deserialize, Serialize};

/// What a test came to, as far as a report tells of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TestResult {
    pub record: TestRecord,
    /// What it adds to clean-up coverage. A later run may want it, whatever this one does.
    pub coverage: TestCoverage,
}

/// What a run does with recorded results.
#[derive(Debug, Clone)]
pub(crate) struct ResultsUse {
    /// Where they are.
    pub results: Results,
    /// `None`: results are taken. A number: at most that many of the tests with a recorded result are run, and no others,
    /// and the results are compared.
    pub proves: Option<usize>,
}
