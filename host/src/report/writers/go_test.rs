//! The stream that Go's package `testing` writes with `-test.v=test2json`. `go test -json` makes its events from it, and
//! editors show it.
//!
//! ```text
//! ^V=== RUN   TestStore
//!     store_test.go:12: opened
//! ^V=== RUN   TestStore/disk
//! ^V--- PASS: TestStore/disk (0.00s)
//!     left open when the test had ended: 1 file
//! ^V--- FAIL: TestStore (0.01s)
//! ^VFAIL
//! ```
//!
//! A line of `testing`'s own begins with ^V. Within a text, ^V is escaped as `testing` escapes it.

use super::findings::of_run;
use super::subtests;
use super::words::{self, Times};
use crate::model::{Details, Report, SubtestRecord, TestRecord, Verdict};
use crate::report::console::plain_details;
use std::collections::HashMap;
use std::fmt::Write;

/// The character with which a line of `testing`'s own begins.
const FRAMING: char = '\u{16}';

/// The character that is put before a mark within a text.
const ESCAPE: char = '\u{1b}';

/// The marks of `testing`: that of its own lines, and those around errors. All are escaped within a text.
const MARKS: [char; 3] = [FRAMING, '\u{0e}', '\u{0f}'];

pub(super) fn write(report: &Report) -> Vec<u8> {
    let times = Times::new(report);
    let tests = words::tests(report);
    let mut stream = Stream::default();
    let (mut any, mut failed) = (false, report.volatile.interrupted);
    // `go test` says nothing of benchmarks that nobody asked for.
    for (module, test) in tests.filter(|(_, test)| !is_unasked(test)) {
        stream.test(test, times.get(module, test).unwrap_or_default(), &times.of_subtests(module, test));
        any = true;
        failed |= !test.verdict.is_success();
    }
    for one in of_run(report) {
        stream.said("", &one.message);
        failed = true;
    }
    for refused in &report.canonical.refused {
        stream.said("", &format!("the module was not tested: {refused}"));
        failed = true;
    }
    if !any {
        stream.text.push_str("testing: warning: no tests to run\n");
    }
    stream.own(if failed { "FAIL" } else { "PASS" });
    stream.text.into_bytes()
}

fn is_unasked(test: &TestRecord) -> bool {
    test.verdict == Verdict::Skip && test.name.starts_with("Benchmark")
}

#[derive(Default)]
struct Stream {
    text: String,
}

impl Stream {
    /// Writes a line of `testing`'s own.
    fn own(&mut self, line: &str) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.text.push(FRAMING);
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn test(&mut self, test: &TestRecord, us: u64, of_subtests: &HashMap<&str, u64>) {
        let name = one_line(&test.name);
        self.own(&format!("=== RUN   {name}"));
        if let Some(details) = &test.details {
            self.details(&name, (test, details), of_subtests);
        }
        if !test.verdict.is_success() {
            self.said("", &plain_details(test));
        } else if let Some(reason) = test.details.as_ref().and_then(|details| details.reason.as_ref()) {
            self.said("    ", reason);
        }
        self.closing(&name, test.verdict, us);
    }

    fn details(&mut self, name: &str, (test, details): (&TestRecord, &Details), times: &HashMap<&str, u64>) {
        for output in [&details.output.stdout, &details.output.stderr] {
            self.said("", &String::from_utf8_lossy(output));
        }
        for subtest in &details.subtests {
            let SubtestRecord { verdict, message, reason, .. } = subtest;
            let path = one_line(&subtests::full_name(test, subtest));
            if path == name {
                // It is run alone, as the test.
                continue;
            }
            self.own(&format!("=== RUN   {path}"));
            message.iter().chain(reason).for_each(|text| self.said("    ", text));
            self.closing(&path, *verdict, times.get(&*subtest.name).copied().unwrap_or_default());
        }
        if !details.subtests.is_empty() {
            self.own(&format!("=== NAME  {name}"));
        }
    }

    /// Writes a text; its marks are escaped.
    fn said(&mut self, indent: &str, text: &str) {
        for line in text.lines() {
            self.text.push_str(indent);
            for c in line.chars() {
                if MARKS.contains(&c) {
                    self.text.push(ESCAPE);
                }
                self.text.push(c);
            }
            self.text.push('\n');
        }
    }

    fn closing(&mut self, name: &str, verdict: Verdict, us: u64) {
        let word = match verdict {
            Verdict::Pass => "PASS",
            Verdict::Skip => "SKIP",
            Verdict::Leak | Verdict::Fail | Verdict::Memory | Verdict::Timeout | Verdict::Exit => "FAIL",
        };
        let mut line = String::new();
        write!(line, "--- {word}: {name} ({}.{:02}s)", us / 1_000_000, us / 10_000 % 100).expect("a string takes all");
        self.own(&line);
    }
}

/// A name on one line, without marks.
fn one_line(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Output, Resource, ResourceKind, samples};
    use crate::report::writers::ReportKind;

    #[test]
    fn it_is_what_testing_writes() {
        let output =
            Output { stdout: b"    a_test.go:3: \x16--- FAIL: TestA (0.00s)\nno end".to_vec(), ..Output::default() };
        let mut subtest = SubtestRecord::new("b/c", Verdict::Fail);
        subtest.message = Some("got 1\nwant 2".to_owned());
        let leak = Resource::new(ResourceKind::File, "TestA", vec![samples::frame("m.TestA", "a_test.go", 7)]);
        let details = Details { output, subtests: vec![subtest], leaks: vec![leak], ..Details::default() };
        let skipped = Details { reason: Some("not today".to_owned()), ..Details::default() };
        let tests = vec![
            samples::with("BenchmarkA", Verdict::Skip, skipped.clone()),
            samples::with("TestA", Verdict::Leak, details),
            samples::with("TestB", Verdict::Pass, Details::default()),
            samples::with("TestS", Verdict::Skip, skipped),
        ];
        let mut report = samples::report(vec![samples::module("m", tests)]);
        report.volatile.times = vec![crate::model::TestTime::new("m", "TestB", 1_239_000)];
        let text = String::from_utf8(ReportKind::Test2json.write(&report, None)).unwrap();
        insta::assert_snapshot!(text.replace(FRAMING, "^V").replace(ESCAPE, "^["), @r"
        ^V=== RUN   TestA
            a_test.go:3: ^[^V--- FAIL: TestA (0.00s)
        no end
        ^V=== RUN   TestA/b/c
            got 1
            want 2
        ^V--- FAIL: TestA/b/c (0.00s)
        ^V=== NAME  TestA
            subtests: 1 failed
            - FAIL b/c
                | got 1
                | want 2
            left open when the test returned: 1 file
            - file of unknown path
                0 bytes read, 0 bytes written
                acquired at a_test.go:7 in m.TestA
                to fix: close it, with `defer f.Close()` where it is opened, before the test returns
            where it seems to be released already, look for: a return before `defer f.Close()`, a response whose `Body` is not closed, a package variable that keeps it
        ^V--- FAIL: TestA (0.00s)
        ^V=== RUN   TestB
        ^V--- PASS: TestB (1.23s)
        ^V=== RUN   TestS
            not today
        ^V--- SKIP: TestS (0.00s)
        ^VFAIL
        ");
        let none = ReportKind::Test2json.write(&samples::report(Vec::new()), None);
        assert_eq!(String::from_utf8(none).unwrap(), "testing: warning: no tests to run\n\u{16}PASS\n");
    }

    /// `go test` fails where its last line says FAIL: so a run does that fails beside its tests.
    #[test]
    fn what_fails_beside_the_tests_fails_the_stream() {
        let stream = |report: &Report| {
            let text = String::from_utf8(ReportKind::Test2json.write(report, None)).unwrap();
            text.replace(FRAMING, "^V")
        };
        let passing = || samples::report(vec![samples::module("m", vec![samples::passed("TestA")])]);
        assert!(stream(&passing()).ends_with("^V--- PASS: TestA (0.00s)\n^VPASS\n"));
        let mut gated = passing();
        gated.canonical.gates = vec![samples::missed_gate()];
        insta::assert_snapshot!(stream(&gated), @r"
        ^V=== RUN   TestA
        ^V--- PASS: TestA (0.00s)
        the gate `threads` is not kept: 2; 1 is allowed
        ^VFAIL
        ");
        let mut refused = passing();
        refused.canonical.refused = vec![crate::model::RefusedModule::new("n", "it is no module")];
        insta::assert_snapshot!(stream(&refused), @r"
        ^V=== RUN   TestA
        ^V--- PASS: TestA (0.00s)
        the module was not tested: n: it is no module
        ^VFAIL
        ");
        let mut interrupted = passing();
        interrupted.volatile.interrupted = true;
        assert!(stream(&interrupted).ends_with("^VFAIL\n"));
    }
}
