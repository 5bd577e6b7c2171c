//! The lines of Rust's test harness (`--format json --report-time`), as nextest writes them: an object in each line, a
//! block for each module.
//!
//! A name is `crate::binary$test`, and of a subtest, which is a test of its own, `crate::binary$test/case`. Every verdict that is not a pass is `failed`, and what there is to say of the test
//! follows its output. A report does not have the tests that a filter left out, so their number is 0. The gates of the run
//! are tests in a suite of their own.

use super::super::console::plain_details;
use super::findings::of_run;
use super::subtests;
use super::words::{self, Times};
use crate::model::safe_text::is_deceptive;
use crate::model::{ModuleRecord, Report, TestRecord, Verdict};
use serde::Serialize;
use serde_json::Number;
use std::borrow::Cow;

/// Which of nextest's two formats is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// What Rust's test harness writes.
    Plain,
    /// The same with an object of nextest's in the lines about suites.
    Plus,
}

/// A line.
#[derive(Serialize)]
struct Line<'a> {
    r#type: &'static str,
    event: &'static str,
    #[serde(flatten)]
    what: What<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum What<'a> {
    Started {
        test_count: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        nextest: Option<Nextest<'a>>,
    },
    Test {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        exec_time: Option<Number>,
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        stdout: Option<String>,
    },
    Ended {
        passed: usize,
        failed: usize,
        ignored: usize,
        measured: usize,
        filtered_out: usize,
        exec_time: Option<Number>,
        #[serde(skip_serializing_if = "Option::is_none")]
        nextest: Option<Nextest<'a>>,
    },
}

/// What nextest says of a test binary.
#[derive(Serialize, Clone, Copy)]
struct Nextest<'a> {
    #[serde(rename = "crate")]
    package: &'a str,
    test_binary: &'a str,
    kind: &'static str,
}

impl<'a> Nextest<'a> {
    /// Takes a module's name apart: `package`, `package/test`, `package/bin/name`. A module that cargo did not build has
    /// the name of its file, which stands for both package and test.
    fn new(module: &'a str) -> Self {
        let (package, rest) = module.split_once('/').unwrap_or((module, ""));
        let (kind, binary) = match rest.split_once('/') {
            Some(("bin", name)) => ("bin", name),
            Some(("example", name)) => ("example", name),
            Some(("bench", name)) => ("bench", name),
            _ if rest.is_empty() => ("lib", package),
            _ => ("test", rest),
        };
        Self { package, test_binary: binary, kind }
    }
}

pub(super) fn write(report: &Report, dialect: Dialect) -> Vec<u8> {
    let times = Times::new(report);
    let mut lines = Lines(Vec::new());
    for module in &report.canonical.modules {
        lines.module(module, &times, dialect);
    }
    // A suite that failed before it began.
    for refused in &report.canonical.refused {
        let of = Nextest::new(&refused.name);
        let nextest = (dialect == Dialect::Plus).then_some(of);
        let name = format!("{}::{}$(the module)", of.package, of.test_binary);
        lines.write("suite", "started", What::Started { test_count: 1, nextest });
        lines.write("test", "started", What::test(&name));
        let why = Some(format!("the module was not tested: {}\n", refused.why));
        lines.write("test", "failed", What::Test { name: &name, exec_time: None, message: None, stdout: why });
        let counts = [0, 1, 0];
        lines.write("suite", "failed", What::ended(counts, 0, nextest));
    }
    lines.whole_run(report, dialect);
    lines.0
}

impl<'a> What<'a> {
    fn test(name: &'a str) -> Self {
        Self::Test { name, exec_time: None, message: None, stdout: None }
    }

    fn ended([passed, failed, ignored]: [usize; 3], us: u64, nextest: Option<Nextest<'a>>) -> Self {
        Self::Ended { passed, failed, ignored, measured: 0, filtered_out: 0, exec_time: seconds(us), nextest }
    }
}

struct Lines(Vec<u8>);

impl Lines {
    fn write(&mut self, r#type: &'static str, event: &'static str, what: What<'_>) {
        let line = serde_json::to_string(&Line { r#type, event, what }).expect("plain data with text keys");
        // Services that run tests read these lines on standard output, and take `##[` anywhere in a line for a command. In
        // JSON, these characters only occur in texts, where escapes mean the same.
        for c in line.chars() {
            if c == '#' || is_deceptive(c) {
                c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| self.0.extend(format!("\\u{unit:04x}").as_bytes()));
            } else {
                self.0.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        self.0.push(b'\n');
    }

    /// Writes a suite with the gates of the run, and whatever else fails the run beside its tests.
    fn whole_run(&mut self, report: &Report, dialect: Dialect) {
        let missed = of_run(report);
        let kept: Vec<_> = report.canonical.gates.iter().filter(|gate| gate.passed).collect();
        if missed.is_empty() && kept.is_empty() {
            return;
        }
        let count = missed.len() + kept.len();
        let of = Nextest { package: "airtight", test_binary: "run", kind: "test" };
        let nextest = (dialect == Dialect::Plus).then_some(of);
        self.write("suite", "started", What::Started { test_count: count, nextest });
        for gate in &kept {
            let name = format!("{}::{}$gate/{}", of.package, of.test_binary, gate.gate.name());
            self.write("test", "started", What::test(&name));
            self.write("test", "ok", What::test(&name));
        }
        for finding in &missed {
            let name = format!("{}::{}${}", of.package, of.test_binary, finding.rule);
            self.write("test", "started", What::test(&name));
            let said = Some(format!("{}\n", finding.message));
            self.write("test", "failed", What::Test { name: &name, exec_time: None, message: None, stdout: said });
        }
        let event = if missed.is_empty() { "ok" } else { "failed" };
        self.write("suite", event, What::ended([kept.len(), missed.len(), 0], 0, nextest));
    }

    fn module(&mut self, module: &ModuleRecord, times: &Times<'_>, dialect: Dialect) {
        let of = Nextest::new(&module.name);
        let nextest = (dialect == Dialect::Plus).then_some(of);
        let name = |test: &TestRecord| format!("{}::{}${}", of.package, of.test_binary, test.name);
        let tests = timed(module, times);
        self.write("suite", "started", What::Started { test_count: tests.len(), nextest });
        for (test, _) in &tests {
            self.write("test", "started", What::test(&name(test)));
        }
        let mut counts = [0; 3];
        // The time of a test is that of its subtests, too.
        let all = module.tests.iter().filter_map(|test| times.get(module, test)).fold(0, u64::saturating_add);
        // As in Rust's harness, tests that are not run come first.
        let (skipped, run): (Vec<_>, Vec<_>) = tests.iter().partition(|(test, _)| test.verdict == Verdict::Skip);
        for (test, _) in skipped {
            counts[2] += 1;
            let reason = words::reason(test);
            let message = (reason != "ignored").then(|| reason.strip_prefix("ignored: ").unwrap_or(reason));
            self.write("test", "ignored", What::Test { name: &name(test), exec_time: None, message, stdout: None });
        }
        for (test, us) in run {
            let passed = test.verdict.is_success();
            counts[usize::from(!passed)] += 1;
            let (name, exec_time) = (name(test), us.and_then(seconds));
            let stdout = (!passed).then(|| said(test));
            let event = if passed { "ok" } else { "failed" };
            self.write("test", event, What::Test { name: &name, exec_time, message: None, stdout });
        }
        let event = if counts[1] == 0 { "ok" } else { "failed" };
        self.write("suite", event, What::ended(counts, all, nextest));
    }
}

/// The tests of a module, each with its subtests behind it, and the times that are known of them.
fn timed<'m>(module: &'m ModuleRecord, times: &Times<'_>) -> Vec<(Cow<'m, TestRecord>, Option<u64>)> {
    let timed = |test: &'m TestRecord| {
        let of_subtests = times.of_subtests(module, test);
        let of_subtest = |name: &str| of_subtests.get(subtests::path(test, name)?).copied();
        let subtests = subtests::as_tests(test).into_iter().map(|subtest| {
            let us = of_subtest(&subtest.name);
            (Cow::Owned(subtest), us)
        });
        std::iter::once((Cow::Borrowed(test), times.get(module, test))).chain(subtests.collect::<Vec<_>>())
    };
    module.tests.iter().flat_map(timed).collect()
}

/// The test's output, both streams, and then why it did not pass.
fn said(test: &TestRecord) -> String {
    let output = test.details.as_ref().map(|details| &details.output);
    let streams = output.into_iter().flat_map(|output| [&output.stdout, &output.stderr]);
    let mut said: String = streams.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect();
    if !said.is_empty() && !said.ends_with('\n') {
        said.push('\n');
    }
    said + &format!("airtight: {}: {}\n", test.verdict.name(), words::headline(test)) + &plain_details(test)
}

/// Seconds, exact to the microsecond.
fn seconds(us: u64) -> Option<Number> {
    Number::from_f64(std::time::Duration::from_micros(us).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_a_binary_of_a_package() {
        let of = |module| {
            let Nextest { package, test_binary, kind } = Nextest::new(module);
            [package, test_binary, kind]
        };
        assert_eq!(of("suite"), ["suite", "suite", "lib"]);
        assert_eq!(of("suite/it"), ["suite", "it", "test"]);
        assert_eq!(of("suite/bin/tool"), ["suite", "tool", "bin"]);
        assert_eq!(of("suite/example/show"), ["suite", "show", "example"]);
        assert_eq!(of("suite/bench/fast"), ["suite", "fast", "bench"]);
    }
}
