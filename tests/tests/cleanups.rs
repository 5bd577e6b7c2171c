//! Clean-ups run where a test is ended from outside: by its wall-clock limit, and by Ctrl-C.

use airtight_tests::sdk::{sdk_module, state};
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

fn wait_until(mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(30), "it takes too long");
        std::thread::sleep(Duration::from_millis(20));
    }
}
