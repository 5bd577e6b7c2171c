//! `airtight test`: builds tests for wasm as `cargo test --no-run` would, and runs them.

use crate::args::TestCommand;
use crate::build::build;
use crate::failure::{Done, Failure};
use crate::list;
use crate::session::{Input, Session, config_above};
use airtight::report::exit_status;
use airtight::run::ModuleGrants;
use airtight::symbols::PathRoots;
use airtight::toolchain::{Artifact, BuildOutput};
use std::path::Path;

pub fn test(command: &TestCommand) -> Done {
    let start = std::path::absolute(&command.build.path).map_err(Failure::setup)?;
    if !start.exists() {
        return Err(Failure::setup(anyhow::anyhow!("there is no package or workspace at {}", start.display())));
    }
    // The configuration and report paths are checked before anything is built.
    let config = config_above(&start)?;
    let session = Session::open(&command.run, command.tests.harness.map(Into::into), &config)?;
    let built = build(&command.build)?;
    let notes = notes(&built);
    for failure in &built.failures {
        eprintln!("error: {failure}");
    }
    if built.artifacts.is_empty() && built.failures.is_empty() {
        return Err(Failure::no_tests("there are no tests to run: nothing was built that could hold some"));
    }
    let inputs = built.artifacts.iter().map(input).collect();
    let planned = session.plan(inputs, &command.tests.selection())?;
    let ended = if command.no_run { list::print(&planned) } else { session.run(&planned, &notes) };
    match ended {
        // What was built passed, but not everything was built.
        Ok(exit_status::PASSED) if !built.failures.is_empty() => Ok(exit_status::BUILD_FAILED),
        ended => ended,
    }
}

/// A test binary with its package's directory and variables.
pub fn input(artifact: &Artifact) -> Input {
    let env = artifact.env.iter().map(|(name, value)| (name.clone(), value.clone()));
    Input {
        file: artifact.wasm.clone(),
        name: artifact.name.clone(),
        roots: roots(&artifact.manifest_dir, &artifact.workspace_root),
        grants: ModuleGrants::package(&artifact.manifest_dir, env),
    }
}

fn roots(package: &Path, workspace: &Path) -> PathRoots {
    PathRoots { package: Some(package.to_owned()), workspace: Some(workspace.to_owned()) }
}

fn notes(built: &BuildOutput) -> Vec<String> {
    let mut notes = Vec::new();
    if !built.doctests.is_empty() {
        notes.push(format!("doctests are not run ({})", built.doctests.join(", ")));
    }
    notes.extend(built.failures.iter().map(|failure| format!("not tested: {failure}")));
    notes
}
