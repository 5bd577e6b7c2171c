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
    Finding { module: "m", test, time: Time::Omitted, all, columns: None, styles: &Styles::default() }.to_string()
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
    assert_eq!(StatusLevel::for_test(&test, false), StatusLevel::Pass, "what is retained is no leak");
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
    assert!(text.contains("23 heap blocks (276 bytes)") && text.contains("(20 bytes)") && !text.contains("(21 bytes)"));
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
