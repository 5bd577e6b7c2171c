//! What a search for failures found, as SARIF for code scanning and as JUnit's XML.

use super::findings::{Finding, Level, RelatedPlace, callers, fingerprint};
use super::junit::{safe, xml};
use super::sarif;
use super::words::place;
use crate::model::safe_text::OneLine;
use crate::model::{BaselineEntry, FindingId, FindingKind, Frame, GateRecord};
use crate::report::console::fault_sentence;
use crate::report::faults::{FaultFinding, Faults, ModuleFaults, SweptTest};
use quick_junit::{NonSuccessKind, Property, Report as JunitReport, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// The rule of what is accepted no longer.
const EXPIRED: &str = "baseline/expired";

/// What stands for a module where a finding is of the whole search.
const WHOLE_SEARCH: &str = "the whole search";

/// SARIF 2.1.0.
pub(super) fn sarif(faults: &Faults) -> Vec<u8> {
    let allowed = faults.canonical.gate.as_ref().filter(|gate| gate.passed).map(gate_text);
    let found = faults.found().map(|(module, found)| of_place(module, found, allowed.as_deref()));
    let gate = faults.canonical.gate.iter().filter(|gate| !gate.passed).map(|gate| {
        let rule = "gate/fault-leaks".to_owned();
        of_search(&rule, gate_text(gate), fingerprint(&[&rule]))
    });
    let expired = expired(faults).map(|entry| {
        let [module, test] = names(entry);
        of_search(EXPIRED, expired_text(entry), fingerprint(&[EXPIRED, module, test, &entry.what]))
    });
    let findings: Vec<_> = found.chain(gate).chain(expired).collect();
    let canonical = &faults.canonical;
    sarif::of_search(&findings, rules(), (&faults.digest, canonical.reproducible))
}

fn of_search<'a>(rule: &str, message: String, fingerprint: String) -> Finding<'a> {
    Finding {
        rule: rule.to_owned(),
        level: Level::Error,
        accepted: None,
        message,
        module: WHOLE_SEARCH,
        test: None,
        place: None,
        related: Vec::new(),
        fingerprint,
    }
}

fn gate_text(gate: &GateRecord) -> String {
    let kept = if gate.passed { "kept" } else { "not kept" };
    format!("the gate `{}` is {kept}: {}; {} is allowed", gate.gate.name(), gate.seen, gate.limit)
}

/// The entries of the baseline whose day is over.
fn expired(faults: &Faults) -> impl Iterator<Item = &BaselineEntry> {
    faults.baseline.iter().flat_map(|usage| &usage.expired)
}

/// The module and the test of an entry.
fn names(entry: &BaselineEntry) -> [&str; 2] {
    [&entry.module, &entry.test].map(|name| name.as_deref().unwrap_or_default())
}

fn expired_text(entry: &BaselineEntry) -> String {
    let [module, test] = names(entry);
    let day = entry.expires.map(|day| format!(" on {day}")).unwrap_or_default();
    let what = [module, test, &entry.what].into_iter().filter(|word| !word.is_empty()).map(safe);
    format!("what the baseline accepts expired{day}: {}", what.collect::<Vec<_>>().join(" "))
}

/// A finding at a place. `allowed` says that a gate allows as many as there are, if it does.
fn of_place<'a>(module: &'a str, found: &'a FaultFinding, allowed: Option<&str>) -> Finding<'a> {
    let by_baseline = found.accepted.as_ref().map(|why| format!("the baseline accepts it: {}", OneLine(why)));
    let accepted = by_baseline.or_else(|| allowed.filter(|_| found.fails()).map(str::to_owned));
    let rule = format!("fault/{}", found.kind.name());
    let FindingId { object, function, file, place: at, .. } = found.id(module);
    let mut related = callers(&found.stack, "called from");
    if let Some(Frame { function, file: Some(file), line, .. }) = Frame::innermost_own(&found.place) {
        let what = match found.kind {
            FindingKind::Leak => "acquired in",
            FindingKind::Panic | FindingKind::UnwrapPanic => "panics in",
            _ => "in",
        };
        related.push(RelatedPlace { what: format!("{what} {}", OneLine(function)), file, line: *line });
    }
    let first = found.paths.first();
    let repeat = first.map(|path| path.faults.iter().map(|fault| format!(" --fault {fault}")).collect::<String>());
    Finding {
        level: match (&accepted, found.fails()) {
            (Some(_), _) => Level::Note,
            (None, true) => Level::Error,
            (None, false) => Level::Warning,
        },
        accepted,
        message: format!("{}; to repeat:{}", fault_sentence(found), repeat.unwrap_or_default()),
        module,
        test: first.map(|path| path.test.as_str().into()),
        place: place(&found.stack),
        related,
        fingerprint: fingerprint(&[
            &rule,
            module,
            object,
            function.unwrap_or_default(),
            file.unwrap_or_default(),
            at.unwrap_or_default(),
        ]),
        rule,
    }
}

/// All rules that a finding of a search can have, and what each means, in order.
fn rules() -> Vec<(String, String)> {
    let text = |kind| match kind {
        FindingKind::Leak => "After a failure, something is not given back.",
        FindingKind::Residue => "After a failure, a file is left that is not left otherwise.",
        FindingKind::HalfWritten => "After a failure, a file is left that was written by half.",
        FindingKind::DoubleClose => "After a failure, a descriptor is closed twice.",
        FindingKind::UseAfterClose => "After a failure, a descriptor is used that is closed.",
        FindingKind::Hang => "After a failure, the test goes on for ever.",
        FindingKind::Crash => "After a failure, code under test ends by a trap.",
        FindingKind::Panic => "After a failure, code under test panics.",
        FindingKind::UnwrapPanic => "Code under test panics because it demands that there is no error.",
        FindingKind::WriteAfterFailure => "A file is written on after a write to it failed.",
        FindingKind::Lie => "The test passes though a call failed, and the call was not tried again.",
    };
    let kinds = FindingKind::ALL.map(|kind| (format!("fault/{}", kind.name()), text(kind).to_owned()));
    let others = [
        ("gate/fault-leaks", "The search does not keep the gate `fault-leaks` of its profile."),
        (EXPIRED, "A way out of a failure is accepted until a day that is over."),
    ];
    let mut rules = kinds.to_vec();
    rules.extend(others.map(|(rule, text)| (rule.to_owned(), text.to_owned())));
    rules.sort();
    rules
}

/// JUnit's XML: a case for each test that was looked at. The case fails if its test is the first one that shows a finding.
pub(super) fn junit(faults: &Faults) -> Vec<u8> {
    let mut junit = JunitReport::new("airtight faults");
    junit.set_time(Duration::from_millis(faults.wall_ms));
    junit.add_test_suites(faults.canonical.modules.iter().map(|module| suite(faults, module)));
    let gate = faults.canonical.gate.iter().map(|gate| {
        let status = if gate.passed { TestCaseStatus::success() } else { failure(gate.gate.name(), &gate_text(gate)) };
        TestCase::new("gate fault-leaks", status)
    });
    let expired = expired(faults).map(|entry| TestCase::new(EXPIRED, failure(EXPIRED, &expired_text(entry))));
    let mut whole = TestSuite::new(WHOLE_SEARCH);
    for mut case in gate.chain(expired) {
        case.set_classname(WHOLE_SEARCH);
        whole.add_test_case(case);
    }
    if !whole.test_cases.is_empty() {
        junit.add_test_suite(whole);
    }
    let skipped = format!(" skipped=\"{}\"", junit.skipped);
    let text = junit.to_string().expect("texts are valid XML, and a vector takes everything");
    // As in the report of a run: in Jenkins's schema, only suites have this attribute.
    text.replacen(&skipped, "", 1).into_bytes()
}

fn suite(faults: &Faults, module: &ModuleFaults) -> TestSuite {
    let mut suite = TestSuite::new(safe(&module.module));
    suite.add_property(Property::new("airtight.digest", safe(&faults.digest)));
    for test in &module.tests {
        let mut case = TestCase::new(safe(&test.test), status(faults, module, test));
        case.set_classname(safe(&module.module));
        suite.add_test_case(case);
    }
    for left in &module.left_out {
        let mut status = TestCaseStatus::skipped();
        status.set_message(safe(&left.why));
        let mut case = TestCase::new(safe(&left.test), status);
        case.set_classname(safe(&module.module));
        suite.add_test_case(case);
    }
    suite
}

fn status(faults: &Faults, module: &ModuleFaults, test: &SweptTest) -> TestCaseStatus {
    let is_its = |found: &&FaultFinding| found.paths.first().is_some_and(|path| path.test == test.test);
    let found: Vec<_> = module.found.iter().filter(|found| found.fails()).filter(is_its).collect();
    let Some(first) = found.first() else { return TestCaseStatus::success() };
    let lines: Vec<_> = found.iter().map(|found| fault_sentence(found)).collect();
    // If the gate allows the findings, they fail nothing.
    if faults.canonical.gate.as_ref().is_some_and(|gate| gate.passed) {
        return TestCaseStatus::success();
    }
    let mut status = failure(first.kind.name(), &lines[0]);
    status.set_description(xml(lines.join("\n")));
    status
}

fn failure(kind: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(safe(kind)).set_message(safe(message));
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BaselineUse, Date};
    use crate::report::faults::{CanonicalFaults, FaultPath, UnsweptTest};
    use serde_json::json;

    fn found(kind: FindingKind, accepted: Option<&str>) -> FaultFinding {
        FaultFinding {
            kind,
            what: "leaks 1 file (/tmp/a)".to_owned(),
            object: "file /tmp/a".to_owned(),
            accepted: accepted.map(str::to_owned),
            stack: vec![Frame::new("save").at("src/store.rs", 41), Frame::new("run").at("src/main.rs", 3)],
            place: vec![Frame::new("open <&>\u{1b}").at("src/store.rs", 38)],
            message: None,
            paths: vec![FaultPath { test: "saves".to_owned(), faults: vec!["write:3=ENOSPC".to_owned()] }],
        }
    }

    fn faults() -> Faults {
        let module = ModuleFaults {
            module: "shop/store".to_owned(),
            tests: ["loads", "saves"].map(|test| SweptTest { test: test.to_owned(), ..SweptTest::default() }).to_vec(),
            no_allocations: None,
            left_out: vec![UnsweptTest { test: "sleeps".to_owned(), why: "the real clock".to_owned() }],
            found: vec![
                found(FindingKind::Leak, None),
                found(FindingKind::Residue, Some("until 2.0")),
                found(FindingKind::Lie, None),
            ],
        };
        let mut canonical = CanonicalFaults { modules: vec![module], ..CanonicalFaults::default() };
        canonical.judge(0);
        Faults::new(canonical, None, 5)
    }

    #[test]
    fn what_is_found_reads_well_in_every_format() {
        insta::assert_snapshot!("faults_sarif", String::from_utf8(sarif(&faults())).unwrap());
        insta::assert_snapshot!("faults_junit", String::from_utf8(junit(&faults())).unwrap());
    }

    #[test]
    fn a_gate_that_is_kept_fails_nothing() {
        let mut all = faults();
        all.canonical.judge(1);
        assert!(!all.fails());
        assert!(!String::from_utf8(junit(&all)).unwrap().contains("<failure"));
        let log: serde_json::Value = serde_json::from_slice(&sarif(&all)).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap();
        let told: Vec<_> =
            results.iter().map(|found| [&found["level"], &found["suppressions"][0]["justification"]]).collect();
        let gate = "the gate `fault-leaks` is kept: 1; 1 is allowed";
        assert_eq!(told[0], [&json!("note"), &json!(gate)]);
        assert_eq!(told[1], [&json!("note"), &json!("the baseline accepts it: until 2.0")]);
        assert_eq!(told[2], [&json!("warning"), &json!(null)], "it would fail nothing without the gate");
    }

    #[test]
    fn what_expired_fails_in_every_format() {
        let mut all = faults();
        all.canonical.judge(1);
        all.baseline = Some(BaselineUse {
            file: "airtight-baseline.toml".to_owned(),
            date: Date::new(2027, 4, 1),
            entries: 1,
            judged: 1,
            gone: Vec::new(),
            expired: vec![BaselineEntry {
                module: Some("shop/store".to_owned()),
                test: Some("saves".to_owned()),
                what: "residue /tmp/a after write:3=ENOSPC".to_owned(),
                expires: Date::new(2027, 3, 31),
                reason: None,
            }],
            unused: Vec::new(),
        });
        assert!(all.fails());
        let words =
            "what the baseline accepts expired on 2027-03-31: shop/store saves residue /tmp/a after write:3=ENOSPC";
        let xml = String::from_utf8(junit(&all)).unwrap();
        assert!(xml.contains(&format!("<failure message=\"{words}\" type=\"baseline/expired\"")), "{xml}");
        assert!(
            xml.contains(r#"<testcase name="gate fault-leaks" classname="the whole search"/>"#),
            "the gate is kept: {xml}"
        );
        let log: serde_json::Value = serde_json::from_slice(&sarif(&all)).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap();
        let last = results.last().unwrap();
        assert_eq!(
            [&last["ruleId"], &last["level"], &last["message"]["text"]],
            [&json!("baseline/expired"), &json!("error"), &json!(words)]
        );
    }
}
