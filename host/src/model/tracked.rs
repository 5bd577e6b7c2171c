//! How many resources of the user's own kinds a test tracked.

use super::figure;
use serde::{Deserialize, Serialize};

/// The resources of one of the user's kinds that a test tracked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TrackedRecord {
    /// The kind.
    pub name: String,
    /// How many were acquired in all.
    #[serde(with = "figure")]
    pub total: u64,
    /// The most that were held at once.
    #[serde(with = "figure")]
    pub peak: u64,
    /// How many were still held at the end.
    #[serde(with = "figure")]
    pub left: u64,
}

impl TrackedRecord {
    /// The counts of a kind: in all, at once, and at the end.
    #[must_use]
    pub fn new(name: impl Into<String>, total: u64, peak: u64, left: u64) -> Self {
        Self { name: name.into(), total, peak, left }
    }
}
