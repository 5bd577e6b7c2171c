//! What a Go test says of itself beyond its verdict: what its program's start cost, what its heap grew by, and what its benchmarks
//! reported.

use super::figure;
use super::frame::Frame;
use serde::{Deserialize, Serialize};

/// What a Go test says of itself. Empty fields are not written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct GoRecord {
    /// Fuel that the program spent before the test began: the runtime's start, and the initialisation of packages. It is not in the
    /// usage of any test. Each test has it again; the first that is run of a module tells it.
    #[serde(with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub start_fuel: Option<u64>,
    /// What it left on Go's heap, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heap: Option<GoHeapGrowth>,
    /// What its benchmarks reported, in the order in which they ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricRecord>,
    /// How many more there are.
    #[serde(skip_serializing_if = "figure::is_zero")]
    pub metrics_omitted: u64,
}

/// What a test left on Go's heap, by the account of Go's own runtime (`runtime.MemStats` after collections), when it and its clean-ups
/// had ended. That is no ledger: the runtime and the harness keep some of it, which is why a growth of less than the floor is not told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GoHeapGrowth {
    /// Bytes that are live more than when the test began.
    #[serde(with = "figure")]
    pub bytes: u64,
    /// Blocks that are.
    #[serde(with = "figure")]
    pub blocks: u64,
    /// The least growth that is told, in bytes.
    #[serde(with = "figure")]
    pub floor: u64,
    /// Where blocks were allocated that are in use at the end, the most bytes first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<GoHeapSite>,
    /// How many more places there are.
    #[serde(default, skip_serializing_if = "figure::is_zero")]
    pub sites_omitted: u64,
}

/// A place where a test allocated what is in use at its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GoHeapSite {
    /// Bytes in use.
    #[serde(with = "figure")]
    pub bytes: u64,
    /// Blocks in use.
    #[serde(with = "figure")]
    pub blocks: u64,
    /// The calls, innermost first.
    pub stack: Vec<Frame>,
}

/// A value that a benchmark reported: with `ReportMetric`, or of its allocations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MetricRecord {
    /// The path of the benchmark within the test; absent for the test itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtest: Option<String>,
    /// The unit, such as `words/op`.
    pub unit: String,
    /// The value as Go prints it, which rounds it.
    pub value: String,
}

impl GoHeapGrowth {
    /// A growth of which no places are known.
    #[must_use]
    pub fn new(bytes: u64, blocks: u64, floor: u64) -> Self {
        Self { bytes, blocks, floor, sites: Vec::new(), sites_omitted: 0 }
    }
}

impl GoHeapSite {
    /// A place with what is in use of it.
    #[must_use]
    pub fn new(bytes: u64, blocks: u64, stack: Vec<Frame>) -> Self {
        Self { bytes, blocks, stack }
    }
}

impl MetricRecord {
    /// A value with its unit.
    #[must_use]
    pub fn new(subtest: Option<String>, unit: impl Into<String>, value: impl Into<String>) -> Self {
        Self { subtest, unit: unit.into(), value: value.into() }
    }
}
