//! What a person sees. Guests may be hostile: no name, message or output may drive the terminal or pass for a line of the
//! report.

use super::*;
use crate::model::doubt::{Cause, Doubt, TestId};
use crate::model::events::{Event, Listener};
use crate::model::profile::{HeapProfile, Missing};
use crate::model::{Details, LimitRecord, Output, RefusedGrowth, Report, TestRecord, Verdict};
use crate::model::{Limit, samples};
use insta::assert_snapshot;
use proptest::prelude::*;
use std::time::Duration;

/// Plays a run of one module; the second test is slow.
fn play(listener: &mut dyn Listener, report: &Report, skipped_by_filter: usize) {
    let (modules, module) = (report.canonical.modules.len(), &report.canonical.modules[0]);
    let tests = module.tests.len();
    listener.event(&Event::RunStarted { modules, tests, filtered_out: skipped_by_filter, jobs: 2 });
    for (i, test) in module.tests.iter().enumerate() {
        if i == 1 {
            listener.event(&Event::TestSlow {
                module: &module.name,
                test: &test.name,
                elapsed: Duration::from_secs(60),
            });
        }
        let elapsed = Duration::from_millis(5 * i as u64 + 5);
        listener.event(&Event::TestFinished { module: &module.name, test, elapsed });
    }
    listener
        .event(&Event::Granted { grants: &["/host/data as /data, read-only".to_owned(), "a\u{1b}[2Jb".to_owned()] });
    listener.event(&Event::Note("doctests are not run"));
    listener.event(&Event::Note("doctests are not run"));
    listener.event(&Event::RunFinished { report, elapsed: Duration::from_millis(211) });
}

fn console(options: ConsoleOptions, report: &Report) -> String {
    let mut console = Console::new(Vec::new(), options);
    play(&mut console, report, 3);
    String::from_utf8(console.finish().unwrap()).unwrap()
}

fn one_module(tests: Vec<TestRecord>) -> Report {
    samples::report(vec![samples::module("semver/tests/io", tests)])
}

fn everything() -> Report {
    let mut tests = samples::one_of_each();
    tests.retain(|test| test.verdict != Verdict::Fail);
    tests.push(samples::failed());
    tests.push(samples::timed_out("tests::waits", Limit::Timeout, 300_000));
    tests.push(samples::skipped("tests::later_too", "ignored"));
    let should_panic = "should_panic (libtest cannot run it on wasm; airtight::test can)";
    tests.push(samples::skipped("tests::panics", should_panic));
    let mut report = one_module(tests);
    let doubt = Doubt::of_tests(Cause::WallClock, vec![id("tests::waits")]);
    report.canonical = report.canonical.with_doubts(doubt.into_iter().collect());
    Report::new(report.canonical, report.volatile)
}

fn id(test: &str) -> TestId {
    TestId { module: "semver/tests/io".to_owned(), test: test.to_owned() }
}

fn hostile_report() -> Report {
    let forged = "\n        PASS [   0.001s] semver/tests/io tests::forged\n";
    let output = Output {
        stdout: format!("\x1b[2J\x1b[1;1H{forged}--- STDERR: other ---\r\n\tkept\u{202e}").into_bytes(),
        stderr: b"\x07\x9b1A\xff\n\n".to_vec(),
        dropped: 0,
    };
    let mut leak = samples::file(&format!("/tmp/\x1b]0;title\x07{forged}"), 1);
    leak.stack[0].function = forged.to_owned();
    leak.stack[1].file = Some("\u{9b}31m.rs".to_owned());
    let details = Details {
        message: Some(format!("lost{forged}")),
        hint: Some(forged.to_owned()),
        leaks: vec![leak],
        output,
        ..Details::default()
    };
    let test = samples::with(&format!("tests::\x1b[31mred{forged}"), Verdict::Leak, details);
    one_module(vec![test, samples::skipped("tests::\x08\x08", forged)])
}

#[test]
fn a_run_with_every_verdict() {
    assert_snapshot!(console(ConsoleOptions::default(), &everything()));
}

#[test]
fn a_run_that_passes() {
    let report = one_module(vec![samples::passed("tests::a"), samples::passed("tests::b")]);
    assert_snapshot!(console(ConsoleOptions::default(), &report));
}

#[test]
fn a_run_in_colour() {
    let options = ConsoleOptions { colours: true, failure_output: OutputTime::Never, ..ConsoleOptions::default() };
    let report =
        one_module(vec![samples::passed("tests::a"), samples::leaked(), samples::skipped("tests::z", "ignored")]);
    assert_snapshot!(console(options, &report).replace('\x1b', "ESC"));
}

#[test]
fn a_profile_without_some_tests_is_told_of() {
    let mut report = one_module(vec![samples::passed("tests::a")]);
    report.profile = Some(HeapProfile::default());
    assert!(!console(ConsoleOptions::default(), &report).contains("the profile"));
    let (module, test, why) = ("m".to_owned(), "a\nPASS".to_owned(), "nobody looked".to_owned());
    report.profile = Some(HeapProfile { missing: vec![Missing { module, test, all: true, why }], sites: Vec::new() });
    let said = console(ConsoleOptions::default(), &report);
    assert!(said.contains("        Note the profile has nothing of 1 test: m a\\u{a}PASS; `go tool pprof"), "{said}");
}

#[test]
fn findings_have_no_times() {
    assert_snapshot!(render_findings(&everything(), false));
    assert_eq!(render_findings(&one_module(vec![samples::passed("a")]), true), "");
}

#[test]
fn a_hostile_guest_is_shown_and_not_obeyed() {
    let options = ConsoleOptions { status_level: StatusLevel::All, ..ConsoleOptions::default() };
    assert_snapshot!(console(options, &hostile_report()));
}

#[test]
fn an_interrupted_run_says_what_was_not_run() {
    let mut report = one_module(vec![samples::passed("tests::a"), samples::leaked()]);
    report.volatile.interrupted = true;
    let mut console =
        Console::new(Vec::new(), ConsoleOptions { status_level: StatusLevel::None, ..Default::default() });
    console.event(&Event::RunStarted { modules: 1, tests: 5, filtered_out: 0, jobs: 1 });
    console
        .event(&Event::Note("semver does not build for wasm:\nerror[E0433]: cannot find `thread`\n  --> src/lib.rs"));
    console.event(&Event::RunFinished { report: &report, elapsed: Duration::from_secs(2) });
    assert_snapshot!(String::from_utf8(console.finish().unwrap()).unwrap());
}

#[test]
fn without_a_final_list_details_follow_the_line() {
    let options = ConsoleOptions { final_status_level: FinalStatusLevel::None, ..ConsoleOptions::default() };
    assert_snapshot!(console(options, &one_module(vec![samples::leaked()])));
}

#[test]
fn a_long_stack_and_an_unknown_one() {
    let mut deep = samples::file("/tmp/deep", 1);
    deep.stack = (1..=21).map(|line| samples::frame("walk", "src/walk.rs", line)).collect();
    deep.scope = "tests::reads_all/windows".to_owned();
    let mut unknown = samples::file("/tmp/unknown", 1);
    unknown.stack.clear();
    let (mut dir, mut inherited) = (samples::file("fixtures", 3), samples::file("", 1));
    dir.kind = crate::model::ResourceKind::Dir;
    inherited.path = None;
    let details = Details { leaks: vec![deep, unknown, dir, inherited], ..Details::default() };
    let report = one_module(vec![samples::with("tests::reads_all", Verdict::Leak, details)]);
    assert_snapshot!(render_findings(&report, false));
}

#[test]
fn what_a_passing_test_was_refused_is_shown_on_demand() {
    let refused = Some(RefusedGrowth { current: 1 << 20, desired: 1 << 30, limit: 256 << 20, times: 1 });
    let report =
        one_module(vec![samples::with("tests::tries", Verdict::Pass, Details { refused, ..Details::default() })]);
    let at = |status_level, final_status_level| {
        console(ConsoleOptions { status_level, final_status_level, ..ConsoleOptions::default() }, &report)
    };
    let refusal = "refused: linear memory of 1,073,741,824 bytes (1 GiB)";
    assert!(!at(StatusLevel::Skip, FinalStatusLevel::All).contains("refused"));
    assert_eq!(at(StatusLevel::All, FinalStatusLevel::Fail).matches(refusal).count(), 1);
    assert_eq!(at(StatusLevel::All, FinalStatusLevel::All).matches(refusal).count(), 1);
}

#[test]
fn refused_threads_are_told_of_a_test_that_failed() {
    let told = |verdict| {
        let details = Details { refused_threads: 1_200, ..Details::default() };
        let report = one_module(vec![samples::with("tests::spawns", verdict, details)]);
        let levels = (StatusLevel::Pass, FinalStatusLevel::Fail);
        console(
            ConsoleOptions { status_level: levels.0, final_status_level: levels.1, ..ConsoleOptions::default() },
            &report,
        )
    };
    let line = "refused: 1,200 threads, for there were as many as `live-threads` allows";
    assert!(told(Verdict::Fail).contains(line), "{}", told(Verdict::Fail));
    assert!(!told(Verdict::Pass).contains("refused"));
}

#[test]
fn a_growth_that_broke_the_limit_is_told_once() {
    let refused = RefusedGrowth { current: 128 << 10, desired: 300 << 20, limit: 1 << 20, times: 4 };
    let message = Some(format!("{}trap: `unreachable` executed", refused.before_the_end()));
    let limit = Some(LimitRecord::new(Limit::Memory, 1 << 20, Some(300 << 20)));
    let details = Details { message, limit, refused: Some(refused), ..Details::default() };
    let report = one_module(vec![samples::with("tests::big", Verdict::Memory, details)]);
    assert_snapshot!(render_findings(&report, false), @"
          MEMORY semver/tests/io tests::big
        limit: `memory` is 1,048,576 bytes (1 MiB); the test came to 314,572,800 bytes (300 MiB)
        refused: 4 growths, the first from 131,072 bytes (128 KiB)
        | trap: `unreachable` executed
        to fix: make the test need less, or raise `memory` where it is set: airtight.toml, its attribute or `--memory`
    ");
}

#[test]
fn levels_are_nextests() {
    let leaky = Details { leaks: vec![samples::socket()], ..Details::default() };
    let report = one_module(vec![
        samples::with("a_leaky", Verdict::Pass, leaky),
        samples::passed("b_slow"),
        samples::failed(),
        samples::passed("quick"),
        samples::skipped("skipped", "ignored"),
    ]);
    let lines = |options: ConsoleOptions| {
        let text = console(options, &report);
        let (live, after) = text.split_once("────────────").unwrap();
        let count = |text: &str| {
            let word = |line: &str| {
                ["PASS", "FAIL", "SKIP", "SLOW"].iter().any(|word| line.starts_with(&format!("{word:>12} [")))
            };
            text.lines().filter(|line| word(line)).count()
        };
        (count(live), count(after))
    };
    use FinalStatusLevel as Last;
    use StatusLevel as Live;
    let live = |status_level| lines(ConsoleOptions { status_level, ..ConsoleOptions::default() }).0;
    let levels = [Live::None, Live::Fail, Live::Retry, Live::Slow, Live::Leak, Live::Pass, Live::Skip, Live::All];
    assert_eq!(levels.map(live), [0, 1, 1, 3, 4, 5, 6, 6]);
    let last = |final_status_level| lines(ConsoleOptions { final_status_level, ..ConsoleOptions::default() }).1;
    let levels = [Last::None, Last::Fail, Last::Flaky, Last::Slow, Last::Skip, Last::Leak, Last::Pass, Last::All];
    assert_eq!(levels.map(last), [0, 1, 1, 2, 3, 4, 5, 5]);
}

#[test]
fn output_is_shown_as_asked() {
    let report = one_module(vec![samples::failed()]);
    let shown = |report: &Report, options| {
        let text = console(options, report);
        let (live, last) = text.split_once(reporter::SEPARATOR).unwrap();
        [live, last].map(|part| part.contains("--- STDERR:"))
    };
    let all = [OutputTime::Immediate, OutputTime::ImmediateFinal, OutputTime::Final, OutputTime::Never];
    let expected = [[true, false], [true, true], [false, true], [false, false]];
    let of_failures = |failure_output| ConsoleOptions { failure_output, ..ConsoleOptions::default() };
    assert_eq!(all.map(|time| shown(&report, of_failures(time))), expected);
    let mut talkative = samples::failed();
    talkative.verdict = Verdict::Pass;
    let report = one_module(vec![talkative]);
    let of_successes = |success_output| ConsoleOptions { success_output, ..ConsoleOptions::default() };
    assert_eq!(all.map(|time| shown(&report, of_successes(time))), expected);
    assert_eq!(shown(&report, ConsoleOptions::default()), [false, false]);
}

#[test]
fn the_first_failed_write_is_reported() {
    struct FullDisk;
    impl std::io::Write for FullDisk {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut console = Console::new(FullDisk, ConsoleOptions::default());
    play(&mut console, &everything(), 0);
    assert_eq!(console.finish().err().unwrap().kind(), std::io::ErrorKind::StorageFull);
}

#[cfg(feature = "cli")]
#[test]
fn a_progress_bar_changes_no_line() {
    let mut progress = Progress::hidden(Vec::new(), ConsoleOptions::default());
    play(&mut progress, &everything(), 3);
    let lines = String::from_utf8(progress.finish().unwrap()).unwrap();
    assert_eq!(lines, console(ConsoleOptions::default(), &everything()));
}

proptest! {
    #[test]
    fn no_guest_forges_a_line(mut report in samples::any_report(), output in samples::hostile()) {
        for test in report.canonical.modules.iter_mut().flat_map(|module| &mut module.tests) {
            test.details.get_or_insert_default().output.stderr = output.clone().into_bytes();
        }
        let options = ConsoleOptions {
            status_level: StatusLevel::All,
            success_output: OutputTime::Immediate,
            failure_output: OutputTime::Immediate,
            ..ConsoleOptions::default()
        };
        prop_assume!(!report.canonical.modules.is_empty());
        let text = console(options, &report);
        prop_assert!(!text.contains(|c: char| c.is_control() && c != '\n' && c != '\t'));
        let verdicts = ["PASS", "LEAK", "FAIL", "MEMORY", "TIMEOUT", "EXIT", "SKIP"].map(|word| format!("{word:>12} ["));
        let lines = text.lines().filter(|line| verdicts.iter().any(|verdict| line.starts_with(verdict))).count();
        let tests = report.canonical.modules.iter().flat_map(|module| &module.tests);
        let repeated = tests.filter(|test| !test.verdict.is_success()).count();
        prop_assert_eq!(lines, report.canonical.modules[0].tests.len() + repeated, "{}", text);
    }
}
