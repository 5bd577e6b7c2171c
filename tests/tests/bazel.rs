//! The program as Bazel starts it: the variables by which Bazel asks for things, and Bazel itself if it is installed.

use airtight_tests::{command, compile, read_report, scratch_dir, verdicts};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

const MODULES: [&str; 3] = ["leak_by_hand", "pass_empty", "fail_no_memory"];

/// Runs the modules as Bazel would, with these variables beside those that each test has.
fn bazel(dir: &Path, variables: &[(&str, &str)], args: &[&str]) -> Output {
    let outputs = dir.join("outputs");
    std::fs::create_dir_all(&outputs).unwrap();
    let mut command = command();
    command.current_dir(dir).env("BAZEL_TEST", "1").envs(variables.iter().copied());
    command.env("TEST_UNDECLARED_OUTPUTS_DIR", outputs).env("XML_OUTPUT_FILE", dir.join("test.xml"));
    command.env("TEST_PREMATURE_EXIT_FILE", dir.join("premature")).arg("run");
    command.args(MODULES.map(|module| compile(module, dir))).args(args).output().unwrap()
}

fn verdicts_in(dir: &Path) -> BTreeMap<String, String> {
    verdicts(&read_report(&dir.join("outputs/airtight.json")))
}

#[test]
fn what_bazel_asks_for_is_written() {
    let dir = scratch_dir();
    let ran = bazel(dir.path(), &[], &[]);
    assert_eq!(ran.status.code(), Some(100), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(verdicts_in(dir.path()).len(), 3);
    let xml = std::fs::read_to_string(dir.path().join("test.xml")).unwrap();
    assert!(xml.contains("<testsuites") && xml.contains("failures="), "{xml}");
    assert!(dir.path().join("outputs/airtight.html").is_file());
    assert!(!dir.path().join("premature").exists(), "all tests have ended");
}

#[test]
fn the_shards_are_all_of_it_and_each_says_that_it_is_one() {
    let mut all = BTreeMap::new();
    for index in ["0", "1", "2", "3"] {
        let dir = scratch_dir();
        let status = dir.path().join("sharded");
        let shard = [
            ("TEST_TOTAL_SHARDS", "4"),
            ("TEST_SHARD_INDEX", index),
            ("TEST_SHARD_STATUS_FILE", status.to_str().unwrap()),
        ];
        let ran = bazel(dir.path(), &shard, &[]);
        let part = verdicts_in(dir.path());
        let fails = part.values().any(|verdict| verdict != "pass");
        assert_eq!(ran.status.code(), Some(if fails { 100 } else { 0 }), "a shard without tests passes");
        assert!(status.is_file());
        for (test, verdict) in part {
            assert_eq!(all.insert(test.clone(), verdict), None, "{test} is in two shards");
        }
    }
    assert_eq!(all.len(), 3);
}

#[test]
fn a_partition_and_the_shards_of_bazel_are_not_both_obeyed() {
    let dir = scratch_dir();
    let shard = [("TEST_TOTAL_SHARDS", "4"), ("TEST_SHARD_INDEX", "0")];
    let ran = bazel(dir.path(), &shard, &["--partition", "slice:1/2"]);
    let said = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(2), "{said}");
    assert!(said.contains("--partition and the shards of Bazel both choose a part of the tests"), "{said}");
    assert!(!dir.path().join("test.xml").exists() && !dir.path().join("premature").exists(), "nothing has begun");
    // One of them alone is.
    let ran = bazel(dir.path(), &[], &["--partition", "slice:1/3"]);
    assert!(matches!(ran.status.code(), Some(0 | 100)), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(verdicts_in(dir.path()).len(), 1);
}

#[test]
fn a_filter_selects_and_one_that_selects_nothing_is_no_failure() {
    let dir = scratch_dir();
    let ran = bazel(dir.path(), &[("TESTBRIDGE_TEST_ONLY", "no_such_test")], &[]);
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(verdicts_in(dir.path()).len(), 0);
    let first = [("TESTBRIDGE_TEST_RUNNER_FAIL_FAST", "1")];
    let ran = bazel(dir.path(), &first, &[]);
    assert_eq!(ran.status.code(), Some(100));
    let said = String::from_utf8(ran.stdout).unwrap();
    assert!(said.contains("not run: an earlier test failed (--fail-fast)"), "{said}");
}

#[test]
fn runs_of_one_test_differ_by_the_seed_that_bazel_gives_each() {
    let dir = scratch_dir();
    bazel(dir.path(), &[("TEST_RANDOM_SEED", "7")], &[]);
    let seed = |dir: &Path| read_report(&dir.join("outputs/airtight.json"))["canonical"]["policy"]["seed"].clone();
    let given = seed(dir.path());
    bazel(dir.path(), &[("TEST_RANDOM_SEED", "7")], &["--seed", "8"]);
    assert_eq!(given, 7);
    assert_eq!(seed(dir.path()), 8, "the command line comes first");
}

#[test]
fn a_program_that_is_killed_leaves_the_file_that_says_so() {
    let dir = scratch_dir();
    let premature = dir.path().join("premature");
    let mut command = std::process::Command::new(airtight_tests::program());
    command
        .env("AIRTIGHT_CACHE_DIR", airtight_tests::cache_dir())
        .current_dir(dir.path())
        .env("BAZEL_TEST", "1")
        .env("TEST_PREMATURE_EXIT_FILE", &premature);
    let module = compile("timeout_in_the_start_function", dir.path());
    let mut running =
        command.arg("run").arg(module).args(["--timeout", "600s", "--fuel", "18000000000000000000"]).spawn().unwrap();
    while !premature.exists() {
        assert!(running.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    running.kill().unwrap();
    running.wait().unwrap();
    assert!(premature.exists());
}

#[test]
fn a_variable_that_cannot_be_read_is_an_error_that_names_it() {
    let dir = scratch_dir();
    for (name, value) in [("TEST_TOTAL_SHARDS", "many"), ("TEST_SHARD_INDEX", "9")] {
        let ran = bazel(dir.path(), &[("TEST_TOTAL_SHARDS", "4"), (name, value)], &[]);
        let said = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(96), "{said}");
        assert!(said.contains(name), "{said}");
    }
    let old = [("TEST_SRCDIR", "/runfiles"), ("TEST_TMPDIR", "/tmp"), ("TEST_TOTAL_SHARDS", "many")];
    let ran = command().current_dir(dir.path()).envs(old).args(["run", "x.wasm"]).output().unwrap();
    assert!(String::from_utf8(ran.stderr).unwrap().contains("TEST_TOTAL_SHARDS"), "an older Bazel did");
    let ran =
        command().current_dir(dir.path()).env("TEST_TOTAL_SHARDS", "many").args(["run", "x.wasm"]).output().unwrap();
    assert!(!String::from_utf8(ran.stderr).unwrap().contains("TEST_TOTAL_SHARDS"), "Bazel did not start it");
}

/// Copies the workspace of `tests/bazel`, with its modules.
fn workspace(dir: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("bazel");
    for file in ["WORKSPACE", "BUILD.bazel", "airtight.bzl", "airtight.toml"] {
        std::fs::copy(from.join(file), dir.join(file)).unwrap();
    }
    MODULES.iter().for_each(|module| drop(compile(module, dir)));
}

/// Bazel builds and runs the workspace: shards, filters, `test.xml`, undeclared outputs and the cache are as it wants them.
#[test]
#[ignore = "needs Bazel"]
fn bazel_itself_runs_the_workspace() {
    let dir = scratch_dir();
    let (workspace_dir, root) = (dir.path().join("suite"), dir.path().join("root"));
    std::fs::create_dir(&workspace_dir).unwrap();
    workspace(&workspace_dir);
    // Older Bazels fetch this for every test, though nothing here is covered.
    let coverage = dir.path().join("coverage");
    std::fs::create_dir(&coverage).unwrap();
    std::fs::write(coverage.join("WORKSPACE"), "").unwrap();
    let rule = "def _none(ctx):\n    made = ctx.actions.declare_file(ctx.label.name)\n    \
                ctx.actions.write(made, \"\", is_executable = True)\n    return [DefaultInfo(executable = made)]\n\
                none = rule(implementation = _none, executable = True)\n";
    std::fs::write(coverage.join("none.bzl"), rule).unwrap();
    let tool = "load(\":none.bzl\", \"none\")\n\
                none(name = \"coverage_report_generator\", visibility = [\"//visibility:public\"])\n";
    std::fs::write(coverage.join("BUILD.bazel"), tool).unwrap();
    let coverage = format!("--override_repository=remote_coverage_tools={}", coverage.display());
    let programs = airtight_tests::program().parent().unwrap().to_str().unwrap();
    let path = format!("PATH={programs}:{}", std::env::var("PATH").unwrap());
    let bazel = |args: &[&str]| {
        let mut command = std::process::Command::new("bazel");
        command.current_dir(&workspace_dir).arg(format!("--output_user_root={}", root.display()));
        let output = command.args(args).output().expect("Bazel is installed");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    };
    let test_env = format!("--test_env={path}");
    let test = |args: &[&str]| bazel(&[&["test", &coverage, &test_env, "--test_output=errors"], args].concat());
    let (status, said) = test(&["//:passes"]);
    assert_eq!(status, Some(0), "{said}");
    let (status, said) = test(&["//:passes"]);
    assert!(status == Some(0) && said.contains("(cached) PASSED"), "{said}");
    let (status, said) = test(&["//:sharded"]);
    assert_eq!(status, Some(3), "the module that exports no memory fails: {said}");
    assert!(said.contains("fail_no_memory") && said.contains("1 of 3"), "{said}");
    let (status, said) = test(&["--test_filter=pass_empty", "//:sharded"]);
    assert_eq!(status, Some(0), "{said}");
    let logs = workspace_dir.join("bazel-testlogs/passes");
    let xml = std::fs::read_to_string(logs.join("test.xml")).unwrap();
    assert!(xml.contains("pass_empty"), "{xml}");
    assert!(logs.join("test.outputs").exists(), "the reports are kept");
    drop(bazel(&["shutdown"]));
}

#[test]
fn the_guide_shows_the_rule_that_is_tried() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = std::fs::read_to_string(manifest.join("../host/docs/guide/ci.md")).unwrap();
    let rule = std::fs::read_to_string(manifest.join("bazel/airtight.bzl")).unwrap();
    assert!(guide.contains(&format!("```python\n{rule}```")), "host/docs/guide/ci.md shows another rule");
}
