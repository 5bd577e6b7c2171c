//! What is told of a test that was run again because it had failed.

use super::Verdict;
use serde::{Deserialize, Serialize};

/// The attempts at a test, where there were several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AttemptsRecord {
    /// How often it was run. The record of the test is that of the last time; that of the first, where it can only be the fault of
    /// airtight that they differ.
    pub tried: u32,
    /// How often it might have been run.
    pub allowed: u32,
    /// The times that failed before the last, in order.
    pub failed: Vec<FailedAttempt>,
}

/// One time that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FailedAttempt {
    /// What became of it.
    pub verdict: Verdict,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl FailedAttempt {
    /// One with this verdict.
    #[must_use]
    pub fn new(verdict: Verdict, message: Option<String>) -> Self {
        Self { verdict, message }
    }
}
