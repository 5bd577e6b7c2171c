//! The tests of two reports: which are in both, and with which verdicts.

use super::TestPair;
use super::heap::{Figure, Unknown, known};
use crate::model::doubt::TestId;
use crate::model::{TestRecord, Verdict};

/// Tests that are new or gone, and verdicts that changed. Each list is in the order of the reports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestDiff {
    /// Tests with another verdict.
    pub verdicts: Vec<VerdictChange>,
    /// Tests that the base does not have.
    pub new: Vec<OnlyTest>,
    /// Tests that only the base has.
    pub gone: Vec<OnlyTest>,
    /// How many tests have the same verdict in both.
    pub same: usize,
}

/// A test whose verdict changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerdictChange {
    /// The test.
    pub test: TestId,
    /// Its verdict in the base.
    pub old: Verdict,
    /// Its verdict now.
    pub new: Verdict,
}

/// A test that only one report has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnlyTest {
    /// The test.
    pub test: TestId,
    /// Its verdict.
    pub verdict: Verdict,
    /// Why the report does not know what the test left on the heap; `None` where it knows. A test of which it does not know is in
    /// none of the lists of the heap.
    pub heap: Option<Unknown>,
}

pub(super) fn compare(pairs: &[TestPair<'_>]) -> TestDiff {
    let mut diff = TestDiff::default();
    for pair in pairs {
        let only = |test: &TestRecord| OnlyTest {
            test: pair.id.clone(),
            verdict: test.verdict,
            heap: known(Some(test), Figure::Lost).err(),
        };
        match (pair.old, pair.new) {
            (Some(old), Some(new)) if old.verdict == new.verdict => diff.same += 1,
            (Some(old), Some(new)) => {
                diff.verdicts.push(VerdictChange { test: pair.id.clone(), old: old.verdict, new: new.verdict });
            }
            (old, new) => {
                diff.gone.extend(old.map(only));
                diff.new.extend(new.map(only));
            }
        }
    }
    diff
}
