//! Subtests of the SDK's tests: their figures, and the filters that choose among them.

use airtight_tests::{Ran, guest, guests_dir, guests_target_dir, read_report, run, scratch_dir, tests, write};
use serde_json::{Value, json};

/// Runs the guests with subtests.
fn run_guests(more: &[&str]) -> (Ran, Value) {
    let dir = scratch_dir();
    let report = dir.path().join("report.json");
    let target = format!("build.target-dir={:?}", guests_target_dir());
    let told = format!("json={}", report.display());
    let args =
        ["test", ".", "-p", "sdk", "--test", "subtests", "--cargo-quiet", "--config", &target, "--report", &told];
    let ran = run(&guests_dir(), args.into_iter().chain(more.iter().copied()));
    (ran, read_report(&report))
}

fn test(report: &Value, name: &str) -> Value {
    tests(report).find(|(_, test)| test["name"] == name).unwrap_or_else(|| panic!("there is no {name}")).1.clone()
}

/// The names of a test's subtests.
fn names(test: &Value) -> Vec<&str> {
    test["subtests"].as_array().into_iter().flatten().map(|subtest| subtest["name"].as_str().unwrap()).collect()
}

#[test]
fn a_filter_with_a_slash_chooses_subtests() {
    let (ran, report) = run_guests(&["nested/outer/inner#01", "table/22"]);
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(tests(&report).count(), 2);
    assert_eq!(names(&test(&report, "pass_nested")), ["outer", "outer/inner#01"]);
    assert_eq!(names(&test(&report, "pass_table")), ["22", "22#01"]);
    let (_, report) = run_guests(&["pass_table", "--", "--exact", "--skip", "pass_table/22"]);
    assert_eq!(names(&test(&report, "pass_table")), ["1", "3_3", "22#01"], "`--exact` is for skips, too");
    let (ran, report) = run_guests(&["pass_table/nothing"]);
    assert_eq!((ran.status, tests(&report).count()), (Some(0), 1), "{}", ran.stderr);
    let note = "sdk/subtests pass_table: none of its subtests matches the filters";
    assert!(ran.stdout.contains(note), "{}", ran.stdout);
    let (_, report) = run_guests(&["nothing_of_its_own/holds"]);
    let [only] = tests(&report).map(|(_, test)| test.clone()).collect::<Vec<_>>().try_into().unwrap();
    assert_eq!((&only["verdict"], names(&only)), (&json!("leak"), vec!["holds"]), "the one that fails is left out");
}

#[test]
fn figures_and_leaks_are_of_the_subtest() {
    let (_, report) = run_guests(&["leak_in_a_subtest", "pass_with_what_piled_up"]);
    let leaking = test(&report, "leak_in_a_subtest");
    let figures = |subtest: &Value| {
        let heap = &subtest["usage"]["heap"];
        let figures = [&heap["allocations"], &heap["lost"], &heap["lost_blocks"], &subtest["usage"]["handles_peak"]];
        let [allocations, lost, blocks, handles] = figures.map(|figure| figure.as_u64().unwrap());
        (subtest["verdict"].as_str().unwrap().to_owned(), allocations, lost, blocks, handles)
    };
    let subtests: Vec<_> = leaking["subtests"].as_array().unwrap().iter().map(figures).collect();
    let named = |verdict: &str| verdict.to_owned();
    // To create a file, std makes no block: its path is short.
    let expected = [(named("leak"), 0, 0, 0, 1), (named("leak"), 1, 100, 1, 1), (named("pass"), 0, 0, 0, 2)];
    assert_eq!(subtests, expected);
    let scopes: Vec<_> = leaking["leaks"].as_array().unwrap().iter().map(|leak| leak["scope"].clone()).collect();
    assert_eq!(scopes, ["leak_in_a_subtest/holds", "leak_in_a_subtest", "leak_in_a_subtest/loses"]);
    let piled = test(&report, "pass_with_what_piled_up");
    let [outlived] = &piled["outlived"].as_array().unwrap()[..] else { panic!("{piled}") };
    assert_eq!((&outlived["count"], &outlived["peak"]), (&json!(50), &json!(50)));
    assert_eq!(piled["subtests"][49]["usage"]["handles_peak"], 50);
    // What a subtest spends is part of what its test spends.
    let fuel = |of: &Value| of["usage"]["fuel"].as_u64().unwrap();
    let sum: u64 = piled["subtests"].as_array().unwrap().iter().map(fuel).sum();
    assert!(sum > 0 && sum < fuel(&piled), "{sum}");
}

#[test]
fn what_outlives_its_subtest_fails_the_test_where_the_profile_says_so() {
    let dir = scratch_dir();
    write(&dir.path().join("airtight.toml"), "[profile.default]\nfuel = \"50M\"\nleaks = { outlived = \"fail\" }\n");
    let module = guest("sdk/subtests").to_str().unwrap();
    run(dir.path(), ["run", module, "--report", "json=report.json"]);
    let report = read_report(&dir.path().join("report.json"));
    assert_eq!(test(&report, "pass_with_what_piled_up")["verdict"], "leak");
    assert_eq!(report["canonical"]["policy"]["leaks"]["outlived"], "fail");
    let (_, report) = run_guests(&["pass_with_what_piled_up"]);
    assert_eq!(report["canonical"]["policy"]["leaks"]["outlived"], Value::Null, "policies are as they were before");
}

#[test]
fn two_reports_are_compared_subtest_by_subtest() {
    let dir = scratch_dir();
    let of = |file: &str, filter: &str| {
        let path = dir.path().join(file);
        std::fs::write(&path, serde_json::to_vec(&run_guests(&[filter]).1).unwrap()).unwrap();
        path
    };
    let (one, all) = (of("one.json", "pass_table/22"), of("all.json", "pass_table"));
    let ran = run(dir.path(), ["diff".as_ref(), one.as_os_str(), all.as_os_str()]);
    for new in ["pass_table/1", "pass_table/3_3"] {
        assert!(ran.stdout.lines().any(|line| line.contains("NEW") && line.contains(new)), "{}", ran.stdout);
    }
}

#[test]
fn the_order_of_tests_changes_nothing() {
    let (_, report) = run_guests(&["--shuffle", "3", "-j", "2"]);
    let (_, again) = run_guests(&["-j", "1"]);
    assert_eq!(report["digest"], again["digest"]);
}

/// Each subtest alone, in a fresh instance: one that needs another fails, and each answers for its own leaks.
#[test]
fn subtests_are_run_alone() {
    let (ran, report) = run_guests(&["--isolate-subtests", "where_a_case_needs", "table"]);
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    let verdicts: Vec<_> =
        tests(&report).map(|(_, test)| format!("{} {}", test["name"], test["verdict"]).replace('"', "")).collect();
    let needs = "leak_where_a_case_needs_an_earlier_one";
    let expected = [
        format!("{needs} pass"),
        format!("{needs}/fills pass"),
        format!("{needs}/leaks leak"),
        format!("{needs}/reads fail"),
        "pass_table pass".to_owned(),
        "pass_table/1 pass".to_owned(),
        "pass_table/22 pass".to_owned(),
        "pass_table/22#01 pass".to_owned(),
        "pass_table/3_3 pass".to_owned(),
    ];
    assert_eq!(verdicts, expected);
    let alone = test(&report, "pass_table/22#01");
    assert_eq!(names(&alone), ["22#01"]);
    let leak = &test(&report, &format!("{needs}/leaks"))["leaks"][0];
    assert_eq!(leak["scope"], json!(format!("{needs}/leaks")));
    // What a filter chooses is chosen before that, and a test without subtests stays as it is.
    let (_, report) = run_guests(&["--isolate-subtests", "needs_an_earlier_one/reads", "clean_ups_run"]);
    let found: Vec<_> = tests(&report).map(|(_, test)| test["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(found[..2], [needs.to_owned(), format!("{needs}/reads")]);
    let listed = run(scratch_dir().path(), ["list", guest("sdk/world").to_str().unwrap(), "--isolate-subtests"]);
    assert!(listed.stdout.contains(" pass_subtests_and_cleanups/two\n"), "{}{}", listed.stdout, listed.stderr);
    let own = ["run", guest("sdk/world").to_str().unwrap(), "--isolate-subtests", "--", "pass_subtests"];
    let own = run(scratch_dir().path(), own);
    assert!(own.stdout.contains("5 tests run: 2 passed, 3 failed"), "each has one count of two: {}", own.stdout);
}

/// Alone, each subtest has the limits of its test; and one that is ended by them with all of its subtests stays whole.
#[test]
fn subtests_alone_have_the_limits_of_their_test() {
    let needs = "fail_of_the_case_that_needs_more_than_its_test_may_have";
    let (ran, report) = run_guests(&["--isolate-subtests", needs, "timeout_in_a_subtest"]);
    let verdicts: Vec<_> =
        tests(&report).map(|(_, test)| format!("{} {}", test["name"], test["verdict"]).replace('"', "")).collect();
    let expected = [
        format!("{needs} pass"),
        format!("{needs}/one pass"),
        format!("{needs}/three fail"),
        format!("{needs}/two pass"),
        "timeout_in_a_subtest timeout".to_owned(),
    ];
    assert_eq!(verdicts, expected);
    let peak = |name: &str| test(&report, &format!("{needs}/{name}"))["usage"]["handles_peak"].clone();
    assert_eq!([peak("one"), peak("two"), peak("three")], [json!(1), json!(2), json!(2)]);
    let note = "timeout_in_a_subtest: its subtests are not run alone, as it does not come to its own end when it is run to see \
                them: out of fuel";
    assert!(ran.stdout.contains(note), "{}{}", ran.stdout, ran.stderr);
}

/// What other tools read tells of subtests that did not pass; Go's format and the page tell of all.
#[test]
fn reports_for_other_tools_tell_of_subtests() {
    let dir = scratch_dir();
    let module = guest("sdk/subtests").to_str().unwrap();
    let kinds = ["junit", "libtest-json", "libtest-json-plus", "html", "test2json"];
    let told = kinds.map(|kind| format!("{kind}={kind}"));
    let reports = told.iter().flat_map(|told| ["--report", told.as_str()]);
    let args = ["run", module, "--fuel", "50M"].into_iter().chain(reports);
    run(dir.path(), args.chain(["--", "fail_of_one_case", "leak_in_a_subtest", "pass_table"]));
    let read = |kind: &str| std::fs::read_to_string(dir.path().join(kind)).unwrap();
    for kind in kinds {
        let text = read(kind);
        for said in ["- FAIL outer/inner", "- LEAK loses, which left 1 resource"] {
            assert!(text.contains(said), "{kind} does not say {said}: {text}");
        }
    }
    assert!(read("test2json").contains("--- PASS: pass_table/22#01 "));
    assert!(read("html").contains("- PASS 22#01"));
}
