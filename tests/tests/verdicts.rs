//! The verdict of every guest. The table is `guests/verdicts.txt`. A guest without an entry, or an entry without a guest,
//! is a failure. What is reported of each test is in snapshots.

use airtight_tests::{DirPicture, Ran, guests_dir, picture, read_report, run, scratch_dir, tests, verdicts};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

/// What Rust's library says differs between its releases; so does where it puts things in memory.
const WORDED_BY_STD: [&str; 2] = ["fail_for_want_of_", "fail_with_all_that_is_random"];

/// One run of all guests, shared by the tests of this file, but those of `heap` and `matrix`, which have tests of their
/// own.
fn everything() -> &'static (Ran, Value) {
    static EVERYTHING: OnceLock<(Ran, Value)> = OnceLock::new();
    EVERYTHING.get_or_init(|| {
        let dir = scratch_dir();
        let report = dir.path().join("report.json");
        let before = watched();
        let ran = run_all(&report);
        CHANGED.get_or_init(|| watched() != before);
        (ran, read_report(&report))
    })
}

/// Whether that run changed a guest's sources.
static CHANGED: OnceLock<bool> = OnceLock::new();

fn run_all(report: &Path) -> Ran {
    let target = format!("build.target-dir={:?}", airtight_tests::guests_target_dir());
    let report = format!("json={}", report.display());
    let args =
        ["test", ".", "--workspace", "--exclude", "heap", "--exclude", "matrix", "--cargo-quiet", "--config", &target];
    run(&guests_dir(), args.into_iter().chain(["--report", &report]))
}

/// What the guests write to, in memory: their packages, and a directory granted as an overlay.
fn watched() -> Vec<DirPicture> {
    ["plain", "programs", "sdk", "fixtures"].map(|dir| picture(&guests_dir().join(dir))).into()
}

/// `module test verdict` a line.
fn table() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(guests_dir().join("verdicts.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap_or_else(|| panic!("not an entry: {line}")))
        .map(|(test, verdict)| (test.to_owned(), verdict.to_owned()))
        .collect()
}

#[test]
fn every_guest_has_the_verdict_of_the_table() {
    let (ran, report) = everything();
    assert_eq!(ran.status, Some(100), "{}", ran.stderr);
    let (found, expected) = (verdicts(report), table());
    let mut wrong = Vec::new();
    for (test, verdict) in &found {
        match expected.get(test) {
            None => wrong.push(format!("{test} {verdict}: is not in the table")),
            Some(wanted) if wanted != verdict => wrong.push(format!("{test}: {verdict}, and should be {wanted}")),
            Some(_) => {}
        }
    }
    wrong.extend(expected.keys().filter(|test| !found.contains_key(*test)).map(|test| format!("{test}: is no guest")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_sources_are_as_they_were() {
    let written = tests(&everything().1).filter(|(module, _)| *module == "plain/overlay").count();
    assert!(written > 5);
    assert_eq!(CHANGED.get(), Some(&false));
}

/// A guest's name says what becomes of it, so that nobody has to look into the table.
#[test]
fn every_name_says_its_verdict() {
    for (test, verdict) in table() {
        let name = test.rsplit([' ', ':']).next().unwrap();
        let first = name.split('_').next().unwrap();
        let says = match first {
            "deny" => "pass",
            "trap" => "fail",
            first => first,
        };
        assert_eq!(says, verdict, "{test}");
    }
}

#[test]
fn what_is_said_of_each_guest() {
    let (_, report) = everything();
    let mut modules: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (module, test) in tests(report).filter(|(_, test)| test["verdict"] != "pass" || test["refused"] != Value::Null)
    {
        modules.entry(module).or_default().push(redacted(test));
    }
    for (module, tests) in modules {
        insta::assert_json_snapshot!(format!("guests_{}", module.replace('/', "_")), tests);
    }
}

/// A test's entry without what depends on the compiler of the guest.
fn redacted(test: &Value) -> Value {
    let mut test = test.clone();
    let name = test["name"].as_str().unwrap_or_default().to_owned();
    let entry = test.as_object_mut().unwrap();
    entry.remove("usage");
    if WORDED_BY_STD.iter().any(|start| name.starts_with(start)) {
        entry.insert("message".into(), json!("[std]"));
    }
    if let Some(refused) = entry.get_mut("refused") {
        refused["current"] = json!("[bytes]");
        refused["desired"] = json!("[bytes]");
    }
    if let Some(seen) = entry.get_mut("limit").and_then(|limit| limit.get_mut("seen")) {
        *seen = json!("[bytes]");
    }
    for frame in entry.get_mut("stack").and_then(Value::as_array_mut).into_iter().flatten() {
        // How often a function calls itself before its stack is used up is the compiler's choice.
        if frame["folded"] == true {
            frame["function"] = json!("[more]");
        }
    }
    let message = entry.get_mut("message").filter(|message| is_refusal(message));
    if let Some(Value::String(message)) = message {
        *message =
            message.split(' ').map(|word| if is_large(word) { "[bytes]" } else { word }).collect::<Vec<_>>().join(" ");
    }
    test
}

fn is_refusal(message: &Value) -> bool {
    message.as_str().is_some_and(|message| message.starts_with("linear memory of "))
}

fn is_large(word: &str) -> bool {
    word.len() > 6 && word.bytes().all(|byte| byte.is_ascii_digit())
}

#[test]
fn clean_ups_run_whatever_ends_a_test() {
    let (_, report) = everything();
    let cleaned: Vec<_> = tests(report).filter(|(module, _)| *module == "sdk/cleanups").collect();
    assert!(cleaned.len() > 15);
    for (_, test) in cleaned {
        assert_eq!(test["reclaimed"], Value::Null, "its clean-up did not close the file: {test}");
    }
}

#[test]
fn sdk_tests_and_plain_ones_run_once_each() {
    let (_, report) = everything();
    let harness = |name: &str| {
        let mut found = tests(report).filter(|(module, test)| *module == "sdk/mixed" && test["name"] == name);
        let (_, test) = found.next().unwrap_or_else(|| panic!("{name} did not run"));
        assert!(found.next().is_none(), "{name} ran twice");
        test["harness"].as_str().unwrap_or("sdk").to_owned()
    };
    assert_eq!(harness("pass_plain"), "libtest");
    assert_eq!(harness("second::pass_plain"), "libtest");
    assert_eq!(harness("first::pass_same_name"), "sdk");
    assert_eq!(harness("second::pass_same_name"), "sdk");
}

#[test]
fn the_summary_says_what_was_not_run() {
    let (ran, _) = everything();
    for line in ["doctests are not run (plain, sdk)", "8 ignored"] {
        assert!(ran.stdout.contains(line), "{line} is not in:\n{}", ran.stdout);
    }
}
