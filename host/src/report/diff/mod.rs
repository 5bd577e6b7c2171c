//! What changed between two reports, most often of two versions of a program: its heap by function and by test, its leaks,
//! its verdicts, and what it costs by function.
//!
//! Tests are matched by module, name and harness. If one report does not know a figure, that is said; it is never taken for
//! zero. A test that only one report has held nothing in the other.

mod fuel;
mod growth;
mod heap;
mod leaks;
mod tests;

pub use crate::model::threshold::{Threshold, ThresholdError};
pub use fuel::{FuelDiff, FunctionChange};
pub use growth::RetainedGrowth;
pub use heap::{Amount, ComparedFigure, HeapDiff, OneSided, SiteChange, TestChange, UnknownFigure};
pub use leaks::{LeakChange, LeakDiff};
pub use tests::{OnlyTest, TestDiff, VerdictChange};

use super::compare::matched;
use crate::model::doubt::{Doubt, TestId};
use crate::model::{Report, TestRecord};

/// One of the two reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The base.
    Old,
    /// The one that is compared with it.
    New,
}

/// Everything that changed.
///
/// ```
/// use airtight::report::diff::{ReportDiff, RetainedGrowth, Side};
/// use airtight::report::json;
///
/// # fn compare() -> Result<(), Box<dyn std::error::Error>> {
/// let (old, new) = (json::read("old.json".as_ref())?, json::read("new.json".as_ref())?);
/// let diff = ReportDiff::between(&old, &new);
/// for test in &diff.tests.verdicts {
///     println!("{}: {:?}, was {:?}", test.test.test, test.new, test.old);
/// }
/// let growth = RetainedGrowth::judge(&old, &new, "10%".parse()?);
/// assert!(growth.over.is_empty(), "{} tests retain more than 10% over the base", growth.over.len());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ReportDiff {
    /// Whether the canonical parts are the same, and there is nothing else to say.
    pub same: bool,
    /// Whether the runs had different policies, so that figures may differ for that reason.
    pub policies_differ: bool,
    /// Why a report itself says that another run may differ.
    pub doubts: Vec<(Side, Doubt)>,
    /// Verdicts, new tests, gone tests.
    pub tests: TestDiff,
    /// The heap.
    pub heap: HeapDiff,
    /// All other leaks.
    pub leaks: LeakDiff,
    /// What the tests cost, and which functions cost more.
    pub fuel: FuelDiff,
}

impl ReportDiff {
    /// Compares a report with its base.
    pub fn between(old: &Report, new: &Report) -> Self {
        let pairs = pairs(old, new);
        let doubts = |side, report: &Report| -> Vec<_> {
            report.canonical.doubts.iter().map(|doubt| (side, doubt.clone())).collect()
        };
        Self {
            same: old.canonical == new.canonical,
            policies_differ: old.canonical.policy != new.canonical.policy,
            doubts: [doubts(Side::Old, old), doubts(Side::New, new)].concat(),
            tests: tests::compare(&pairs),
            heap: heap::compare(&pairs),
            leaks: leaks::compare(&pairs),
            fuel: fuel::compare(old, new, &pairs),
        }
    }
}

/// A test as each of the two reports has it, if it does.
struct TestPair<'a> {
    id: TestId,
    old: Option<&'a TestRecord>,
    new: Option<&'a TestRecord>,
}

/// All tests of both reports, in the order of the reports.
fn pairs<'a>(old: &'a Report, new: &'a Report) -> Vec<TestPair<'a>> {
    let mut pairs = Vec::new();
    for (old, new) in matched(&old.canonical.modules, &new.canonical.modules, |module| module.name.clone()) {
        let Some(module) = old.or(new).map(|module| &module.name) else { continue };
        let [old, new] = [old, new].map(|module| module.map_or(&[][..], |module| &module.tests));
        for (old, new) in matched(old, new, |test| (test.name.to_string(), test.harness)) {
            let Some(test) = old.or(new).map(|test| test.name.to_string()) else { continue };
            pairs.push(TestPair { id: TestId { module: module.clone(), test }, old, new });
        }
    }
    pairs
}
