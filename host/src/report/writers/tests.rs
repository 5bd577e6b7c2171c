//! One planted suite in every format, with hostile text in each.

use super::ReportKind;
use crate::model::growth::{Growth, Round, Span};
use crate::model::samples::{self, any_report, hostile};
use crate::model::{
    CleanupCoverage, Details, Frame, GateKind, GateRecord, MissedSite, Omitted, Output, RefusedModule, Report,
    Resource, ResourceKind, SocketRecord, SubtestRecord, SubtestTime, SuppressedRecord, TestRecord, TestTime,
    ThreadRecord, TrackedRecord, UnfinishedCleanup, Usage, Verdict,
};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeSet;

/// One resource of each kind.
fn every_kind() -> Vec<Resource> {
    let of_kind = |kind: ResourceKind| {
        let plain = Resource { kind, fd: None, mode: None, path: None, bytes_written: 0, ..samples::file("", 1) };
        match kind {
            ResourceKind::File => samples::file("fixtures/a.txt", 2),
            ResourceKind::Dir => Resource { path: Some("/tmp/work".to_owned()), ..plain },
            ResourceKind::Socket => {
                let socket =
                    SocketRecord { peer: Some("127.0.0.1:80".to_owned()), unread: Some(7), ..SocketRecord::default() };
                Resource { socket: Some(socket), ..samples::socket() }
            }
            ResourceKind::Residue | ResourceKind::ResidueDir => {
                Resource { path: Some(format!("/tmp/{}", kind.name())), bytes: Some(3), stack: Vec::new(), ..plain }
            }
            ResourceKind::AsyncTask => Resource { path: Some("pump".to_owned()), ..plain },
            ResourceKind::Tracked => {
                Resource { tracked: Some("connection".to_owned()), path: Some("pool".to_owned()), ..plain }
            }
            ResourceKind::Heap => samples::blocks(2, 1024),
            ResourceKind::Thread | ResourceKind::Task => {
                let thread = ThreadRecord {
                    number: 2,
                    name: Some("pump".to_owned()),
                    does: "waits for a lock".to_owned(),
                    waited_ns: 5_000_000,
                    handles: 1,
                    blocks: 1,
                    bytes: 64,
                    stack: vec![samples::frame("pump::run", "src/pump.rs", 9)],
                };
                Resource { thread: Some(thread), ..plain }
            }
        }
    };
    ResourceKind::ALL.map(of_kind).to_vec()
}

/// The same test under another name. All that it left was acquired in the test itself.
fn renamed(name: &str, mut test: TestRecord) -> TestRecord {
    let details = test.details.as_deref_mut().into_iter();
    let left = details.flat_map(|details| details.leaks.iter_mut().chain(&mut details.retained));
    left.for_each(|left| left.scope = name.to_owned());
    TestRecord { name: name.into(), ..test }
}

fn figures() -> Option<Usage> {
    samples::passed("").usage
}

/// A test of which subtests failed, one of them within another.
fn table_that_fails() -> TestRecord {
    let subtest = |name: &str, verdict, message: Option<&str>| SubtestRecord {
        message: message.map(str::to_owned),
        usage: figures(),
        ..SubtestRecord::new(name, verdict)
    };
    let wrong = SubtestRecord {
        stack: vec![
            samples::frame("parser::parse", "src/parser.rs", 41),
            samples::frame("table::wrong", "tests/table.rs", 9),
        ],
        suppressed: vec![SuppressedRecord::new("and the count is off", None)],
        ..subtest("outer/wrong", Verdict::Fail, Some("left: 3\nright: 4"))
    };
    let tracked = vec![TrackedRecord::new("Pool", 3, 2, 0)];
    let subtests = vec![
        SubtestRecord { tracked, ..subtest("fine", Verdict::Pass, None) },
        subtest("outer", Verdict::Fail, Some("a subtest of it failed")),
        wrong,
        SubtestRecord { reason: Some("not here".to_owned()), ..SubtestRecord::new("skips", Verdict::Skip) },
    ];
    let message = Some("2 of its 4 subtests failed: `outer/wrong`".to_owned());
    samples::with("table", Verdict::Fail, Details { message, subtests, ..Details::default() })
}

/// A test that left something of its own, and of which a subtest did.
fn table_that_leaks() -> TestRecord {
    let left = |scope: &str| Resource { scope: scope.to_owned(), ..samples::file(&format!("/tmp/{scope}"), 1) };
    let leaks = vec![left("table_2/loses"), left("table_2")];
    let subtests = vec![
        SubtestRecord { leaks: 1, usage: figures(), ..SubtestRecord::new("loses", Verdict::Leak) },
        SubtestRecord { usage: figures(), ..SubtestRecord::new("closes", Verdict::Pass) },
    ];
    samples::with("table_2", Verdict::Leak, Details { leaks, subtests, ..Details::default() })
}

/// A suite with every verdict, every kind of leak, and all else that a report can tell.
pub(in crate::report) fn planted() -> Report {
    let span = |before, after| Span { before, after };
    let round = |nth: u64| Round {
        heap_blocks: Some(span(nth, nth + 1)),
        heap_bytes: Some(span(nth * 48, nth * 48 + 48)),
        linear: span(17 << 16, 17 << 16),
        handles: Span::default(),
    };
    let growth = Growth { sites: vec![samples::blocks(1, 48)], ..Growth::judge((0..5).map(round).collect()) };
    let grows = samples::with("grows", Verdict::Leak, Details { growth: Some(growth), ..Details::default() });
    let shown = samples::left(Verdict::Pass, vec![every_kind()[3].clone()], vec![samples::kept()]);
    let outline = vec![
        renamed("cycles", samples::left(Verdict::Leak, vec![samples::cycle()], Vec::new())),
        renamed("every_kind", samples::left(Verdict::Leak, every_kind(), vec![samples::kept()])),
        grows,
        renamed("keeps", samples::left(Verdict::Leak, Vec::new(), vec![samples::kept()])),
        renamed("shown", shown),
        table_that_fails(),
        table_that_leaks(),
        samples::skipped("why", "ignored: not yet"),
    ];
    let mut semver = samples::one_of_each();
    semver[2] = samples::failed();
    let place = Some(samples::frame("semver::io::open_all", "src/io.rs", 41));
    let missed = |kind, acquired| MissedSite {
        module: "semver/tests/io".to_owned(),
        kind,
        place: place.clone(),
        acquired,
        missed: 4,
        test: "tests::reads_all".to_owned(),
    };
    let unfinished = UnfinishedCleanup {
        module: "semver/tests/io".to_owned(),
        test: "tests::bails".to_owned(),
        name: Some("journal".to_owned()),
        registered: Some("src/io.rs:7:5".to_owned()),
    };
    let Report { mut canonical, mut volatile, .. } =
        samples::report(vec![samples::module("outline", outline), samples::module("semver/tests/io", semver)]);
    canonical.refused = vec![RefusedModule::new("broken/tests/x", "it is not a WebAssembly module")];
    canonical.cleanup_coverage = Some(CleanupCoverage {
        sites: 3,
        released: 1,
        missed: vec![missed(ResourceKind::File, 4), missed(ResourceKind::Dir, 9)],
        untold: 0,
        cleanups: 2,
        finished: 1,
        unfinished: vec![unfinished],
        gate: Some("98%".parse().unwrap()),
    });
    for module in &canonical.modules {
        for test in module.tests.iter().filter(|test| test.verdict != Verdict::Skip) {
            let nth = volatile.times.len() as u64;
            let start_us = (test.verdict != Verdict::Exit).then_some(nth * 1000);
            let worker = start_us.map(|_| u32::try_from(nth % 2).unwrap());
            let subtests = test.details.iter().flat_map(|details| &details.subtests);
            let ran = subtests.filter(|subtest| subtest.verdict != Verdict::Skip).enumerate();
            let subtests = ran.map(|(place, subtest)| SubtestTime {
                start_us: start_us.map(|start| start + 100 * place as u64),
                ..SubtestTime::new(&*subtest.name, 100)
            });
            let subtests = subtests.collect();
            let time = TestTime::new(&*module.name, &*test.name, 1500 + nth);
            volatile.times.push(TestTime { start_us, worker, subtests, ..time });
        }
    }
    Report::new(canonical, volatile)
}

fn text(kind: ReportKind, report: &Report) -> String {
    String::from_utf8(kind.write(report, None)).unwrap()
}

#[test]
fn formats_have_names_of_their_own() {
    let names: BTreeSet<_> = ReportKind::ALL.map(ReportKind::name).into();
    assert_eq!(names.len(), ReportKind::ALL.len());
    for kind in ReportKind::ALL {
        assert!(!kind.about().is_empty());
        assert_eq!(ReportKind::from_name(kind.name()), Some(kind));
    }
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    for kind in ReportKind::ALL {
        assert_eq!(kind.write(&planted(), Some(&planted())), kind.write(&planted(), Some(&planted())), "{kind}");
    }
}

#[test]
fn a_suite_reads_well_in_every_format() {
    let report = planted();
    for kind in ReportKind::ALL.into_iter().filter(|kind| !matches!(kind, ReportKind::Json | ReportKind::Pprof)) {
        let mut text = text(kind, &report);
        if kind == ReportKind::Html {
            // The page's style and script are not part of the snapshot: they are files of their own.
            for (what, source) in [("style", include_str!("html/page.css")), ("script", include_str!("html/page.js"))] {
                text = text.replacen(source, &format!("({what})"), 1);
            }
            let policy = text.find("<meta http-equiv").unwrap();
            let end = policy + text[policy..].find('\n').unwrap();
            text.replace_range(policy..end, "(policy)");
        }
        insta::with_settings!({ snapshot_suffix => kind.name() }, { insta::assert_snapshot!(text) });
    }
}

/// Puts a text wherever a guest, its sources or a file can choose one.
fn spoil(report: &mut Report, text: &str) {
    let frames = |stack: &mut Vec<Frame>| {
        for frame in stack {
            (frame.function, frame.file) = (text.to_owned(), Some(text.to_owned()));
        }
    };
    for refused in &mut report.canonical.refused {
        (refused.name, refused.why) = (text.to_owned(), text.to_owned());
    }
    for site in report.canonical.cleanup_coverage.iter_mut().flat_map(|coverage| &mut coverage.missed) {
        (site.module, site.test) = (text.to_owned(), text.to_owned());
        site.place = site.place.take().map(|_| samples::frame(text, text, 7));
    }
    for time in &mut report.volatile.times {
        time.module = format!("{text}{}", time.module);
        time.test = format!("{text}{}", time.test);
        time.subtests.iter_mut().for_each(|subtest| subtest.name = format!("{text}{}", subtest.name));
    }
    for module in &mut report.canonical.modules {
        module.name = format!("{text}{}", module.name);
        for test in &mut module.tests {
            test.name = format!("{text}{}", test.name).into();
            let Some(details) = test.details.as_deref_mut() else { continue };
            let Details { message, hint, reason, stack, leaks, retained, output, failures, subtests, .. } = details;
            for said in [message, hint, reason].into_iter().filter(|said| said.is_some()) {
                *said = Some(text.to_owned());
            }
            frames(stack);
            for subtest in subtests {
                subtest.name = format!("{text}{}", subtest.name);
                subtest.message = subtest.message.take().map(|_| text.to_owned());
                subtest.reason = subtest.reason.take().map(|_| text.to_owned());
                frames(&mut subtest.stack);
                subtest.tracked.iter_mut().for_each(|tracked| tracked.name = text.to_owned());
                subtest.suppressed.iter_mut().for_each(|later| later.message = text.to_owned());
            }
            failures.iter_mut().for_each(|failure| *failure = text.to_owned());
            *output = Output { stdout: text.as_bytes().to_vec(), stderr: text.as_bytes().to_vec(), dropped: 0 };
            for left in leaks.iter_mut().chain(retained) {
                left.scope = text.to_owned();
                for said in
                    [&mut left.path, &mut left.tracked, &mut left.mode].into_iter().filter(|said| said.is_some())
                {
                    *said = Some(text.to_owned());
                }
                frames(&mut left.stack);
                if let Some(thread) = &mut left.thread {
                    (thread.name, thread.does) = (Some(text.to_owned()), text.to_owned());
                    frames(&mut thread.stack);
                }
                let Some(blocks) = left.blocks.as_deref_mut() else { continue };
                if let Some(keeper) = &mut blocks.kept_by {
                    (keeper.name, keeper.file) = (text.to_owned(), Some(text.to_owned()));
                }
                if let Some(at) = blocks.last_pointer.as_mut().and_then(|last| last.at.as_mut()) {
                    (at.function, at.file) = (text.to_owned(), Some(text.to_owned()));
                }
                blocks.places.iter_mut().chain(&mut blocks.reaches).for_each(|place| frames(&mut place.stack));
            }
        }
    }
}

/// Parses what each format has written of a report, and compares what must not depend on the texts in it.
fn assert_valid(report: &Report) {
    let tests: usize = report.canonical.modules.iter().map(|module| module.tests.len()).sum();
    let refused = report.canonical.refused.len();
    let gates = report.canonical.gates.len();
    let coverage = report.canonical.cleanup_coverage.iter().filter(|coverage| !coverage.passes()).count();
    let subtests: usize = super::words::tests(report).map(|(_, test)| super::subtests::named(test).count()).sum();
    let cases = tests + subtests + refused + gates + coverage;
    assert_is_xml(&text(ReportKind::Junit, report), cases);
    let sarif: Value = serde_json::from_str(&text(ReportKind::Sarif, report)).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let annotations = text(ReportKind::Github, report);
    for line in annotations.lines() {
        let command = ["::error ", "::warning ", "::notice "].into_iter().find_map(|start| line.strip_prefix(start));
        let (properties, _) = command.and_then(|rest| rest.split_once("::")).unwrap_or_else(|| panic!("{line:?}"));
        for property in properties.split(',') {
            let (key, value) = property.split_once('=').unwrap();
            assert!(["file", "line", "title"].contains(&key) && !value.contains(':'), "{line:?}");
        }
        assert!(!line.contains(crate::model::safe_text::is_deceptive) && !line.contains("##"), "{line:?}");
    }
    assert_eq!(annotations.lines().filter(|line| line.starts_with("::notice")).count(), 1);
    for kind in [ReportKind::LibtestJson, ReportKind::LibtestJsonPlus] {
        let text = text(kind, report);
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let ended = |line: &&Value| line["type"] == "test" && line["event"] != "started";
        assert_eq!(lines.iter().filter(ended).count(), cases);
    }
    assert_is_openmetrics(&text(ReportKind::Prometheus, report));
    let trace: Value = serde_json::from_str(&text(ReportKind::ChromeTrace, report)).unwrap();
    assert!(trace["traceEvents"].is_array());
    assert_is_page(&text(ReportKind::Html, report), tests);
}

/// Checks that a text is well-formed XML in characters that XML allows, and that it has `cases` cases.
fn assert_is_xml(text: &str, cases: usize) {
    use quick_xml::events::Event;
    let is_char =
        |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(text.chars().all(is_char));
    let mut reader = quick_xml::Reader::from_str(text);
    let (mut found, mut depth) = (0, 0);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => {
                depth += 1;
                found += usize::from(tag.name().as_ref() == b"testcase");
                tag.attributes().for_each(|attribute| drop(attribute.unwrap()));
            }
            Event::Empty(tag) => found += usize::from(tag.name().as_ref() == b"testcase"),
            Event::End(_) => depth -= 1,
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!((found, depth), (cases, 0));
}

/// Checks lines against OpenMetrics: samples of declared families, none of them twice, and an end.
fn assert_is_openmetrics(text: &str) {
    let lines = text.strip_suffix("# EOF\n").unwrap();
    let (mut families, mut samples) = (BTreeSet::new(), BTreeSet::new());
    for line in lines.split_terminator('\n') {
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            assert!(families.insert(declared.strip_suffix(" gauge").unwrap()), "{line}");
            continue;
        }
        if line.starts_with("# HELP ") || line.starts_with("# UNIT ") {
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        value.parse::<f64>().unwrap();
        assert!(samples.insert(series), "{series} is there twice");
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        assert!(families.contains(name), "{line:?}");
        // Within a value, a quote and a backslash are escaped.
        let mut rest = labels.strip_suffix('}').unwrap_or(labels);
        while let Some((_, value)) = rest.split_once("=\"") {
            let mut escaped = false;
            let end = value.char_indices().find(|(_, c)| {
                let ends = *c == '"' && !escaped;
                escaped = *c == '\\' && !escaped;
                ends
            });
            rest = &value[end.unwrap().0 + 1..];
        }
    }
}

/// Checks that a page has the elements that it always has and none that a guest made, and has all tests in its data.
fn assert_is_page(page: &str, tests: usize) {
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script").count(), 2);
    assert!(!page.contains("<img"));
    let data = page.split_once("id=\"data\">").unwrap().1.split_once("</script>").unwrap().0;
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["tests"].as_array().unwrap().len(), tests);
}

#[test]
fn a_long_hostile_text_breaks_no_format() {
    let piece =
        "]]> ::error::x </script><img src=x onerror=alert(1)> \u{1b}[31m\u{202e}\"'\\%0A##[group]\r\n::warning::\u{0}";
    let mut report = planted();
    spoil(&mut report, &piece.repeat(60_000 / piece.len() + 1));
    assert_valid(&report);
}

#[test]
fn an_empty_report_is_one_in_every_format() {
    assert_valid(&samples::report(Vec::new()));
    let mut report = planted();
    spoil(&mut report, "");
    assert_valid(&report);
}

#[test]
fn no_line_and_no_count_is_part_of_a_fingerprint() {
    let fingerprints = |report: &Report| -> Vec<(String, String)> {
        let places = super::findings::all_places(report);
        let found = super::findings::findings(report, places.iter());
        found.into_iter().map(|finding| (finding.rule, finding.fingerprint)).collect()
    };
    let mut moved = planted();
    let tests = moved.canonical.modules.iter_mut().flat_map(|module| &mut module.tests);
    for left in tests.filter_map(|test| test.details.as_deref_mut()).flat_map(|details| &mut details.leaks) {
        left.count += 1;
        left.stack.iter_mut().for_each(|frame| frame.line = frame.line.map(|line| line + 9));
    }
    let (before, after) = (fingerprints(&planted()), fingerprints(&moved));
    assert_eq!(before, after);
    let all: BTreeSet<_> = before.iter().collect();
    assert_eq!(all.len(), before.len(), "no two findings of the suite are the same: {before:#?}");
    moved.canonical.modules[0].name.push('x');
    assert_ne!(fingerprints(&moved), before);
}

#[test]
fn what_the_policy_only_shows_is_suppressed_and_not_annotated() {
    let report = planted();
    let sarif: Value = serde_json::from_str(&text(ReportKind::Sarif, &report)).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let suppressed: Vec<_> = results.iter().filter(|result| result.get("suppressions").is_some()).collect();
    // One is in the test that passed, and two are in a test that leaks other things.
    assert_eq!(suppressed.len(), 3);
    for result in &suppressed {
        assert_eq!(result["suppressions"][0]["justification"], "the policy only shows it: `residue` in `leaks`");
    }
    assert!(!text(ReportKind::Github, &report).contains("outline shown"));
    let never = results.iter().filter(|result| result["ruleId"] == "never-released/file").count();
    assert_eq!((never, results.iter().filter(|result| result["ruleId"] == "never-released/dir").count()), (1, 0));
}

/// A report whose only failure is a gate that was not kept.
fn misses_a_gate() -> Report {
    let mut report = samples::report(vec![samples::module("m", vec![samples::passed("a")])]);
    let mut record = GateRecord::new(GateKind::Handles, "3".to_owned());
    (record.seen, record.passed) = (4, false);
    report.canonical.gates = vec![record];
    report
}

#[test]
fn a_gate_that_is_missed_fails_for_readers_of_libtest_s_lines_too() {
    let lines = text(ReportKind::LibtestJsonPlus, &misses_a_gate());
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed: Vec<_> = lines.iter().filter(|line| line["event"] == "failed").collect();
    let [test, suite] = &failed[..] else { panic!("{lines:#?}") };
    assert_eq!(test["name"], "airtight::run$gate/handles");
    assert_eq!(test["stdout"], "the gate `handles` is not kept: 4; 3 is allowed\n");
    assert_eq!((&suite["failed"], &suite["nextest"]["test_binary"]), (&1.into(), &"run".into()));
}

#[test]
fn modules_of_one_name_are_counted_together() {
    let module = |names: [&str; 2]| samples::module("m", names.map(samples::passed).to_vec());
    let text = text(ReportKind::Prometheus, &samples::report(vec![module(["a", "b"]), module(["c", "d"])]));
    assert!(text.contains("\nairtight_tests{module=\"m\",verdict=\"pass\"} 4\n"), "{text}");
    assert_eq!(text.matches("\nairtight_tests{").count(), 7, "one for each verdict");
    // Entries of one kind are told apart, too.
    let left = samples::left(Verdict::Leak, vec![samples::file("a", 2), samples::file("b", 3)], Vec::new());
    let text = super::tests::text(ReportKind::Prometheus, &samples::report(vec![samples::module("m", vec![left])]));
    let files = "\nairtight_leaks{module=\"m\",kind=\"file\"} ";
    let count: u64 = text.split_once(files).unwrap().1.lines().next().unwrap().parse().unwrap();
    assert_eq!(count, 5, "{text}");
}

#[test]
fn the_title_of_the_page_tells_how_the_run_ended() {
    let title = |report: &Report| {
        let page = text(ReportKind::Html, report);
        page.split_once("<title>").unwrap().1.split_once("</title>").unwrap().0.to_owned()
    };
    assert_eq!(title(&misses_a_gate()), "airtight: the run did not pass");
    let mut kept = misses_a_gate();
    kept.canonical.gates[0].passed = true;
    assert_eq!(title(&kept), "airtight: all passed");
    let failed = samples::report(vec![samples::module("m", vec![samples::passed("a"), samples::failed()])]);
    assert_eq!(title(&failed), "airtight: 1 did not pass");
}

#[test]
fn what_is_left_out_of_lists_is_no_error() {
    let details = Details { omitted: Omitted { resources: 3, ..Omitted::default() }, ..Details::default() };
    let report = samples::report(vec![samples::module("m", vec![samples::with("t", Verdict::Leak, details)])]);
    assert!(text(ReportKind::Sarif, &report).contains("\"ruleId\": \"test/leak\""));
    assert_valid(&report);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn hostile_text_breaks_no_format(text in hostile()) {
        let mut report = planted();
        spoil(&mut report, &text);
        assert_valid(&report);
    }

    #[test]
    fn any_report_is_valid_in_every_format(report in any_report()) {
        assert_valid(&report);
    }
}
