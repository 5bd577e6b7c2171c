//! One suite, run by the program as a user would run it.

use super::Options;
use airtight::Harness;
use airtight::report::{ModuleRecord, Report, TestRecord, Verdict};
use anyhow::{Context, ensure};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Exit statuses of a run that wrote a report: all passed, or some did not.
const RAN: &[i32] = &[0, 100];

/// `airtight test` on the package `suite` of a workspace; with names, only the tests that have one of these.
///
/// # Errors
/// The package does not build, or the program did not write a report. The error names the log.
pub fn run(options: &Options, workspace: &Path, suite: &str, names: &[String]) -> anyhow::Result<Report> {
    let log = options.log(workspace, suite);
    fs::create_dir_all(&log).with_context(|| format!("cannot make `{}`", log.display()))?;
    let (report, said) = (log.join("report.json"), log.join("said.txt"));
    let mut command = Command::new(&options.program);
    command.arg("test").arg(workspace.join(suite)).args(["--lib", "--tests", "--locked", "--color=never"]);
    command.arg("--report").arg(format!("json={}", report.display()));
    if options.threads {
        command.arg("--threads");
    }
    if !names.is_empty() {
        command.args(["--exact", "--"]).args(names);
    }
    for (name, _) in std::env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy();
        name.starts_with("AIRTIGHT_") || name.starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR"
    }) {
        command.env_remove(name);
    }
    if let Some(cache) = std::env::var_os("AIRTIGHT_CACHE_DIR") {
        command.env("AIRTIGHT_CACHE_DIR", cache);
    }
    command.env("CARGO_TARGET_DIR", options.folder.join("target")).stdin(Stdio::null());
    let output = fs::File::create(&said).with_context(|| format!("cannot write `{}`", said.display()))?;
    let status = command
        .stdout(output.try_clone()?)
        .stderr(output)
        .status()
        .with_context(|| format!("`{}` cannot be started", options.program.display()))?;
    let ran = status.code().is_some_and(|code| RAN.contains(&code));
    ensure!(ran, "the tests of {suite} could not be run ({status}): see `{}`", said.display());
    let text = fs::read(&report).with_context(|| format!("cannot read `{}`", report.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("`{}` is no report", report.display()))
}

/// Every test that was run, with its module. Only libtest's: those are what cargo would run.
pub fn tests(report: &Report) -> impl Iterator<Item = (&ModuleRecord, &TestRecord)> {
    let modules = report.canonical.modules.iter().filter(|module| module.harness == Harness::Libtest);
    let tests = modules.flat_map(|module| module.tests.iter().map(move |test| (module, test)));
    tests.filter(|(_, test)| test.verdict != Verdict::Skip)
}
