//! Tests on the executors of published crates: tokio's current-thread runtime, and the pool of futures.

use airtight_tests::{command, guests_dir, read_report, scratch_root, tests, verdicts};
use serde_json::Value;
use std::collections::BTreeMap;

#[test]
fn what_a_runtime_drops_unfinished_is_told() {
    let target = scratch_root().join("executors");
    let report = target.join("report.json");
    std::fs::create_dir_all(&target).unwrap();
    let output = command()
        .current_dir(guests_dir().join("executors"))
        .env("CARGO_TARGET_DIR", &target)
        .args(["test", ".", "--locked", "--tests", "--cargo-quiet", "--report"])
        .arg(format!("json={}", report.display()))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(100), "{}", String::from_utf8_lossy(&output.stderr));
    let report = read_report(&report);
    let told = |(_, test): (&str, &Value)| {
        let leaks = test["leaks"].as_array().into_iter().flatten().filter(|leak| leak["kind"] == "async-task");
        let tasks = leaks.map(|leak| {
            let mut frames = leak["stack"].as_array().unwrap().iter();
            let line = &frames.find(|frame| frame["file"] == "tests/executors.rs").unwrap()["line"];
            let [name, does] = [&leak["path"], &leak["thread"]["does"]].map(|word| word.as_str().unwrap());
            format!("{name}, spawned in line {line}, {does}")
        });
        let name = test["name"].as_str().unwrap();
        (name.to_owned(), tasks.collect::<Vec<_>>())
    };
    let told: BTreeMap<_, _> = tests(&report).map(told).collect();
    let expected = [
        (
            "leak_a_future_of_a_pool_that_is_dropped",
            Some("never, spawned in line 42, waits for nothing that could wake it"),
        ),
        ("leak_a_poller_that_nobody_stops", Some("poller, spawned in line 11, waits")),
        ("pass_a_poller_that_is_joined", None),
        ("pass_what_waits_long", None),
    ];
    let expected = expected.map(|(name, task)| (name.to_owned(), task.into_iter().map(str::to_owned).collect()));
    assert_eq!(told, BTreeMap::from(expected));
    for (name, verdict) in verdicts(&report) {
        assert!(name.contains(&format!(" {verdict}_")), "{name}: {verdict}");
    }
}
