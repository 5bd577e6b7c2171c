//! The same report, byte for byte, however the tests are run.

use airtight_tests::{
    Ran, canonical, command, compile, digest, guest, guests, guests_dir, read_report, run, scratch_dir,
};
use serde_json::Value;
use std::sync::OnceLock;

/// A clean-up that hangs takes its fuel, a billion units, which an interpreter takes long to burn.
const SLOW: &str = "fail_in_a_cleanup_that_hangs";

/// Runs all guests but the slow one.
fn report(args: &[&str]) -> Value {
    report_of(args, |args| run(&guests_dir(), args))
}

fn report_of(args: &[&str], run: impl FnOnce(Vec<String>) -> Ran) -> Value {
    let dir = scratch_dir();
    let file = dir.path().join("report.json");
    let mut all = vec!["run".to_owned(), "--skip".into(), SLOW.into(), format!("--report=json={}", file.display())];
    all.extend(args.iter().map(|arg| (*arg).to_owned()));
    all.extend(guests().values().map(|path| path.display().to_string()));
    all.push(compile("trap_endless_recursion", dir.path()).display().to_string());
    let ran = run(all);
    assert_eq!(ran.status, Some(100), "{args:?}: {}", ran.stderr);
    read_report(&file)
}

fn usual() -> &'static Value {
    static USUAL: OnceLock<Value> = OnceLock::new();
    USUAL.get_or_init(|| report(&[]))
}

fn assert_same(other: &Value, how: &str) {
    let tests = |report| airtight_tests::tests(report).collect::<Vec<_>>();
    for (a, b) in tests(usual()).into_iter().zip(tests(other)) {
        assert_eq!(a, b, "{how}");
    }
    assert_eq!(canonical(usual()), canonical(other), "{how}");
    assert_eq!(digest(usual()), digest(other), "{how}");
}

#[test]
fn for_any_number_of_jobs_and_any_order() {
    for args in [["-j1"].as_slice(), &["-j2"], &["-j7"], &["--shuffle", "7"], &["--shuffle", "8", "-j1"]] {
        assert_same(&report(args), &format!("{args:?}"));
    }
}

#[test]
fn compiled_by_winch() {
    assert_same(&report(&["--engine", "winch"]), "winch");
}

#[test]
fn interpreted_by_pulley() {
    assert_same(&report(&["--engine", "pulley"]), "pulley");
}

#[test]
fn without_the_cache() {
    assert_same(&report(&["--no-cache"]), "--no-cache");
}

/// The pool's address space cannot be had: memory is allocated on demand.
#[test]
fn with_little_address_space() {
    let limited = report_of(&["-v"], |args| {
        let program = command().get_program().to_owned();
        let output = assert_cmd::Command::new("sh")
            .current_dir(guests_dir())
            .env("AIRTIGHT_CACHE_DIR", airtight_tests::cache_dir())
            .args(["-c", "ulimit -v 6000000 && exec \"$0\" \"$@\""])
            .arg(program)
            .args(args)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(stderr.contains("allocating on demand"), "the pool was there: {stderr}");
        Ran { status: output.status.code(), stdout: String::new(), stderr }
    });
    assert_same(&limited, "ulimit -v");
}

/// The host's environment, current directory and time zone are nothing to the guest.
#[test]
fn in_another_environment() {
    let dir = scratch_dir();
    let file = dir.path().join("report.json");
    let module = guest("plain/world");
    let run = |extra: &[(&str, &str)]| {
        let mut command = command();
        command.current_dir(guests_dir()).args(["run", "--report"]).arg(format!("json={}", file.display())).arg(module);
        let output = command.envs(extra.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(100));
        digest(&read_report(&file)).to_owned()
    };
    assert_eq!(
        run(&[]),
        run(&[("SECRET", "x"), ("TZ", "Pacific/Auckland"), ("LANG", "tr_TR"), ("RUST_BACKTRACE", "full")])
    );
}
