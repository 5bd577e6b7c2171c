//! Calls that are made to fail: one by `--fault`, or each in turn by `airtight faults`.

use airtight_tests::{
    Ran, command, go, go_test_binary, guests_dir, read_report, run, run_on_faults, scratch_dir, tests, with_sdk,
    workspace, write,
};
use serde_json::Value;

#[test]
fn one_call_of_a_test_fails() {
    let dir = scratch_dir();
    let wrong = ["--test", "wrong", "--exact", "--", "temporary_file_stays"];
    let run = |fault: &str| {
        let report = format!("json={}", dir.path().join("report.json").display());
        let args = [&["test", "--fault", fault, "--report", &report][..], &wrong].concat();
        let ran = run_on_faults(dir.path(), &args);
        (ran, read_report(&dir.path().join("report.json")))
    };
    let (ran, report) = run("write:1=ENOSPC");
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("No space left on device"), "{}", ran.stdout);
    assert!(ran.stdout.contains("injected write:1=ENOSPC (/tmp/store.new)"), "{}", ran.stdout);
    assert!(ran.stdout.contains("in faults::temporary::wrong"), "{}", ran.stdout);
    let text = serde_json::to_string(&report).unwrap();
    assert!(text.contains(r#""faults":["write:1=ENOSPC"]"#), "the policy states it: {text}");
    // A failure that no test comes to is said, and changes nothing.
    let (ran, _) = run("write:9=ENOSPC");
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("write:9=ENOSPC happened in no test"), "{}", ran.stderr);
    // What is asked for and is not so is refused with what would be.
    let ran = run_on_faults(dir.path(), &["test", "--fault", "write:1=ENOENT"]);
    assert!(ran.status == Some(2) && ran.stderr.contains("ENOSPC, EIO, short, EINTR"), "{}", ran.stderr);
}

#[test]
fn a_call_that_fails_costs_what_it_costs() {
    let dir = scratch_dir();
    let fuel = |faults: &[&str]| {
        let report = format!("json={}", dir.path().join("report.json").display());
        let chosen = ["--test", "mended", "--report", &report, "--exact", "--", "wakes_up_late"];
        let ran = run_on_faults(dir.path(), &[&["test"][..], faults, &chosen].concat());
        assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
        let report = read_report(&dir.path().join("report.json"));
        report["canonical"]["modules"][0]["tests"][0]["usage"]["fuel"].clone()
    };
    // Looking at the calls is not paid for by the test.
    assert_eq!(fuel(&["--fault", "rename:7=EIO"]), fuel(&[]));
}

#[test]
fn every_wrong_way_out_is_found() {
    let dir = scratch_dir();
    let ran = run_on_faults(dir.path(), &["faults", "--test", "wrong"]);
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    insta::assert_snapshot!(ran.stdout);
    let again = run_on_faults(dir.path(), &["faults", "--test", "wrong", "-j", "1"]);
    assert_eq!(again.stdout, ran.stdout);
}

#[test]
fn no_mended_twin_is_blamed() {
    let dir = scratch_dir();
    let report = format!("json={}", dir.path().join("faults.json").display());
    let ran = run_on_faults(dir.path(), &["faults", "--test", "mended", "--report", &report]);
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    insta::assert_snapshot!(ran.stdout);
    let report: Value = serde_json::from_slice(&std::fs::read(dir.path().join("faults.json")).unwrap()).unwrap();
    assert_eq!(report["schema"], "airtight.faults/1");
    assert_eq!(report["canonical"]["reproducible"], true);
    assert!(report["canonical"]["modules"][0].get("found").is_none(), "{report}");
}

#[test]
fn what_is_not_tried_is_counted_by_place() {
    let dir = scratch_dir();
    let ran = run_on_faults(dir.path(), &["faults", "--test", "wrong", "--faults-max", "3", "--", "lock_stays"]);
    assert!(
        ran.stdout.contains(" failures not tried") && ran.stdout.contains(", of calls at"),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    assert!(ran.stdout.contains("faults::lock::"), "{}", ran.stdout);
    let refused = run_on_faults(dir.path(), &["faults", "--fault", "write:1=EIO"]);
    assert!(refused.status == Some(2) && refused.stderr.contains("airtight test --fault"), "{}", refused.stderr);
}

/// The line that repeats a failure shows what the table says.
#[test]
fn the_line_that_repeats_a_failure_repeats_it() {
    let dir = scratch_dir();
    let chosen = ["--test", "wrong", "--exact", "--", "first_descriptor_is_forgotten"];
    let found = run_on_faults(dir.path(), &[&["faults"][..], &chosen].concat());
    let line = found.stdout.lines().find_map(|line| line.trim().strip_prefix("to repeat: --fault ")).unwrap();
    let report = format!("json={}", dir.path().join("report.json").display());
    let ran = run_on_faults(dir.path(), &[&["test", "--fault", line, "--report", &report][..], &chosen].concat());
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    let report = read_report(&dir.path().join("report.json"));
    let [test] = &tests(&report).collect::<Vec<_>>()[..] else { panic!("{report:?}") };
    assert!(serde_json::to_string(test).unwrap().contains("/tmp/descriptor"), "{}", ran.stdout);
}

/// The line that repeats a failure repeats it under every other command, too: it is part of the policy.
#[test]
fn a_failure_is_there_under_trace_profile_and_verify() {
    let dir = scratch_dir();
    let module = guests_dir().join("faults/c/forgets_stream.wasm");
    let module = module.to_str().unwrap();
    let fault = ["--fault", "read:1=EIO"];
    let traced = run(dir.path(), [&["trace", "forgets_stream", module][..], &fault].concat());
    assert!(
        traced.stdout.contains("fd_read /tmp/from (fd 4): EIO at c/copies.c:48"),
        "{}{}",
        traced.stdout,
        traced.stderr
    );
    let digest = |args: &[&str]| {
        let ran = run(dir.path(), [args, &[module], &fault].concat());
        let line = ran.stdout.lines().find_map(|line| line.trim().strip_prefix("Digest sha256:"));
        line.unwrap_or_else(|| panic!("{}{}", ran.stdout, ran.stderr)).to_owned()
    };
    let plain = digest(&["run"]);
    assert_eq!(digest(&["run", "--report", "pprof=profile.pb.gz"]), plain);
    assert!(dir.path().join("profile.pb.gz").metadata().unwrap().len() > 0);
    assert_eq!(digest(&["verify"]), plain);
}

/// A call that fails does not reach the host. In a search nothing can be tried over and over that may write to the host.
#[test]
fn a_directory_of_the_host_is_not_touched() {
    let dir = scratch_dir();
    let creates = r#"(module
        (import "wasi_snapshot_preview1" "path_open"
            (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 64) "made")
        (func (export "_start")
            (drop (call $open (i32.const 4) (i32.const 0) (i32.const 64) (i32.const 4) (i32.const 1)
                (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 0)))))"#;
    std::fs::write(dir.path().join("creates.wasm"), wat::parse_str(creates).unwrap()).unwrap();
    let granted = dir.path().join("granted");
    std::fs::create_dir(&granted).unwrap();
    let with_grant = |command: &str, more: &[&str]| {
        let args = [command, "creates.wasm", "--dir", "granted::/granted:read-write"];
        run(dir.path(), [&args[..], more].concat())
    };
    let failed = with_grant("run", &["--fault", "open:1=EACCES"]);
    assert!(failed.stdout.contains("injected open:1=EACCES (/granted/made)"), "{}{}", failed.stdout, failed.stderr);
    assert!(!granted.join("made").exists());
    let searched = with_grant("faults", &[]);
    assert!(searched.stdout.contains("not looked at: a directory that it may write to"), "{}", searched.stdout);
    with_grant("run", &[]);
    assert!(granted.join("made").exists(), "the module does what it is here for");
}

/// Programs of C, whose ways out forget a descriptor, a block or a stream, close twice, or never end; and a mended one.
#[test]
fn ways_out_in_c_are_found() {
    let dir = scratch_dir();
    let names = ["closes_twice", "forgets_buffer", "forgets_input", "forgets_stream", "goes_on_for_ever"];
    let module = |name: &str| guests_dir().join(format!("faults/c/{name}.wasm"));
    let mut args = vec!["faults".into(), "--color".into(), "never".into()];
    args.extend(names.map(|name| module(name).into_os_string()));
    let ran = run(dir.path(), args);
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    insta::assert_snapshot!(ran.stdout);
    let mended = run(dir.path(), ["faults".into(), module("mended").into_os_string()]);
    assert_eq!(mended.status, Some(0), "{}{}", mended.stdout, mended.stderr);
    assert!(mended.stdout.contains("handled, 0 not judged; 0 places to mend"), "{}", mended.stdout);
}

/// A suite of the SDK's with a set-up, and a test that always has its calls fail.
const SUITE: &str = r#"
use std::fs::{self, File};
use std::os::fd::IntoRawFd;
use std::sync::Mutex;

struct World { log: Mutex<Option<File>> }

#[airtight::setup]
fn make_world() -> World {
    fs::write("/tmp/data", "of the set-up").unwrap();
    World { log: Mutex::new(Some(File::create("/tmp/log").unwrap())) }
}

#[airtight::teardown]
fn unmake_world() {
    drop(make_world().log.lock().unwrap().take());
    fs::remove_file("/tmp/data").unwrap();
    fs::remove_file("/tmp/log").unwrap();
}

fn load() -> std::io::Result<usize> {
    let file = File::open("/tmp/data")?.into_raw_fd();
    let size = fs::metadata("/tmp/data")?.len();
    drop(unsafe { <File as std::os::fd::FromRawFd>::from_raw_fd(file) });
    Ok(size as usize)
}

#[airtight::test(faults)]
fn forgets(_: &mut airtight::T) -> std::io::Result<()> {
    let world = make_world();
    assert!(world.log.lock().unwrap().is_some());
    load().map(drop)
}

#[airtight::test]
fn spoils(_: &mut airtight::T) {
    fs::write("/tmp/spoilt", "spoilt").unwrap();
}

#[airtight::test]
fn wants_it_unspoilt(_: &mut airtight::T) {
    assert!(make_world().log.lock().unwrap().is_some() && !std::path::Path::new("/tmp/spoilt").exists());
}

#[airtight::test]
fn asks_for_a_failure(t: &mut airtight::T) {
    t.fail_next(airtight::Call::MakeDir, airtight::Failure::Denied);
    assert!(fs::create_dir("/tmp/made").is_err());
    t.fail_next(airtight::Call::Sync, airtight::Failure::Io);
}
"#;

#[test]
fn a_test_may_ask_for_it_and_a_gate_says_how_much_is_allowed() {
    let dir = scratch_dir();
    workspace(dir.path(), &[("suite", "")]);
    with_sdk(&dir.path().join("suite"));
    write(&dir.path().join("suite/tests/t.rs"), SUITE);
    write(
        &dir.path().join("airtight.toml"),
        "[profile.none.gate]\nfault-leaks = 0\n[profile.one.gate]\nfault-leaks = 1\n",
    );
    let run = |args: &[&str]| {
        let mut command = command();
        command.current_dir(dir.path()).env_remove("CARGO_TARGET_DIR").args(args).args(["--color", "never"]);
        Ran::from(command.output().unwrap())
    };
    let leak = "t::load (tests/t.rs:23) leaks 1 file (/tmp/data) when the 1st stat fails (EIO, EACCES)";
    // Whenever the test is run.
    let ran = run(&["test", "--test", "t"]);
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("6 tests run: 6 passed") && ran.stdout.contains(leak), "{}", ran.stdout);
    assert!(ran.stdout.contains("     Summary 1 test, 3 calls that can fail"), "{}", ran.stdout);
    // What repeats it does only that.
    let ran = run(&["test", "--test", "t", "--fault", "stat:1=EIO", "--", "forgets"]);
    assert!(ran.status == Some(100) && !ran.stdout.contains("calls that can fail"), "{}", ran.stdout);
    // The tests begin where the set-up ended, whose calls do not fail.
    let all = run(&["faults", "--test", "t", "-P", "none"]);
    assert_eq!(all.status, Some(100), "{}{}", all.stdout, all.stderr);
    assert!(
        all.stdout.contains(leak) && all.stdout.contains("GATE fault-leaks: 1; 0 is allowed: not kept"),
        "{}",
        all.stdout
    );
    assert!(all.stdout.contains("2 tests not looked at: it is run once for all tests"), "{}", all.stdout);
    let one = run(&["faults", "--test", "t", "-P", "one"]);
    assert!(one.status == Some(0) && one.stdout.contains("Gate fault-leaks: 1; 1 is allowed\n"), "{}", one.stdout);
    // One instance for all tests begins there, too.
    let together = run(&["pollution", "--test", "t"]);
    assert_eq!(together.status, Some(100), "{}{}", together.stdout, together.stderr);
    assert!(together.stdout.contains("wants_it_unspoilt"), "{}", together.stdout);
    // Each round is a call of the test by itself: its first open is the first again.
    let rounds = run(&["test", "--test", "t", "--repeat", "3", "--fault", "open:2=EIO", "--", "spoils", "asks"]);
    assert_eq!(rounds.status, Some(0), "{}{}", rounds.stdout, rounds.stderr);
    assert!(rounds.stderr.contains("open:2=EIO happened in no test"), "{}", rounds.stderr);
    let rounds = run(&["test", "--test", "t", "--repeat", "3", "--fault", "open:1=EIO", "--", "spoils", "asks"]);
    assert!(rounds.stdout.contains("3 passed, 1 failed"), "{}", rounds.stdout);
}

#[test]
fn what_is_accepted_fails_nothing_and_what_is_new_does() {
    let dir = scratch_dir();
    let file = dir.path().join("accepted.toml");
    let baseline = ["--baseline", file.to_str().unwrap()];
    let faults = |more: &[&str], tests: &[&str]| {
        run_on_faults(
            dir.path(),
            &[&["faults", "--test", "wrong"], &baseline[..], more, &["--exact", "--"], tests].concat(),
        )
    };
    let ran = faults(
        &["--accept", "--reason", "until 2.0", "--expires", "2027-01-31", "--date", "2027-01-01"],
        &["lock_stays"],
    );
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("1 added, 0 kept, 0 gone"), "{}", ran.stdout);
    insta::assert_snapshot!("accepted_ways_out", std::fs::read_to_string(&file).unwrap());
    let ran = faults(&["--date", "2027-01-31"], &["lock_stays"]);
    assert!(
        ran.status == Some(0) && ran.stdout.contains("0 places to mend, 1 accepted"),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    let ran = faults(&["--date", "2027-02-01"], &["lock_stays"]);
    assert!(ran.status == Some(100) && ran.stdout.contains("expired on 2027-01-31"), "{}", ran.stdout);
    let ran = faults(&["--date", "2027-01-31"], &["lock_stays", "wakes_up_late"]);
    assert!(ran.status == Some(100) && ran.stdout.contains("1 place to mend, 1 accepted"), "{}", ran.stdout);
    let ran = faults(&["--accept"], &["lock_stays", "wakes_up_late"]);
    assert!(ran.stdout.contains("1 added, 1 kept, 0 gone"), "{}{}", ran.stdout, ran.stderr);
    let ran = faults(&["--date", "2027-01-31"], &["lock_stays", "wakes_up_late"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stdout);
}

#[test]
fn other_tools_read_what_is_found() {
    let dir = scratch_dir();
    let path = |name: &str| dir.path().join(name);
    let kinds = ["json", "sarif", "junit"].map(|kind| format!("{kind}={}", path(kind).display()));
    let reports: Vec<&str> = kinds.iter().flat_map(|kind| ["--report", kind]).collect();
    let chosen = ["--test", "wrong", "--exact", "--", "first_descriptor_is_forgotten"];
    let ran = run_on_faults(dir.path(), &[&["faults"], &reports[..], &chosen].concat());
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    let read = |name: &str| serde_json::from_slice::<Value>(&std::fs::read(path(name)).unwrap()).unwrap();
    let (report, sarif) = (read("json"), read("sarif"));
    airtight_tests::assert_follows(airtight::faults::FAULTS_JSON_SCHEMA, &report);
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "fault/leak");
    assert_eq!(sarif["runs"][0]["invocations"][0]["properties"]["digest"], report["digest"]);
    let location = &result["locations"][0]["physicalLocation"];
    assert_eq!(
        (&location["artifactLocation"]["uri"], &location["region"]["startLine"]),
        (&"src/lib.rs".into(), &142.into())
    );
    let junit = std::fs::read_to_string(path("junit")).unwrap();
    assert!(junit.contains("tests=\"1\" failures=\"1\"") && junit.contains("forgets_the_first"), "{junit}");
    // A file that cannot be one is refused before anything is built.
    for (args, status, said) in [
        (&["--report", "json=-"][..], 96, "standard output is for `github` alone"),
        (&["--report", "html=x.html"], 2, "every --report but json=PATH, junit=PATH and sarif=PATH"),
        (&["--shuffle", "3"], 2, "leave out --shuffle"),
        (&["--report", "json=x.json", "--report-base", "x.json"], 2, "leave out --report-base"),
    ] {
        let refused = run_on_faults(dir.path(), &[&["faults"], args].concat());
        assert!(refused.status == Some(status) && refused.stderr.contains(said), "{args:?}: {}", refused.stderr);
    }
    assert!(!dir.path().join("-").exists());
}

/// A thread's sleep is set aside for the others, and ends late all the same.
#[test]
fn a_call_that_waits_for_other_threads_fails_when_it_is_done() {
    let dir = scratch_dir();
    let module = guests_dir().join("threads/threads.wasm");
    let slept = |fault: &str| {
        let mut args = vec!["run".into(), module.clone().into_os_string()];
        args.extend(["--fault", fault, "--exact", "--", "pass_time_moves_only_when_all_sleep"].map(Into::into));
        run(dir.path(), args)
    };
    let late = slept("sleep:2=late");
    assert!(late.status == Some(100) && late.stdout.contains("360."), "{}{}", late.stdout, late.stderr);
    assert!(late.stdout.contains("injected sleep:2=late"), "{}", late.stdout);
    assert_eq!(slept("sleep:4=late").status, Some(0));
}

/// Go's own files, and what its tests leave on ways out.
#[test]
fn ways_out_in_go_are_found() {
    let Some(go) = go("ways out of failures in Go") else { return };
    let dir = scratch_dir();
    let module = go_test_binary(&go, &guests_dir().join("faults/go"), dir.path());
    let sweep =
        |tests: &str| run(dir.path(), ["faults".into(), module.clone().into_os_string(), "--".into(), tests.into()]);
    let wrong = sweep("-test.run=TestWrong");
    assert_eq!(wrong.status, Some(100), "{}{}", wrong.stdout, wrong.stderr);
    insta::assert_snapshot!(wrong.stdout);
    let mended = sweep("-test.run=TestMended");
    assert_eq!(mended.status, Some(0), "{}{}", mended.stdout, mended.stderr);
    assert!(mended.stdout.contains("0 not judged; 0 places to mend"), "{}", mended.stdout);
}
