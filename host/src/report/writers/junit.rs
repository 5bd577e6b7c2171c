//! JUnit's XML in Jenkins's dialect: a suite for each module. A leak is a failure. Its text is also in the test's output,
//! for readers that show only one of the two. A subtest is a case of its own behind that of its test.

use super::super::console::{OneLine, plain_details};
use super::findings::{WHOLE_RUN, of_run};
use super::subtests;
use super::words::{self, Times};
use crate::model::safe_text::Lines;
use crate::model::{ModuleRecord, RefusedModule, Report, TestRecord, Verdict};
use quick_junit::{NonSuccessKind, Property, Report as JunitReport, TestCase, TestCaseStatus, TestRerun, TestSuite};
use std::time::Duration;

/// The name of the root element.
const NAME: &str = "airtight";

/// The name of the case for a module that was not tested.
const WHOLE_MODULE: &str = "(the module)";

pub(super) fn write(report: &Report) -> Vec<u8> {
    let mut junit = JunitReport::new(NAME);
    junit.set_time(Duration::from_millis(report.volatile.wall_ms));
    let times = Times::new(report);
    junit.add_test_suites(report.canonical.modules.iter().map(|module| suite(report, &times, module)));
    junit.add_test_suites(report.canonical.refused.iter().map(refused));
    junit.add_test_suites(whole_run(report));
    let skipped = format!(" skipped=\"{}\"", junit.skipped);
    let text = junit.to_string().expect("texts are valid XML, and a vector takes everything");
    // In the schema of Jenkins's plug-in, only suites have this attribute. The root is the first element that has it, so
    // the first one is removed.
    text.replacen(&skipped, "", 1).into_bytes()
}

fn suite(report: &Report, times: &Times<'_>, module: &ModuleRecord) -> TestSuite {
    let mut suite = TestSuite::new(safe(&module.name));
    let mut all = Duration::ZERO;
    for test in &module.tests {
        let time = times.get(module, test).map(Duration::from_micros);
        all = all.saturating_add(time.unwrap_or_default());
        suite.add_test_case(case(module, test, time));
        let times = times.of_subtests(module, test);
        suite.add_test_cases(subtests::as_tests(test).iter().map(|subtest| {
            let time = subtests::path(test, &subtest.name).and_then(|path| times.get(path).copied());
            case(module, subtest, time.map(Duration::from_micros))
        }));
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
        Verdict::Pass => {
            let mut status = TestCaseStatus::success();
            let attempts =
                test.details.as_ref().and_then(|details| details.attempts.as_ref()).filter(|_| test.is_flaky());
            for failed in attempts.into_iter().flat_map(|attempts| &attempts.failed) {
                let mut run = TestRerun::new(NonSuccessKind::Failure);
                run.set_type(failed.verdict.name()).set_message(safe(failed.message.as_deref().unwrap_or_default()));
                status.add_rerun(run);
            }
            status
        }
        Verdict::Skip => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(safe(words::reason(test)));
            status
        }
        Verdict::Leak | Verdict::Fail | Verdict::Memory | Verdict::Timeout | Verdict::Exit => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(test.verdict.name());
            status.set_message(xml(words::headline(test)));
            status.set_description(xml(plain_details(test)));
            status
        }
    }
}

/// A suite with one case, for a module that could not be tested.
fn refused(module: &RefusedModule) -> TestSuite {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type("refused").set_message(safe(&module.why));
    let mut suite = TestSuite::new(safe(&module.name));
    let mut case = TestCase::new(WHOLE_MODULE, status);
    case.set_classname(safe(&module.name));
    suite.add_test_case(case);
    suite
}

/// A suite with a case for each gate, and for each entry of the baseline that has expired; `None` if there is neither.
fn whole_run(report: &Report) -> Option<TestSuite> {
    let mut suite = TestSuite::new(WHOLE_RUN);
    let kept =
        report.canonical.gates.iter().filter(|gate| gate.passed).map(|gate| format!("gate/{}", gate.gate.name()));
    suite.add_test_cases(kept.map(|name| TestCase::new(name, TestCaseStatus::success())));
    for finding in of_run(report) {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(safe(&finding.message));
        suite.add_test_case(TestCase::new(safe(&finding.rule), status));
    }
    suite.test_cases.iter_mut().for_each(|case| {
        case.set_classname(WHOLE_RUN);
    });
    (!suite.test_cases.is_empty()).then_some(suite)
}

pub(super) fn safe(text: &str) -> String {
    xml(OneLine(text).to_string())
}

/// Text in characters that XML allows. Control characters are escaped already; only these two remain.
pub(super) fn xml(text: String) -> String {
    const NONE: [char; 2] = ['\u{fffe}', '\u{ffff}'];
    if !text.contains(NONE) {
        return text;
    }
    text.replace(NONE[0], r"\u{fffe}").replace(NONE[1], r"\u{ffff}")
}
