//! JUnit's XML in Jenkins's dialect: a suite a module. Leaks are failures whose list is the test's output too, for readers that show one of
//! the two.

use super::super::console::{OneLine, plain_details};
use super::words::{self, Times, verdict};
use crate::model::safe_text::Lines;
use crate::model::{ModuleRecord, RefusedModule, Report, TestRecord, Verdict};
use quick_junit::{NonSuccessKind, Property, Report as JunitReport, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// The root's name.
const NAME: &str = "airtight";

/// The case of a module that was not tested.
const WHOLE_MODULE: &str = "(the module)";

pub(super) fn write(report: &Report) -> Vec<u8> {
    let mut junit = JunitReport::new(NAME);
    junit.set_time(Duration::from_millis(report.volatile.wall_ms));
    let times = Times::new(report);
    junit.add_test_suites(report.canonical.modules.iter().map(|module| suite(report, &times, module)));
    junit.add_test_suites(report.canonical.refused.iter().map(refused));
    let skipped = format!(" skipped=\"{}\"", junit.skipped);
    let text = junit.to_string().expect("texts are valid XML, and a vector takes everything");
    // The schema of Jenkins's plug-in has this attribute for suites alone, and the root is the first element.
    text.replacen(&skipped, "", 1).into_bytes()
}

fn suite(report: &Report, times: &Times<'_>, module: &ModuleRecord) -> TestSuite {
    let mut suite = TestSuite::new(safe(&module.name));
    let mut all = Duration::ZERO;
    for test in &module.tests {
        let time = times.of(module, test).map(Duration::from_micros);
        all = all.saturating_add(time.unwrap_or_default());
        suite.add_test_case(case(module, test, time));
    }
    suite.set_time(all);
    suite.extra.insert("timestamp".into(), safe(&report.volatile.started).into());
    let harness = module.harness.name();
    for (name, value) in
        [("airtight.harness", harness), ("airtight.code", &module.code), ("airtight.digest", &report.digest)]
    {
        suite.add_property(Property::new(name, safe(value)));
    }
    suite
}

fn case(module: &ModuleRecord, test: &TestRecord, time: Option<Duration>) -> TestCase {
    let mut case = TestCase::new(safe(&test.name), status(test));
    case.set_classname(safe(&module.name));
    if let Some(time) = time {
        case.set_time(time);
    }
    let output = test.details.as_ref().map(|details| &details.output);
    let [stdout, stderr] = [output.map(|output| &output.stdout), output.map(|output| &output.stderr)]
        .map(|text| text.map(|bytes| xml(Lines(&String::from_utf8_lossy(bytes)).to_string())).unwrap_or_default());
    let list = if test.verdict == Verdict::Leak { xml(plain_details(test)) } else { String::new() };
    if !list.is_empty() || !stdout.is_empty() {
        case.set_system_out(list + &stdout);
    }
    if !stderr.is_empty() {
        case.set_system_err(stderr);
    }
    case
}

fn status(test: &TestRecord) -> TestCaseStatus {
    match test.verdict {
        Verdict::Pass => TestCaseStatus::success(),
        Verdict::Skip => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(safe(words::reason(test)));
            status
        }
        Verdict::Leak | Verdict::Fail | Verdict::Memory | Verdict::Timeout | Verdict::Exit => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(verdict(test.verdict));
            status.set_message(xml(words::headline(test)));
            status.set_description(xml(plain_details(test)));
            status
        }
    }
}

/// A suite of one case, which could not be begun.
fn refused(module: &RefusedModule) -> TestSuite {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type("refused").set_message(safe(&module.why));
    let mut suite = TestSuite::new(safe(&module.name));
    let mut case = TestCase::new(WHOLE_MODULE, status);
    case.set_classname(safe(&module.name));
    suite.add_test_case(case);
    suite
}

fn safe(text: &str) -> String {
    xml(OneLine(text).to_string())
}

/// Text of characters that XML has. Control characters are escaped already; these two are left.
fn xml(text: String) -> String {
    const NONE: [char; 2] = ['\u{fffe}', '\u{ffff}'];
    if !text.contains(NONE) {
        return text;
    }
    text.replace(NONE[0], r"\u{fffe}").replace(NONE[1], r"\u{ffff}")
}
