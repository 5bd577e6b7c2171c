//! What set-ups and teardowns add to the figures of a run.

use super::{CleanupCoverage, GateRecord, MissedSite};
use serde::{Deserialize, Serialize};

/// What the set-ups and teardowns of one part of a suite add to its figures. Another part may have run the same ones; the
/// merged report counts each of them once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct WorldFigures {
    /// The gates, judged by the tests alone, without set-ups and teardowns.
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
    /// The gates, judged by this set-up or teardown alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<GateRecord>,
    /// Its clean-up coverage, if that was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<CleanupCoverage>,
    /// Every place in it that clean-up coverage counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<MissedSite>,
    /// How many entries of the baseline belong to it and were judged in this run.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub judged: usize,
}

impl WorldEntry {
    /// What tells it from others: module, code and name.
    pub(crate) fn id(&self) -> (&str, &str, &str) {
        (&self.module, &self.code, &self.test)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
