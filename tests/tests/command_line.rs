//! Options that people type after `cargo test` and `cargo nextest run` mean the same here, or are refused with a
//! replacement.

use airtight_tests::{Ran, airtight_test, digest, guest, program, read_report, run, scratch_dir, verdicts, workspace};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

const SUITE: &str = "
#[cfg(test)]
mod tests {
    #[test] fn adds() { println!(\"adding\"); }
    #[test] fn adds_times() {}
    #[test] fn times() {}
    #[test] #[ignore] fn later() {}
}
";

/// A workspace of a package `suite`.
fn suite() -> tempfile::TempDir {
    let dir = scratch_dir();
    workspace(dir.path(), &[("suite", SUITE)]);
    dir
}

/// The tests that passed, by their last names.
fn passed(dir: &Path, done: &Ran) -> Vec<String> {
    assert_eq!(done.status, Some(0), "{}{}", done.stdout, done.stderr);
    let found = verdicts(&read_report(&dir.join("report.json")));
    let passed = found.into_iter().filter(|(_, verdict)| verdict == "pass");
    passed.map(|(name, _)| name.rsplit("::").next().unwrap().to_owned()).collect()
}

#[test]
fn what_comes_after_two_dashes_is_for_rust_s_harness() {
    let dir = suite();
    for (args, expected) in [
        (&["--", "--skip", "times"][..], &["adds"][..]),
        (&["--", "--exact", "tests::adds"], &["adds"]),
        (&["--", "--ignored"], &["later"]),
        (&["--", "--include-ignored", "later"], &["later"]),
        (&["--", "--test-threads=1", "adds"], &["adds", "adds_times"]),
        (&["--skip", "adds", "--", "--test-threads", "2"], &["times"]),
        (&["adds_t"], &["adds_times"]),
        (&["suite", "adds_t"], &["adds_times"]),
        (&["--manifest-path", "suite/Cargo.toml", "adds_t"], &["adds_times"]),
        (&["--run-ignored", "only"], &["later"]),
        (&["--retries", "2", "--test-threads", "1", "-q", "--", "--exact", "tests::times"], &["times"]),
    ] {
        let done = airtight_test(dir.path(), args, &[]);
        assert_eq!(passed(dir.path(), &done), expected, "{args:?}");
    }
    let shown = airtight_test(dir.path(), &["--", "--nocapture", "--exact", "tests::adds"], &[]);
    assert!(shown.stdout.contains("adding"), "{}", shown.stdout);
    let listed = "suite tests::adds\nsuite tests::adds_times\nsuite tests::later (ignored)\nsuite tests::times\n";
    for args in [&["--list"][..], &["--no-run"], &["--", "--list"]] {
        assert_eq!(airtight_test(dir.path(), args, &[]).stdout, listed, "{args:?}");
    }
}

#[test]
fn what_cannot_mean_the_same_is_refused_with_what_to_write() {
    let dir = suite();
    for (args, instead) in [
        (&["--format", "json"][..], "--report json=PATH"),
        (&["--", "--format", "junit"], "--report json=PATH"),
        (&["--message-format", "json"], "[possible values: human, libtest-json, libtest-json-plus, test2json]"),
        (&["--message-format-version", "0.1"], "nextest's 0.1"),
        (&["--junit", "x"], "--report junit=PATH"),
        (&["--doc"], "cargo test --doc"),
        (&["--", "--logfile", "x"], "not an option of Rust's test harness"),
        (&["--", "--report", "json=x"], "write it before `--`"),
        (&["--", "--bench"], "no benchmarks are run here"),
        (&["suite", "--manifest-path", "suite/Cargo.toml"], "leave one out"),
    ] {
        let done = airtight_test(dir.path(), args, &[]);
        assert_eq!(done.status, Some(2), "{args:?}: {}{}", done.stdout, done.stderr);
        assert!(done.stderr.contains(instead), "{args:?}: {}", done.stderr);
    }
}

#[test]
fn cargo_builds_where_it_is_told_to() {
    let dir = suite();
    let done = airtight_test(dir.path(), &["--target-dir", "else where", "--build-jobs", "1", "--keep-going"], &[]);
    assert_eq!(passed(dir.path(), &done), ["adds", "adds_times", "times"]);
    assert!(dir.path().join("else where/wasm32-wasip1").is_dir() && !dir.path().join("target").exists());
}

/// Tests of the SDK are called again in their instance. Others cannot be, and that is said.
#[test]
fn what_is_not_repeated_is_said() {
    let dir = scratch_dir();
    let args = ["--repeat", "3", "--fuel", "10M"];
    let repeated =
        |module: &str| run(dir.path(), ["run", guest(module).to_str().unwrap()].into_iter().chain(args)).stdout;
    assert!(repeated("plain/endings").contains("tests are called once: --repeat is for tests of the SDK"));
    assert!(!repeated("sdk/cleanups").contains("called once"));
}

#[test]
fn a_program_is_given_arguments_variables_and_directories() {
    let dir = scratch_dir();
    airtight_tests::write(&dir.path().join("data/file"), "in the file");
    let args = ["--no-capture", "--env", "SAID=a=b", "--dir", "data::/data", "--", "--list", "-x", "a b"];
    let module = guest("programs/pass_tells_its_world").to_str().unwrap();
    let told = run(dir.path(), ["run", module].into_iter().chain(args));
    assert_eq!(told.status, Some(0), "{}{}", told.stdout, told.stderr);
    let expected = "[\"--list\", \"-x\", \"a b\"] SAID=a=b /data/file=in the file\n";
    assert!(told.stdout.contains(expected), "{}", told.stdout);
    for (granted, problem) in [
        ("data", "`::` between HOST and GUEST is missing"),
        ("data::data", "is not absolute"),
        ("date::/data", "data"),
        ("data::/data:rw", "is not a mode"),
        ("data::/tmp", "is the scratch file system"),
    ] {
        let refused = run(dir.path(), ["run", module, "--dir", granted]);
        assert_eq!(refused.status, Some(96), "{granted}");
        assert!(refused.stderr.contains(problem), "{granted}: {}", refused.stderr);
    }
}

/// Starts the program with pipes for all its streams.
fn started(dir: &Path, args: &[&str]) -> std::process::Child {
    let mut command = Command::new(program());
    command.args(args).current_dir(dir).env("AIRTIGHT_CACHE_DIR", airtight_tests::cache_dir());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Input and output of the machine do not belong to any test: neither verdict nor digest depends on them.
#[test]
fn the_machine_s_streams_change_nothing() {
    let dir = scratch_dir();
    let module = guest("plain/endings").to_str().unwrap();
    let mut digests = Vec::new();
    for (flag, is_read) in [("--show-output=never", true), ("--no-capture", true), ("--no-capture", false)] {
        let mut child = started(dir.path(), &["run", module, flag, "--report", "json=report.json"]);
        // Nobody reads it: the pipe may be closed by then.
        let _ = child.stdin.take().unwrap().write_all(b"input of the machine\n");
        let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        if is_read {
            let other = std::thread::spawn(move || stderr.read_to_end(&mut Vec::new()).map(drop));
            stdout.read_to_end(&mut Vec::new()).unwrap();
            other.join().unwrap().unwrap();
        } else {
            drop((stdout, stderr));
        }
        assert_eq!(child.wait().unwrap().code(), Some(100), "{flag}");
        let report = read_report(&dir.path().join("report.json"));
        assert_eq!(report["canonical"]["reproducible"], true);
        digests.push(digest(&report).to_owned());
        std::fs::remove_file(dir.path().join("report.json")).unwrap();
    }
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
}

/// A reader that went away changes no status.
#[test]
fn a_closed_pipe_hides_no_verdict() {
    let dir = scratch_dir();
    let module = guest("plain/endings").to_str().unwrap();
    for (filter, status) in [("pass_", 0), ("fail_with_a_message", 100), ("no such test", 4)] {
        let mut child = started(dir.path(), &["run", module, "--", filter]);
        drop((child.stdin.take(), child.stdout.take(), child.stderr.take()));
        assert_eq!(child.wait().unwrap().code(), Some(status), "{filter}");
    }
}

/// A variable that is set to nothing is none, and what is said of a run has colours on a terminal alone.
#[test]
fn empty_variables_are_none_and_diagnostics_are_plain() {
    let dir = scratch_dir();
    let mut command = airtight_tests::command();
    for name in ["PROFILE", "SEED", "BASELINE", "BASE", "MEMORY", "RUNNER_LEAKS", "CACHE_DIR"] {
        command.env(format!("AIRTIGHT_{name}"), "");
    }
    command.env_remove("NO_COLOR").env("AIRTIGHT_LOG", "airtight=trace").current_dir(dir.path());
    let module = guest("plain/files");
    let output = command.args(["run", "--no-cache", "-v"]).arg(module).args(["--", "pass_everything_closed"]).output();
    let ran = Ran::from(output.unwrap());
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(!ran.stderr.contains('\x1b'), "{}", ran.stderr);
}
