//! The SDK's own tests, under airtight. Natively nothing measures their heap, so what they assert about it is checked only
//! here.

use airtight_tests::{guests_target_dir, package_dir, read_report, run, scratch_dir, tests, verdicts};
use serde_json::json;

/// Asks for grants and runs to see that its attributes compile; nothing here grants them.
const NOT_HERE: &str = "limits_and_grants_compile";

#[test]
fn the_sdk_s_own_tests_pass() {
    let dir = scratch_dir();
    let report = dir.path().join("report.json");
    let target = format!("build.target-dir={:?}", guests_target_dir());
    let report_to = format!("json={}", report.display());
    let args = ["test", ".", "--test", "*", "--locked", "--cargo-quiet", "--config", &target, "--report", &report_to];
    let ran = run(&package_dir().join("../guest-sdk"), args.into_iter().chain(["--skip", NOT_HERE]));
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    let report = read_report(&report);
    let verdicts = verdicts(&report);
    let count = |start: &str, verdict: &str| {
        verdicts.iter().filter(|(test, found)| test.starts_with(start) && *found == verdict).count()
    };
    assert_eq!(count("airtight-sdk/memory under_airtight::", "pass"), 4, "{verdicts:#?}");
    assert!(count("airtight-sdk/attribute ", "pass") > 10 && count("airtight-sdk/documentation ", "pass") > 2);
    // One of them, whose figures are the same with every compiler: what it was told is what the report says.
    let (_, asks) = tests(&report).find(|(_, test)| test["name"] == "a_plain_test_asks_too").unwrap();
    let heap = &asks["usage"]["heap"];
    let figures = ["peak", "total", "allocations", "frees", "lost", "retained"].map(|figure| &heap[figure]);
    assert_eq!(figures, [&json!(1000), &json!(1000), &json!(1), &json!(1), &json!(0), &json!(0)]);
}
