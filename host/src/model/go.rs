//! What a Go test reports of itself beyond its verdict: the fuel of its program's start, the growth of its heap, and the
//! figures of its benchmarks.

use super::figure;
use super::frame::Frame;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What a Go test reports of itself. Empty fields are not written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct GoRecord {
    /// Fuel that the program spent before the test began: the runtime's start, and the initialisation of packages. It is not in
    /// the usage of any test. Of the tests of a module it differs only by what `testing` does before each: it reads the test's name, and
    /// collects garbage before a benchmark. So only the first test that is run has it.
    #[serde(with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub start_fuel: Option<u64>,
    /// What the test left on Go's heap, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heap: Option<GoHeapGrowth>,
    /// Why nothing is known of Go's heap, where that was asked for and the test did not fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heap_doubt: Option<GoHeapDoubt>,
    /// The figures that its benchmarks reported, in the order in which the benchmarks ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricRecord>,
    /// How many more such figures there are.
    #[serde(skip_serializing_if = "figure::is_zero")]
    pub metrics_omitted: u64,
}

/// What a test left on Go's heap when it and its clean-ups had ended. The figures are those of Go's own runtime
/// (`runtime.MemStats` after collections), and not of a ledger: the runtime and the harness keep some blocks of their own. That
/// is why growth below the floor is not reported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GoHeapGrowth {
    /// How many more bytes are live than when the test began.
    #[serde(with = "figure")]
    pub bytes: u64,
    /// How many more blocks are live than when the test began.
    #[serde(with = "figure")]
    pub blocks: u64,
    /// The least growth that is reported, in bytes.
    #[serde(with = "figure")]
    pub floor: u64,
    /// Where the blocks that are in use at the end were allocated, most bytes first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<GoHeapSite>,
    /// How many more places there are.
    #[serde(default, skip_serializing_if = "figure::is_zero")]
    pub sites_omitted: u64,
}

/// Why a second run did not tell of Go's heap. Nothing is said then of whether it grew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GoHeapDoubt {
    /// The reason for programs: one of those that [`Heap::doubt_code`](super::Heap::doubt_code) has, too.
    pub code: Cow<'static, str>,
    /// The reason in words.
    pub why: String,
}

/// A place where a test allocated blocks that are in use at its end.
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

/// A figure of a benchmark: one that it reported with `ReportMetric`, or one of its allocations.
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

impl GoHeapDoubt {
    /// A reason, for programs and in words.
    #[must_use]
    pub fn new(code: impl Into<Cow<'static, str>>, why: impl Into<String>) -> Self {
        Self { code: code.into(), why: why.into() }
    }
}

impl GoHeapSite {
    /// A place, and the bytes and blocks in use that were allocated there.
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
