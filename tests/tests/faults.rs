//! Calls that fail on purpose: one by `--fault`, and all of them by `airtight faults`.

use airtight_tests::{Ran, command, guests_dir, guests_target_dir, read_report, run, scratch_dir, tests};
use serde_json::Value;
use std::path::Path;

/// Runs the program on the package of ways out.
fn airtight(dir: &Path, args: &[&str]) -> Ran {
    let mut command = command();
    let package = guests_dir().join("faults");
    let (first, rest) = args.split_first().unwrap();
    command.current_dir(dir).env("CARGO_TARGET_DIR", guests_target_dir().join("faults"));
    command.arg(first).arg(package).args(["--color", "never"]).args(rest);
    Ran::from(command.output().unwrap())
}

#[test]
fn one_call_of_a_test_fails() {
    let dir = scratch_dir();
    let wrong = ["--test", "wrong", "--exact", "--", "temporary_file_stays"];
    let run = |fault: &str| {
        let report = format!("json={}", dir.path().join("report.json").display());
        let args = [&["test", "--fault", fault, "--report", &report][..], &wrong].concat();
        let ran = airtight(dir.path(), &args);
        (ran, read_report(&dir.path().join("report.json")))
    };
    let (ran, report) = run("write:1=ENOSPC");
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("No space left on device"), "{}", ran.stdout);
    assert!(ran.stdout.contains("injected write:1=ENOSPC (/tmp/store.new)"), "{}", ran.stdout);
    assert!(ran.stdout.contains("in faults::temporary::wrong"), "{}", ran.stdout);
    let text = serde_json::to_string(&report).unwrap();
    assert!(text.contains(r#""faults":["write:1=ENOSPC"]"#), "the policy states it: {text}");
    // A failure that no test comes to is said, and changes nothing.
    let (ran, _) = run("write:9=ENOSPC");
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("write:9=ENOSPC happened in no test"), "{}", ran.stderr);
    // What is asked for and is not so is refused with what would be.
    let ran = airtight(dir.path(), &["test", "--fault", "write:1=ENOENT"]);
    assert!(ran.status == Some(2) && ran.stderr.contains("ENOSPC, EIO, short, EINTR"), "{}", ran.stderr);
}

#[test]
fn a_call_that_fails_costs_what_it_costs() {
    let dir = scratch_dir();
    let fuel = |faults: &[&str]| {
        let report = format!("json={}", dir.path().join("report.json").display());
        let chosen = ["--test", "mended", "--report", &report, "--exact", "--", "wakes_up_late"];
        let ran = airtight(dir.path(), &[&["test"][..], faults, &chosen].concat());
        assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
        let report = read_report(&dir.path().join("report.json"));
        report["canonical"]["modules"][0]["tests"][0]["usage"]["fuel"].clone()
    };
    // Looking at the calls is not paid for by the test.
    assert_eq!(fuel(&["--fault", "rename:7=EIO"]), fuel(&[]));
}

#[test]
fn every_wrong_way_out_is_found() {
    let dir = scratch_dir();
    let ran = airtight(dir.path(), &["faults", "--test", "wrong"]);
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    insta::assert_snapshot!(ran.stdout);
    let again = airtight(dir.path(), &["faults", "--test", "wrong", "-j", "1"]);
    assert_eq!(again.stdout, ran.stdout);
}

#[test]
fn no_mended_twin_is_blamed() {
    let dir = scratch_dir();
    let report = format!("json={}", dir.path().join("faults.json").display());
    let ran = airtight(dir.path(), &["faults", "--test", "mended", "--report", &report]);
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    insta::assert_snapshot!(ran.stdout);
    let report: Value = serde_json::from_slice(&std::fs::read(dir.path().join("faults.json")).unwrap()).unwrap();
    assert_eq!(report["schema"], "airtight.faults/1");
    assert_eq!(report["canonical"]["reproducible"], true);
    assert!(report["canonical"]["modules"][0].get("found").is_none(), "{report}");
}

#[test]
fn what_is_not_tried_is_counted_by_place() {
    let dir = scratch_dir();
    let ran = airtight(dir.path(), &["faults", "--test", "wrong", "--faults-max", "3", "--", "lock_stays"]);
    assert!(ran.stdout.contains("not tried, of calls at"), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("faults::lock::"), "{}", ran.stdout);
    let refused = airtight(dir.path(), &["faults", "--fault", "write:1=EIO"]);
    assert!(refused.status == Some(2) && refused.stderr.contains("airtight test --fault"), "{}", refused.stderr);
}

/// The line that repeats a failure shows what the table says.
#[test]
fn the_line_that_repeats_a_failure_repeats_it() {
    let dir = scratch_dir();
    let chosen = ["--test", "wrong", "--exact", "--", "first_descriptor_is_forgotten"];
    let found = airtight(dir.path(), &[&["faults"][..], &chosen].concat());
    let line = found.stdout.lines().find_map(|line| line.trim().strip_prefix("to repeat: --fault ")).unwrap();
    let report = format!("json={}", dir.path().join("report.json").display());
    let ran = airtight(dir.path(), &[&["test", "--fault", line, "--report", &report][..], &chosen].concat());
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    let report = read_report(&dir.path().join("report.json"));
    let [test] = &tests(&report).collect::<Vec<_>>()[..] else { panic!("{report:?}") };
    assert!(serde_json::to_string(test).unwrap().contains("/tmp/descriptor"), "{}", ran.stdout);
}

/// Programs of C, whose ways out forget a descriptor, a block or a stream, close twice, or never end; and a mended one.
#[test]
fn ways_out_in_c_are_found() {
    let dir = scratch_dir();
    let names = ["closes_twice", "forgets_buffer", "forgets_input", "forgets_stream", "goes_on_for_ever"];
    let module = |name: &str| guests_dir().join(format!("faults/c/{name}.wasm"));
    let mut args = vec!["faults".into(), "--color".into(), "never".into()];
    args.extend(names.map(|name| module(name).into_os_string()));
    let ran = run(dir.path(), args);
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    insta::assert_snapshot!(ran.stdout);
    let mended = run(dir.path(), ["faults".into(), module("mended").into_os_string()]);
    assert_eq!(mended.status, Some(0), "{}{}", mended.stdout, mended.stderr);
    assert!(mended.stdout.contains("handled, 0 not judged; 0 places to mend"), "{}", mended.stdout);
}
