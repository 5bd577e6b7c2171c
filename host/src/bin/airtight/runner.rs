//! `airtight runner`: the program that cargo, nextest and `go test -exec` start for each wasm binary
//! (`CARGO_TARGET_WASM32_WASIP1_RUNNER`).
//!
//! For a binary with tests, the arguments are those of Rust's test harness; for a Go test binary, those of Go's `testing`.
//! Any other binary is run as a program: its arguments and its exit status are passed through unchanged, and its leaks are
//! looked for all the same.

use crate::args::{LibtestArgs, MessageFormat, RunArgs, RunnerCommand, RunnerLeaks, TestArgs, run_defaults};
use crate::config_file::config_above;
use crate::failure::{Done, here};
use crate::print::print;
use crate::session::Session;
use airtight::config::Config;
use airtight::policy::ClockPatch;
use airtight::report::console::{FinalStatusLevel, StatusLevel};
use airtight::{Harness, ModuleGrants, Plan, Selection, Streams, Subject};
use std::path::Path;

/// The flag by which `go test -json` asks a test binary for the stream from which Go makes events.
const GO_STREAM: &str = "test.v=test2json";

pub fn runner(command: &RunnerCommand) -> Done {
    let here = here()?;
    let config = config_above(&here)?;
    let (mut tests, mut run) = (TestArgs::default(), run_defaults());
    let args = LibtestArgs::parse(&command.args).map(|args| {
        let (terse, bench) = (args.is_terse(), args.bench);
        args.apply(&mut tests, &mut run);
        (terse, bench)
    });
    run.judges_nothing |= tests.list;
    let session = Session::open(&run, None, &config)?;
    let (name, is_test) = name_of_built(&command.file);
    let subject = session.file_named(&command.file, name, ModuleGrants::from_cargo(&here))?;
    if subject.module().harness() == Harness::Command {
        // The arguments are the program's own, in whatever form.
        return program(session, subject, is_test, command, &config);
    }
    if subject.module().harness() == Harness::Go {
        tests.settle_go(&command.args, &mut run)?;
        if command.args.iter().any(|arg| arg.trim_start_matches('-') == GO_STREAM) {
            // `go test -json` reads standard output and standard error as one.
            run.message_format = MessageFormat::Test2json;
            run.status_level = Some(StatusLevel::None);
            run.final_status_level = FinalStatusLevel::None;
        }
        // Go starts a test binary in the directory of its package.
        let subject = subject.with_grants(ModuleGrants::go_package(&here, None));
        return go_tests(session, subject, (&tests, &run), &config);
    }
    let (terse, bench) = args?;
    let planned = session.plan(vec![subject], Vec::new(), &tests.selection())?;
    if tests.list {
        return list(&planned, terse);
    }
    if bench || planned.modules().iter().all(|module| module.tests.is_empty()) {
        // Rust's harness prints this, too. Cargo expects it from a binary in which no test matches, or which has no
        // benchmarks.
        return print("running 0 tests\n");
    }
    session.run(&planned, &[])
}

/// Runs the tests of a Go test binary for `go test -exec`.
fn go_tests(session: Session, subject: Subject, (tests, run): (&TestArgs, &RunArgs), config: &Config) -> Done {
    let planned = session.plan(vec![subject], Vec::new(), &tests.selection())?;
    if tests.list {
        let tests = planned.modules().iter().flat_map(|module| &module.tests);
        return print(&tests.map(|test| format!("{}\n", test.name)).collect::<String>());
    }
    if planned.modules().iter().all(|module| module.tests.is_empty()) {
        // Go prints this for a package in which no test matches.
        return print("testing: warning: no tests to run\n");
    }
    session.with_run(run, config)?.run(&planned, &[])
}

/// Runs a program. One that is a test reads the input of the policy; one that `cargo run` starts reads this process's
/// input.
fn program(session: Session, subject: Subject, is_test: bool, command: &RunnerCommand, config: &Config) -> Done {
    // `cargo bench` runs a program to measure time.
    let is_bench = is_test && command.args.iter().any(|arg| arg == "--bench");
    let clock = is_bench.then_some(ClockPatch::Real);
    let run = RunArgs { args: Some(command.args.clone()), clock, ..run_defaults() };
    let streams = if is_test { Streams::Copied } else { Streams::Inherited };
    let session = session.for_programs(&run, streams, config)?;
    let planned = session.plan(vec![subject], Vec::new(), &Selection::default())?;
    let leaks_fail = command.leaks.map_or(is_test, |leaks| leaks == RunnerLeaks::Fail);
    session.run_program(&planned, leaks_fail)
}

/// The name of a binary that cargo or Go built, and whether it was built as a test. Cargo's test binaries are called
/// `target-0123456789abcdef.wasm`, and what `cargo run` runs has no such number. Go's are called `package.test`.
fn name_of_built(file: &Path) -> (String, bool) {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".wasm").unwrap_or(&name);
    let is_number = |text: &str| text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    match stem.rsplit_once('-') {
        Some((target, number)) if is_number(number) => (target.to_owned(), true),
        _ => (stem.to_owned(), stem.ends_with(".test")),
    }
}

/// Prints the tests in the form of Rust's harness.
fn list(planned: &Plan, terse: bool) -> Done {
    let tests = planned.modules().iter().flat_map(|module| &module.tests).filter(|test| test.is_test());
    let mut lines: Vec<String> = tests.map(|test| format!("{}: test\n", test.name)).collect();
    if !terse {
        lines.push(format!("\n{} tests, 0 benchmarks\n", lines.len()));
    }
    print(&lines.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_to_be_tested_is_told_by_its_name() {
        for (file, name, is_test) in [
            ("target/wasm32-wasip1/debug/deps/own-0123456789abcdef.wasm", "own", true),
            ("/tmp/go-build1/b001/pkg.test", "pkg.test", true),
            ("pkg.test.wasm", "pkg.test", true),
            ("target/wasm32-wasip1/debug/own.wasm", "own", false),
            ("target/wasm32-wasip1/debug/examples/a-b.wasm", "a-b", false),
            ("a-0123456789abcdeg.wasm", "a-0123456789abcdeg", false),
            ("a.wasm", "a", false),
        ] {
            assert_eq!(name_of_built(Path::new(file)), (name.to_owned(), is_test), "{file}");
        }
    }
}
