//! Tests of Go begin where their program is ready for them: from an image where it takes long to initialise, or each by itself
//! (`--no-shortcut`). Either way they come to the same, to the byte. With programs that Go builds, where it is to be had, and with one
//! written by hand, always.

use airtight_tests::{Ran, command, gos, guests_dir, read_report, scratch_dir, tests, verdicts};
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

/// A program that begins as Go's do, and takes long to be ready. It then asks for the name of its test, of which the last letter says what
/// the test skips with: `A` and `B` with what was drawn before it was ready, `C` and `D` with what is drawn then, `E` exits.
fn by_hand() -> String {
    let framed = |text: &str| text.replace("^V", "\\16").replace('\n', "\\n");
    let names = "TestA\nTestB\nTestC\nTestD\nTestE\n";
    let skip = "^V=== RUN   TestX\n    x_test.go:1: ........\n^V--- SKIP: TestX (0.00s)\n^VPASS\n";
    let at = |what: &str| 4096 + skip.replace("^V", "v").find(what).unwrap();
    let (first, reason, second) = (at("TestX") + 4, at("........"), at("SKIP: TestX") + 10);
    format!(
        r#"(module
            (@producers (language "Go" "go1.27.3"))
            (import "airtight" "go_ready" (func $ready))
            (import "airtight" "go_args" (func $own_args (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (global $pointer (mut i32) (i32.const 0))
            (memory (export "memory") 1)
            (data (i32.const 2048) "{}")
            (data (i32.const 4096) "{}")
            (data (i32.const 16384) "\00testing.(*M).Run\00testing.runTests\00")
            (func $say (param $at i32) (param $len i32)
                (i32.store (i32.const 16) (local.get $at))
                (i32.store (i32.const 20) (local.get $len))
                (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24))))
            ;; Draws eight letters from `a` to `p` into the reason.
            (func $draw (local $i i32)
                (drop (call $random (i32.const {reason}) (i32.const 8)))
                (loop $letters
                    (i32.store8 (i32.add (i32.const {reason}) (local.get $i))
                        (i32.add (i32.const 97) (i32.and (i32.const 15)
                            (i32.load8_u (i32.add (i32.const {reason}) (local.get $i))))))
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br_if $letters (i32.lt_u (local.get $i) (i32.const 8)))))
            (func $start (param i32) (result i32) (local $i i32)
                (loop $long
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br_if $long (i32.lt_u (local.get $i) (i32.const 100000000))))
                (call $draw)
                ;; It was called once, with the first stack pointer.
                (i32.store (i32.const 256) (i32.add (i32.load (i32.const 256)) (i32.const 1)))
                (if (i32.ne (global.get $pointer) (i32.const 1000)) (then unreachable))
                (call $ready)
                ;; The host does not return.
                unreachable)
            (func $go_on (local $size i32) (local $letter i32)
                (if (i32.ne (global.get $pointer) (i32.const 1008)) (then unreachable))
                (if (i32.ne (i32.load (i32.const 256)) (i32.const 1)) (then unreachable))
                (i32.store (i32.const 256) (i32.const 9))
                (local.set $size (call $own_args (i32.const 512) (i32.const 128)))
                ;; Who has none asks for names: of all, or with the pattern `$^` of none.
                (if (i32.eqz (local.get $size)) (then
                    (drop (call $args_sizes_get (i32.const 0) (i32.const 4)))
                    (drop (call $args_get (i32.const 32) (i32.const 1024)))
                    (if (i32.ne (i32.const 36) (i32.load8_u (i32.add (i32.const 1021) (i32.load (i32.const 4))))) (then
                        (call $say (i32.const 2048) (i32.const {}))))
                    (call $exit (i32.const 0))))
                ;; The last argument ends in a letter, a dollar sign and a zero.
                (local.set $letter (i32.load8_u (i32.add (i32.const 509) (local.get $size))))
                (i32.store8 (i32.const {first}) (local.get $letter))
                (i32.store8 (i32.const {second}) (local.get $letter))
                (if (i32.ge_u (local.get $letter) (i32.const 67)) (then (call $draw)))
                (if (i32.eq (local.get $letter) (i32.const 69)) (then (call $exit (i32.const 3))))
                (call $say (i32.const 4096) (i32.const {}))
                (call $exit (i32.const 0)))
            (func (export "_start")
                i64.const 1000 i32.wrap_i64 global.set $pointer
                i32.const 0 call $start drop call $go_on return unreachable))"#,
        framed(names),
        framed(skip),
        names.len(),
        skip.replace("^V", "v").len(),
    )
}

/// How many modules a cache holds.
fn cached(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir.join("modules")).unwrap().flatten();
    // Each has a folder of its sum.
    entries.filter(|entry| entry.file_name().len() == 64).count()
}

#[test]
fn a_program_is_run_until_it_is_ready_once_for_all_of_its_tests() {
    let dir = scratch_dir();
    std::fs::write(dir.path().join("hand.test.wasm"), wat::parse_str(by_hand()).unwrap()).unwrap();
    let cache = dir.path().join("cache");
    let report = |args: &[&str]| {
        let mut command = command();
        command.env("AIRTIGHT_CACHE_DIR", &cache).current_dir(dir.path());
        let ran = command.args(["run", "hand.test.wasm", "--report", "json=report.json"]).args(args).output().unwrap();
        assert_eq!(ran.status.code(), Some(100), "{}", String::from_utf8_lossy(&ran.stdout));
        read_report(&dir.path().join("report.json"))
    };
    let alone = report(&["--no-shortcut"]);
    assert_eq!(cached(&cache), 1, "no image was made");
    let from_image = report(&[]);
    assert_eq!(cached(&cache), 2, "an image was made");
    assert_eq!(from_image["canonical"]["modules"], alone["canonical"]["modules"]);
    assert_eq!(report(&["-j", "1", "--shuffle", "3", "--engine", "pulley"])["digest"], from_image["digest"]);
    let told: Vec<_> = tests(&alone)
        .map(|(_, test)| (test["verdict"].as_str().unwrap(), test["reason"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(told.iter().map(|(verdict, _)| *verdict).collect::<Vec<_>>(), ["skip", "skip", "skip", "skip", "exit"]);
    let drawn: Vec<_> = told.iter().map(|(_, reason)| *reason).collect();
    assert_eq!(drawn[0], drawn[1], "what is drawn before is all tests'");
    assert!(drawn[2] != drawn[3] && drawn[2] != drawn[0], "what is drawn after is each test's: {drawn:?}");
    // For two tests an image is not worth it.
    assert_eq!(report(&["--engine", "winch", "--", "-test.run", "Test[CE]"])["canonical"]["reproducible"], true);
}

/// A package of the guests in a folder of its own, where no configuration of theirs holds.
fn copied(package: &str) -> TempDir {
    let dir = scratch_dir();
    copy(&guests_dir().join("go").join(package), dir.path());
    dir
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(from, to).unwrap();
        }
    }
}

/// Runs `airtight go` on all packages of a folder; its report.
fn report_of(go: &Path, packages: &Path, args: &[&str]) -> Value {
    let dir = scratch_dir();
    let json = format!("json={}", dir.path().join("report.json").display());
    let mut command = command();
    command.env("AIRTIGHT_GO", go).env("GOFLAGS", "").env("GOTOOLCHAIN", "local");
    let ran =
        Ran::from(command.current_dir(packages).args(["go", "./...", "--report", &json]).args(args).output().unwrap());
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    read_report(&dir.path().join("report.json"))
}

#[test]
fn tests_of_go_come_to_the_same_from_an_image_and_alone() {
    for go in gos("no test of Go began from an image") {
        for (package, args) in [
            ("ready", &["-bench", "."][..]),
            ("leaks", &["-tags", "slow"]),
            ("endings", &["-tags", "slow"]),
            ("figures", &["-tags", "slow", "--go-heap", "-bench", "."]),
        ] {
            let packages = copied(package);
            let from_image = report_of(&go, packages.path(), args);
            let alone = report_of(&go, packages.path(), &[args, &["--no-shortcut"]].concat());
            assert_eq!(from_image["canonical"]["modules"], alone["canonical"]["modules"], "{package}");
            let least = tests(&alone).filter_map(|(_, test)| test["go"]["start_fuel"].as_u64()).min();
            assert!(least > Some(200_000_000), "{package}");
        }
    }
}

/// What initialisation leaves is there in each test, and is the test's own.
#[test]
fn what_initialisation_leaves_is_each_test_s_own() {
    for go in gos("nobody looked at what initialisation leaves") {
        let report = report_of(&go, copied("ready").path(), &[]);
        let told =
            tests(&report).map(|(_, test)| (test["name"].as_str().unwrap(), test["reason"].as_str().unwrap_or("")));
        let told: Vec<_> = told.collect();
        let reason = |test: &str| told.iter().find(|(name, _)| *name == test).unwrap().1;
        assert_eq!(reason("TestGoroutine"), "7");
        assert!(reason("TestFiles").starts_with("before // Package ready takes long"), "{}", reason("TestFiles"));
        assert_eq!(reason("TestThree"), "40000000");
        let all = "-test.v=test2json -test.paniconexit0";
        let now = format!("-test.run=^TestArguments$ {all}");
        assert_eq!(reason("TestArguments"), format!("{all:?}, and now {now:?}"));
        let told: String = verdicts(&report).iter().map(|(test, verdict)| format!("{test} {verdict}\n")).collect();
        insta::assert_snapshot!("what_initialisation_leaves_is_each_test_s_own", told);
    }
}
