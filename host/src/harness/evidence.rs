//! What a harness judges an ending by, and what it makes of it.

use super::TestEntry;
use super::rust::Panic;
use crate::model::{Frame, Verdict};
use crate::sandbox::Run;
use crate::symbols::Symbols;

/// What there is to judge the ending of a test by.
pub(crate) struct Evidence<'a> {
    /// The run.
    pub run: &'a Run,
    /// The functions and lines of its module.
    pub symbols: &'a Symbols,
    /// How the test was entered.
    pub entry: &'a TestEntry,
    /// Its name.
    pub test: &'a str,
}

/// What the ending of a test means to its harness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finish {
    /// The test did everything that it was to. What is open now is a leak.
    Normal {
        /// The status with which it left, where it did not return.
        exit_status: Option<u32>,
    },
    /// The test panicked as it was to. It passes, and what is open is taken back.
    ExpectedPanic,
    /// The test panicked, and its destructors ran. It fails, and what is open is what they did not give back.
    Panicked {
        /// What it said.
        message: String,
        /// Where, as the compiler wrote it: `file:line:column`.
        place: Option<String>,
    },
    /// The harness says that the test failed, and why.
    Failed {
        /// What went wrong.
        message: String,
        /// Whether the place to show is where the test is declared, because no code of its own failed.
        at_declaration: bool,
    },
    /// The harness or the guest's own runtime tells what became of the test, and where.
    Told {
        /// What became of it.
        verdict: Verdict,
        /// Why.
        message: String,
        /// Where, by the guest's own account; `None` where the stack on which the test ended says it.
        stack: Option<Vec<Frame>>,
    },
    /// The test was not done, for this reason.
    Skipped(String),
    /// The test was ended by something else than its harness.
    Abnormal,
}

impl Finish {
    /// A normal finish by returning.
    pub(crate) const RETURNED: Self = Self::Normal { exit_status: None };

    /// A panic that unwound, by what is known of it.
    pub(crate) fn panicked(panic: Option<Panic>) -> Self {
        match panic {
            Some(Panic { message, place }) => Self::Panicked { message, place: Some(place) },
            None => Self::Panicked { message: "panicked, and the message was lost".to_owned(), place: None },
        }
    }

    /// A failure whose place is told by where the test ended.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), at_declaration: false }
    }
}
