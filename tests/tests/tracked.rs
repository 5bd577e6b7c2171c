//! Resources of the user's own kinds: their counts, their limits, and the C header.

use airtight_tests::{guests_dir, guests_target_dir, read_report, run, scratch_dir, tests, write};
use serde_json::{Value, json};

fn test(report: &Value, name: &str) -> Value {
    tests(report).find(|(_, test)| test["name"] == name).unwrap_or_else(|| panic!("there is no {name}")).1.clone()
}

#[test]
fn kinds_are_counted_limited_and_told_where_they_were_acquired() {
    let dir = scratch_dir();
    let report = dir.path().join("report.json");
    let target = format!("build.target-dir={:?}", guests_target_dir());
    let told = format!("json={}", report.display());
    let args = ["test", ".", "-p", "sdk", "--test", "tracked", "--cargo-quiet", "--config", &target, "--report", &told];
    let ran = run(&guests_dir(), args);
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    let report = read_report(&report);
    let counts = |name: &str| test(&report, name)["tracked"].clone();
    let mock = |total, peak, left| json!([{ "name": "MockOrderService", "total": total, "peak": peak, "left": left }]);
    assert_eq!(counts("pass_released"), mock(3, 2, 0));
    assert_eq!(counts("pass_with_as_many_as_are_allowed"), mock(6, 3, 0));
    assert_eq!(counts("leak_in_a_container"), mock(3, 3, 3));
    let leaks = test(&report, "leak_in_a_container")["leaks"].clone();
    let labels: Vec<_> = leaks.as_array().unwrap().iter().map(|leak| leak["path"].clone()).collect();
    assert_eq!(labels, ["order 0", "order 1", "order 2"]);
    assert_eq!((&leaks[0]["kind"], &leaks[0]["tracked"]), (&json!("tracked"), &json!("MockOrderService")));
    let kinds = test(&report, "leak_of_two_kinds_at_one_place")["leaks"].clone();
    let kinds: Vec<_> = kinds.as_array().unwrap().iter().map(|leak| (&leak["tracked"], &leak["count"])).collect();
    assert_eq!(kinds, [(&json!("Pool"), &json!(2)), (&json!("Transaction"), &json!(1))]);
    let over = test(&report, "fail_with_more_than_are_allowed");
    assert_eq!(over["message"], "4 of MockOrderService were there at once (limit 3, `tracked`)");
    assert!(over["stack"].as_array().is_some_and(|stack| !stack.is_empty()), "{over}");
    let outlived = test(&report, "pass_outlived_its_subtest")["outlived"].clone();
    assert_eq!((&outlived[0]["tracked"], &outlived[0]["peak"]), (&json!("MockOrderService"), &json!(3)));
    // Subtests have counts of their own: what was held when one began counts among what was held at once.
    let of_cases: Vec<_> = test(&report, "pass_outlived_its_subtest")["subtests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| case["tracked"].clone())
        .collect();
    assert_eq!(of_cases, [mock(1, 1, 0), mock(1, 2, 0), mock(1, 3, 0)]);
    let of_cases = test(&report, "leak_of_some_cases")["subtests"].clone();
    let of_case = |name: &str| of_cases.as_array().unwrap().iter().find(|case| case["name"] == name).unwrap().clone();
    assert_eq!(of_case("drops")["tracked"], mock(2, 2, 0));
    assert_eq!(of_case("keeps")["tracked"], mock(3, 3, 3), "with that of the subtest in it");
    assert_eq!(of_case("keeps/inner")["tracked"], mock(1, 3, 1));
    assert_eq!(of_case("nothing").get("tracked"), None);
    assert_eq!(counts("leak_of_some_cases"), mock(5, 3, 3));
    let line = "Tracked MockOrderService: 24 in all, 4 at once in a test, 6 left";
    assert!(ran.stdout.contains(line), "{}", ran.stdout);
}

#[test]
fn a_guest_of_c_s_uses_the_header() {
    let dir = scratch_dir();
    let module = guests_dir().join("c/leak_a_tracked_connection.wasm");
    write(&dir.path().join("airtight.toml"), "[profile.default]\ntracked = { Connection = 2 }\n");
    let ran = run(dir.path(), ["run", module.to_str().unwrap(), "--report", "json=report.json"]);
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    let report = read_report(&dir.path().join("report.json"));
    let test = test(&report, "leak_a_tracked_connection");
    assert_eq!((&test["verdict"], &test["exit_status"]), (&json!("leak"), &Value::Null), "{test}");
    assert_eq!((&test["leaks"][0]["tracked"], &test["leaks"][0]["path"]), (&json!("Connection"), &json!("left")));
    assert_eq!(report["canonical"]["policy"]["tracked"], json!({ "Connection": 2 }));
    assert!(ran.stdout.contains("Connection left"), "{}", ran.stdout);
}
