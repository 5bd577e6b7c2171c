//! Every exit status, and what the program prints with it.

use airtight_tests::{Ran, command, compile, guest, read_report, run, scratch_dir};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Standard error with the folder's name taken out.
fn said(ran: &Ran, dir: &Path) -> String {
    ran.stderr.replace(&format!("{}", dir.display()), "[dir]")
}

/// Writes bytes as `bad.wasm` and runs it.
fn run_bytes(bytes: &[u8]) -> (Option<i32>, String) {
    let dir = scratch_dir();
    fs::write(dir.path().join("bad.wasm"), bytes).unwrap();
    let ran = run(dir.path(), ["run", "bad.wasm"]);
    assert_eq!(ran.stdout, "", "nothing ran");
    (ran.status, said(&ran, dir.path()))
}

fn run_wat(wat: &str) -> (Option<i32>, String) {
    run_bytes(&wat::parse_str(wat).unwrap())
}

/// Runs an empty test under a configuration.
fn run_config(config: &str) -> (Option<i32>, String) {
    let dir = scratch_dir();
    compile("pass_empty", dir.path());
    fs::write(dir.path().join("airtight.toml"), config).unwrap();
    fs::create_dir(dir.path().join("fixtures")).unwrap();
    let ran = run(dir.path(), ["run", "pass_empty.wasm"]);
    (ran.status, said(&ran, dir.path()))
}

#[test]
fn all_passed_is_0_and_a_leak_is_100() {
    let dir = scratch_dir();
    for (guest, status) in [("pass_empty", 0), ("leak_by_hand", 100), ("exit_1", 100), ("trap_outside_memory", 100)] {
        let module = compile(guest, dir.path());
        let ran = run(dir.path(), ["run".as_ref(), module.as_os_str()]);
        assert_eq!(ran.status, Some(status), "{guest}: {}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn a_skipped_test_is_no_failure() {
    let dir = scratch_dir();
    let module = guest("plain/endings").as_os_str();
    let ran = run(dir.path(), ["run".as_ref(), module, "--".as_ref(), "skip_".as_ref()]);
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn wrong_usage_is_2() {
    let dir = scratch_dir();
    let wrong: [&[&str]; 6] = [
        &[],
        &["run"],
        &["run", "--no-such-option", "x.wasm"],
        &["run", "--partition", "slice:4/3", "x.wasm"],
        &["run", "--memory", "4MX", "x.wasm"],
        &["run", "--report", "yaml=x", "x.wasm"],
    ];
    for args in wrong {
        let ran = run(dir.path(), args);
        assert_eq!(ran.status, Some(2), "{args:?}: {}", ran.stderr);
        assert!(!ran.stderr.is_empty());
    }
}

#[test]
fn no_tests_is_4() {
    let dir = scratch_dir();
    let module = guest("plain/endings").as_os_str();
    let ran = run(dir.path(), ["run".as_ref(), module, "--".as_ref(), "no_test_is_called_this".as_ref()]);
    assert_eq!(ran.status, Some(4));
    insta::assert_snapshot!(ran.stderr, @r#"error: no test matches: all 21 were left out by the filters"#);
    let ran = run(dir.path(), ["list".as_ref(), module, "--".as_ref(), "no_test_is_called_this".as_ref()]);
    assert_eq!(ran.status, Some(4));
    insta::assert_snapshot!(ran.stderr, @r#"error: no test matches: all 21 were left out by the filters"#);
}

#[test]
fn a_file_that_is_no_module_is_104() {
    let (status, said) = run_bytes(b"#!/bin/sh\n");
    assert_eq!(status, Some(104));
    insta::assert_snapshot!(said, @r#"error: cannot load bad.wasm: it is not a WebAssembly module: it is a text file; give the .wasm file that the build made"#);
    let (status, said) = run_bytes(b"");
    assert_eq!(status, Some(104));
    insta::assert_snapshot!(said, @r#"error: cannot load bad.wasm: it is not a WebAssembly module: the file is empty"#);
    let (status, said) = run_bytes(b"\0asm\x01\0\0\0\x01\x7f");
    assert_eq!(status, Some(104));
    insta::assert_snapshot!(said, @r#"error: cannot load bad.wasm: it is not a valid module: unexpected end-of-file (at byte 0xa); the file is damaged, or needs a feature that is not supported"#);
    let dir = scratch_dir();
    let ran = run(dir.path(), ["run", "nowhere.wasm"]);
    assert_eq!(ran.status, Some(104));
    insta::assert_snapshot!(ran.stderr, @r#"error: cannot read nowhere.wasm: No such file or directory (os error 2)"#);
}

/// A module that looks like Rust's harness and traps when it is asked for its tests.
const UNLISTABLE: &str = r#"(module (memory (export "memory") 1) (func (export "_start") unreachable)
    (data (i32.const 0) "The FILTER string is tested against the name of all tests RUST_TEST_THREADS RUST_TEST_NOCAPTURE"))"#;

/// What cannot be loaded or listed is in the report, in words without this machine's paths, and the others are tested; `verify`
/// does so in every way.
#[test]
fn modules_that_cannot_be_tested_are_in_the_report() {
    let (one, another) = (scratch_dir(), scratch_dir());
    let reports = [(&one, "run"), (&another, "verify")].map(|(dir, way)| {
        let dir = dir.path();
        compile("pass_empty", dir);
        fs::write(dir.join("text.wasm"), "text").unwrap();
        fs::write(dir.join("unlistable.wasm"), wat::parse_str(UNLISTABLE).unwrap()).unwrap();
        let modules = ["text.wasm", "pass_empty.wasm", "gone.wasm", "unlistable.wasm"];
        let ran = run(dir, [&[way, "--report", "json=report.json"][..], &modules].concat());
        assert_eq!(ran.status, Some(104), "{way}: {}{}", ran.stdout, ran.stderr);
        for name in ["gone", "text", "unlistable"] {
            assert!(ran.stdout.contains(&format!("Note not tested: {name}: it")), "{way}: {}", ran.stdout);
            assert!(ran.stderr.contains(name), "{way}: {}", ran.stderr);
        }
        assert_eq!(ran.stderr.matches("error: ").count(), 3, "{way}: each once: {}", ran.stderr);
        read_report(&dir.join("report.json"))
    });
    assert_eq!(reports[0]["digest"], reports[1]["digest"]);
    assert_eq!(reports[0]["canonical"]["modules"].as_array().unwrap().len(), 1);
    insta::assert_snapshot!(serde_json::to_string_pretty(&reports[0]["canonical"]["refused"]).unwrap(), @r#"
    [
      {
        "name": "gone",
        "why": "it cannot be read: No such file or directory (os error 2)"
      },
      {
        "name": "text",
        "why": "it is not a WebAssembly module: it is a text file; give the .wasm file that the build made"
      },
      {
        "code": "sha256:b1af6c90dbb879c22e646961eb493f6291852260ce759a731431efbbb40c475a",
        "name": "unlistable",
        "why": "its tests cannot be listed: `--list` `unreachable` executed"
      }
    ]
    "#);
}

#[test]
fn a_module_that_does_not_list_its_tests_is_104() {
    let (status, said) = run_wat(UNLISTABLE);
    assert_eq!(status, Some(104));
    insta::assert_snapshot!(said, @"error: bad: its tests cannot be listed: `--list` `unreachable` executed");
    let dir = scratch_dir();
    fs::write(dir.path().join("bad.wasm"), wat::parse_str(UNLISTABLE).unwrap()).unwrap();
    for command in ["list", "verify"] {
        let ran = run(dir.path(), [command, "bad.wasm"]);
        assert_eq!((ran.status, ran.stderr), (Some(104), said.clone()), "{command}");
    }
}

/// A module that cannot be loaded does not keep the others from running, and they do not make up for it.
#[test]
fn a_module_that_cannot_be_loaded_beside_others_is_104_or_what_they_come_to() {
    let dir = scratch_dir();
    for guest in ["pass_empty", "exit_1"] {
        compile(guest, dir.path());
    }
    fs::write(dir.path().join("bad.wasm"), "text").unwrap();
    for (command, guest, status) in
        [("run", "pass_empty", 104), ("run", "exit_1", 100), ("list", "pass_empty", 104), ("list", "exit_1", 104)]
    {
        let ran = run(dir.path(), [command, "bad.wasm", &format!("{guest}.wasm")]);
        assert_eq!(ran.status, Some(status), "{command} {guest}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.starts_with("error: cannot load bad.wasm: "), "{}", ran.stderr);
        assert!(ran.stdout.contains(&format!("{guest} {guest}")), "{}", ran.stdout);
        let noted = ran.stdout.contains("Note not tested: bad: it is not a WebAssembly module: ");
        assert_eq!(noted, command == "run", "{}", ran.stdout);
    }
}

#[test]
fn a_component_is_104() {
    let (status, said) = run_wat("(component)");
    assert_eq!(status, Some(104));
    insta::assert_snapshot!(said, @r#"error: cannot load bad.wasm: it is a component, and airtight runs core modules: build it for the target wasm32-wasip1 (wasm32-wasip2 makes components)"#);
}

#[test]
fn unknown_imports_are_named_with_104() {
    let (status, said) = run_wat(
        r#"(module
            (import "env" "launch" (func))
            (import "wasi_snapshot_preview1" "fd_explode" (func (param i32)))
            (memory (export "memory") 1)
            (func (export "_start")))"#,
    );
    assert_eq!(status, Some(104));
    insta::assert_snapshot!(said, @r#"error: cannot load bad.wasm: it has imports that airtight does not provide: env::launch, wasi_snapshot_preview1::fd_explode (is no function of WASI preview 1); names in `env` are symbols that the linker did not find, or functions of Emscripten; link what defines them, and build for the target wasm32-wasip1"#);
}

#[test]
fn a_module_with_nothing_to_run_is_104() {
    let (status, said) = run_wat("(module (func (export \"add\")))");
    assert_eq!(status, Some(104));
    insta::assert_snapshot!(said, @r#"error: cannot load bad.wasm: there is nothing to run in it: `_start` is not exported, and it has no tests of the airtight SDK; build a program or a test binary, not a library"#);
}

/// A module that is mostly a custom section.
fn large(bytes: u32) -> Vec<u8> {
    let mut module = wat::parse_str("(module (memory (export \"memory\") 1) (func (export \"_start\")))").unwrap();
    let size = bytes - 16;
    module.push(0);
    let mut rest = size + 2;
    while rest >= 0x80 {
        module.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    module.push(rest as u8);
    module.extend([1, b'x']);
    module.resize(module.len() + size as usize, 0);
    module
}

#[test]
fn a_module_over_the_size_cap_is_104() {
    let dir = scratch_dir();
    fs::write(dir.path().join("large.wasm"), large(2 << 20)).unwrap();
    fs::write(dir.path().join("airtight.toml"), "module-size = \"1MiB\"\n").unwrap();
    let ran = run(dir.path(), ["run", "large.wasm"]);
    assert_eq!(ran.status, Some(104));
    assert!(ran.stderr.contains("cannot load large.wasm") && ran.stderr.contains("module-size"), "{}", ran.stderr);
}

#[test]
fn a_module_of_200_megabytes_loads() {
    let dir = scratch_dir();
    fs::write(dir.path().join("large.wasm"), large(200_000_000)).unwrap();
    let ran = run(dir.path(), ["run", "large.wasm"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
}

#[test]
fn unknown_keys_are_96_with_the_nearest_spelling() {
    let (status, said) = run_config("[profile.default]\nmemroy = \"4MiB\"\n\n[[profile.default.dir]]\ngust = \"/x\"\n");
    assert_eq!(status, Some(96));
    insta::assert_snapshot!(said, @r#"
    error: airtight.toml:2: profile.default: `memroy` is not a setting; did you mean `memory`?
    airtight.toml:4: profile.default.dir[0]: `guest`, the path in the guest, is missing
    airtight.toml:4: profile.default.dir[0]: `host`, the directory to grant, is missing
    airtight.toml:5: profile.default.dir[0]: `gust` is not a setting; did you mean `guest`?
    "#);
    let (status, said) = run_config("[profile.default]\nmemory = \"4MX\"\nfuel = 0\n");
    assert_eq!(status, Some(96));
    insta::assert_snapshot!(said, @r#"
    error: airtight.toml:2: profile.default.memory: "4MX" is not a size; write for example "256MiB" or a number of bytes
    airtight.toml:3: profile.default.fuel: 0 is too little; no test can run with it
    "#);
    let (status, said) = run_config("[profile.default\n");
    assert_eq!(status, Some(96));
    assert!(said.contains("airtight.toml:1"), "{said}");
}

#[test]
fn a_missing_directory_is_96() {
    let (status, said) = run_config("[[profile.default.dir]]\nguest = \"/fixtures\"\nhost = \"fixture\"\n");
    assert_eq!(status, Some(96));
    insta::assert_snapshot!(said, @r#"error: airtight.toml:3: profile.default.dir[0].host: directory `fixture` does not exist (looked in [dir]); did you mean `fixtures`?"#);
}

#[test]
fn an_unknown_profile_is_96() {
    let dir = scratch_dir();
    compile("pass_empty", dir.path());
    let ran = run(dir.path(), ["run", "--profile", "fast", "pass_empty.wasm"]);
    assert_eq!(ran.status, Some(96));
    insta::assert_snapshot!(ran.stderr, @r#"error: there is no profile `fast` because there is no airtight.toml; there is only `default`"#);
}

#[test]
fn a_report_path_is_refused_before_anything_runs() {
    let dir = scratch_dir();
    compile("pass_empty", dir.path());
    for path in ["json=nowhere/report.json", "json=.", "json="] {
        let ran = run(dir.path(), ["run", "--report", path, "pass_empty.wasm"]);
        assert!(matches!(ran.status, Some(96 | 2)), "{path}: {:?} {}", ran.status, ran.stderr);
        assert_eq!(ran.stdout, "", "{path}: nothing ran");
        assert!(ran.stderr.contains("report") || ran.stderr.contains("json="), "{path}: {}", ran.stderr);
    }
}

#[test]
fn a_leak_of_the_host_s_is_70_and_not_hidden() {
    let dir = scratch_dir();
    compile("pass_empty", dir.path());
    let ran = run(dir.path(), ["run", "--inject-host-leak", "--report", "json=report.json", "pass_empty.wasm"]);
    assert_eq!(ran.status, Some(70));
    insta::assert_snapshot!(ran.stderr, @r#"error: a bug of airtight: pass_empty pass_empty: host descriptors that were opened for it and are still open after it: 1 (tests concerned: 1); please report this"#);
    assert_eq!(
        airtight_tests::tests(&read_report(&dir.path().join("report.json"))).count(),
        1,
        "the report is written"
    );
}

#[test]
fn a_panic_of_the_host_s_is_70_with_a_report() {
    let dir = scratch_dir();
    compile("pass_empty", dir.path());
    let ran = run(dir.path(), ["run", "--inject-host-panic", "--report", "json=report.json", "pass_empty.wasm"]);
    assert_eq!(ran.status, Some(70));
    let told = ran.stderr.lines().find(|line| line.starts_with("error:")).unwrap_or_default();
    insta::assert_snapshot!(told, @"error: a bug of airtight: pass_empty pass_empty: the host panicked: on purpose (tests concerned: 1); please report this");
    let report = read_report(&dir.path().join("report.json"));
    assert_eq!(airtight_tests::verdicts(&report)["pass_empty pass_empty"], "fail");
}

/// A worker that dies takes its test with it, and goes on with the next one.
#[test]
fn a_worker_that_dies_takes_only_its_test_with_it() {
    let dir = scratch_dir();
    for name in ["pass_empty", "leak_by_hand", "fail_no_memory"] {
        compile(name, dir.path());
    }
    let modules = ["pass_empty.wasm", "leak_by_hand.wasm", "fail_no_memory.wasm"];
    let args = ["run", "-j1", "--inject-host-panic", "--report", "json=report.json"];
    let ran = run(dir.path(), args.into_iter().chain(modules));
    assert_eq!(ran.status, Some(70), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("(tests concerned: 3)"), "{}", ran.stderr);
    let report = read_report(&dir.path().join("report.json"));
    let said: Vec<_> = airtight_tests::tests(&report).map(|(_, test)| test["message"].clone()).collect();
    assert_eq!(said, ["the host panicked: on purpose"; 3]);
}

#[test]
fn an_interrupt_is_130_with_a_partial_report() {
    let dir = scratch_dir();
    compile("pass_empty", dir.path());
    compile("timeout_waiting_for_nobody", dir.path());
    let config = "[[profile.default.dir]]\nguest = \"/x\"\nhost = \".\"\n[[profile.default.socket]]\nname = \"s\"\nlisten = \"127.0.0.1:0\"\n\
        [[profile.default.socket]]\nname = \"c\"\nconnect-to = \"s\"\n";
    fs::write(dir.path().join("airtight.toml"), config).unwrap();
    let mut child = std::process::Command::new(command().get_program())
        .args([
            "run",
            "--no-cache",
            "-j1",
            "--report",
            "json=report.json",
            "pass_empty.wasm",
            "timeout_waiting_for_nobody.wasm",
        ])
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let began = Instant::now();
    let output = loop {
        if child.try_wait().unwrap().is_some() {
            break child.wait_with_output().unwrap();
        }
        assert!(began.elapsed() < Duration::from_secs(10), "it did not end");
        std::thread::sleep(Duration::from_millis(20));
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    let report = read_report(&dir.path().join("report.json"));
    assert_eq!(report["volatile"]["interrupted"], true);
    assert_eq!(report["canonical"]["reproducible"], false);
    let found = airtight_tests::verdicts(&report);
    assert_eq!(found["pass_empty pass_empty"], "pass");
    assert_eq!(found["timeout_waiting_for_nobody timeout_waiting_for_nobody"], "skip");
}

/// Of these, the first would be waited for for ever, and the second read.
#[test]
fn what_is_no_file_is_refused_and_neither_waited_for_nor_read() {
    let dir = scratch_dir();
    compile("pass_empty", dir.path());
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, dir.path().join("fifo"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let refused = |args: &[&str], status, what: &str| {
        let ran = run(dir.path(), args);
        assert_eq!(ran.status, Some(status), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(&format!("it is {what}, and only regular files are read")), "{}", ran.stderr);
    };
    let way_out = run(dir.path(), ["run", "."]).stderr;
    assert!(way_out.contains("by `airtight test .`"), "{way_out}");
    for (path, what) in [("fifo", "a FIFO"), ("/dev/zero", "a device"), (".", "a directory")] {
        refused(&["run", path], 104, what);
        refused(&["diff", path, path], 96, what);
        refused(&["merge", path, path], 96, what);
        refused(&["run", "pass_empty.wasm", "--baseline", path], 96, what);
        let config = dir.path().join("airtight.toml");
        std::os::unix::fs::symlink(path, &config).unwrap();
        refused(&["run", "pass_empty.wasm"], 96, what);
        fs::remove_file(config).unwrap();
    }
}

#[test]
fn a_working_directory_that_was_deleted_is_told_as_that() {
    let dir = scratch_dir();
    let gone = dir.path().join("gone");
    fs::create_dir(&gone).unwrap();
    let program = command();
    let text = format!(
        "rmdir {gone}; exec {program} run x.wasm",
        gone = gone.display(),
        program = program.get_program().display()
    );
    let output = std::process::Command::new("sh").args(["-c", &text]).current_dir(&gone).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(96), "{said}");
    assert!(said.contains("it was deleted; change into a directory that is there"), "{said}");
}

/// Whoever wrote the configuration, a report or a script chose these words; a terminal, and a service that reads the log, is not to
/// act on them.
#[test]
fn no_text_of_somebody_else_s_reaches_standard_error_raw() {
    let evil = r"a\u001b[31m\n::error::x ##[error]y";
    let raw = "a\x1b[31m\n::error::x ##[error]y";
    let dir = scratch_dir();
    compile("pass_empty", dir.path());
    fs::write(dir.path().join(raw.replace('/', "_")), "{}").unwrap();
    let configs = [
        format!("[profile.default]\n\"{evil}\" = 1\n"),
        format!("[profile.default]\nmemory = \"{evil}\"\n"),
        format!("[profile.other]\ninherits = \"{evil}\"\n"),
        format!("[profile.\"{evil}\"]\nmemory = \"x\"\n"),
        format!("[[profile.default.dir]]\nguest = \"/x\"\nhost = \"{evil}\"\n"),
        format!("[profile.default]\nclock = \"{evil}\"\n"),
        format!("[\"{evil}\"]\n"),
    ];
    let mut all: Vec<Ran> = Vec::new();
    for config in configs {
        fs::write(dir.path().join("airtight.toml"), config).unwrap();
        all.push(run(dir.path(), ["run", "pass_empty.wasm"]));
    }
    fs::remove_file(dir.path().join("airtight.toml")).unwrap();
    all.push(run(dir.path(), ["run", "-P", raw, "pass_empty.wasm"]));
    all.push(run(dir.path(), ["diff", raw, raw]));
    all.push(run(dir.path(), ["run", raw]));
    for ran in all {
        assert_ne!(ran.status, Some(0));
        let bad = |line: &str| line.trim_start().starts_with("::") || line.contains("##[") || line.contains('\x1b');
        assert!(!ran.stderr.lines().any(bad), "{}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
}

/// A compiler cannot be interrupted, and no test has run yet: there is nothing to wait for.
#[test]
fn the_first_ctrl_c_ends_a_compilation() {
    let dir = scratch_dir();
    let ones = "i32.const 1 i32.add ".repeat(366_000);
    let text = format!(r#"(module (memory (export "memory") 1) (func (export "_start") memory.size {ones} drop))"#);
    fs::write(dir.path().join("slow.wasm"), wat::parse_str(text).unwrap()).unwrap();
    fs::write(dir.path().join("airtight.toml"), "function-weight = 1000000000\nmodule-weight = 1000000000\n").unwrap();
    let mut child = std::process::Command::new(command().get_program())
        .args(["run", "slow.wasm", "--no-cache"])
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(2));
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    let asked = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
}
