//! What a person reads of two reports.

use super::super::super::diff::{ComparedFigure, ReportDiff, RetainedGrowth, Threshold};
use super::*;
use crate::model::doubt::{Cause, Doubt};
use crate::model::samples::{self, frame};
use crate::model::*;
use proptest::prelude::*;

const OPTIONS: DiffOptions<'_> = DiffOptions { old: "old.json", new: "new.json", all: false, colours: false };

/// Blocks that a function allocated.
fn blocks(function: &str, count: u64, bytes: u64) -> Resource {
    let (path, fd, mode, bytes_written) = (None, None, None, 0);
    let stack = vec![frame(function, "src/cache.rs", 7), frame("tests::a", "tests/io.rs", 12)];
    let kind = ResourceKind::Heap;
    Resource { kind, count, path, fd, mode, bytes: Some(bytes), bytes_written, stack, ..samples::file("", 1) }
}

fn sum(resources: &[Resource]) -> (u64, u64) {
    let sum = |field: fn(&Resource) -> u64| resources.iter().map(field).sum();
    (sum(|resource| resource.bytes.unwrap()), sum(|resource| resource.count))
}

/// A test that left these blocks and had this peak.
fn left(name: &str, lost: Vec<Resource>, retained: Vec<Resource>, peak: u64) -> TestRecord {
    let verdict = if lost.is_empty() { Verdict::Pass } else { Verdict::Leak };
    let heap = heap(sum(&lost), sum(&retained), peak);
    let mut test = samples::with(name, verdict, Details { leaks: lost, retained, ..Details::default() });
    test.usage.as_mut().unwrap().heap = heap;
    test
}

fn heap(lost: (u64, u64), retained: (u64, u64), peak: u64) -> Heap {
    Heap {
        tracked: true,
        peak: Some(peak),
        lost: Some(lost.0),
        lost_blocks: Some(lost.1),
        retained: Some(retained.0),
        retained_blocks: Some(retained.1),
        ..Heap::default()
    }
}

/// A test whose figures are known and whose places are not.
fn without_places(name: &str, retained: u64) -> TestRecord {
    let mut test = samples::passed(name);
    test.usage.as_mut().unwrap().heap = heap((0, 0), (retained, 1), 4096);
    test
}

fn report(tests: Vec<TestRecord>) -> Report {
    samples::report(vec![samples::module("semver/tests/io", tests)])
}

fn text(old: &Report, new: &Report, options: DiffOptions<'_>) -> String {
    DiffText::new(&ReportDiff::between(old, new), options).to_string()
}

fn growth(old: &Report, new: &Report, threshold: &str) -> (usize, String) {
    let growth = RetainedGrowth::judge(old, new, threshold.parse::<Threshold>().unwrap());
    (growth.over.len(), GrowthText::new(&growth, false).to_string())
}

fn old() -> Report {
    report(vec![
        left("cache", vec![], vec![blocks("semver::cache::fill", 1, 48), blocks("semver::name::intern", 3, 30)], 2048),
        left("cycle", vec![blocks("semver::graph::link", 2, 128)], vec![], 1024),
        left("fixed", vec![blocks("semver::graph::node", 1, 64)], vec![], 1024),
        samples::leaked(),
        left("hidden", vec![], vec![], 512),
        without_places("no places", 100),
        samples::passed("never seen"),
        samples::failed(),
        left("removed", vec![], vec![blocks("semver::cache::fill", 1, 16)], 100),
    ])
}

fn new() -> Report {
    let mut moved = samples::leaked();
    let details = moved.details.as_mut().unwrap();
    details.leaks[0].count = 3;
    details.leaks[0].stack[0].line = Some(55);
    details.leaks.push(Resource { kind: ResourceKind::Dir, ..samples::file("fixtures", 2) });
    details.leaks.remove(1);
    let mut fixed = samples::timed_out("fixed", Limit::Fuel, 7);
    fixed.usage.as_mut().unwrap().heap = Heap { tracked: true, ..Heap::default() };
    let mut now_passing = samples::passed("tests::overflow");
    now_passing.usage.as_mut().unwrap().heap = heap((0, 0), (0, 0), 1);
    let long = "<alloc::collections::btree::map::BTreeMap<semver::Name, semver::Version> as core::clone::Clone>::clone";
    report(vec![
        left("added", vec![], vec![blocks(long, 1, 4096)], 9000),
        samples::passed("added without a heap"),
        left("cache", vec![], vec![blocks("semver::cache::fill", 3, 144), blocks("semver::name::intern", 3, 30)], 2049),
        left("cycle", vec![blocks("semver::graph::link", 4, 128)], vec![], 1024),
        fixed,
        moved,
        samples::passed("hidden"),
        without_places("no places", 111),
        samples::passed("never seen"),
        now_passing,
    ])
}

#[test]
fn everything_that_changed() {
    insta::assert_snapshot!(text(&old(), &new(), OPTIONS));
}

#[test]
fn nothing_changed() {
    let said = "    Compared old.json (base) with new.json (new)\n\
                All the same in both reports: policy, modules, tests, figures, leaks\n";
    assert_eq!(text(&old(), &old(), OPTIONS), said);
}

#[test]
fn policies_and_doubts_are_said() {
    let mut doubtful = old();
    doubtful.canonical.policy = serde_json::json!({ "seed": 1 });
    doubtful.canonical = doubtful.canonical.with_doubts(vec![Doubt::of_run(Cause::Interrupted)]);
    insta::assert_snapshot!(text(&old(), &doubtful, OPTIONS), @"
        Compared old.json (base) with new.json (new)
            Note the policies of the two runs differ, which can be why other figures do
            Note the new report is not reproducible: the run was interrupted
    ────────────
                 9 tests have the same verdicts
    ────────────
                 4 functions left the same on the heap
    ────────────
                 7 figures of tests are the same
    ────────────
                 what 3 tests left on the heap is known in neither report
    ────────────
                 2 other leaks are the same
    ");
}

#[test]
fn long_lists_are_folded_unless_all_is_asked_for() {
    let tests = (0..30).map(|n| left(&format!("t{n:02}"), vec![], vec![], 10 * n)).collect();
    let (none, many) = (report(Vec::new()), report(tests));
    let folded = text(&none, &many, OPTIONS);
    assert_eq!(folded.matches("NEW TEST").count(), 20);
    assert!(folded.contains("           … and 10 more; --all lists them\n"), "{folded}");
    let all = text(&many, &none, DiffOptions { all: true, ..OPTIONS });
    assert_eq!(all.matches("GONE TEST").count(), 30);
    assert!(!all.contains("more"), "{all}");
}

#[test]
fn growth_is_judged_of_tests_that_both_know() {
    let (over, said) = growth(&old(), &new(), "10%");
    assert_eq!(over, 2);
    insta::assert_snapshot!(said, @"
    ────────────
           GROWN semver/tests/io cache: retained, base 78, new 174 bytes, delta +96
           GROWN semver/tests/io no places: retained, base 100, new 111 bytes, delta +11
          Growth 3 tests judged: 2 retain more than 10% over the base
            Note 5 tests were not judged: a report does not know what was retained
    ");
    assert_eq!(growth(&old(), &new(), "11%").0, 1);
    assert_eq!(growth(&old(), &new(), "96B").0, 0);
    assert_eq!(growth(&old(), &new(), "95B").0, 1);
    assert_eq!(growth(&new(), &old(), "0%").0, 0, "shrinking is no growth");
}

#[test]
fn from_nothing_any_growth_is_over_any_share() {
    let retains = |bytes| report(vec![without_places("t", bytes)]);
    let (over, said) = growth(&retains(0), &retains(1), "1000%");
    assert_eq!(over, 1);
    insta::assert_snapshot!(said, @"
    ────────────
           GROWN semver/tests/io t: retained, base 0, new 1 byte, delta +1 (from nothing, any growth is over any share)
          Growth 1 test judged: 1 retains more than 1000% over the base
    ");
    assert_eq!(growth(&retains(0), &retains(1), "1B").0, 0);
}

/// A test whose heap is no longer tracked does not show as zero, nor as smaller.
#[test]
fn what_is_not_tracked_is_no_zero() {
    let tracked = report(vec![left("t", vec![blocks("f", 1, 8)], vec![blocks("g", 1, 8)], 16)]);
    let untracked = report(vec![samples::passed("t")]);
    for (old, new) in [(&tracked, &untracked), (&untracked, &tracked)] {
        let diff = ReportDiff::between(old, new);
        assert!(diff.heap.sites.is_empty() && diff.heap.tests.is_empty(), "{diff:?}");
        let [only] = &diff.heap.one_sided[..] else { panic!("{diff:?}") };
        assert_eq!(only.figures, [ComparedFigure::Lost, ComparedFigure::Retained, ComparedFigure::Peak]);
        assert_eq!(only.why, UnknownFigure::NotTracked(Some("not part of this version".to_owned())));
        assert_eq!(growth(old, new, "0%").0, 0);
    }
}

/// If there is a doubt, the lost figure is a lower bound, and the retained figure an upper one: no difference of these is
/// exact.
#[test]
fn what_is_not_certain_is_shown_as_bounds() {
    let test = |lost, retained, doubt: Option<&str>| {
        let mut test = left("t", vec![blocks("f", 1, lost)], vec![blocks("g", 2, retained)], 16);
        test.usage.as_mut().unwrap().heap.doubt = doubt.map(str::to_owned);
        report(vec![test])
    };
    let (sure, unsure) = (test(8, 80, None), test(24, 96, Some("nobody looked")));
    insta::assert_snapshot!(text(&sure, &unsure, OPTIONS), @"
        Compared old.json (base) with new.json (new)
    ────────────
                 1 test has the same verdict
    ────────────
            Heap what was left, by the function that allocated it: bytes (blocks)
                 function |   base |      new |     delta
            LOST f        |  8 (1) | ≥ 24 (1) | ≥ +16 (0)
        RETAINED g        | 80 (2) | ≤ 96 (2) | ≤ +16 (0)
    ────────────
                 1 figure of a test is the same
    ────────────
     Not certain what 1 test left on the heap: ≥ is at least, ≤ at most; equal bounds count as the same
    ");
    let back = text(&unsure, &sure, OPTIONS);
    assert!(back.contains("| ≥ 24 (1) |  8 (1) | ≤ -16 (0)"), "{back}");
    assert!(back.contains("| ≤ 96 (2) | 80 (2) | ≥ -16 (0)"), "{back}");
    let both = text(&unsure, &test(25, 96, Some("nobody looked")), OPTIONS);
    assert!(both.contains("| ≥ 24 (1) | ≥ 25 (1) | not known"), "{both}");
    assert!(both.contains("1 function left the same on the heap"), "{both}");
}

#[test]
fn growth_that_is_not_certain_is_not_judged() {
    let test = |retained, doubt: Option<&str>| {
        let mut test = left("t", vec![], vec![blocks("g", 2, retained)], 16);
        test.usage.as_mut().unwrap().heap.doubt = doubt.map(str::to_owned);
        report(vec![test])
    };
    let (old, new) = (test(48, Some("nobody looked")), test(100, None));
    let (over, said) = growth(&old, &new, "99B");
    assert_eq!(over, 0);
    insta::assert_snapshot!(said, @"
    ────────────
          Growth 0 tests judged: 0 retain more than 99 B over the base
            Note 1 test was not judged: a report is not certain of what was retained
    ");
    let (over, said) = growth(&old, &new, "50B");
    assert_eq!(over, 1);
    assert!(said.contains("t: retained, base at most 48, new 100 bytes, delta at least +52\n"), "{said}");
}

/// If one report does not know functions, the other's functions have not gained or lost anything.
#[test]
fn places_are_compared_only_where_both_have_them() {
    let placed = report(vec![left("t", vec![], vec![blocks("g", 1, 8)], 16)]);
    let mut plain = without_places("t", 8);
    plain.usage.as_mut().unwrap().heap.peak = Some(16);
    let diff = ReportDiff::between(&placed, &report(vec![plain]));
    assert!(diff.heap.sites.is_empty() && diff.heap.tests.is_empty(), "{diff:?}");
    assert_eq!(diff.heap.tests_same, 2, "retained and peak");
}

proptest! {
    #[test]
    fn any_two_reports_are_compared_and_do_no_harm(old in samples::any_report(), new in samples::any_report()) {
        let diff = ReportDiff::between(&old, &new);
        let options = DiffOptions { old: "\u{1b}[2J", all: true, ..OPTIONS };
        let shown = DiffText::new(&diff, options).to_string();
        prop_assert!(!shown.contains(|c: char| c != '\n' && c.is_control()), "{shown}");
        for line in shown.lines() {
            prop_assert!(line == SEPARATOR || line.chars().nth(12) == Some(' '), "{line}");
        }
        let back = ReportDiff::between(&new, &old);
        prop_assert_eq!(diff.tests.new, back.tests.gone);
        prop_assert_eq!(diff.heap.tests.len(), back.heap.tests.len());
        prop_assert_eq!(diff.leaks.changed.len(), back.leaks.changed.len());
        let itself = ReportDiff::between(&old, &old);
        prop_assert!(itself.same && itself.tests.verdicts.is_empty() && itself.leaks.changed.is_empty());
    }
}
