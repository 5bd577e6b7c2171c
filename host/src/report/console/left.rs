//! What a test left behind: what was open, then heap blocks that were lost, then those that static data keeps.

use super::resources::{Inventory, Open, StackOf, Title, acquired};
use super::sanitise::OneLine;
use super::style::Styles;
use super::units::{Grouped, plural};
use crate::model::growth::Growth;
use crate::model::{Details, Heap, Resource, ResourceKind, Verdict};
use std::fmt::{self, Display, Formatter};

/// Places of allocation that are listed of one list; the JSON report has them all.
const MAX_PLACES: usize = 20;

/// All that a test left, with all that helps to find and release each.
pub(super) struct Left<'a> {
    pub test: &'a str,
    pub verdict: Verdict,
    pub details: &'a Details,
    /// What is known of its heap.
    pub heap: Option<&'a Heap>,
    /// Whether what static data keeps of a passing test is shown, too.
    pub all: bool,
    pub styles: &'a Styles,
}

impl Display for Left<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let success = self.verdict.is_success();
        let shown = if success { ", which the policy only shows" } else { "" };
        if self.open().next().is_some() {
            writeln!(f, "    left open when the test returned{shown}: {}", Inventory(self.open()))?;
            let (test, styles) = (self.test, self.styles);
            self.open().try_for_each(|resource| write!(f, "{}", Open { test, resource, styles }))?;
        }
        if self.lost().next().is_some() {
            let least = self.bound(true);
            writeln!(f, "    lost when the test returned{shown}: {least}{}", Inventory(self.lost()))?;
            self.blocks(f, self.lost(), true)?;
        }
        if let Some(culprits) = self.culprits() {
            writeln!(f, "    where the owner seems to be dropped already, look for: {culprits}")?;
        }
        if self.all || !success {
            self.retained(f)?;
        }
        let grown = self.details.growth.as_ref().is_some_and(|growth| !growth.sites.is_empty());
        let doubt = self.heap.filter(|_| self.all || !success || self.lost().next().is_some() || grown);
        doubt.map_or(Ok(()), |heap| write!(f, "{}", NotCertain(heap)))
    }
}

/// What is not certain of a heap, and why. It has no lines where everything is.
pub(super) struct NotCertain<'a>(pub &'a Heap);

impl Display for NotCertain<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(doubt) = &self.0.doubt else { return Ok(()) };
        let what = if self.0.is_bounded() { "what is lost" } else { "where it was allocated" };
        writeln!(f, "    not certain {what}: {}", OneLine(doubt))
    }
}

impl<'a> Left<'a> {
    fn open(&self) -> impl Iterator<Item = &'a Resource> + Clone + use<'a> {
        self.details.leaks.iter().filter(|leak| leak.kind != ResourceKind::Heap)
    }

    fn lost(&self) -> impl Iterator<Item = &'a Resource> + Clone + use<'a> {
        self.details.leaks.iter().filter(|leak| leak.kind == ResourceKind::Heap)
    }

    /// What stands before a figure of lost blocks, or of retained ones, that is a bound.
    fn bound(&self, lost: bool) -> &'static str {
        if self.heap.is_some_and(Heap::is_bounded) { bound(lost) } else { "" }
    }

    /// Whether nothing but what static data keeps can have made it a leak: then a profile has it fail.
    fn only_retained(&self) -> bool {
        let grows = self.details.growth.as_ref().is_some_and(Growth::grows);
        let Details { leaks, retained, .. } = self.details;
        self.verdict == Verdict::Leak && !grows && leaks.is_empty() && !retained.is_empty()
    }

    /// Whether the verdict is, or may be, of what was left.
    pub fn is_cause(&self) -> bool {
        !self.details.leaks.is_empty() || self.only_retained()
    }

    /// A line with how much it is, and one with the place of the first.
    pub fn write_short(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let retained = self.details.retained.iter().filter(|_| self.only_retained());
        let mut separator = "    ";
        for (what, bound, inventory) in [
            ("left open", "", Inventory(self.open()).to_string()),
            ("lost", self.bound(true), Inventory(self.lost()).to_string()),
            ("retained", self.bound(false), Inventory(retained.clone()).to_string()),
        ] {
            if !inventory.is_empty() {
                write!(f, "{separator}{what}: {bound}{inventory}")?;
                separator = "; ";
            }
        }
        writeln!(f)?;
        let Some(first) = self.open().chain(self.lost()).chain(retained).next() else { return Ok(()) };
        let label = format!("the first {}", acquired(first.kind));
        write!(f, "{}", StackOf { indent: "    ", label: &label, stack: &first.stack, styles: self.styles }.top())
    }

    fn culprits(&self) -> Option<&'static str> {
        let open = self.open().any(|leak| leak.kind != ResourceKind::Residue);
        match (open, self.lost().next().is_some()) {
            (false, false) => None,
            (true, false) => Some("`mem::forget`, `into_raw_fd`, a static that keeps it, a reference cycle"),
            (false, true) => Some("`mem::forget`, `Box::leak`, `into_raw`, a reference cycle"),
            (true, true) => Some(
                "`mem::forget`, `Box::leak`, `into_raw`, `into_raw_fd`, a static that keeps a handle, a reference cycle",
            ),
        }
    }

    fn retained(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let retained = &self.details.retained;
        if retained.is_empty() {
            return Ok(());
        }
        let fails = if self.only_retained() { "; `leaks.retained` is `fail`" } else { "" };
        let (most, inventory) = (self.bound(false), Inventory(retained.iter()));
        let reaches = if most.is_empty() { "still reaches" } else { "may still reach" };
        writeln!(f, "    retained when the test returned (static data {reaches} it{fails}): {most}{inventory}")?;
        self.blocks(f, retained.iter(), false)?;
        if self.only_retained() {
            writeln!(f, "    to fix: let go of it before the test returns, or set `retained = \"show\"` in `leaks`")?;
        }
        Ok(())
    }

    fn blocks(
        &self,
        f: &mut Formatter<'_>,
        blocks: impl Iterator<Item = &'a Resource> + Clone,
        lost: bool,
    ) -> fmt::Result {
        let bound = self.bound(lost);
        for blocks in blocks.clone().take(MAX_PLACES) {
            // A title does not say that it is of one.
            let one = if bound.is_empty() || blocks.count != 1 { "" } else { "1 " };
            write!(f, "    - {bound}{one}{}\n{}", Title(blocks), self.place(blocks))?;
            if !lost {
                continue;
            }
            match blocks.count {
                1 => writeln!(f, "        to fix: free it, or drop its owner, before the test returns")?,
                count => writeln!(
                    f,
                    "        to fix: free each of the {}, or drop its owner, before the test returns",
                    Grouped(count)
                )?,
            }
        }
        let more = blocks.skip(MAX_PLACES).count() as u64;
        if more > 0 {
            let places = plural(more, "place", "places");
            writeln!(f, "    - and {} more {places} of allocation, listed in the JSON report", Grouped(more))?;
        }
        Ok(())
    }

    fn place(&self, blocks: &'a Resource) -> Allocated<'a> {
        Allocated { test: self.test, blocks, why_unknown: is_certain(self.heap), styles: self.styles }
    }
}

/// What stands before a figure that is a bound: a lower one of what is lost, an upper one of what is retained.
pub(super) fn bound(lost: bool) -> &'static str {
    if lost { "at least " } else { "at most " }
}

/// Whether no doubt says why a place is not known.
pub(super) fn is_certain(heap: Option<&Heap>) -> bool {
    heap.is_none_or(|heap| heap.doubt.is_none())
}

/// Where blocks were allocated.
pub(super) struct Allocated<'a> {
    pub test: &'a str,
    pub blocks: &'a Resource,
    /// Whether to say why a place is not known: a doubt says it once for all.
    pub why_unknown: bool,
    pub styles: &'a Styles,
}

impl Display for Allocated<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (indent, Resource { kind, stack, scope, .. }) = ("        ", self.blocks);
        if scope != self.test {
            writeln!(f, "{indent}in subtest {}", OneLine(scope))?;
        }
        let label = acquired(*kind);
        if stack.is_empty() {
            let why = if self.why_unknown { ": no stack was recorded" } else { "" };
            writeln!(f, "{indent}{label} a place that is not known{why}")?;
        }
        write!(f, "{}", StackOf { indent, label, stack, styles: self.styles })
    }
}

#[cfg(test)]
mod tests {
    use super::super::details::Short;
    use super::super::findings::Finding;
    use super::super::status::Time;
    use super::super::{StatusLevel, render_findings};
    use super::*;
    use crate::model::samples;
    use crate::model::{LimitRecord, Report, TestRecord};
    use insta::assert_snapshot;

    fn report(tests: Vec<TestRecord>) -> Report {
        samples::report(vec![samples::module("mine/tests/cache", tests)])
    }

    fn findings(test: &TestRecord) -> String {
        render_findings(&report(vec![test.clone()]), false)
    }

    fn finding(test: &TestRecord, all: bool) -> String {
        Finding { module: "m", test, time: Time::Omitted, all, styles: &Styles::default() }.to_string()
    }

    fn short(test: &TestRecord) -> String {
        Short { test, styles: &Styles::default() }.to_string()
    }

    fn with_doubt(mut test: TestRecord, doubt: &str) -> TestRecord {
        test.usage.as_mut().unwrap().heap.doubt = Some(doubt.to_owned());
        test
    }

    fn unknown(count: u64, bytes: u64) -> Resource {
        Resource { stack: Vec::new(), ..samples::blocks(count, bytes) }
    }

    #[test]
    fn handles_come_first_then_lost_blocks_then_what_is_retained() {
        let mut leaks = vec![samples::file("fixtures/a.txt", 2), samples::socket(), samples::blocks(2, 1024)];
        leaks.push(Resource { scope: "tests::reads_all/windows".to_owned(), ..samples::blocks(1, 512) });
        let test = samples::left(Verdict::Leak, leaks, vec![samples::blocks(1, 48)]);
        assert_snapshot!(findings(&test));
        assert_snapshot!(short(&test), @r"
        left open: 2 files, 1 socket; lost: 3 heap blocks (1,536 bytes)
        the first acquired at src/io.rs:41 in semver::io::open_all
        ");
    }

    #[test]
    fn lost_blocks_alone() {
        let test = samples::left(Verdict::Leak, vec![samples::blocks(1, 1)], Vec::new());
        assert_snapshot!(findings(&test));
        assert_snapshot!(short(&test), @r"
        lost: 1 heap block (1 byte)
        the first allocated at src/lib.rs:15 in mine::Cache::new
        ");
    }

    #[test]
    fn retained_blocks_that_fail_a_test_say_which_setting_has_it_so() {
        let test = samples::left(Verdict::Leak, Vec::new(), vec![samples::blocks(3, 144), unknown(1, 1024)]);
        assert_snapshot!(findings(&test));
        assert_snapshot!(short(&test), @r"
        retained: 4 heap blocks (1,168 bytes)
        the first allocated at src/lib.rs:15 in mine::Cache::new
        ");
        let both = samples::left(Verdict::Leak, vec![samples::socket()], vec![samples::blocks(3, 144)]);
        assert!(!findings(&both).contains("leaks.retained"), "which of them failed it is not known");
    }

    #[test]
    fn what_a_passing_test_left_is_shown_where_the_policy_shows_it() {
        let test = samples::left(Verdict::Pass, vec![samples::blocks(1, 8)], vec![samples::blocks(1, 16)]);
        let text = finding(&test, false);
        assert!(text.contains("lost when the test returned, which the policy only shows: 1 heap block (8 bytes)"));
        assert!(!text.contains("retained"));
        let test = samples::left(Verdict::Pass, Vec::new(), vec![samples::blocks(1, 16)]);
        assert_eq!(finding(&test, false), "        PASS m tests::reads_all\n");
        assert_eq!(StatusLevel::of(&test, false), StatusLevel::Pass, "what is retained is no leak");
        assert_snapshot!(finding(&test, true));
    }

    #[test]
    fn of_a_test_without_details_the_doubt_is_shown_where_all_is() {
        let mut test = samples::passed("tests::reads_all");
        test.usage.as_mut().unwrap().heap = samples::heap(&[], &[samples::blocks(1, 16)]);
        let test = with_doubt(test, "it is not");
        assert_eq!(finding(&test, false), "        PASS m tests::reads_all\n");
        assert_eq!(finding(&test, true), "        PASS m tests::reads_all\n    not certain what is lost: it is not\n");
    }

    #[test]
    fn with_a_doubt_figures_are_bounds() {
        let doubt = "a second run cannot be done: the test is granted a socket";
        let test = samples::left(Verdict::Leak, vec![samples::blocks(2, 64)], vec![unknown(1, 32), unknown(2, 16)]);
        let text = findings(&with_doubt(test.clone(), doubt));
        for line in [
            "    lost when the test returned: at least 2 heap blocks (64 bytes)\n    - at least 2 heap blocks (64 bytes)\n",
            "(static data may still reach it): at most 3 heap blocks (48 bytes)\n    - at most 1 heap block (32 bytes)\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
        assert!(text.ends_with(&format!("    not certain what is lost: {doubt}\n")), "{text}");
        let said = short(&with_doubt(test, doubt));
        assert!(said.starts_with("    lost: at least 2 heap blocks (64 bytes)\n"), "{said}");
        let kept = samples::left(Verdict::Leak, Vec::new(), vec![unknown(1, 32)]);
        let said = short(&with_doubt(kept, doubt));
        assert!(said.starts_with("    retained: at most 1 heap block (32 bytes)\n"), "{said}");
    }

    #[test]
    fn where_nothing_can_be_retained_figures_are_exact() {
        let test = with_doubt(samples::left(Verdict::Leak, vec![unknown(2, 64)], Vec::new()), "nobody looked");
        let text = findings(&test);
        assert!(text.contains("    lost when the test returned: 2 heap blocks (64 bytes)\n"), "{text}");
        assert!(text.ends_with("    not certain where it was allocated: nobody looked\n"), "{text}");
    }

    #[test]
    fn without_a_second_run_the_doubt_says_why_no_place_is_known() {
        let test = samples::left(Verdict::Leak, vec![unknown(2, 64)], vec![unknown(1, 32)]);
        assert_eq!(findings(&test).matches("a place that is not known: no stack was recorded").count(), 2);
        let doubt = "a second run cannot be done: the test reads a socket of the host\x1b[2J";
        assert_snapshot!(findings(&with_doubt(test, doubt)));
    }

    #[test]
    fn a_broken_limit_of_the_heap_names_value_and_place() {
        let broken = |name: &str, value, seen, mut leaks: Vec<Resource>, mut retained: Vec<Resource>| {
            let blocks = leaks.iter_mut().chain(&mut retained);
            blocks.for_each(|blocks| blocks.scope = format!("tests::{name}"));
            let mut test = samples::left(Verdict::Memory, leaks, retained);
            let details = test.details.as_mut().unwrap();
            details.limit = Some(LimitRecord { name: name.to_owned().into(), value, seen: Some(seen) });
            details.stack = samples::blocks(1, 1).stack;
            TestRecord { name: format!("tests::{name}").into(), ..test }
        };
        let tests = vec![
            broken("peak-heap", 512 << 10, 600_000, Vec::new(), Vec::new()),
            broken("lost", 0, 1024, vec![samples::blocks(2, 1024)], Vec::new()),
            broken("retained", 1000, 1024, Vec::new(), vec![samples::blocks(2, 1024)]),
            broken("allocations", 1, 1000, Vec::new(), Vec::new()),
        ];
        let lost = short(&tests[1]);
        assert_snapshot!(lost, @r"
        limit: `lost` is 0 bytes of heap blocks that nothing reaches at the end; the test came to 1,024 bytes (1 KiB)
        crossed at src/lib.rs:15 in mine::Cache::new
        ");
        assert_snapshot!(render_findings(&report(tests), false));
    }

    #[test]
    fn a_long_list_is_cut() {
        let leaks = (1..=23).map(|nth| samples::blocks(1, nth)).collect();
        let text = findings(&samples::left(Verdict::Leak, leaks, Vec::new()));
        assert!(
            text.contains("23 heap blocks (276 bytes)") && text.contains("(20 bytes)") && !text.contains("(21 bytes)")
        );
        assert!(text.contains("\n    - and 3 more places of allocation, listed in the JSON report\n"), "{text}");
    }

    #[test]
    fn figures_beyond_all_sense_do_no_harm() {
        let blocks = || samples::blocks(u64::MAX, u64::MAX);
        let test = samples::left(Verdict::Leak, vec![blocks()], vec![blocks()]);
        let details = test.details.clone().map(|mut details| {
            details.leaks.push(blocks());
            details
        });
        let text = findings(&TestRecord { details, ..test });
        assert!(text.contains("lost when the test returned: 18,446,744,073,709,551,615 heap blocks"), "{text}");
    }
}
