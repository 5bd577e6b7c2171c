//! Changes that tests make in their packages are reported, are gone after the test, and are kept if the user asks for that.

use airtight_tests::{airtight_test, read_report, scratch_dir, tests, workspace, write};
use std::fs;

const SUITE: &str = r#"
#[test]
fn accepts_a_snapshot() {
    std::fs::create_dir_all("snapshots").unwrap();
    std::fs::write("snapshots/new.snap", "accepted").unwrap();
    std::fs::write("snapshots/both.snap", "one").unwrap();
    std::fs::remove_file("snapshots/old.snap").unwrap();
}
#[test]
fn disagrees() {
    std::fs::write("snapshots/both.snap", "another").unwrap();
}
#[test]
fn fails() {
    std::fs::write("snapshots/failed.snap", "found").unwrap();
    panic!();
}
#[test]
fn reads_only() {
    assert_eq!(std::fs::read_to_string("snapshots/old.snap").unwrap(), "old");
}
"#;

/// The paths that each test changed, with what it did.
fn changed(report: &serde_json::Value) -> Vec<String> {
    let changes = tests(report).flat_map(|(module, test)| {
        let changes = test["changed"].as_array().cloned().unwrap_or_default();
        let name = format!("{module} {}", test["name"].as_str().unwrap());
        changes.into_iter().map(move |change| {
            let (path, what) = (change["path"].as_str().unwrap(), change["what"].as_str().unwrap());
            format!("{name}: {path} {what} {}", change["bytes"])
        })
    });
    changes.collect()
}

#[test]
fn changes_are_named_and_kept_only_where_that_is_asked_for() {
    let dir = scratch_dir();
    workspace(dir.path(), &[("suite", SUITE)]);
    let snapshots = dir.path().join("suite/snapshots");
    write(&snapshots.join("old.snap"), "old");
    let names = || {
        let names = fs::read_dir(&snapshots).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    };
    let gone = airtight_test(dir.path(), &[], &[]);
    assert_eq!(gone.status, Some(100), "{}{}", gone.stdout, gone.stderr);
    assert!(gone.stdout.contains("4 files that tests changed are as before (snapshots/both.snap, "), "{}", gone.stdout);
    assert_eq!(names(), ["old.snap"]);
    let report = read_report(&dir.path().join("report.json"));
    let expected = [
        "suite accepts_a_snapshot: snapshots/both.snap written 3",
        "suite accepts_a_snapshot: snapshots/new.snap written 8",
        "suite accepts_a_snapshot: snapshots/old.snap removed null",
        "suite disagrees: snapshots/both.snap written 7",
        "suite fails: snapshots/failed.snap written 5",
    ];
    assert_eq!(changed(&report), expected);

    // Two tests leave one file differently: it stays as it is, and that is an error.
    let kept = airtight_test(dir.path(), &["--write-back", "--", "--skip", "fails", "--skip", "reads"], &[]);
    assert_eq!(kept.status, Some(96), "{}{}", kept.stdout, kept.stderr);
    let conflict = "snapshots/both.snap: suite accepts_a_snapshot and suite disagrees leave it differently";
    assert!(kept.stderr.contains(conflict), "{}", kept.stderr);
    assert!(kept.stdout.contains("Kept snapshots/new.snap"), "{}", kept.stdout);
    assert_eq!(names(), ["new.snap"]);
    assert_eq!(fs::read_to_string(snapshots.join("new.snap")).unwrap(), "accepted");

    let without = airtight_test(dir.path(), &["--write-back", "fails"], &[]);
    assert!(without.stdout.contains("changes of 1 test that did not pass are gone"), "{}", without.stdout);
    assert_eq!(names(), ["new.snap"]);
    let all = airtight_test(dir.path(), &["--write-back=all", "fails"], &[]);
    assert_eq!(all.status, Some(100), "{}{}", all.stdout, all.stderr);
    assert_eq!(names(), ["failed.snap", "new.snap"]);
}
