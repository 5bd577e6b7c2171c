//! `airtight go`: builds the tests of Go packages with the user's own Go, and runs each in an instance of its own.

use crate::args::GoCommand;
use crate::config_file::config_above;
use crate::failure::{Done, Failure, say};
use crate::list;
use crate::loaded::{conclude, sort_out};
use crate::pollution;
use crate::session::Session;
use airtight::ModuleGrants;
use airtight::exit_status;
use airtight::policy::{Limit, LimitValues, Source};
use airtight::toolchain::{Go, GoBuild, GoBuildError, GoLimit, GoRequest, build_go, find_go};
use std::collections::BTreeMap;
use std::path::Path;

pub fn go(command: &GoCommand) -> Done {
    command.check()?;
    if command.pollution.is_some() {
        pollution::refuse(&command.run, command.list.is_some())?;
    }
    let here = std::env::current_dir().map_err(Failure::setup)?;
    // The configuration and report paths are checked before anything is built.
    let session = Session::open(&command.run, None, &config_above(&here)?)?.recording(&command.run);
    let go = find_go(&here).map_err(Failure::setup)?;
    let folder = tempfile::Builder::new().prefix("airtight-go-").tempdir().map_err(Failure::setup)?;
    let built = build(&go, command, &here, folder.path())?;
    let mut limits = limits(&built)?;
    let loaded = built.artifacts.iter().map(|artifact| {
        let grants = ModuleGrants::go_package(&artifact.dir, Some(&go.goroot));
        let subject = session.file_named(&artifact.wasm, artifact.package.clone(), grants);
        let limits = limits.remove(&artifact.package).unwrap_or_default();
        (artifact.package.clone(), subject.map(|subject| subject.with_limits(limits)))
    });
    let (subjects, refused) = sort_out(loaded)?;
    let planned = session.plan(subjects, refused, &command.selection())?;
    let notes = notes(&go, &built);
    let ended = match command.pollution {
        Some(orders) => conclude(&planned, pollution::tell(&session, &planned, orders, command.run.color.on_stdout())),
        None if command.list.is_some() => conclude(&planned, list::print(&planned)),
        None => session.run(&planned, &notes),
    };
    match ended {
        // All built tests passed, but not everything was built.
        Ok(exit_status::PASSED) if !built.failures.is_empty() => Ok(exit_status::BUILD_FAILED),
        ended => ended,
    }
}

/// Builds what the arguments ask for. Packages that cannot be built are named on standard error.
fn build(go: &Go, command: &GoCommand, here: &Path, into: &Path) -> Result<GoBuild, Failure> {
    let request = GoRequest { dir: here.to_owned(), packages: command.packages.clone(), flags: command.build_flags() };
    let quiet = command.run.quiet;
    let mut told = |package: &str| {
        if !quiet {
            say(format_args!("    Building {package}"));
        }
    };
    let built = build_go(go, &request, into, &mut told).map_err(|error| match error {
        GoBuildError::List(_) => Failure::build(error),
        error => Failure::setup(error),
    })?;
    for failure in &built.failures {
        say(format_args!("error: {} is not built: {}", failure.package, failure.why));
    }
    match (built.artifacts.is_empty(), built.failures.first()) {
        (true, Some(_)) => Err(Failure::build(anyhow::anyhow!("nothing was built: Go's errors are above"))),
        (true, None) => Err(Failure::no_tests("there are no tests to run: no package has test files")),
        (false, _) => Ok(built),
    }
}

/// The limits that the tests of each package ask for in comments above them.
fn limits(built: &GoBuild) -> Result<BTreeMap<String, BTreeMap<String, LimitValues>>, Failure> {
    let mut all = BTreeMap::<_, BTreeMap<_, LimitValues>>::new();
    for artifact in &built.artifacts {
        for GoLimit { test, name, value, place: (file, line) } in &artifact.limits {
            let wrong = |why: String| Failure::usage(format!("{}: {file}:{line}: {why}", artifact.package));
            let limit = Limit::from_name(name).filter(|limit| limit.can_be_set_by(Source::Attribute));
            let limit =
                limit.ok_or_else(|| wrong(format!("a test can ask for no limit `{name}`; there are {}", names())))?;
            let value = limit.parse(value).map_err(|error| wrong(format!("{name}={value}: {error}")))?;
            all.entry(artifact.package.clone()).or_default().entry(test.clone()).or_default().set(limit, Some(value));
        }
    }
    Ok(all)
}

/// The names of the limits that a test can ask for.
fn names() -> String {
    let all = Limit::ALL.into_iter().filter(|limit| limit.can_be_set_by(Source::Attribute));
    all.map(Limit::name).collect::<Vec<_>>().join(", ")
}

fn notes(go: &Go, built: &GoBuild) -> Vec<String> {
    let mut notes = Vec::new();
    if !built.without_tests.is_empty() {
        notes.push(format!("no test files: {}", built.without_tests.join(", ")));
    }
    notes.extend(
        built.failures.iter().map(|failure| format!("not tested, because it is not built: {}", failure.package)),
    );
    if go.number().is_some_and(|number| number < airtight::toolchain::GoVersion { major: 1, minor: 26 }) {
        notes.push(format!("{} does not tell which goroutines are blocked for ever; Go 1.26 and newer do", go.version));
    }
    notes
}
