//! The compilation of modules has limits on time and memory, and ends when the run is interrupted.

use airtight_tests::sdk::{STATE, sdk_module_of, state};
use airtight_tests::{Ran, command, read_report, run, scratch_dir, write};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A sum of so many ones, without any control flow: what makes it takes seconds, and hundreds of megabytes.
fn sum(ones: usize) -> Vec<u8> {
    let ones = "i32.const 1 i32.add ".repeat(ones);
    wat::parse_str(format!(r#"(module (memory 1) (func (export "_start") memory.size {ones} drop))"#)).unwrap()
}

/// So many loops in one another: time that grows with the third power, and little memory.
fn loops(deep: usize) -> Vec<u8> {
    let (begin, end) = ("(loop ".repeat(deep), "(br_if 0 (i32.load (i32.const 0))))".repeat(deep));
    wat::parse_str(format!(r#"(module (memory 1) (func (export "_start") {begin} {end}))"#)).unwrap()
}

/// Whatever it weighs, the optimising compiler takes it.
const HEAVY: &str = "function-weight = 1000000000\nmodule-weight = 1000000000\n";

fn lay_out(dir: &Path, config: &str, module: &[u8]) {
    write(&dir.join("airtight.toml"), config);
    std::fs::write(dir.join("heavy.wasm"), module).unwrap();
    std::fs::write(dir.join("empty.wasm"), wat::parse_str(r#"(module (func (export "_start")))"#).unwrap()).unwrap();
}

fn airtight(dir: &Path) -> Ran {
    run(dir, ["run", "--no-cache", "heavy.wasm", "empty.wasm", "--report", "json=report.json"])
}

#[test]
fn a_module_over_its_budget_is_refused_by_name_and_the_others_are_tested() {
    let dir = scratch_dir();
    for (setting, value, module, took) in [
        ("compile-time", "1ms", loops(2000), "more processor time than 1 s"),
        ("compile-memory", "16MiB", sum(100_000), "more memory than "),
    ] {
        lay_out(dir.path(), &format!("{setting} = \"{value}\"\n{HEAVY}"), &module);
        let ran = airtight(dir.path());
        assert_eq!(ran.status, Some(104), "{}{}", ran.stdout, ran.stderr);
        let report = read_report(&dir.path().join("report.json"));
        let refused = &report["canonical"]["refused"][0];
        assert_eq!(refused["name"], "heavy");
        let why = refused["why"].as_str().unwrap();
        assert!(
            why.starts_with(&format!("compiling it took {took}"))
                && why.contains(&format!(", the `{setting}` for a module of its size; its functions weigh ")),
            "{why}"
        );
        assert!(why.ends_with(&format!("or raise `{setting}` in airtight.toml")), "{why}");
        assert!(ran.stderr.contains(took), "{}", ran.stderr);
        assert_eq!(report["canonical"]["modules"][0]["tests"][0]["verdict"], "pass");
        assert_eq!(report["canonical"]["reproducible"], json!(false));
        assert_eq!(report["canonical"]["doubts"], json!([{ "cause": "compile-budget" }]));
    }
}

/// The module itself is compiled already, and the budget is smaller when the set-up has ended. Another machine, or a compiler's cache
/// that is full, would let the tests begin.
#[test]
fn an_image_over_its_budget_is_a_doubt() {
    let dir = scratch_dir();
    let ones = "i32.const 1 i32.add ".repeat(20_000);
    let fields = format!(
        r#"(memory (export "memory") 2)
        (func $set_up (result i32) (i32.store (i32.const 65536) (i32.const 7)) (i32.const 0))
        (func $test (result i32) (i32.ne (i32.load (i32.const 65536)) (i32.const 7)))
        (func (export "heavy") (result i32) memory.size {ones})
        (func $cleanup (result i32) (i32.const 0))
        (func $state (result i32) (i32.const {STATE}))
        (func $flush (result i32) (i32.const 0))"#
    );
    let module = sdk_module_of(&[("set_up", "$set_up"), ("test", "$test")], &state(0, 0, 0), &fields);
    std::fs::write(dir.path().join("m.wasm"), module).unwrap();
    let cache = dir.path().join("cache");
    let run = |settings: &str, arguments: &[&str]| {
        write(
            &dir.path().join("airtight.toml"),
            &format!("{settings}{HEAVY}[profile.default]\nsetup-test = \"set_up\"\n"),
        );
        let mut command = command();
        command.env("AIRTIGHT_CACHE_DIR", &cache).current_dir(dir.path()).arg("run").args(arguments);
        Ran::from(command.args(["m.wasm", "--report", "json=report.json"]).output().unwrap())
    };
    let listed = run("", &["--list"]);
    assert_eq!(listed.status, Some(0), "{}", listed.stderr);
    // The functions of the image are those of the module, and would be found.
    std::fs::remove_dir_all(cache.join("modules/functions")).unwrap();
    let ran = run("compile-memory = \"16MiB\"\n", &[]);
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    let canonical = &read_report(&dir.path().join("report.json"))["canonical"];
    let test = &canonical["modules"][0]["tests"][0];
    let why = test["message"].as_str().unwrap();
    let begins =
        "tests cannot begin where it ends: the engine does not take its image: compiling it took more memory than ";
    assert!(why.starts_with(begins), "{why}");
    assert_eq!(canonical["reproducible"], json!(false));
    assert_eq!(canonical["doubts"], json!([{ "cause": "compile-budget" }]));
    let whole = run("", &[]);
    assert_eq!(whole.status, Some(0), "{}{}", whole.stdout, whole.stderr);
    assert_eq!(read_report(&dir.path().join("report.json"))["canonical"]["reproducible"], json!(true));
}

#[test]
fn within_its_budget_it_is_compiled_and_runs_as_ever() {
    let dir = scratch_dir();
    lay_out(dir.path(), "", &sum(20_000));
    let ran = airtight(dir.path());
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    let report = read_report(&dir.path().join("report.json"));
    let fuel = &report["canonical"]["modules"][1]["tests"][0]["usage"]["fuel"];
    assert!(fuel.as_u64().is_some_and(|fuel| (40_000..41_000).contains(&fuel)), "{fuel}");
}

#[test]
fn the_first_interrupt_ends_it_and_nothing_goes_on() {
    let dir = scratch_dir();
    lay_out(dir.path(), HEAVY, &loops(2000));
    for command_line in [&["run", "--no-cache", "heavy.wasm"][..], &["verify", "heavy.wasm"]] {
        let mut program = std::process::Command::new(command().get_program());
        program.current_dir(dir.path()).args(command_line).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = program.spawn().unwrap();
        let mut compiler = None;
        wait_until("it compiles", || {
            compiler = compilers().into_iter().find(|(_, parent)| *parent == child.id());
            compiler.is_some()
        });
        let compiler = compiler.unwrap().0;
        let began = Instant::now();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        let status = child.wait().unwrap();
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!(status.code(), Some(130), "{command_line:?}");
        wait_until("nothing compiles any more", || !compilers().iter().any(|(process, _)| *process == compiler));
    }
}

/// The processes that compile, with those that started them. One that has ended, and that nobody has asked for its end, has no
/// arguments any more.
fn compilers() -> Vec<(u32, u32)> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|process| {
        let arguments = std::fs::read(process.path().join("cmdline")).ok()?;
        let status = std::fs::read_to_string(process.path().join("status")).ok()?;
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()?;
        let number = process.file_name().to_str()?.parse().ok()?;
        String::from_utf8_lossy(&arguments).contains("\0compile-module\0").then_some((number, parent))
    });
    processes.collect()
}

fn wait_until(what: &str, mut is: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < Duration::from_secs(60), "in a minute: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
