//! `wasi-testsuite.sh`, on a suite of two cases.

use std::path::Path;
use std::process::{Command, Output};

fn script(dir: &Path, args: &[&str]) -> Output {
    let script = airtight_tests::package_dir().join("wasi-testsuite.sh");
    Command::new("bash").arg(script).args(args).current_dir(dir).output().unwrap()
}

/// Leaves with a status.
fn exits(status: u32) -> Vec<u8> {
    airtight_tests::script::Script::default().module(airtight_tests::script::End::Exit(status))
}

#[test]
fn the_script_runs_anywhere_and_its_last_line_counts() {
    let dir = airtight_tests::scratch_dir();
    let suite = dir.path().join("checkout/suite");
    std::fs::create_dir_all(&suite).unwrap();
    std::fs::write(suite.join("manifest.json"), r#"{"name": "S", "version": "wasm32-wasip1"}"#).unwrap();
    std::fs::write(suite.join("good.wasm"), exits(0)).unwrap();
    let ran = script(dir.path(), &["checkout"]);
    let stderr = String::from_utf8_lossy(&ran.stderr);
    assert_eq!((ran.status.code(), &*ran.stdout), (Some(0), &b"ok      S good\n1 passed, 0 failed\n"[..]), "{stderr}");
    std::fs::write(suite.join("bad.wasm"), exits(1)).unwrap();
    let ran = script(&suite, &["--engine", "winch", ".."]);
    let stdout = String::from_utf8(ran.stdout).unwrap();
    assert_eq!((ran.status.code(), stdout.lines().next_back()), (Some(1), Some("1 passed, 1 failed")));
    assert!(stdout.contains("FAILED  S bad\n        it ended with status 1, not with 0"), "{stdout}");
}

#[test]
fn a_folder_without_cases_is_an_error() {
    let dir = airtight_tests::scratch_dir();
    let ran = script(dir.path(), &["."]);
    assert_eq!((ran.status.code(), &*ran.stdout), (Some(2), &b""[..]));
    let stderr = String::from_utf8_lossy(&ran.stderr);
    assert!(stderr.contains("error: `.` holds no preview-1 cases"), "{stderr}");
}
