//! Time and randomness as the user sets them.

use airtight_tests::{Ran, canonical, digest, guest, read_report, run, scratch_dir, tests, verdicts};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// Runs ignored tests of `plain/time` under a configuration; what was said, and the report.
fn time(config: &str, args: &[&str]) -> (Ran, Value) {
    let dir = scratch_dir();
    std::fs::write(dir.path().join("airtight.toml"), config).unwrap();
    std::fs::copy(guest("plain/time"), dir.path().join("time.wasm")).unwrap();
    let fixed = ["run", "--trust", "time.wasm", "--ignored", "--report", "json=report.json"];
    let ran = run(dir.path(), fixed.iter().chain(args));
    let report = dir.path().join("report.json");
    let report = if Path::exists(&report) { read_report(&report) } else { Value::Null };
    (ran, report)
}

const REAL: &str = "[profile.default]\nclock = \"real\"\n";

#[test]
fn real_time_is_waited_for_and_the_report_says_so() {
    let began = Instant::now();
    let (ran, report) = time(REAL, &["--", "skip_sleeps_for_a_moment"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(began.elapsed() >= Duration::from_millis(300));
    let canonical = canonical(&report);
    assert_eq!(
        (&canonical["reproducible"], &canonical["doubts"]),
        (&json!(false), &json!([{ "cause": "real-clock" }]))
    );
    assert_eq!(canonical["policy"]["clock"], json!({ "kind": "real" }));
    assert!(ran.stdout.contains("Note not reproducible: the real clock is granted\n"), "{}", ran.stdout);
}

#[test]
fn an_override_that_grants_real_time_names_its_tests() {
    let config = "[[profile.default.overrides]]\nfilter = \"moment\"\nclock = \"real\"\n";
    let (ran, report) = time(config, &["--", "sleeps"]);
    assert_eq!(ran.status, Some(0), "the hour is virtual: {}", ran.stdout);
    let doubts = &canonical(&report)["doubts"];
    let moment = json!({ "module": "time", "test": "skip_sleeps_for_a_moment" });
    assert_eq!(*doubts, json!([{ "cause": "real-clock", "tests": [moment] }]));
    assert!(ran.stdout.contains("the real clock is granted: time skip_sleeps_for_a_moment\n"), "{}", ran.stdout);
}

#[test]
fn an_hour_of_real_sleep_ends_at_the_deadline() {
    let began = Instant::now();
    let (ran, report) = time(REAL, &["--timeout", "500ms", "--", "skip_sleeps_for_an_hour"]);
    assert_eq!(ran.status, Some(100), "{}", ran.stderr);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    let causes: Vec<&Value> =
        canonical(&report)["doubts"].as_array().unwrap().iter().map(|doubt| &doubt["cause"]).collect();
    assert_eq!(causes, ["real-clock", "wall-clock"]);
    assert_eq!(tests(&report).next().unwrap().1["verdict"], "timeout");
}

#[test]
fn the_clock_starts_where_the_profile_says() {
    let (_, report) =
        time("[profile.default]\nclock-start = \"2038-01-19T03:14:08Z\"\n", &["--", "skip_says_what_time_it_is"]);
    let (_, test) = tests(&report).next().unwrap();
    assert!(test["message"].as_str().unwrap().starts_with("2147483648."), "{test}");
    let clock = &canonical(&report)["policy"]["clock"];
    assert_eq!(*clock, json!({ "kind": "virtual", "start": "2038-01-19T03:14:08Z" }));
    assert_eq!(canonical(&report)["reproducible"], true);
}

const ORDER: &str = "skip_the_first_of_a_hash_set_is_even";

fn order(args: &[&str]) -> (Ran, Value) {
    time("", &[args, &["--", ORDER]].concat())
}

#[test]
fn the_order_of_a_hash_set_is_the_seed_s() {
    let (first, again) = (order(&[]).1, order(&["--seed", "0"]).1);
    assert_eq!(digest(&first), digest(&again), "the default seed is 0");
    let verdict = |report: &Value| verdicts(report)[&format!("time {ORDER}")].clone();
    let seeds: Vec<String> = (1..20).map(|seed| seed.to_string()).collect();
    let mut found = seeds.iter().map(|seed| verdict(&order(&["--seed", seed]).1));
    let other = if verdict(&first) == "pass" { "fail" } else { "pass" };
    assert!(found.any(|verdict| verdict == other), "19 seeds did not find that it depends on the order");
    let configured = time("[profile.default]\nseed = 7\n", &["--", ORDER]).1;
    assert_eq!(digest(&configured), digest(&order(&["--seed", "7"]).1));
}

#[test]
fn a_random_seed_is_printed_and_repeats_the_run() {
    let (ran, report) = order(&["--seed", "random"]);
    let seed = canonical(&report)["policy"]["seed"].as_u64().unwrap().to_string();
    let note = format!("Note the random seed is {seed}; --seed {seed} repeats this run\n");
    assert!(ran.stdout.contains(&note), "{note} is not in\n{}", ran.stdout);
    let (again, repeated) = order(&["--seed", &seed]);
    assert_eq!((digest(&report), ran.status), (digest(&repeated), again.status));
    assert!(!again.stdout.contains("random seed"));
}

#[test]
fn a_seed_that_is_none_is_a_mistake_of_usage() {
    let (ran, _) = order(&["--seed", "dice"]);
    assert_eq!(ran.status, Some(2));
    assert!(
        ran.stderr.contains("`dice` is not a seed; write a whole number below 2^64, or `random`"),
        "{}",
        ran.stderr
    );
}
