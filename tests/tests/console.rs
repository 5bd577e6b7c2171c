//! What people see of a run: colours, output, and the width of a terminal.

use airtight_tests::{command, program, scratch_dir};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program that writes to standard output, and then ends well or not.
fn module(dir: &Path, name: &str, end: &str) -> PathBuf {
    let text = format!(
        r#"(module (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
             (memory (export "memory") 1) (data (i32.const 8) "hello from the guest\n")
             (func (export "_start") (i32.store (i32.const 0) (i32.const 8)) (i32.store (i32.const 4) (i32.const 21))
               (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 100))) {end}))"#
    );
    let path = dir.join(name).with_extension("wasm");
    std::fs::write(&path, wat::parse_str(text).unwrap()).unwrap();
    path
}

/// Standard output of a run of both modules.
fn shown(args: &[&str], env: &[(&str, &str)]) -> String {
    let dir = scratch_dir();
    let modules = [module(dir.path(), "good", ""), module(dir.path(), "bad", "unreachable")];
    let mut command = command();
    let output = command.current_dir(dir.path()).arg("run").args(modules).args(args).envs(env.iter().copied()).output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

#[test]
fn colours_are_as_the_environment_says() {
    let coloured = |env: &[(&str, &str)], args: &[&str]| shown(args, env).contains("\u{1b}[");
    assert!(!coloured(&[], &[]), "a pipe has none");
    assert!(coloured(&[("CLICOLOR_FORCE", "1")], &[]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "")], &[]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &[]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1")], &["--color", "never"]));
    assert!(coloured(&[("NO_COLOR", "1")], &["--color", "always"]));
}

#[test]
fn output_is_shown_when_it_is_asked_for() {
    // How often the output of each test is shown before the end of the run and at the end.
    let counts = |args: &[&str]| {
        let text = shown(args, &[]);
        let (live, end) = text.split_once("────────────").unwrap();
        let count = |text: &str| text.matches("| hello from the guest").count();
        (count(live), count(end))
    };
    for (args, expected) in [
        (&[][..], (1, 0)),
        (&["--failure-output", "final"], (0, 1)),
        (&["--failure-output", "immediate-final"], (1, 1)),
        (&["--failure-output", "never"], (0, 0)),
        (&["--success-output", "immediate"], (2, 0)),
        (&["--success-output", "final", "--failure-output", "final"], (0, 2)),
        (&["--show-output", "always"], (2, 0)),
        (&["--show-output", "always", "--failure-output", "never"], (1, 0)),
        (&["--show-output", "never", "--success-output", "final"], (0, 1)),
        (&["--no-capture", "--success-output", "final"], (0, 0)),
    ] {
        assert_eq!(counts(args), expected, "{args:?}");
    }
}

/// What a terminal of so many columns gets; `None` where there is no `script` to make one.
fn on_a_terminal(columns: u16, module: &Path) -> Option<String> {
    let line = format!("stty cols {columns} rows 40; {} run {} --memory 64KiB", program().display(), module.display());
    let output = Command::new("script").args(["-qec", &line, "/dev/null"]).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn what_is_found_fits_a_terminal() {
    let dir = scratch_dir();
    // It asks for more memory than it may have, and gives up.
    let grows = r#"(if (i32.eq (memory.grow (i32.const 9)) (i32.const -1)) (then unreachable))"#;
    let module = module(dir.path(), "grows", grows);
    let Some(text) = on_a_terminal(80, &module) else {
        println!("skipped: there is no `script` to make a terminal");
        return;
    };
    assert!(text.contains("to fix: ") && text.contains("MEMORY"), "{text}");
    // The progress bar is drawn over, on the line of what comes next.
    let blocks = text.split("────────────").nth(1).unwrap();
    let drawn = blocks.lines().map(|line| line.rsplit('\r').find(|part| !part.is_empty()).unwrap_or_default());
    let lines = drawn.map(|line| line.trim_start_matches("\u{1b}[2K"));
    // What the test itself said stands behind a gutter, as it is.
    let plain = lines.map(|line| {
        let mut parts = line.split('\u{1b}');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
    });
    for line in plain.filter(|line| line.starts_with("    ") && !line.starts_with("    |")) {
        assert!(line.trim_end().chars().count() <= 80, "{line:?}");
    }
    let wide = on_a_terminal(200, &module).unwrap();
    assert!(wide.lines().any(|line| line.contains("to fix: ") && line.contains("`--memory`")), "{wide}");
}

/// Sequences of terminals, commands of services, and characters that reorder text: what is passed on at once is made safe as what is
/// captured is.
#[test]
fn what_is_not_captured_is_made_safe_too() {
    let dir = scratch_dir();
    let said = "::error::x\n##[group]y\n##vso[task]z\n\u{1b}]0;title\u{7}\u{202e}end\n";
    let (bytes, said) = (said.len(), said.bytes().map(|byte| format!("\\{byte:02x}")).collect::<String>());
    let text = format!(
        r#"(module (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
             (memory (export "memory") 1) (data (i32.const 8) "{said}")
             (func (export "_start") (i32.store (i32.const 0) (i32.const 8)) (i32.store (i32.const 4) (i32.const {bytes}))
               (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 100)))))"#
    );
    std::fs::write(dir.path().join("said.wasm"), wat::parse_str(text).unwrap()).unwrap();
    let shown = |args: &[&str]| {
        let mut command = command();
        command.current_dir(dir.path()).args(["run", "said.wasm", "--no-capture"]).args(args).env("CI", "1");
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let safe = shown(&[]);
    let bad = |line: &str| line.starts_with("::") || line.contains("##[") || line.contains("##vso[");
    assert!(!safe.lines().any(bad) && !safe.contains(['\u{1b}', '\u{202e}']) && safe.contains("end"), "{safe:?}");
    let raw = shown(&["--raw"]);
    assert!(raw.lines().any(bad) && raw.contains("\u{1b}]0;title\u{7}\u{202e}end"), "{raw:?}");
}
