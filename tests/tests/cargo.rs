//! Cargo drives airtight, and airtight drives cargo.

use airtight_tests::{
    Ran, airtight_test, command, guest, guests, guests_dir, guests_target_dir, program, read_report, run, scratch_dir,
    toolchain, verdicts, workspace, write,
};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Cargo in the guests' workspace, with airtight as the runner.
fn cargo(args: &[&str]) -> Command {
    // Built before, so that these tests do not wait for each other's builds.
    guests();
    let mut cargo = Command::new(&toolchain().cargo);
    cargo.current_dir(guests_dir()).args(args).env("CARGO_BUILD_TARGET", "wasm32-wasip1").envs(toolchain().env());
    cargo.env("CARGO_TARGET_WASM32_WASIP1_RUNNER", format!("{} runner", program().display()));
    cargo.env("CARGO_TARGET_DIR", guests_target_dir()).env("AIRTIGHT_CACHE_DIR", airtight_tests::cache_dir());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("NEXTEST")) {
        cargo.env_remove(name);
    }
    cargo
}

fn ran(command: &mut Command) -> Ran {
    Ran::from(command.output().unwrap())
}

/// Calls the runner as cargo and nextest do: in the package's folder, with variables that name it.
fn runner(module: &str, args: &[&str]) -> Ran {
    let package = guests_dir().join(module.split('/').next().unwrap());
    let mut command = command();
    command.current_dir(&package).env("CARGO_MANIFEST_DIR", &package).env("CARGO_PKG_NAME", "plain");
    Ran::from(command.arg("runner").arg(guest(module)).args(args).output().unwrap())
}

#[test]
fn plain_cargo_test_runs_through_the_runner() {
    let passed = ran(&mut cargo(&["test", "-p", "plain", "--test", "world", "--", "pass_", "deny_"]));
    assert_eq!(passed.status, Some(0), "{}{}", passed.stdout, passed.stderr);
    assert!(passed.stdout.contains("pass_current_directory_is_the_package"), "{}", passed.stdout);
    let leaked = ran(&mut cargo(&["test", "-p", "plain", "--test", "files", "leak_one_file"]));
    assert_ne!(leaked.status, Some(0));
    assert!(leaked.stdout.contains("tests/files.rs:27"), "{}", leaked.stdout);
}

#[test]
fn a_filter_that_concerns_no_test_of_a_binary_is_no_failure() {
    let passed = ran(&mut cargo(&["test", "-p", "plain", "--lib", "--test", "world", "pass_statics"]));
    assert_eq!(passed.status, Some(0), "{}{}", passed.stdout, passed.stderr);
}

#[test]
fn cargo_run_passes_arguments_streams_and_status_through() {
    let mut cargo = cargo(&["run", "-q", "-p", "programs", "--bin", "echo"]);
    let mut child = cargo
        .args(["--", "a", "--list", "c d"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"the input").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "[\"a\", \"--list\", \"c d\"] \"the input\"\n");
    assert!(String::from_utf8_lossy(&output.stderr).contains("on standard error"));
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn targets_without_a_harness_pass_straight_through() {
    for (test, status) in [("pass_returns", 0), ("pass_exits_zero", 0), ("exit_three", 3)] {
        assert_eq!(runner(&format!("programs/{test}"), &[]).status, Some(status), "{test}");
    }
    let trapped = runner("programs/fail_panics", &[]);
    assert_eq!(trapped.status, Some(134), "as a shell tells an abort");
    assert!(trapped.stderr.contains("a program panics"), "{}", trapped.stderr);
    let through_cargo = ran(&mut cargo(&["test", "-p", "programs", "--test", "exit_three"]));
    assert_ne!(through_cargo.status, Some(0));
}

/// What a program leaves fails it where it is a test, and is told of where `cargo run` runs it.
#[test]
fn what_a_program_leaves_is_told() {
    let leaky = guest("programs/leak_a_file");
    let runner = |file: &Path, args: &[&str], env: &[(&str, &str)]| {
        let mut command = command();
        Ran::from(command.envs(env.iter().copied()).arg("runner").args(args).arg(file).output().unwrap())
    };
    let built = runner(leaky, &[], &[]);
    assert_eq!(built.status, Some(100), "{}", built.stderr);
    assert!(built.stderr.contains("LEAK") && built.stderr.contains("tests/leak_a_file.rs:"), "{}", built.stderr);
    assert!(!built.stdout.contains("LEAK"), "its output is its own: {}", built.stdout);
    // What cargo run runs is a file without a number.
    let dir = scratch_dir();
    let own = dir.path().join("leaky.wasm");
    fs::copy(leaky, &own).unwrap();
    let told = runner(&own, &[], &[]);
    assert_eq!(told.status, Some(0), "{}", told.stderr);
    assert!(told.stderr.contains("LEAK") && told.stderr.contains("--leaks fail"), "{}", told.stderr);
    assert_eq!(runner(&own, &["--leaks", "fail"], &[]).status, Some(100));
    let chosen = runner(leaky, &[], &[("AIRTIGHT_RUNNER_LEAKS", "tell")]);
    assert_eq!(chosen.status, Some(0), "{}", chosen.stderr);
}

/// What nextest asks a binary for, and what it does with the answers.
#[test]
fn the_runner_answers_nextest() {
    let listed = runner("plain/endings", &["--list", "--format", "terse"]);
    assert_eq!(listed.status, Some(0), "{}", listed.stderr);
    assert!(listed.stdout.lines().all(|line| line.ends_with(": test")), "{}", listed.stdout);
    assert!(listed.stdout.contains("skip_ignored: test\n") && listed.stdout.contains("exit_zero: test\n"));
    let ignored = runner("plain/endings", &["--list", "--format", "terse", "--ignored"]);
    assert_eq!(ignored.stdout, "skip_ignored: test\nskip_ignored_for_a_reason: test\n");
    for (test, passes) in [
        ("pass_prints", true),
        ("fail_with_a_message", false),
        ("exit_zero", false),
        ("exit_after_a_closing_line", false),
        ("trap_abort", false),
    ] {
        let one = runner("plain/endings", &["--exact", test, "--nocapture"]);
        assert_eq!(one.status == Some(0), passes, "{test}: {}", one.stdout);
    }
    let printed = runner("plain/endings", &["--exact", "pass_prints", "--nocapture"]);
    assert!(printed.stdout.contains("to standard output") && printed.stderr.contains("to standard error"));
    let ignored = runner("plain/endings", &["--exact", "skip_ignored", "--nocapture", "--ignored"]);
    assert_ne!(ignored.status, Some(0), "it ran, and panicked");
}

#[test]
fn the_runner_refuses_arguments_that_it_does_not_know() {
    let wrong = runner("plain/endings", &["--no-such-option"]);
    assert_eq!(wrong.status, Some(2), "{}", wrong.stderr);
}

/// nextest's own language: what it selects, and what is wrong with it, which is said before anything is built.
#[test]
fn filter_expressions_are_nextest_s() {
    let dir = scratch_dir();
    workspace(dir.path(), &[("base", PASSES), ("app", "#[test]\nfn parses() {}\n#[test]\nfn prints() {}\n")]);
    let manifest = "[package]\nname = \"app\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[dependencies]\nbase = { path = \"../base\" }\n";
    write(&dir.path().join("app/Cargo.toml"), manifest);
    write(&dir.path().join("app/tests/smoke.rs"), "#[test]\nfn parses_all() {}\n");
    let selected = |args: &[&str]| -> Vec<String> {
        let ran = airtight_test(dir.path(), &[&["--workspace"], args].concat(), &[]);
        assert_eq!(ran.status, Some(0), "{args:?}: {}{}", ran.stdout, ran.stderr);
        verdicts(&read_report(&dir.path().join("report.json"))).into_keys().collect()
    };
    assert_eq!(selected(&["-E", "test(/^parse/)"]), ["app parses", "app/smoke parses_all"]);
    assert_eq!(selected(&["-E", "package(app) & !kind(test)"]), ["app parses", "app prints"]);
    assert_eq!(selected(&["-E", "deps(app)", "--", "pass"]), ["base pass"], "both select");
    assert_eq!(
        selected(&["-E", "test(=prints)", "-E", "binary_id(app::smoke)"]),
        ["app prints", "app/smoke parses_all"]
    );
    let none = airtight_test(dir.path(), &["--workspace", "-E", "none()"], &[]);
    assert_eq!(none.status, Some(4), "{}", none.stderr);
    write(&dir.path().join("app/src/lib.rs"), "does not compile");
    for wrong in ["test(", "package(nobody)"] {
        let refused = airtight_test(dir.path(), &["--workspace", "-E", wrong], &[]);
        assert_eq!(refused.status, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(wrong) && !refused.stderr.contains("Compiling"), "{}", refused.stderr);
    }
    let module = run(dir.path(), ["run", guest("plain/endings").to_str().unwrap(), "-E", "all()"]);
    assert!(module.status == Some(2) && module.stderr.contains("modules name none"), "{}", module.stderr);
}

/// With nextest itself, where it is installed; the contract is tested above in any case.
#[test]
fn nextest_runs_through_the_runner() {
    let version = Command::new(&toolchain().cargo).args(["nextest", "--version"]).output();
    if !version.is_ok_and(|output| output.status.success()) {
        eprintln!("cargo-nextest is not installed");
        return;
    }
    let passed = ran(&mut cargo(&["nextest", "run", "-p", "plain", "-E", "binary(world) & test(/^(pass|deny)_/)"]));
    assert_eq!(passed.status, Some(0), "{}{}", passed.stdout, passed.stderr);
    let failed = ran(&mut cargo(&["nextest", "run", "--no-fail-fast", "-p", "plain", "-E", "test(/^leak_one_file/)"]));
    assert_eq!(failed.status, Some(100), "{}{}", failed.stdout, failed.stderr);
}

const PASSES: &str = "#[test]\nfn pass() {}\n";

#[test]
fn a_package_that_does_not_build_is_named_and_the_rest_runs() {
    let dir = scratch_dir();
    let broken = "compile_error!(\"not for this target\");";
    workspace(dir.path(), &[("broken", broken), ("sound", PASSES)]);
    let ran = airtight_test(dir.path(), &["--workspace"], &[]);
    assert_eq!(ran.status, Some(101), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("broken") && ran.stderr.contains("not for this target"), "{}", ran.stderr);
    assert!(ran.stdout.contains("not tested: ") && ran.stdout.contains("broken"), "{}", ran.stdout);
    let found = verdicts(&read_report(&dir.path().join("report.json")));
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [("sound pass".to_owned(), "pass".to_owned())]);
    let without = airtight_test(dir.path(), &["--workspace", "--exclude", "broken"], &[]);
    assert_eq!(without.status, Some(0), "{}{}", without.stdout, without.stderr);
}

/// Nothing that `cargo test` would run is left out without a word.
#[test]
fn what_is_not_tested_is_named_with_its_reason() {
    let dir = scratch_dir();
    workspace(dir.path(), &[("suite", PASSES), ("other", ""), ("derive", PASSES)]);
    let manifest = |name: &str, more: &str| {
        let manifest = format!("[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n{more}");
        fs::write(dir.path().join(name).join("Cargo.toml"), manifest).unwrap();
    };
    manifest("derive", "[lib]\nproc-macro = true\n");
    let test = "[[test]]\nname = \"it\"\nrequired-features = [\"extra\"]\n";
    manifest("suite", &format!("[features]\nextra = []\n{test}"));
    write(&dir.path().join("suite/tests/it.rs"), PASSES);
    let all = airtight_test(dir.path(), &["--workspace"], &[]);
    for note in ["1 test binary is not run (derive)", "suite/it is not built: it needs --features extra"] {
        assert!(all.stdout.contains(note), "{note}: {}", all.stdout);
    }
    let one = airtight_test(dir.path(), &["suite", "--features", "extra"], &[]);
    assert!(one.stdout.contains("2 packages of the workspace not tested (derive, other)"), "{}", one.stdout);
    assert!(!one.stdout.contains("it needs"), "{}", one.stdout);
    let chosen = airtight_test(dir.path(), &["-p", "suite"], &[]);
    assert!(!chosen.stdout.contains("not tested"), "{}", chosen.stdout);
}

#[test]
fn nothing_that_builds_is_101() {
    let dir = scratch_dir();
    workspace(dir.path(), &[("broken", "compile_error!(\"not for this target\");")]);
    let ran = airtight_test(dir.path(), &[], &[]);
    assert_eq!(ran.status, Some(101), "{}{}", ran.stdout, ran.stderr);
    let unknown = airtight_test(dir.path(), &["-p", "no-such-package"], &[]);
    assert_eq!(unknown.status, Some(101), "{}{}", unknown.stdout, unknown.stderr);
}

#[test]
fn the_user_s_rustflags_are_kept() {
    let dir = scratch_dir();
    workspace(dir.path(), &[("flags", "#[cfg(kept)]\n#[test]\nfn pass_with_the_flag() {}\n")]);
    let without = airtight_test(dir.path(), &[], &[]);
    assert_eq!(without.status, Some(4), "{}{}", without.stdout, without.stderr);
    for name in ["RUSTFLAGS", "CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS"] {
        let with = airtight_test(dir.path(), &[], &[(name, "--cfg kept")]);
        assert_eq!(with.status, Some(0), "{name}: {}{}", with.stdout, with.stderr);
    }
    fs::create_dir(dir.path().join(".cargo")).unwrap();
    fs::write(dir.path().join(".cargo/config.toml"), "[build]\nrustflags = [\"--cfg\", \"kept\"]\n").unwrap();
    let with = airtight_test(dir.path(), &[], &[]);
    assert_eq!(with.status, Some(0), "{}{}", with.stdout, with.stderr);
}

#[test]
fn a_path_and_cargo_s_options_choose_what_is_built() {
    let dir = scratch_dir();
    workspace(dir.path(), &[("one", PASSES), ("two", PASSES)]);
    for (args, tests) in [(&["one"][..], 1), (&["--workspace"], 2), (&["-p", "two", "--lib", "--release"], 1)] {
        let ran = airtight_test(dir.path(), args, &[]);
        assert_eq!(ran.status, Some(0), "{args:?}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(verdicts(&read_report(&dir.path().join("report.json"))).len(), tests, "{args:?}");
    }
}

#[test]
fn setup_finds_the_toolchain_at_once() {
    let dir = scratch_dir();
    let began = std::time::Instant::now();
    let ran = airtight_tests::run(dir.path(), ["setup"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("ready: "), "{}", ran.stdout);
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
}

/// Ctrl-C on a terminal goes to the whole group. The build script would sleep for ten minutes.
#[test]
fn an_interrupt_while_building_leaves_no_children() {
    let dir = scratch_dir();
    workspace(dir.path(), &[("slow", PASSES)]);
    let sleeps = "fn main() {\n    std::fs::write(\"started\", std::process::id().to_string()).unwrap();\n    \
        std::thread::sleep(std::time::Duration::from_secs(600));\n}\n";
    fs::write(dir.path().join("slow/build.rs"), sleeps).unwrap();
    let mut child = Command::new(program())
        .current_dir(dir.path())
        .env_remove("CARGO_TARGET_DIR")
        .env("AIRTIGHT_CACHE_DIR", airtight_tests::cache_dir())
        .envs(toolchain().env())
        .args(["test", "."])
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = dir.path().join("slow/started");
    let script = until("the build script starts", || fs::read_to_string(&started).ok().filter(|id| !id.is_empty()));
    let group = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process_group(group, rustix::process::Signal::INT).unwrap();
    let status = until("airtight ends", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(130));
    until("the build script is gone", || (!Path::new("/proc").join(&script).exists()).then_some(()));
}

/// What `found` finds, within a minute.
fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        if let Some(found) = found() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("waited a minute until {what}");
}

/// What to do about a path that was baked in is told where the test looked for one, and not of any file that is not there.
#[test]
fn a_baked_path_is_told_from_any_that_is_not_there() {
    let dir = scratch_dir();
    workspace(dir.path(), &[("paths", "")]);
    let test = |name: &str, path: &str| format!("#[test] fn {name}() {{ std::fs::read({path}).unwrap(); }}\n");
    let tests = [
        test("baked", "concat!(env!(\"CARGO_TARGET_TMPDIR\"), \"/x\")"),
        test("of_the_package", "\"tests/nothing.txt\""),
        test("of_the_system", "\"/etc/passwd\""),
    ];
    write(&dir.path().join("paths/tests/it.rs"), &tests.concat());
    airtight_test(dir.path(), &[], &[]);
    let report = read_report(&dir.path().join("report.json"));
    let it = report["canonical"]["modules"].as_array().unwrap().iter().find(|module| module["name"] == "paths/it");
    let hints: Vec<_> = it.unwrap()["tests"].as_array().unwrap().iter().map(|test| test["hint"].as_str()).collect();
    let begin = |hint: Option<&str>| hint.map(|hint| hint.split(':').next().unwrap().to_owned());
    let expected = [
        Some(
            "the test looked for a path that was baked in when it was built, and that directory is not granted"
                .to_owned(),
        ),
        None,
        Some("no directory that holds this path is granted".to_owned()),
    ];
    assert_eq!(hints.into_iter().map(begin).collect::<Vec<_>>(), expected);
}
