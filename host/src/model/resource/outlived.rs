//! An entry of the report for resources that outlived the subtest which acquired them.

use super::ResourceKind;
use crate::model::{Frame, figure};
use serde::{Deserialize, Serialize};

/// Resources that were released only after the subtest that acquired them had ended. They were acquired at one place, and
/// released at one place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OutlivedRecord {
    /// Their kind.
    pub kind: ResourceKind,
    /// The name of the user's kind, for resources of the user's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracked: Option<String>,
    /// How many.
    #[serde(with = "figure")]
    pub count: u64,
    /// The most of them that were open at once after their subtests had ended.
    #[serde(with = "figure")]
    pub peak: u64,
    /// The guest's path of the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The subtest that acquired the first, with the test's name.
    pub scope: String,
    /// The guest's stack at the acquisition, user frames first.
    pub stack: Vec<Frame>,
    /// The guest's stack at the release, user frames first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub released: Vec<Frame>,
}

impl OutlivedRecord {
    /// One resource of which nothing more is known than who acquired it, and where.
    #[must_use]
    pub fn new(kind: ResourceKind, scope: impl Into<String>, stack: Vec<Frame>) -> Self {
        Self { kind, tracked: None, count: 1, peak: 1, path: None, scope: scope.into(), stack, released: Vec::new() }
    }
}
