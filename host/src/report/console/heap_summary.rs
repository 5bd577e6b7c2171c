//! What the end of a run says of the heap of all its tests together.

use super::super::model::{Report, Resource, ResourceKind};
use super::sanitise::OneLine;
use super::summary::Reasons;
use super::units::{Grouped, PlainBytes, plural};
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// Blocks that were lost and retained, and how many tests' heap was not tracked, with the reasons. It has no lines where there
/// is nothing of that.
#[derive(Default)]
pub(super) struct HeapSummary<'a> {
    lost: Blocks,
    retained: Blocks,
    not_tracked: BTreeMap<&'a str, usize>,
}

/// Blocks of several tests.
#[derive(Default)]
struct Blocks {
    tests: u64,
    blocks: u64,
    bytes: u64,
}

impl Blocks {
    /// Adds those of one test, if there are any.
    fn add<'r>(&mut self, blocks: impl Iterator<Item = &'r Resource>) {
        let mut blocks = blocks.peekable();
        self.tests += u64::from(blocks.peek().is_some());
        for resource in blocks {
            self.blocks = self.blocks.saturating_add(resource.count);
            self.bytes = self.bytes.saturating_add(resource.bytes.unwrap_or(0));
        }
    }
}

impl<'a> HeapSummary<'a> {
    /// Only what the tests' records list counts: a policy that ignores a kind has it nowhere.
    pub fn of(report: &'a Report) -> Self {
        let mut summary = Self::default();
        for test in report.canonical.modules.iter().flat_map(|module| &module.tests) {
            if let Some(heap) = test.usage.as_ref().map(|usage| &usage.heap).filter(|heap| !heap.tracked) {
                *summary.not_tracked.entry(heap.why.as_deref().unwrap_or("no reason given")).or_default() += 1;
            }
            if let Some(details) = &test.details {
                summary.lost.add(details.leaks.iter().filter(|leak| leak.kind == ResourceKind::Heap));
                summary.retained.add(details.retained.iter());
            }
        }
        summary
    }
}

impl Display for HeapSummary<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (what, Blocks { tests, blocks, bytes }) in [("lost", &self.lost), ("retained", &self.retained)] {
            if *tests > 0 {
                write!(f, "{:>12} {what} in {} {}: ", "Heap", Grouped(*tests), plural(*tests, "test", "tests"))?;
                writeln!(f, "{} {} ({})", Grouped(*blocks), plural(*blocks, "block", "blocks"), PlainBytes(*bytes))?;
            }
        }
        let tests: usize = self.not_tracked.values().sum();
        if tests == 0 {
            return Ok(());
        }
        let tests = tests as u64;
        write!(f, "{:>12} not tracked in {} {}: ", "Heap", Grouped(tests), plural(tests, "test", "tests"))?;
        match self.not_tracked.first_key_value().filter(|_| self.not_tracked.len() == 1) {
            Some((why, _)) => writeln!(f, "{}", OneLine(why)),
            None => writeln!(f, "{}", Reasons(&self.not_tracked)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::model::{Heap, TestRecord, Usage, Verdict};
    use super::super::super::samples;
    use super::*;

    fn summary(tests: Vec<TestRecord>) -> String {
        HeapSummary::of(&samples::report(vec![samples::module("m", tests)])).to_string()
    }

    fn untracked(why: Option<&'static str>) -> TestRecord {
        let heap = Heap { why: why.map(Into::into), ..Heap::default() };
        let test = samples::passed("works");
        TestRecord { usage: test.usage.clone().map(|usage| Usage { heap, ..usage }), ..test }
    }

    #[test]
    fn what_was_not_tracked_is_said_once_with_its_reasons() {
        let (stripped, custom) = (Some("no function is named malloc"), Some("memory grew beside malloc"));
        assert_eq!(
            summary(vec![untracked(stripped), untracked(stripped), samples::skipped("later", "ignored")]),
            "        Heap not tracked in 2 tests: no function is named malloc\n"
        );
        assert_eq!(
            summary(vec![untracked(custom), untracked(stripped), untracked(stripped), untracked(None)]),
            "        Heap not tracked in 4 tests: 2 no function is named malloc, 1 memory grew beside malloc, \
             1 no reason given\n"
        );
        assert_eq!(
            summary(vec![untracked(Some("\x1b[2J\nPASS"))]),
            "        Heap not tracked in 1 test: \\u{1b}[2J\\u{a}PASS\n"
        );
    }

    #[test]
    fn blocks_are_added_up_over_the_tests() {
        let lost = samples::left(Verdict::Leak, vec![samples::blocks(2, 1024), samples::blocks(1, 512)], Vec::new());
        let retained = samples::left(Verdict::Pass, vec![samples::file("a", 1)], vec![samples::blocks(1, 1)]);
        assert_eq!(
            summary(vec![lost.clone(), lost, retained]),
            "        Heap lost in 2 tests: 6 blocks (3,072 bytes)\n        Heap retained in 1 test: 1 block (1 byte)\n"
        );
        assert_eq!(summary(vec![samples::left(Verdict::Pass, Vec::new(), Vec::new())]), "");
    }
}
