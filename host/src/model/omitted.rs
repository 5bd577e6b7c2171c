//! How many entries the record of one test leaves out, because the report would be too long to be kept, written or read.

use super::figure;
use serde::{Deserialize, Serialize};

/// How many entries are left out at the end of each list. Verdicts and figures count them all the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Omitted {
    /// Of `failures`.
    #[serde(skip_serializing_if = "figure::is_zero")]
    pub failures: u64,
    /// Of `suppressed`.
    #[serde(skip_serializing_if = "figure::is_zero")]
    pub suppressed: u64,
    /// Of `cleanups`.
    #[serde(skip_serializing_if = "figure::is_zero")]
    pub cleanups: u64,
    /// Of `subtests`.
    #[serde(skip_serializing_if = "figure::is_zero")]
    pub subtests: u64,
    /// Of `tracked`.
    #[serde(skip_serializing_if = "figure::is_zero")]
    pub tracked: u64,
    /// Of `leaks`, `retained`, `reclaimed` and the places of growth together, where the report of the whole run is too long.
    /// Where the lists of this one test are too long, entries of their own stand for the rest: see
    /// [`super::Resource::omitted_places`].
    #[serde(skip_serializing_if = "figure::is_zero")]
    pub resources: u64,
}

impl Omitted {
    /// Whether everything is listed.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}
