//! Tasks of the guest SDK: the report on those that are left, which tasks a trap ends, and the gate on their number.

use airtight_tests::{Ran, guest, guests_dir, guests_target_dir, read_report, run, scratch_dir, tests, write};
use serde_json::{Value, json};

fn run_guests(more: &[&str]) -> (Ran, Value) {
    let dir = scratch_dir();
    let report = dir.path().join("report.json");
    let target = format!("build.target-dir={:?}", guests_target_dir());
    let told = format!("json={}", report.display());
    let args = ["test", ".", "-p", "sdk", "--test", "tasks", "--cargo-quiet", "--config", &target, "--report", &told];
    let ran = run(&guests_dir(), args.into_iter().chain(more.iter().copied()));
    (ran, read_report(&report))
}

fn test<'r>(report: &'r Value, name: &str) -> &'r Value {
    tests(report).find(|(_, test)| test["name"] == name).unwrap_or_else(|| panic!("there is no {name}")).1
}

/// The functions of a stack in the guest's own file.
fn own(stack: &Value) -> Vec<&str> {
    let frames = stack.as_array().into_iter().flatten();
    let own = frames.filter(|frame| frame["file"].as_str().is_some_and(|file| file.starts_with("tests/tasks.rs")));
    own.filter_map(|frame| frame["function"].as_str()).collect()
}

#[test]
fn a_task_that_is_left_is_told_of_by_name_with_both_places() {
    let (_, report) = run_guests(&["leak_of"]);
    let left = &test(&report, "leak_of_a_task_that_nobody_stops")["leaks"][0];
    assert_eq!((&left["kind"], &left["path"]), (&json!("async-task"), &json!("poller")));
    assert!(own(&left["stack"])[0].contains("leak_of_a_task_that_nobody_stops"), "where it was spawned: {left}");
    assert!(own(&left["thread"]["stack"])[0].contains("polls_for_ever"), "where it waits: {left}");
    let of_subtest = &test(&report, "leak_of_a_subtest")["leaks"][0];
    assert_eq!((&of_subtest["path"], &of_subtest["scope"]), (&json!("left"), &json!("leak_of_a_subtest/spawns")));
}

#[test]
fn what_ends_a_subtest_among_its_tasks_ends_no_other() {
    let (_, report) = run_guests(&["among_its_tasks", "awaited_twice"]);
    let test_of = |name| test(&report, name);
    let subtests = test_of("fail_of_a_subtest_that_traps_among_its_tasks")["subtests"].as_array().unwrap();
    let verdicts: Vec<_> = subtests.iter().map(|subtest| (&subtest["name"], &subtest["verdict"])).collect();
    assert_eq!(verdicts, [(&json!("traps"), &json!("fail")), (&json!("after"), &json!("pass"))]);
    let said = test_of("fail_of_a_subtest_that_traps_among_its_tasks")["message"].to_string();
    assert!(said.contains("traps") && !said.contains("deadlock"), "{said}");
    let twice = test_of("fail_awaited_twice")["message"].to_string();
    assert!(twice.contains("this task was awaited before, and what it gave was taken then"), "{twice}");
}

#[test]
fn a_gate_counts_the_tasks_that_are_left() {
    let dir = scratch_dir();
    let ran = |most: u64| {
        let gate = format!("[profile.default]\ngate = {{ tasks-delta = {most} }}\nleaks = {{ tasks = \"show\" }}\n");
        write(&dir.path().join("airtight.toml"), &gate);
        run(dir.path(), ["run", guest("sdk/tasks").to_str().unwrap(), "--", "leak_of_a_task", "leak_of_a_subtest"])
    };
    let kept = ran(3);
    assert_eq!(kept.status, Some(0), "{}{}", kept.stdout, kept.stderr);
    let missed = ran(2);
    assert_eq!(missed.status, Some(100), "{}{}", missed.stdout, missed.stderr);
    assert!(missed.stdout.contains("tasks-delta"), "{}", missed.stdout);
}
