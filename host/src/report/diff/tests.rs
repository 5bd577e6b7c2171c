//! The tests of two reports: which are in both, and with which verdicts.

use super::TestPair;
use super::heap::{ComparedFigure, UnknownFigure, known};
use super::matched;
use crate::model::doubt::TestId;
use crate::model::{SubtestRecord, TestRecord, Verdict};

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
    /// Why the report does not know what the test left on the heap; `None` if it knows. Such a test is in none of the lists
    /// of the heap.
    pub heap: Option<UnknownFigure>,
}

pub(super) fn compare(pairs: &[TestPair<'_>]) -> TestDiff {
    let mut diff = TestDiff::default();
    for pair in pairs {
        let only = |test: &TestRecord| OnlyTest {
            test: pair.id.clone(),
            verdict: test.verdict,
            heap: known(Some(test), ComparedFigure::Lost).err(),
        };
        match (pair.old, pair.new) {
            (Some(old), Some(new)) => {
                if old.verdict == new.verdict {
                    diff.same += 1;
                } else {
                    diff.verdicts.push(VerdictChange { test: pair.id.clone(), old: old.verdict, new: new.verdict });
                }
                compare_subtests(&pair.id, old, new, &mut diff);
            }
            (old, new) => {
                diff.gone.extend(old.map(only));
                diff.new.extend(new.map(only));
            }
        }
    }
    diff
}

/// Adds what changed among the subtests of a test that both reports have. Subtests are named as filters name them:
/// `test/case`.
fn compare_subtests(id: &TestId, old: &TestRecord, new: &TestRecord, diff: &mut TestDiff) {
    let (old, new) = (subtests(old), subtests(new));
    let name = |subtest: &SubtestRecord| TestId { test: format!("{}/{}", id.test, subtest.name), ..id.clone() };
    for pair in matched(old, new, |subtest| subtest.name.clone()) {
        let only = |subtest: &SubtestRecord| OnlyTest { test: name(subtest), verdict: subtest.verdict, heap: None };
        match pair {
            (Some(old), Some(new)) if old.verdict == new.verdict => {}
            (Some(old), Some(new)) => {
                diff.verdicts.push(VerdictChange { test: name(new), old: old.verdict, new: new.verdict });
            }
            (old, new) => {
                diff.gone.extend(old.map(only));
                diff.new.extend(new.map(only));
            }
        }
    }
}

fn subtests(test: &TestRecord) -> &[SubtestRecord] {
    test.details.as_ref().map_or(&[], |details| &details.subtests)
}

#[cfg(test)]
mod unit_tests {
    use super::*;
    use crate::model::Details;
    use crate::model::samples;

    #[test]
    fn subtests_are_compared_as_tests_are() {
        let test = |subtests: &[(&str, Verdict)]| {
            let subtests = subtests.iter().map(|(name, verdict)| SubtestRecord::new(*name, *verdict)).collect();
            samples::with("t", Verdict::Fail, Details { subtests, ..Details::default() })
        };
        let old = test(&[("a", Verdict::Pass), ("b", Verdict::Pass), ("gone", Verdict::Skip)]);
        let new = test(&[("b", Verdict::Fail), ("a", Verdict::Pass), ("new", Verdict::Leak)]);
        let id = TestId { module: "m".to_owned(), test: "t".to_owned() };
        let mut diff = TestDiff::default();
        compare_subtests(&id, &old, &new, &mut diff);
        let [changed] = &diff.verdicts[..] else { panic!("{diff:?}") };
        assert_eq!((&*changed.test.test, changed.old, changed.new), ("t/b", Verdict::Pass, Verdict::Fail));
        assert_eq!((&*diff.gone[0].test.test, &*diff.new[0].test.test), ("t/gone", "t/new"));
    }
}
