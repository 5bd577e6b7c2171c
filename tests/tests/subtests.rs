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

/// What other tools read tells of each subtest: its verdict, its figures where tests have them there, and what it left.
#[test]
fn reports_for_other_tools_tell_of_subtests() {
    let dir = scratch_dir();
    let module = dir.path().join("subtests.wasm");
    std::fs::copy(guest("sdk/subtests"), &module).unwrap();
    let module = module.to_str().unwrap();
    let kinds = [
        "junit",
        "libtest-json",
        "libtest-json-plus",
        "html",
        "test2json",
        "sarif",
        "github",
        "prometheus",
        "chrome-trace",
    ];
    let told = kinds.map(|kind| format!("{kind}={kind}"));
    let reports = told.iter().flat_map(|told| ["--report", told.as_str()]);
    let args = ["run", module, "--fuel", "50M"].into_iter().chain(reports);
    run(dir.path(), args.chain(["--", "fail_of_one_case", "leak_in_a_subtest", "pass_table"]));
    let read = |kind: &str| std::fs::read_to_string(dir.path().join(kind)).unwrap();
    for kind in &kinds[..5] {
        let text = read(kind);
        for said in ["- FAIL outer/inner", "- LEAK loses, which left 1 resource"] {
            assert!(text.contains(said), "{kind} does not say {said}: {text}");
        }
    }
    assert!(read("test2json").contains("--- PASS: pass_table/22#01 "));
    assert!(read("html").contains("- PASS 22#01"));
    each_subtest_is_one(&read);
}

fn each_subtest_is_one(read: &dyn Fn(&str) -> String) {
    // JUnit: cases of their own, which the counts of the suite have too.
    let junit = read("junit");
    let cases: Vec<_> = junit.split("<testcase ").skip(1).collect();
    let case = |name: &str| {
        let found: Vec<_> = cases.iter().filter(|case| case.starts_with(&format!("name=\"{name}\" "))).collect();
        assert_eq!(found.len(), 1, "{name}: {junit}");
        (*found[0]).to_owned()
    };
    assert!(case("pass_table/22#01").contains(" time=\""));
    assert!(!case("pass_table/22#01").contains("<failure"));
    let panics = case("fail_of_one_case/panics");
    assert!(
        panics.contains("<failure message=\"three\" type=\"fail\"") && panics.contains("tests/subtests.rs:"),
        "{panics}"
    );
    assert!(case("fail_of_one_case/skips").contains("<skipped message=\"seven\""));
    let loses = case("leak_in_a_subtest/loses");
    assert!(loses.contains(" type=\"leak\"") && !loses.contains("/tmp/held"), "{loses}");
    assert_eq!(case("leak_in_a_subtest/closes").matches("<failure").count(), 0);
    let failed = junit.matches("<failure ").count();
    let counts = format!("tests=\"{}\" skipped=\"1\" errors=\"0\" failures=\"{failed}\"", cases.len());
    assert!(junit.contains(&counts), "{counts}: {junit}");
    // The harness's JSON: tests of their own.
    let lines: Vec<Value> = read("libtest-json").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = |name: &str| {
        let ended = |line: &&Value| {
            line["type"] == "test" && line["event"] != "started" && line["name"].as_str().unwrap().ends_with(name)
        };
        lines.iter().find(ended).unwrap_or_else(|| panic!("{name}"))
    };
    assert_eq!(line("$pass_table/3_3")["event"], "ok");
    assert!(line("$pass_table/3_3")["exec_time"].is_number());
    assert_eq!(
        line("$fail_of_one_case/skips"),
        &json!({
            "type": "test", "event": "ignored", "name": line("$fail_of_one_case/skips")["name"], "message": "seven",
        })
    );
    assert!(line("$fail_of_one_case/outer/inner")["stdout"].as_str().unwrap().contains("eight"));
    assert_eq!(lines[0]["test_count"], cases.len());
    // Findings are named by the subtest, and one that failed only by one within it has none of its own.
    let sarif: Value = serde_json::from_str(&read("sarif")).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let named = |name: &str| {
        let is_named = |result: &&Value| {
            let named = &result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"];
            named.as_str().unwrap().ends_with(&format!(" {name}"))
        };
        results.iter().filter(is_named).map(|result| result["ruleId"].as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(named("fail_of_one_case/panics"), ["test/fail"]);
    assert_eq!(named("fail_of_one_case/outer/inner"), ["test/fail"]);
    assert_eq!((named("fail_of_one_case/outer"), named("fail_of_one_case")), (vec![], vec!["test/fail"]));
    assert_eq!(named("leak_in_a_subtest/holds"), ["leak/file"]);
    assert_eq!(named("leak_in_a_subtest/loses"), ["leak/heap"]);
    let github = read("github");
    let holds =
        github.lines().find(|line| line.contains("leak_in_a_subtest/holds")).unwrap_or_else(|| panic!("{github}"));
    assert!(holds.starts_with("::error file=tests/subtests.rs,line="), "{holds}");
    assert!(github.lines().any(|line| line.starts_with("::error ") && line.contains("fail_of_one_case/panics: three")));
    assert!(!github.contains("pass_table") && !github.contains("leak_in_a_subtest/closes"));
    // Metrics are labelled by subtests.
    let metrics = read("prometheus");
    let sample = |family: &str, test: &str, subtest: &str| {
        let labels = format!("{{module=\"subtests\",test=\"{test}\",subtest=\"{subtest}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(family)?.strip_prefix(&labels));
        line.unwrap_or_else(|| panic!("{family}{labels}: {metrics}")).parse::<f64>().unwrap()
    };
    assert_eq!(sample("airtight_subtest_passed", "pass_table", "22#01"), 1.0);
    assert_eq!(sample("airtight_subtest_passed", "fail_of_one_case", "panics"), 0.0);
    assert_eq!(sample("airtight_subtest_leaks", "leak_in_a_subtest", "holds"), 1.0);
    assert_eq!(sample("airtight_subtest_heap_lost_bytes", "leak_in_a_subtest", "loses"), 100.0);
    assert!(sample("airtight_subtest_fuel", "pass_table", "1") > 0.0);
    assert!(sample("airtight_subtest_seconds", "pass_table", "1") >= 0.0);
    // A slice of a subtest lies within that of its test.
    let trace: Value = serde_json::from_str(&read("chrome-trace")).unwrap();
    let slices = trace["traceEvents"].as_array().unwrap();
    let slice = |name: &str| slices.iter().find(|slice| slice["name"] == name).unwrap_or_else(|| panic!("{name}"));
    let span = |name: &str| {
        let begins = slice(name)["ts"].as_u64().unwrap();
        (begins, begins + slice(name)["dur"].as_u64().unwrap(), slice(name)["tid"].clone())
    };
    for (within, around) in [
        ("pass_table/1", "pass_table"),
        ("fail_of_one_case/outer/inner", "fail_of_one_case/outer"),
        ("fail_of_one_case/outer", "fail_of_one_case"),
    ] {
        let ((begins, ends, on), (before, after, worker)) = (span(within), span(around));
        assert!(before <= begins && ends <= after && on == worker, "{within} is not within {around}: {trace}");
    }
    assert!(span("pass_table/1").1 <= span("pass_table/22").0);
    assert_eq!(slice("leak_in_a_subtest/loses")["args"]["verdict"], "leak");
    assert_eq!(trace["otherData"].get("subtests-without-a-start"), None);
}

/// Of a test within which a test ended, and of forks, the times are known too; of one that is run alone it is not told twice.
#[test]
fn every_subtest_has_a_time_and_one_name() {
    let dir = scratch_dir();
    let of = |module: &str, args: &[&str]| {
        let module = guest(module).to_str().unwrap();
        let reports = ["--report", "json=report.json", "--report", "junit=junit.xml", "--report", "prometheus=metrics"];
        run(dir.path(), ["run", module, "--fuel", "50M"].iter().chain(&reports).chain(args));
        let read = |file: &str| std::fs::read_to_string(dir.path().join(file)).unwrap();
        (read_report(&dir.path().join("report.json")), read("junit.xml"), read("metrics"))
    };
    for (module, filter) in [("sdk/subtests", "in_a_subtest"), ("sdk/forks", "")] {
        let (report, junit, _) = of(module, &["--", filter]);
        let times = report["volatile"]["times"].as_array().unwrap();
        for (_, test) in tests(&report) {
            let time = times.iter().find(|time| time["test"] == test["name"]).unwrap();
            let timed: Vec<_> = time["subtests"].as_array().into_iter().flatten().map(|time| &time["name"]).collect();
            for subtest in test["subtests"].as_array().into_iter().flatten() {
                assert!(timed.contains(&&subtest["name"]), "{} {}: {time}", test["name"], subtest["name"]);
            }
        }
        assert!(junit.contains("<testcase "));
    }
    let (_, junit, metrics) = of("sdk/subtests", &["--isolate-subtests", "--", "pass_nested"]);
    for name in ["", "/outer", "/outer/inner", "/outer/inner#01", "/outer/#00"] {
        let case = format!("<testcase name=\"pass_nested{name}\" ");
        assert_eq!(junit.matches(&case).count(), 1, "{case} {junit}");
    }
    assert!(!junit.contains("outer/outer") && !metrics.contains("subtest=\"outer\""), "{junit}{metrics}");
}
