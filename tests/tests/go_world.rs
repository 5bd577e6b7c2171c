//! What tests of Go see and use of the world that `go test` gives them, in `airtight go` and in a binary that was built without it.

use airtight_tests::{
    Ran, command, go, go_minor, go_test_binary, gos, guests_dir, read_report, run, scratch_dir, tests, verdicts,
};
use serde_json::Value;
use std::path::Path;

/// The report of `airtight go` on the package `world`, all of whose tests pass.
fn world(go: &Path, args: &[&str]) -> Value {
    let dir = scratch_dir();
    let json = format!("json={}", dir.path().join("report.json").display());
    let mut command = command();
    command.env("AIRTIGHT_GO", go).env("GOFLAGS", "").env("GOTOOLCHAIN", "local");
    command.current_dir(guests_dir().join("go/world")).args(["go", "--report", &json]).args(args);
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    read_report(&dir.path().join("report.json"))
}

fn names(report: &Value) -> Vec<&str> {
    tests(report).map(|(_, test)| test["name"].as_str().unwrap()).collect()
}

fn subtests(report: &Value, test: &str) -> Vec<String> {
    let (_, test) = tests(report).find(|(_, record)| record["name"] == test).unwrap();
    let told = |sub: &Value| format!("{} {}", sub["name"].as_str().unwrap(), sub["verdict"].as_str().unwrap());
    test["subtests"].as_array().unwrap().iter().map(told).collect()
}

/// Directories, the null device, Go's own directory, `t.Chdir`, `t.Context`, `testing/synctest`; seeds and the corpus; `b.Loop`, which goes
/// round once; tags; patterns with slashes.
#[test]
fn tests_of_go_have_what_go_test_gives_them() {
    for go in gos("no test of Go looked at its world") {
        let report = world(&go, &["-tags", "integration", "-bench", "."]);
        let ran = verdicts(&report);
        assert!(ran.values().all(|verdict| verdict == "pass"), "{ran:?}");
        let bubbles = usize::from(go_minor(&go) >= Some(25));
        assert_eq!(ran.len(), 10 + bubbles, "{ran:?}");
        let written = guests_dir().join("go/world/written.txt");
        assert!(!written.exists(), "its directory is an overlay");
        assert_eq!(subtests(&report, "FuzzSeeds"), ["seed#0 pass", "corpus pass"]);
        let (_, bench) = tests(&report).find(|(_, test)| test["name"] == "BenchmarkLoop").unwrap();
        assert_eq!(bench["go"]["metrics"][0]["value"], "1.000", "{bench}");

        let untagged = world(&go, &[]);
        assert!(!names(&untagged).contains(&"TestTagged"));
        let deep = world(&go, &["-run", "^TestDeep$/b_c/deep"]);
        assert_eq!(names(&deep), ["TestDeep"]);
        assert_eq!(subtests(&deep, "TestDeep"), ["b_c pass", "b_c/deep pass"]);
        let deep = world(&go, &["-run", "Deep/d/e/deep|Seeds/corpus"]);
        assert_eq!(names(&deep), ["FuzzSeeds", "TestDeep"]);
        assert_eq!(subtests(&deep, "FuzzSeeds"), ["corpus pass"]);
        assert_eq!(subtests(&deep, "TestDeep"), ["d/e pass", "d/e/deep pass"]);
    }
}

/// A binary that somebody built by `go test -c` is listed and run, and what it cannot tell is said.
#[test]
fn a_binary_without_the_hook_is_run_test_by_test() {
    let Some(go) = go("no binary without the hook was run") else { return };
    let dir = scratch_dir();
    let module = go_test_binary(&go, &guests_dir().join("go/world"), dir.path());
    let module = module.to_str().unwrap();
    let listed = run(dir.path(), ["list", module]);
    assert!(listed.stdout.contains("world.test TestDeep\n"), "{}{}", listed.stdout, listed.stderr);
    let ran = run(dir.path(), ["run", module, "--", "-test.run", "Deep|Context|Temporary"]);
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("3 tests run: 3 passed"), "{}", ran.stdout);
    let note = "goroutines are not tracked in world.test: built without the hook; use `airtight go`";
    assert!(ran.stdout.contains(note), "{}", ran.stdout);
}
