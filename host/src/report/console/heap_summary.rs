//! The lines at the end of a run about the heaps of all its tests together.

use super::certainty::bound;
use super::reasons::Reasons;
use super::sanitise::OneLine;
use super::units::{GroupedDigits, PlainBytes, plural};
use crate::model::resource::Heading;
use crate::model::{Heap, Report, Resource};
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// The blocks that were lost and retained, and how many tests' heaps were not tracked or are not certain, with the reasons.
/// If nothing of this is to be said, there are no lines.
#[derive(Default)]
pub(super) struct HeapSummary<'a> {
    lost: Blocks,
    retained: Blocks,
    not_certain: BTreeMap<&'a str, usize>,
    not_tracked: BTreeMap<&'a str, usize>,
}

/// The sum of the blocks that several tests left.
#[derive(Default)]
struct Blocks {
    tests: u64,
    blocks: u64,
    bytes: u64,
    /// Whether blocks and bytes are bounds instead of exact figures.
    bounded: bool,
    /// Whether the number of tests is a bound.
    tests_bounded: bool,
}

impl Blocks {
    /// Adds the blocks of one test. Returns whether there are any.
    fn add<'r>(&mut self, blocks: impl Iterator<Item = &'r Resource>) -> bool {
        let mut blocks = blocks.peekable();
        let any = blocks.peek().is_some();
        self.tests += u64::from(any);
        for resource in blocks {
            self.blocks = self.blocks.saturating_add(resource.whole_count());
            self.bytes = self.bytes.saturating_add(resource.whole_bytes());
        }
        any
    }
}

impl<'a> HeapSummary<'a> {
    /// Sums up a report. Only what its records list counts: what the policy ignores is not in them.
    pub fn new(report: &'a Report) -> Self {
        let mut summary = Self::default();
        for test in report.canonical.modules.iter().flat_map(|module| &module.tests) {
            let heap = test.usage.as_ref().map(|usage| &usage.heap);
            let bounded = heap.is_some_and(Heap::is_bounded);
            if let Some(heap) = heap.filter(|heap| !heap.tracked) {
                *summary.not_tracked.entry(heap.why.as_deref().unwrap_or("no reason given")).or_default() += 1;
            }
            if let Some(doubt) = heap.and_then(|heap| heap.doubt.as_deref()).filter(|_| bounded) {
                *summary.not_certain.entry(doubt).or_default() += 1;
            }
            let details = test.details.as_deref();
            let lost = details.map_or(&[][..], |details| &details.leaks);
            let lost = summary.lost.add(lost.iter().filter(|leak| leak.kind.heading() == Heading::Lost));
            let retained = summary.retained.add(details.map_or(&[][..], |details| &details.retained).iter());
            // A test in doubt may have lost some of the blocks that it seems to retain, or all of them.
            summary.lost.bounded |= bounded;
            summary.lost.tests_bounded |= bounded && !lost;
            summary.retained.bounded |= bounded && retained;
            summary.retained.tests_bounded |= bounded && retained;
        }
        summary
    }
}

impl Display for HeapSummary<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (what, all, is_lost) in [("lost", &self.lost, true), ("retained", &self.retained, false)] {
            let Blocks { tests, blocks, bytes, bounded, tests_bounded } = *all;
            if tests == 0 {
                continue;
            }
            let [of_tests, of_blocks] = [tests_bounded, bounded].map(|is| if is { bound(is_lost) } else { "" });
            write!(
                f,
                "{:>12} {what} in {of_tests}{} {}: ",
                "Heap",
                GroupedDigits(tests),
                plural(tests, "test", "tests")
            )?;
            let (count, noun) = (GroupedDigits(blocks), plural(blocks, "block", "blocks"));
            writeln!(f, "{of_blocks}{count} {noun} ({})", PlainBytes(bytes))?;
        }
        write_reasons(f, "not certain", &self.not_certain)?;
        write_reasons(f, "not tracked", &self.not_tracked)
    }
}

/// The line that says of how many tests the heap is `what`, and why.
fn write_reasons(f: &mut Formatter<'_>, what: &str, reasons: &BTreeMap<&str, usize>) -> fmt::Result {
    let tests = reasons.values().sum::<usize>() as u64;
    if tests == 0 {
        return Ok(());
    }
    write!(f, "{:>12} {what} in {} {}: ", "Heap", GroupedDigits(tests), plural(tests, "test", "tests"))?;
    match reasons.first_key_value().filter(|_| reasons.len() == 1) {
        Some((why, _)) => writeln!(f, "{}", OneLine(why)),
        None => writeln!(f, "{}", Reasons(reasons)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples;
    use crate::model::{TestRecord, Usage, Verdict};

    fn summary(tests: Vec<TestRecord>) -> String {
        HeapSummary::new(&samples::report(vec![samples::module("m", tests)])).to_string()
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

    /// A test with a doubt that lost `lost` blocks of one byte and seems to retain `retained` of them.
    fn doubtful(lost: u64, retained: u64, doubt: &str) -> TestRecord {
        let blocks = |count| if count == 0 { Vec::new() } else { vec![samples::blocks(count, count)] };
        let verdict = if lost == 0 { Verdict::Pass } else { Verdict::Leak };
        let mut test = samples::left(verdict, blocks(lost), blocks(retained));
        test.usage.as_mut().unwrap().heap.doubt = Some(doubt.to_owned());
        test
    }

    #[test]
    fn what_is_not_certain_is_said_with_its_reasons_and_makes_bounds_of_sums() {
        assert_eq!(
            summary(vec![doubtful(0, 3, "a socket")]),
            "        Heap retained in at most 1 test: at most 3 blocks (3 bytes)\n        \
             Heap not certain in 1 test: a socket\n"
        );
        let lost = samples::left(Verdict::Leak, vec![samples::blocks(2, 16)], Vec::new());
        assert_eq!(
            summary(vec![
                lost.clone(),
                doubtful(0, 3, "a socket"),
                doubtful(1, 1, "a socket"),
                doubtful(1, 1, "a\nclock")
            ]),
            "        Heap lost in at least 3 tests: at least 4 blocks (18 bytes)\n        \
             Heap retained in at most 3 tests: at most 5 blocks (5 bytes)\n        \
             Heap not certain in 3 tests: 2 a socket, 1 a\\u{a}clock\n"
        );
        assert_eq!(
            summary(vec![lost, doubtful(1, 1, "a socket")]).lines().next().unwrap(),
            "        Heap lost in 2 tests: at least 3 blocks (17 bytes)"
        );
        // If nothing seems to be retained, the doubt is only about places.
        assert_eq!(summary(vec![doubtful(1, 0, "a socket")]), "        Heap lost in 1 test: 1 block (1 byte)\n");
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
