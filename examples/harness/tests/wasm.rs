//! A test harness that builds this crate's unit tests for wasm and runs them under airtight.
//!
//! It takes libtest's filters and `--list`, so `cargo test NAME` and cargo-nextest work. A wasm toolchain is looked for;
//! where there is none, the error says what to type. Nothing is installed but what airtight keeps in its own cache.

use airtight::config::Config;
use airtight::report::console::{Console, ConsoleOptions};
use airtight::toolchain::{self, Artifact, BuildEvent, BuildRequest, Permission, SetupEvent, TargetFilter};
use airtight::{RunIgnored, Runner, Selection, Subject};
use anyhow::{Result, ensure};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(airtight::exit_status::SETUP)
        }
    }
}

/// The exit status: 0 where every test passed.
fn run(args: impl Iterator<Item = String>) -> Result<u8> {
    let (selection, list) = selection(args);
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let runner = Runner::builder(&Config::load(package)?, "default")?.build()?;
    let subjects = build(package)?
        .iter()
        .map(|artifact| runner.load_artifact(artifact, None))
        .collect::<Result<Vec<Subject>, _>>()?;
    let plan = runner.plan(subjects, &selection)?;
    if list {
        plan.modules().iter().flat_map(|module| &module.tests).for_each(|test| println!("{}: test", test.name));
        return Ok(airtight::exit_status::PASSED);
    }
    let mut console = Console::new(std::io::stdout(), ConsoleOptions::default());
    let report = runner.run(&plan, &mut console)?;
    console.finish()?;
    Ok(report.worst())
}

/// The crate's unit tests as wasm: not this file, which would run itself.
fn build(package: &Path) -> Result<Vec<Artifact>> {
    let toolchain = toolchain::install(package, Permission::Cache, &mut |event| {
        if let SetupEvent::Started(step) = event {
            eprintln!("setup: {step}");
        }
    })?;
    let request = BuildRequest { targets: vec![TargetFilter::Lib], quiet: true, ..BuildRequest::new(package) };
    let built = toolchain::build(&toolchain, &request, &mut |event| {
        if let BuildEvent::Diagnostic { is_error: true, rendered } = event {
            eprint!("{rendered}");
        }
    })?;
    ensure!(built.failures.is_empty(), "the tests do not build for wasm: {}", built.failures[0]);
    Ok(built.artifacts)
}

/// What the arguments select, and whether it is only to be listed. Options about libtest's own output have no meaning here.
fn selection(args: impl Iterator<Item = String>) -> (Selection, bool) {
    let (mut selection, mut list) = (Selection::default(), false);
    let mut args = args.peekable();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--list" => list = true,
            "--exact" => selection.exact = true,
            "--ignored" => selection.ignored = RunIgnored::Only,
            "--include-ignored" => selection.ignored = RunIgnored::Include,
            "--skip" => selection.skip.extend(args.next()),
            "--format" | "--color" | "--test-threads" => drop(args.next()),
            option if option.starts_with('-') => {}
            filter => selection.filters.push(filter.to_owned()),
        }
    }
    (selection, list)
}
