//! Clean-ups run when a test is ended from outside: by its wall-clock limit, or by Ctrl-C.

use airtight_tests::sdk::{sdk_module, sdk_module_that_answers, state};
use airtight_tests::{command, read_report, run, scratch_dir, verdicts, write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A test that makes the directory `begun` and never ends, with a clean-up that makes the directory `cleaned`.
fn endless(dir: &Path) {
    let fields = r#"(import "wasi_snapshot_preview1" "path_create_directory" (func $make (param i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 2048) "begun") (data (i32.const 2064) "cleaned")
        (global $left (mut i32) (i32.const 1))
        (func $test (result i32)
            (drop (call $make (i32.const 4) (i32.const 2048) (i32.const 5)))
            (loop $l (br $l)) unreachable)
        (func $cleanup (result i32)
            (if (i32.eqz (global.get $left)) (then (return (i32.const 0))))
            (global.set $left (i32.const 0))
            (drop (call $make (i32.const 4) (i32.const 2064) (i32.const 7)))
            (i32.const 1))"#;
    std::fs::write(dir.join("endless.wasm"), sdk_module(&state(1, 0, 0), fields)).unwrap();
    std::fs::create_dir(dir.join("granted")).unwrap();
}

const GRANT: &str = "[[profile.default.dir]]\nguest = \"/granted\"\nhost = \"granted\"\nmode = \"read-write\"\n";

#[test]
fn after_the_wall_clock_limit() {
    let dir = scratch_dir();
    endless(dir.path());
    write(&dir.path().join("airtight.toml"), &format!("[profile.default]\ntimeout = \"500ms\"\n{GRANT}"));
    let ran = run(dir.path(), ["run", "endless.wasm", "--report", "json=report.json"]);
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(verdicts(&read_report(&dir.path().join("report.json")))["endless test"], "timeout");
    assert!(dir.path().join("granted/cleaned").is_dir());
}

/// Whether the clock comes first depends on the machine, whatever the call is for.
#[test]
fn that_the_wall_clock_ends_are_a_doubt() {
    let dir = scratch_dir();
    let endless = "(loop $l (br $l)) unreachable";
    let answers = |told: &str, flush: &str, cleanup: &str| {
        let fields = format!(
            r#"(memory (export "memory") 1)
            (func $test (result i32) unreachable)
            (func $state (result i32) {told})
            (func $flush (result i32) {flush})
            (func $cleanup (result i32) {cleanup})"#
        );
        sdk_module_that_answers(&state(1, 0, 0), &fields)
    };
    let cases = [
        ("nothing", answers("(i32.const 1024)", "(i32.const 0)", "(i32.const 0)")),
        ("state", answers(endless, "(i32.const 0)", "(i32.const 0)")),
        ("flush", answers("(i32.const 1024)", endless, "(i32.const 0)")),
        ("cleanup", answers("(i32.const 1024)", "(i32.const 0)", endless)),
    ];
    write(&dir.path().join("airtight.toml"), "[profile.default]\ntimeout = \"50ms\"\n");
    for (what, module) in cases {
        std::fs::write(dir.path().join("m.wasm"), module).unwrap();
        let ran = run(dir.path(), ["run", "m.wasm", "--report", "json=report.json"]);
        assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
        let canonical = &read_report(&dir.path().join("report.json"))["canonical"];
        let doubted = what != "nothing";
        assert_eq!(canonical["reproducible"], !doubted, "{what}: {canonical}");
        let causes = if doubted {
            serde_json::json!([{ "cause": "wall-clock", "tests": [{ "module": "m", "test": "test" }] }])
        } else {
            serde_json::Value::Null
        };
        assert_eq!(canonical["doubts"], causes, "{what}");
    }
}

#[test]
fn after_ctrl_c() {
    let dir = scratch_dir();
    endless(dir.path());
    write(&dir.path().join("airtight.toml"), &format!("[profile.default]\n{GRANT}"));
    let mut child = std::process::Command::new(command().get_program())
        .args(["run", "endless.wasm", "--no-cache", "-j1", "--report", "json=report.json"])
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until(|| dir.path().join("granted/begun").is_dir());
    assert!(!dir.path().join("granted/cleaned").exists());
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    wait_until(|| child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(dir.path().join("granted/cleaned").is_dir());
    assert_eq!(verdicts(&read_report(&dir.path().join("report.json")))["endless test"], "skip");
}

/// Four clean-ups that use up what they are given are enough. That others were not run is told.
#[test]
fn clean_ups_that_are_not_run_are_told() {
    let dir = scratch_dir();
    let fields = r#"(memory (export "memory") 1)
        (func $deep (param i64) (result i64) (i64.add (call $deep (local.get 0)) (local.get 0)))
        (func $test (result i32) (i32.const 1024))
        (func $cleanup (result i32)
            (i32.store (i32.const 1032) (i32.sub (i32.load (i32.const 1032)) (i32.const 1)))
            (drop (call $deep (i64.const 1))) (i32.const 1))"#;
    std::fs::write(dir.path().join("six.wasm"), sdk_module(&state(6, 0, 0), fields)).unwrap();
    let ran = run(dir.path(), ["run", "six.wasm", "--report", "json=report.json"]);
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    let report = read_report(&dir.path().join("report.json"));
    let (_, test) = airtight_tests::tests(&report).next().unwrap();
    assert_eq!(test["cleanups"].as_array().unwrap().len(), 4);
    let last = test["suppressed"].as_array().unwrap().last().unwrap();
    assert_eq!(last["message"], "2 more clean-ups were not run: those before had used up what they are given");
}

fn wait_until(mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(30), "it takes too long");
        std::thread::sleep(Duration::from_millis(20));
    }
}
