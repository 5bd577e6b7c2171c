//! Set-ups and teardowns in a report: what they are called, and what they add to the figures of a run.

use super::{CleanupCoverage, GateRecord, MissedSite};
use serde::{Deserialize, Serialize};

/// What the set-ups and teardowns of one part of a suite add to its figures. Another part may have run the same ones, and the whole has
/// each of them once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct WorldFigures {
    /// The gates, judged by the tests alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gates_of_tests: Vec<GateRecord>,
    /// The set-ups and teardowns that were run, in the order of the report.
    pub entries: Vec<WorldEntry>,
}

/// What one set-up or teardown adds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorldEntry {
    /// Its module.
    pub module: String,
    /// The code of its module.
    pub code: String,
    /// Its name.
    pub test: String,
    /// The gates, judged by it alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<GateRecord>,
    /// Its clean-up coverage, where that is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<CleanupCoverage>,
    /// Every place of it that clean-up coverage counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<MissedSite>,
    /// How many entries of the baseline were judged by it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub judged: usize,
}

impl WorldEntry {
    /// Which one it is.
    pub(crate) fn id(&self) -> (&str, &str, &str) {
        (&self.module, &self.code, &self.test)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
