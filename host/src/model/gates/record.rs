//! One gate, its limit and the figure of a run.

use crate::model::units::{Quantity, format_size};
use crate::model::{FunctionGrowth, Threshold, figure};
use serde::{Deserialize, Serialize};

/// How many tests a record names at most. Those that count most come first.
pub const NAMED: usize = 20;

/// What a gate is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum GateKind {
    /// Bytes of the heap that all tests together lost.
    Lost,
    /// Bytes of the heap that all tests together left retained.
    Retained,
    /// The most descriptors that one test had open at once.
    Handles,
    /// Threads that had not ended when their tests did, of all tests together.
    Threads,
    /// Goroutines and asynchronous tasks that had not ended when their tests did, of all tests together.
    TasksDelta,
    /// How many more bytes a single test retains than in the base.
    Growth,
    /// How much more fuel all tests together take than in the base.
    Fuel,
    /// Places that leave something on their way out of a failure; only `airtight faults` looks for them.
    FaultLeaks,
}

impl GateKind {
    /// All gates, in the order in which they are judged.
    pub const ALL: [Self; 8] = [
        Self::Lost,
        Self::Retained,
        Self::Handles,
        Self::Threads,
        Self::TasksDelta,
        Self::Growth,
        Self::Fuel,
        Self::FaultLeaks,
    ];

    /// The key in `gate`, and the name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Retained => "retained",
            Self::Handles => "handles",
            Self::Threads => "threads",
            Self::TasksDelta => "tasks-delta",
            Self::Growth => "growth",
            Self::Fuel => "fuel",
            Self::FaultLeaks => "fault-leaks",
        }
    }

    /// Whether the gate compares with the report of an earlier run.
    #[must_use]
    pub fn has_base(self) -> bool {
        match self {
            Self::Growth | Self::Fuel => true,
            Self::Lost | Self::Retained | Self::Handles | Self::Threads | Self::TasksDelta | Self::FaultLeaks => false,
        }
    }

    /// Whether its figure is a number of bytes.
    pub(crate) fn is_size(self) -> bool {
        match self {
            Self::Lost | Self::Retained | Self::Growth => true,
            Self::Handles | Self::Threads | Self::TasksDelta | Self::Fuel | Self::FaultLeaks => false,
        }
    }

    /// Whether the figure of a run is the largest of the figures of its tests, and not their sum.
    pub(crate) fn is_largest(self) -> bool {
        self == Self::Handles
    }
}

/// One gate, its limit and the figure of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GateRecord {
    /// Which gate.
    pub gate: GateKind,
    /// Whether the run kept within the limit.
    pub passed: bool,
    /// The limit, as reports write it: `64 KiB`, `2%`.
    pub limit: String,
    /// The figure of the run. Tests of which it is not known do not count.
    #[serde(with = "figure")]
    pub seen: u64,
    /// The figure of the same tests in the base.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub base: Option<u64>,
    /// The digest of the base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_digest: Option<String>,
    /// The tests that make the figure what it is, those that count most first; at most twenty. For a gate with a base: the
    /// tests that grew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<GateTest>,
    /// How many more such tests there are.
    #[serde(default, with = "figure", skip_serializing_if = "figure::is_zero")]
    pub tests_omitted: u64,
    /// How many tests there are of which the figure is not known.
    #[serde(default, with = "figure", skip_serializing_if = "figure::is_zero")]
    pub unknown: u64,
    /// The first of these tests by module and name, and why its figure is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_unknown: Option<UnknownTest>,
}

/// What one test adds to the figure of a gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GateTest {
    /// The module.
    pub module: String,
    /// The test.
    pub test: String,
    /// Its figure.
    #[serde(with = "figure")]
    pub seen: u64,
    /// Its figure in the base.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub base: Option<u64>,
    /// Of fuel: the function that spends most more than in the base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<FunctionGrowth>,
    /// Why that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_function: Option<String>,
}

/// A test of which the figure of a gate is not known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnknownTest {
    /// The module.
    pub module: String,
    /// The test.
    pub test: String,
    /// Why.
    pub why: String,
}

impl GateTest {
    /// What a test adds.
    pub(crate) fn new(module: &str, test: &str, seen: u64, base: Option<u64>) -> Self {
        let (module, test) = (module.to_owned(), test.to_owned());
        Self { module, test, seen, base, function: None, no_function: None }
    }

    /// What it counts: its figure, or by how much that grew.
    fn weight(&self) -> u64 {
        self.seen.saturating_sub(self.base.unwrap_or(0))
    }
}

impl GateRecord {
    /// A record to fill: not passed, with a figure of 0 and without tests.
    pub(crate) fn new(gate: GateKind, limit: String) -> Self {
        Self {
            gate,
            passed: false,
            limit,
            seen: 0,
            base: None,
            base_digest: None,
            tests: Vec::new(),
            tests_omitted: 0,
            unknown: 0,
            first_unknown: None,
        }
    }

    /// The words for a figure of this gate: `64 KiB`, `12`.
    pub(crate) fn amount(gate: GateKind, figure: u64) -> String {
        if gate.is_size() { format_size(figure) } else { figure.to_string() }
    }

    /// Puts the tests in order, and keeps the first twenty.
    pub(super) fn settle(mut self) -> Self {
        let order = |test: &GateTest| (std::cmp::Reverse(test.weight()), test.module.clone(), test.test.clone());
        self.tests.sort_by_cached_key(order);
        self.tests_omitted = self.tests_omitted.saturating_add(self.tests.len().saturating_sub(NAMED) as u64);
        self.tests.truncate(NAMED);
        self
    }

    /// The record of two parts together, which have no test in common; `None` where the two gates or their limits differ.
    pub(crate) fn joined(mut self, other: &Self) -> Option<Self> {
        let same = |one: &Self| (one.gate, one.limit.clone(), one.base_digest.clone(), one.base.is_some());
        if same(&self) != same(other) {
            return None;
        }
        let add = if self.gate.is_largest() { u64::max } else { u64::saturating_add };
        self.seen = add(self.seen, other.seen);
        self.base = self.base.zip(other.base).map(|(one, other)| add(one, other));
        self.tests.extend(other.tests.iter().cloned());
        self.tests_omitted = self.tests_omitted.saturating_add(other.tests_omitted);
        self.unknown = self.unknown.saturating_add(other.unknown);
        self.first_unknown = self.first_unknown.into_iter().chain(other.first_unknown.clone()).min();
        let mut joined = self.settle();
        joined.passed = passes(&joined, joined.limit()?);
        Some(joined)
    }

    /// The limit, read back from its words.
    fn limit(&self) -> Option<GateLimit> {
        if self.gate.has_base() {
            return self.limit.parse().ok().map(GateLimit::Threshold);
        }
        let quantity = if self.gate.is_size() { Quantity::Size } else { Quantity::Count };
        quantity.parse(&self.limit).ok().map(GateLimit::Most)
    }
}

/// Whether the figure of a record keeps within a limit.
pub(super) fn passes(record: &GateRecord, limit: GateLimit) -> bool {
    match limit {
        GateLimit::Most(most) => record.seen <= most && record.unknown == 0,
        GateLimit::Threshold(threshold) => match record.gate {
            // Each test is judged by itself: `tests` holds those that grew by more than is allowed.
            GateKind::Growth => record.tests.is_empty() && record.tests_omitted == 0,
            _ => !threshold.is_exceeded(record.base.unwrap_or(0), record.seen),
        },
    }
}

/// The limit of a record, as a number.
#[derive(Debug, Clone, Copy)]
pub(super) enum GateLimit {
    Most(u64),
    Threshold(Threshold),
}
