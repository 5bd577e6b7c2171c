//! How far a search for failures goes, what it takes from an earlier one, and what it knows of ends of tests.

use airtight_tests::{
    Ran, command, go_test_binary, gos, guests_dir, guests_target_dir, read_report, run, run_on_faults, scratch_dir,
    with_sdk, workspace, write,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Programs of C that ask for memory, the first five of them wrong; and those that end themselves or ask again.
#[test]
fn memory_lacks_in_c() {
    let dir = scratch_dir();
    let module = |name: &str| guests_dir().join(format!("faults/c/{name}.wasm")).into_os_string();
    let sweep = |names: &[&str]| {
        let mut args = vec!["faults".into(), "--color".into(), "never".into()];
        args.extend(names.iter().map(|name| module(name)));
        run(dir.path(), args)
    };
    let wrong = sweep(&["forgets_name", "loses_what_grows", "forgets_rows", "leaves_open", "forgets_copy"]);
    assert_eq!(wrong.status, Some(100), "{}{}", wrong.stdout, wrong.stderr);
    insta::assert_snapshot!(wrong.stdout);
    let mended = sweep(&["frees_name", "keeps_what_grows", "frees_rows", "closes", "ends_itself", "asks_again"]);
    assert_eq!(mended.status, Some(0), "{}{}", mended.stdout, mended.stderr);
    assert!(mended.stdout.contains("18 handled, 0 not judged; 0 places to mend"), "{}", mended.stdout);
}

/// The allocator itself refuses what is to fail: nothing grows, no limit is asked, and the line repeats what the table says.
#[test]
fn an_allocation_that_fails_is_told_and_repeated() {
    let dir = scratch_dir();
    let report = format!("json={}", dir.path().join("report.json").display());
    let module = guests_dir().join("faults/c/forgets_rows.wasm").into_os_string().into_string().unwrap();
    let one = |fault: &str| {
        let ran = run(dir.path(), ["run", &module, "--fault", fault, "--memory", "1MiB", "--report", &report]);
        (ran, read_report(&dir.path().join("report.json"))["canonical"]["modules"][0]["tests"][0].clone())
    };
    let (ran, test) = one("alloc:3=ENOMEM");
    assert!(ran.stdout.contains("injected alloc:3=ENOMEM"), "{}{}", ran.stdout, ran.stderr);
    assert_eq!((&test["verdict"], &test["exit_status"]), (&"exit".into(), &1.into()), "{test}");
    let (ran, _) = one("alloc:9=ENOMEM");
    assert!(ran.stderr.contains("alloc:9=ENOMEM happened in no test"), "{}", ran.stderr);
}

/// The summary of a search, without how long it took.
fn told(ran: &Ran) -> String {
    ran.stdout.lines().filter(|line| !line.contains("out of fuel")).collect::<Vec<_>>().join("\n")
}

/// Searches of the wrong ways out with a cache of their own.
struct Searches {
    dir: TempDir,
    cache: TempDir,
}

impl Searches {
    fn new() -> Self {
        Self { dir: scratch_dir(), cache: scratch_dir() }
    }

    fn command(&self, args: &[&str]) -> Command {
        let program = command();
        let mut command = Command::new(program.get_program());
        command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(self.dir.path()).env("CARGO_TARGET_DIR", guests_target_dir().join("faults"));
        command.env("AIRTIGHT_CACHE_DIR", self.cache.path()).arg("faults").arg(guests_dir().join("faults"));
        command.args(["--color", "never", "--test", "wrong", "--report"]);
        command.arg(format!("json={}", self.dir.path().join("faults.json").display())).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> (Ran, Value) {
        let ran = Ran::from(self.command(args).output().unwrap());
        let report = std::fs::read(self.dir.path().join("faults.json")).unwrap();
        (ran, serde_json::from_slice(&report).unwrap())
    }

    /// How many tests there are of which something is kept.
    fn kept(&self) -> usize {
        std::fs::read_dir(self.cache.path().join("faults")).map_or(0, Iterator::count)
    }
}

/// A figure of all tests together.
fn sum(report: &Value, figure: &str) -> u64 {
    let tests = report["canonical"]["modules"][0]["tests"].as_array().unwrap();
    tests.iter().map(|test| test[figure].as_u64().unwrap()).sum()
}

/// What a search that went on came to is what one from the start does.
fn assert_same((whole, report): &(Ran, Value), (last, end): &(Ran, Value)) {
    assert_eq!((sum(end, "tried"), told(last)), (sum(report, "tried"), told(whole)));
    assert_eq!((&end["digest"], &end["canonical"]["reproducible"]), (&report["digest"], &true.into()));
}

/// Whether the line that tells what was not tried tells how the search goes on.
fn tells_how_to_go_on(ran: &Ran) -> bool {
    let kept = " not tried (what was tried is kept: with --resume, the same command goes on from here), of calls at";
    ran.stdout.lines().any(|line| line.ends_with(kept))
}

#[test]
fn a_search_that_was_interrupted_goes_on_where_it_was() {
    let searches = Searches::new();
    let whole = searches.run(&[]);
    assert_eq!(searches.kept(), 0, "nothing is kept of a search that came to its end");
    let mut wait = Duration::from_millis(20);
    while searches.kept() == 0 {
        let child = searches.command(&["-j", "1"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(wait);
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let ended = child.wait_with_output().unwrap();
        let (status, told) = (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned());
        assert_ne!(status, Some(100), "it had ended before it could be interrupted, after {wait:?}");
        assert!(searches.kept() == 0 || told.contains("with --resume, the same command goes on from here"), "{told}");
        assert!(searches.kept() == 0 || status == Some(130), "{status:?}");
        wait += wait / 4;
    }
    assert_same(&whole, &searches.run(&["--resume"]));
    assert_eq!(searches.kept(), 0);
}

#[test]
fn a_search_that_time_ended_goes_on_where_it_was() {
    let searches = Searches::new();
    let whole = searches.run(&[]);
    let all = sum(&whole.1, "tried");
    let mut time = 20;
    let tried = loop {
        let (ran, report) = searches.run(&["--faults-time", &format!("{time}ms"), "-j", "1"]);
        let tried = sum(&report, "tried");
        assert!(tried < all, "it came to its end in {time} ms");
        if tried > 0 {
            assert!(tells_how_to_go_on(&ran), "{}", ran.stdout);
            assert_eq!(report["canonical"]["reproducible"], false);
            break tried;
        }
        time += time / 4;
    };
    // No time is left to try anything: what is there is what was kept.
    let (_, kept) = searches.run(&["--faults-time", "0s", "--resume"]);
    assert_eq!(sum(&kept, "tried"), tried);
    assert_same(&whole, &searches.run(&["--resume"]));
}

#[test]
fn a_search_that_was_stopped_goes_on_where_it_was() {
    let searches = Searches::new();
    let faults = |args: &[&str]| searches.run(args);
    let (whole, report) = faults(&[]);
    assert!(!tells_how_to_go_on(&whole), "{}", whole.stdout);
    let all = sum(&report, "tried");
    let (first, stopped) = faults(&["--faults-max", "150"]);
    assert!(tells_how_to_go_on(&first), "{}", first.stdout);
    assert_eq!((sum(&stopped, "tried"), &stopped["is_kept"]), (150, &true.into()));
    let (_, second) = faults(&["--faults-max", "150", "--resume"]);
    assert_eq!(sum(&second, "tried"), 300);
    // Runs with two failures are compared with the run with the first alone, which is made again.
    let (last, end) = faults(&["--resume"]);
    assert_eq!(sum(&end, "tried"), all);
    assert_same(&(whole, report), &(last, end));
    // Nothing is kept of a search that came to its end.
    let (_, anew) = faults(&["--faults-max", "10", "--resume"]);
    assert_eq!(sum(&anew, "tried"), 10);
    let (unkept, _) = faults(&["--faults-max", "10", "--no-cache"]);
    assert!(unkept.stdout.contains(" failures not tried, of calls at") && !tells_how_to_go_on(&unkept));
}

#[test]
fn a_search_that_time_ends_is_not_reproducible() {
    let dir = scratch_dir();
    let report = format!("json={}", dir.path().join("faults.json").display());
    let ran = run_on_faults(dir.path(), &["faults", "--test", "wrong", "--faults-time", "0s", "--report", &report]);
    let report: Value = serde_json::from_slice(&std::fs::read(dir.path().join("faults.json")).unwrap()).unwrap();
    assert_eq!(report["canonical"]["reproducible"], false, "{}", ran.stdout);
    assert!(ran.stdout.contains(" failures not tried") && ran.stdout.contains(", of calls at"), "{}", ran.stdout);
}

#[test]
fn what_is_accepted_and_still_there_stays_accepted() {
    let dir = scratch_dir();
    let file = dir.path().join("accepted.toml");
    let faults = |more: &[&str], tests: &[&str]| {
        let baseline = ["--baseline", file.to_str().unwrap()];
        run_on_faults(
            dir.path(),
            &[&["faults", "--test", "wrong"], &baseline[..], more, &["--exact", "--"], tests].concat(),
        )
    };
    // One entry stands for what several tests come to, and names the first of them.
    let shared = ["descriptor_is_closed_twice", "descriptor_is_used_after_its_close", "descriptor_stays_open"];
    let ran = faults(&["--accept"], &shared);
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    let entries = std::fs::read_to_string(&file).unwrap();
    let ran = faults(&["--accept"], &shared[1..]);
    assert!(ran.stdout.contains("0 added,"), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("0 gone"), "what the test that is named shows was not looked for: {}", ran.stdout);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), entries);
    assert_eq!(faults(&[], &shared).status, Some(0));
}

const SUBTESTS: &str = r#"
use std::fs::{self, File};
use std::os::fd::IntoRawFd;

fn forgets() -> std::io::Result<()> {
    let file = File::create("/tmp/file")?.into_raw_fd();
    fs::metadata("/tmp/file")?;
    drop(unsafe { <File as std::os::fd::FromRawFd>::from_raw_fd(file) });
    fs::remove_file("/tmp/file")
}

fn closes() -> std::io::Result<()> {
    let _file = File::create("/tmp/other")?;
    let seen = fs::metadata("/tmp/other");
    fs::remove_file("/tmp/other")?;
    seen.map(drop)
}

#[airtight::test]
fn table(t: &mut airtight::T) {
    t.run("forgets", |_| { let _ = forgets(); });
    t.run("closes", |_| { let _ = closes(); });
}
"#;

#[test]
fn the_subtests_that_are_selected_are_searched() {
    let dir = scratch_dir();
    workspace(dir.path(), &[("suite", "")]);
    with_sdk(&dir.path().join("suite"));
    write(&dir.path().join("suite/tests/t.rs"), SUBTESTS);
    let faults = |filter: &str| {
        let mut command = command();
        command.current_dir(dir.path()).env_remove("CARGO_TARGET_DIR");
        command.args(["faults", "--test", "t", "--color", "never", "--", filter]);
        Ran::from(command.output().unwrap())
    };
    let closes = faults("table/closes");
    assert_eq!(closes.status, Some(0), "{}{}", closes.stdout, closes.stderr);
    assert!(closes.stdout.contains("Summary 1 test, 4 calls that can fail"), "{}", closes.stdout);
    let all = faults("table");
    assert_eq!(all.status, Some(100), "{}{}", all.stdout, all.stderr);
    assert!(all.stdout.contains("t::forgets") && all.stdout.contains("8 calls that can fail"), "{}", all.stdout);
}

/// How Go's tests end: waiting for ever, by a panic, by `log.Fatal`; and by what they do themselves.
#[test]
fn ends_of_tests_in_go_are_known() {
    for go in gos("ends of tests whose calls fail in Go") {
        let dir = scratch_dir();
        let module = go_test_binary(&go, &guests_dir().join("faults/go"), dir.path());
        let ran = run(dir.path(), ["faults".into(), module.into_os_string(), "--".into(), "-test.run=TestEnds".into()]);
        assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
        // Go 1.24 words it so.
        let told = ran.stdout.replace(" [recovered]", " [recovered, repanicked]");
        insta::assert_snapshot!("ends_of_tests_in_go_are_known", told);
    }
}
