//! What a harness judges the ending of a test by, and what it can conclude from it.

use super::TestEntry;
use super::rust::Panic;
use crate::model::{Frame, Verdict};
use crate::sandbox::Run;
use crate::symbols::Symbols;

/// All that a harness may look at when it judges the ending of a test.
pub(crate) struct Evidence<'a> {
    /// The run.
    pub run: &'a Run,
    /// The functions and lines of the test's module.
    pub symbols: &'a Symbols,
    /// How the test was entered.
    pub entry: &'a TestEntry,
    /// The test's name.
    pub test: &'a str,
}

/// What the ending of a test means to its harness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finish {
    /// The test did everything that it was to do. What is still open is a leak.
    Normal {
        /// The status with which the program left; `None` if it returned.
        exit_status: Option<u32>,
    },
    /// The test panicked, as its declaration demands. It passes; what is still open is taken back.
    ExpectedPanic,
    /// The test panicked, and its destructors ran. It fails; what is still open is what the destructors did not give back.
    Panicked {
        /// The panic's message.
        message: String,
        /// Where it panicked, as the compiler wrote it: `file:line:column`.
        place: Option<String>,
    },
    /// The harness says that the test failed, and why.
    Failed {
        /// What went wrong.
        message: String,
        /// Whether the report shows where the test is declared, because no code of its own failed.
        at_declaration: bool,
    },
    /// The harness, or the guest's own runtime, says what became of the test and where.
    Told {
        /// What became of it.
        verdict: Verdict,
        /// Why.
        message: String,
        /// The guest's own account of where; `None` if the stack on which the test ended says it.
        stack: Option<Vec<Frame>>,
    },
    /// The test was not done, for this reason.
    Skipped(String),
    /// Something other than its harness ended the test.
    Abnormal,
}

impl Finish {
    /// A normal finish of a test that returned.
    pub(crate) const RETURNED: Self = Self::Normal { exit_status: None };

    /// A panic that unwound; `panic` is what is known of it.
    pub(crate) fn panicked(panic: Option<Panic>) -> Self {
        match panic {
            Some(Panic { message, place }) => Self::Panicked { message, place: Some(place) },
            None => Self::Panicked { message: "panicked, and the message was lost".to_owned(), place: None },
        }
    }

    /// A failure that is shown at the place where the test ended.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), at_declaration: false }
    }
}
