//! Clean-up coverage, and the gate on it.

use airtight_tests::{Ran, guest, read_report, run, scratch_dir, write};
use serde_json::{Value, json};

/// Runs some of a module's tests under a profile with these settings.
fn run_under(settings: &str, module: &str, filters: &[&str]) -> (Ran, Value) {
    let dir = scratch_dir();
    write(
        &dir.path().join("airtight.toml"),
        &format!("[profile.default]\nfuel = \"50M\"\nmemory = \"32MiB\"\n{settings}"),
    );
    let module = guest(module).to_str().unwrap();
    let args = ["run", module, "--report", "json=report.json", "--"];
    let ran = run(dir.path(), args.into_iter().chain(filters.iter().copied()));
    (ran, read_report(&dir.path().join("report.json")))
}

#[test]
fn a_gate_that_is_not_reached_fails_a_run_of_passing_tests() {
    let gate = "gate = { cleanup-coverage = \"98%\" }\n";
    let (ran, report) = run_under(gate, "sdk/subtests", &["pass_with_what_piled_up", "pass_table"]);
    assert_eq!(ran.status, Some(100), "{}", ran.stdout);
    let coverage = &report["canonical"]["cleanup_coverage"];
    let figures = ["sites", "released", "cleanups", "finished"].map(|figure| coverage[figure].as_u64().unwrap());
    assert_eq!(figures, [2, 1, 4, 4], "{coverage:#}");
    let [missed] = &coverage["missed"].as_array().unwrap()[..] else { panic!("{coverage:#}") };
    assert_eq!((&missed["acquired"], &missed["missed"]), (&json!(50), &json!(50)));
    assert_eq!((&missed["test"], &missed["kind"]), (&json!("pass_with_what_piled_up"), &json!("file")));
    let line = missed["place"]["line"].as_u64().unwrap();
    let expected = format!("50 of 50 files not released in time, acquired at tests/subtests.rs:{line}");
    assert!(ran.stdout.contains(&expected), "{}", ran.stdout);
    assert!(ran.stdout.contains("(98% is asked for, and not reached)"), "{}", ran.stdout);
}

#[test]
fn a_gate_that_is_reached_changes_no_status_and_without_one_there_is_no_coverage() {
    let (ran, report) = run_under("gate = { cleanup-coverage = \"100%\" }\n", "sdk/subtests", &["pass_table"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stdout);
    assert_eq!(report["canonical"]["cleanup_coverage"]["gate"], "100%");
    let (_, plain) = run_under("", "sdk/subtests", &["pass_table"]);
    assert_eq!(plain["canonical"]["cleanup_coverage"], Value::Null);
}

#[test]
fn clean_ups_that_do_not_end_are_counted_whatever_ended_the_test() {
    let gate = "gate = { cleanup-coverage = \"0%\" }\n";
    let (_, report) = run_under(gate, "sdk/cleanups", &[]);
    let coverage = &report["canonical"]["cleanup_coverage"];
    let unfinished = coverage["unfinished"].as_array().unwrap();
    let tests: Vec<_> = unfinished.iter().map(|cleanup| cleanup["test"].as_str().unwrap()).collect();
    let expected = [
        "fail_and_fail_in_cleanups",
        "fail_and_fail_in_cleanups",
        "fail_in_a_cleanup",
        "fail_in_a_cleanup_that_hangs",
        "fail_in_a_cleanup_without_memory",
        "fail_said_in_a_cleanup",
    ];
    assert_eq!(tests, expected);
    let figure = |name: &str| coverage[name].as_u64().unwrap();
    assert_eq!(figure("cleanups") - figure("finished"), 6);
    // Every file is closed by a clean-up but the one that a clean-up opens; two tests end on the depth of the stack.
    assert_eq!(coverage["missed"].as_array().unwrap().len(), 1, "{coverage:#}");
    assert_eq!(coverage["missed"][0]["test"], "leak_in_a_cleanup");
}
