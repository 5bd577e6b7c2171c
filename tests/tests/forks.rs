//! Forked subtests: what a report says of them, and the filters that choose among them.

use airtight_tests::{Ran, guest, guests_dir, guests_target_dir, read_report, run, scratch_dir, tests};
use serde_json::{Value, json};

/// Runs the guests that fork.
fn run_guests(more: &[&str]) -> (Ran, Value) {
    let dir = scratch_dir();
    let report = dir.path().join("report.json");
    let target = format!("build.target-dir={:?}", guests_target_dir());
    let told = format!("json={}", report.display());
    let args = ["test", ".", "-p", "sdk", "--test", "forks", "--cargo-quiet", "--config", &target, "--report", &told];
    let ran = run(&guests_dir(), args.into_iter().chain(more.iter().copied()));
    (ran, read_report(&report))
}

fn test(report: &Value, name: &str) -> Value {
    tests(report).find(|(_, test)| test["name"] == name).unwrap_or_else(|| panic!("there is no {name}")).1.clone()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], |list| &list[..])
}

/// Name and verdict of each subtest.
fn subtests(test: &Value) -> Vec<(&str, &str)> {
    list(&test["subtests"])
        .iter()
        .map(|subtest| (subtest["name"].as_str().unwrap(), subtest["verdict"].as_str().unwrap()))
        .collect()
}

#[test]
fn forks_are_subtests_with_verdicts_of_their_own() {
    let (_, report) = run_guests(&["fail_in_some_forks", "do_not_end_by_themselves", "in_a_fork_of_a_subtest"]);
    let failing = test(&report, "fail_in_some_forks");
    let expected = [
        ("passes", "pass"),
        ("panics", "fail"),
        ("fatal", "fail"),
        ("returns_an_error", "fail"),
        ("skips", "skip"),
        ("cleans_up_badly", "fail"),
    ];
    assert_eq!(subtests(&failing), expected);
    assert_eq!(failing["message"], "4 of its 6 subtests failed: `panics`, `fatal`, `returns_an_error`, …");
    assert!(list(&failing["subtests"]).iter().all(|subtest| subtest["forked"] == true));
    let ended = test(&report, "fail_where_forks_do_not_end_by_themselves");
    let expected = [("exits", "exit"), ("hangs", "timeout"), ("eats_memory", "memory"), ("faults", "fail")];
    assert_eq!(subtests(&ended), expected);
    let messages: Vec<_> =
        list(&ended["subtests"]).iter().map(|subtest| subtest["message"].as_str().unwrap()).collect();
    assert_eq!(messages[0], "it left through exit(0); only a test that returns can pass");
    assert!(messages[1].starts_with("out of fuel: "), "{messages:?}");
    // Of each that does not end by itself, the clean-ups run all the same.
    let left: Vec<_> = list(&ended["reclaimed"]).iter().map(|left| left["scope"].as_str().unwrap()).collect();
    assert_eq!(left, Vec::<&str>::new());
    let nested = test(&report, "fail_in_a_fork_of_a_subtest");
    let expected =
        [("outer", "fail"), ("outer/inner", "fail"), ("outer/inner/innermost", "fail"), ("outer/beside", "pass")];
    assert_eq!(subtests(&nested), expected);
    assert_eq!(nested["subtests"][0]["message"], "a subtest of it failed");
}

#[test]
fn figures_and_leaks_are_of_the_fork() {
    let (_, report) = run_guests(&["leak_in_a_fork", "fifty_times"]);
    let leaking = test(&report, "leak_in_a_fork");
    let expected = [
        ("file", "leak"),
        ("heap", "leak"),
        ("inner", "leak"),
        ("inner/block", "leak"),
        ("inner/tracked", "leak"),
        ("nothing", "pass"),
    ];
    assert_eq!(subtests(&leaking), expected);
    let leaks = list(&leaking["leaks"]).iter().filter(|leak| leak["kind"] != "residue");
    let left: Vec<_> = leaks.map(|leak| (leak["scope"].as_str().unwrap(), &leak["kind"])).collect();
    let (file, heap, tracked) = (json!("file"), json!("heap"), json!("tracked"));
    let expected = [
        ("leak_in_a_fork/file", &file),
        ("leak_in_a_fork/heap", &heap),
        ("leak_in_a_fork/inner/block", &heap),
        ("leak_in_a_fork/inner/tracked", &tracked),
    ];
    assert_eq!(left, expected);
    let heap = &leaking["subtests"][1]["usage"]["heap"];
    assert_eq!((&heap["lost"], &heap["lost_blocks"], &heap["allocations"]), (&json!(100), &json!(1), &json!(1)));
    assert_eq!(leaking["usage"]["heap"]["lost"], json!(0), "nothing of the test's own is lost");
    let many = test(&report, "pass_a_fixture_forked_fifty_times");
    assert_eq!(list(&many["subtests"]).len(), 50);
    let linear = |of: &Value| of["usage"]["linear_peak"].as_u64().unwrap();
    assert!(list(&many["subtests"]).iter().all(|fork| linear(fork) == linear(&many)), "{many}");
    let fuel = |of: &Value| of["usage"]["fuel"].as_u64().unwrap();
    assert!(
        list(&many["subtests"]).iter().all(|fork| fuel(fork) * 100 < fuel(&many)),
        "what came before is the test's"
    );
}

#[test]
fn a_filter_chooses_forks_and_each_may_be_alone() {
    let (ran, report) = run_guests(&["pass_forks_fork/a/c"]);
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(subtests(&test(&report, "pass_forks_fork")), [("a", "pass"), ("a/c", "pass"), ("a/c/d", "pass")]);
    let (ran, report) = run_guests(&["--isolate-subtests", "fail_in_some_forks"]);
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    let verdicts: Vec<_> = tests(&report).map(|(_, test)| test["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["pass", "fail", "fail", "fail", "pass", "fail", "pass"], "{}", ran.stdout);
}

#[test]
fn what_is_said_of_forks_is_the_same_each_time() {
    let (_, report) = run_guests(&["--shuffle", "3", "-j", "2"]);
    let (_, again) = run_guests(&["-j", "1"]);
    assert_eq!(report["digest"], again["digest"]);
}

/// A result of a test that forks is not taken from a run before, as not all is known that its forks read.
#[test]
fn tests_that_fork_are_run_each_time() {
    let (ran, _) = run_guests(&["fifty_times", "--cached"]);
    let (again, _) = run_guests(&["fifty_times", "--cached"]);
    assert_eq!((ran.status, again.status), (Some(0), Some(0)), "{}", again.stderr);
    assert!(again.stdout.contains("forks a subtest"), "{}{}", again.stdout, again.stderr);
}

#[test]
fn forks_are_traced_apart_from_their_test() {
    let ran = run(scratch_dir().path(), ["trace", "leak_in_a_fork", guest("sdk/forks").to_str().unwrap()]);
    for expected in ["is forked", "leak_in_a_fork/file", "leak_in_a_fork/inner/tracked"] {
        assert!(ran.stdout.contains(expected), "{expected}: {}{}", ran.stdout, ran.stderr);
    }
}
