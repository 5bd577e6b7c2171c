//! The attempts at a test that was run again because it had failed.

use super::Verdict;
use serde::{Deserialize, Serialize};

/// The attempts at one test, where there were several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AttemptsRecord {
    /// How often the test was run. The test's record is the record of the last attempt. One exception: where the attempts
    /// differ and only a bug of airtight's can explain that, it is the record of the first attempt.
    pub tried: u32,
    /// How often the test might have been run.
    pub allowed: u32,
    /// The attempts that failed before the last one, in order.
    pub failed: Vec<FailedAttempt>,
}

/// One attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FailedAttempt {
    /// Its verdict.
    pub verdict: Verdict,
    /// The message of its record: why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl FailedAttempt {
    /// An attempt with this verdict.
    #[must_use]
    pub fn new(verdict: Verdict, message: Option<String>) -> Self {
        Self { verdict, message }
    }
}
