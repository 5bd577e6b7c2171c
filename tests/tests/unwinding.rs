//! Tests of Rust's own harness whose panics unwind. The module is committed, since building it takes std's sources, which
//! not every machine has. See `guests/unwinding/build.sh`.

use airtight_tests::{
    Ran, airtight_test, assert_as_named, digest, guests_dir, read_report, run, scratch_dir, tests, verdicts, with_sdk,
    workspace, write,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

fn module() -> PathBuf {
    guests_dir().join("unwinding/panics.wasm")
}

fn run_panics(more: &[&str]) -> (Ran, Value) {
    let dir = scratch_dir();
    let (module, report) = (module(), dir.path().join("report.json"));
    let told = format!("json={}", report.display());
    let args = ["run", module.to_str().unwrap(), "-j", "1", "--report", &told];
    let ran = run(dir.path(), args.into_iter().chain(more.iter().copied()));
    (ran, read_report(&report))
}

fn panics() -> &'static (Ran, Value) {
    static PANICS: OnceLock<(Ran, Value)> = OnceLock::new();
    PANICS.get_or_init(|| run_panics(&["--show-output", "never"]))
}

#[test]
fn every_test_ends_as_it_does_natively() {
    let (Ran { status, stdout, .. }, report) = panics();
    assert_eq!(*status, Some(100), "{stdout}");
    assert_as_named(report, 19);
}

#[test]
fn what_destructors_did_not_give_back_is_told() {
    let (_, report) = panics();
    let mut unwound = BTreeSet::new();
    for (_, test) in tests(report) {
        let name = test["name"].as_str().unwrap();
        if test["unwound"].as_bool() == Some(true) {
            unwound.insert(name);
        }
        let left: Vec<_> = test["leaks"].as_array().into_iter().flatten().map(|leak| leak["kind"].clone()).collect();
        let expected: &[&str] = match name {
            "fail_with_a_block_left" | "leak_in_what_is_caught" | "leak_the_payload" => &["heap"],
            "fail_with_a_file_left" => &["file", "residue"],
            _ => &[],
        };
        assert_eq!(left, expected, "{name}");
    }
    let expected = [
        "fail_in_a_destructor",
        "fail_with_a_block_left",
        "fail_with_a_file_left",
        "fail_with_any_payload",
        "fail_with_nothing_left",
    ];
    assert_eq!(unwound, expected.into());
}

#[test]
fn what_is_said_of_them() {
    let (Ran { stdout, .. }, _) = panics();
    let end = stdout.split_once("────────────").unwrap().1;
    // The digest is compared elsewhere: it is another with each version of the report.
    let timeless = without_times(end.split_once("      Digest").unwrap().0);
    insta::assert_snapshot!(timeless);
}

/// Without the times, which are in brackets.
fn without_times(text: &str) -> String {
    let line = |line: &str| match (line.find('['), line.find("s]")) {
        (Some(start), Some(end)) if start < end => format!("{}[…]{}", &line[..start], &line[end + 2..]),
        _ => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_way_but_winch_gives_the_same_report() {
    let (_, report) = panics();
    for more in [&["--shuffle", "3"][..], &["--engine", "pulley"], &["--no-cache"]] {
        assert_eq!(digest(&run_panics(more).1), digest(report), "{more:?}");
    }
    let dir = scratch_dir();
    let ran = run(dir.path(), ["verify".as_ref(), module().as_os_str()]);
    let said: Vec<_> = ran.stdout.lines().chain(ran.stderr.lines()).filter(|line| line.contains("Winch")).collect();
    assert!(said.iter().any(|line| line.contains("exceptions")), "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(ran.status, Some(0), "{}\n{}", ran.stdout, ran.stderr);
}

/// The heap off, no hook tells that a panic left a test; the verdicts are the same.
#[test]
fn without_heap_accounting_the_verdicts_are_the_same() {
    let dir = scratch_dir();
    write(&dir.path().join("airtight.toml"), "[profile.default]\nheap-accounting = false\n");
    let module = module();
    let ran = run(dir.path(), ["run", module.to_str().unwrap(), "--report", "json=report.json"]);
    let report = read_report(&dir.path().join("report.json"));
    for (name, verdict) in verdicts(&report) {
        let expected = name.rsplit(' ').next().unwrap().split('_').next().unwrap();
        let expected = if expected == "leak" { "pass" } else { expected };
        assert_eq!(verdict, expected, "{name}\n{}", ran.stdout);
    }
    let message = |name: &str| tests(&report).find(|(_, test)| test["name"] == name).unwrap().1["message"].clone();
    assert_eq!(message("fail_with_a_block_left"), "on the way out");
    assert_eq!(message("fail_with_an_error_after_a_caught_panic"), "Error: \"this one\"");
}

/// A suite that needs unwinding in Rust's own harness, and in the SDK's.
const SUITE: &str = "
#[cfg(test)]
mod tests {
    #[test] fn pass_catching() { assert!(std::panic::catch_unwind(|| panic!()).is_err()); }
    #[test] fn fail_after_all() { let _c = std::panic::catch_unwind(|| panic!()); panic!(\"after all\"); }
}
";

fn build(dir: &Path, more: &[&str]) -> Value {
    let ran = airtight_test(dir, more, &[]);
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    read_report(&dir.join("report.json"))
}

#[test]
#[ignore = "needs std's sources, and a minute to build std: run it with `--ignored`"]
fn a_crate_is_built_for_it_by_option_and_by_setting() {
    let dir = scratch_dir();
    workspace(dir.path(), &[("suite", SUITE)]);
    let by_option = build(dir.path(), &["--unwind"]);
    let found = verdicts(&by_option);
    assert_eq!(found["suite tests::pass_catching"], "pass");
    assert_eq!(found["suite tests::fail_after_all"], "fail");
    let without = verdicts(&build(dir.path(), &[]));
    assert_eq!(without["suite tests::pass_catching"], "fail", "nothing of the one is taken for the other");
    write(&dir.path().join("airtight.toml"), "[profile.default]\npanic = \"unwind\"\n");
    let by_setting = build(dir.path(), &[]);
    assert_eq!(digest(&by_setting), digest(&by_option));
    // The module that is kept is what its sources make today.
    let guest = guests_dir().join("unwinding");
    let target = dir.path().join("guest-target");
    let report = dir.path().join("guest.json");
    let told = format!("json={}", report.display());
    let args = ["test", ".", "--unwind", "--release", "--target-dir", target.to_str().unwrap(), "--report", &told];
    run(&guest, args);
    assert_as_named(&read_report(&report), 19);
}

/// Tests of the SDK: each name begins with its verdict, and what is printed says whether destructors ran.
const SDK_SUITE: &str = r#"
struct Said(&'static str);
impl Drop for Said { fn drop(&mut self) { println!("dropped {}", self.0); } }

#[airtight::test] fn pass_catching(_t: &mut airtight::T) { assert!(std::panic::catch_unwind(|| panic!()).is_err()); }
#[airtight::test(should_panic = "boo")] fn pass_expected(_t: &mut airtight::T) { panic!("a boo") }
#[airtight::test] fn skip_by_itself(t: &mut airtight::T) { let _said = Said("on a skip"); t.skip("why not") }
#[airtight::test] fn fail_and_clean_up(t: &mut airtight::T) {
    t.cleanup(|| println!("cleaned up"));
    let _said = Said("on a panic");
    std::mem::forget(vec![1_u8; 77]);
    panic!("at last");
}
#[airtight::test] fn fail_fatally(t: &mut airtight::T) { let _said = Said("on a fatal"); t.fatal("fatally") }
#[airtight::test] fn fail_with_a_hook(_t: &mut airtight::T) { std::panic::set_hook(Box::new(|_| {})); panic!("silently") }
#[airtight::test(should_panic)] fn fail_expected_and_caught(_t: &mut airtight::T) { let _ = std::panic::catch_unwind(|| panic!()); }
"#;

#[test]
#[ignore = "needs std's sources: run it with `--ignored`"]
fn the_sdk_s_tests_unwind_too() {
    let dir = scratch_dir();
    workspace(dir.path(), &[("suite", "")]);
    with_sdk(&dir.path().join("suite"));
    write(&dir.path().join("suite/tests/sdk.rs"), SDK_SUITE);
    let report = build(dir.path(), &["--unwind", "--test", "sdk"]);
    let found = verdicts(&report);
    assert_eq!(found.len(), 7);
    for (test, verdict) in &found {
        let name = test.rsplit(' ').next().unwrap();
        assert!(name.starts_with(&**verdict), "{test}: {verdict}");
    }
    let test = |name: &str| tests(&report).find(|(_, test)| test["name"] == name).unwrap().1.clone();
    for (name, message) in [("fail_and_clean_up", "at last"), ("fail_with_a_hook", "silently")] {
        assert_eq!(test(name)["message"], message);
        assert_eq!(test(name)["unwound"], true);
    }
    let left = &test("fail_and_clean_up")["leaks"];
    assert_eq!((left.as_array().unwrap().len(), &left[0]["bytes"]), (1, &Value::from(77)), "{left}");
    let ran = airtight_test(dir.path(), &["--unwind", "--test", "sdk", "--show-output", "always"], &[]);
    for said in ["dropped on a panic", "dropped on a fatal", "dropped on a skip", "cleaned up"] {
        assert_eq!(ran.stdout.matches(said).count(), 1, "{said}: {}", ran.stdout);
    }
}
