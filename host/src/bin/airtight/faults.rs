//! `airtight faults`: lets the calls of tests fail, and tells which ways out leave something.

use crate::args::FaultsCommand;
use crate::build::{Built, build, config_of};
use crate::failure::{Done, Failure, here};
use crate::loaded::{module_files, sort_out};
use crate::session::{self, Session, config_above};
use airtight::ModuleGrants;
use airtight::exit_status;
use airtight::faults::FaultOptions;
use airtight::report::console::render_faults;
use airtight::report::files::ReportKind;
use std::path::{Path, PathBuf};

pub fn faults(mut command: FaultsCommand) -> Done {
    command.tests.settle(&mut command.run)?;
    refuse(&command)?;
    let here = here()?;
    let files = module_files(&command.paths)?;
    let package = command.paths.first().filter(|_| files.is_none());
    let config = package.map_or_else(|| config_above(&here), |path: &PathBuf| config_of(path))?;
    let session = Session::open(&command.run, command.tests.harness, &config)?;
    let mut failures = 0;
    let loaded: Vec<_> = match (package, files) {
        (Some(path), _) => {
            let profile = config.profile(&command.run.profile).map_err(Failure::setup)?;
            let Built { output, filtersets, .. } = build(&command.build, &command.tests.filterset, path, &profile)?;
            failures = output.failures.len();
            output.artifacts.iter().map(|artifact| session.artifact(artifact, filtersets.as_ref())).collect()
        }
        (None, files) => {
            command.tests.refuse_filtersets()?;
            let files = files.unwrap_or_default();
            files.iter().map(|file: &PathBuf| session.file(Path::new(file), ModuleGrants::default())).collect()
        }
    };
    let (subjects, refused) = sort_out(loaded)?;
    let is_whole = refused.is_empty();
    let planned = session.plan(subjects, refused, &command.tests.selection())?;
    let options =
        FaultOptions::default().most(command.faults_max).pairs(command.faults_pairs).time(command.faults_time);
    let faults = session.faults(&planned, options)?;
    session::print(&render_faults(&faults, command.run.color.on_stdout()))?;
    for spec in &command.run.report {
        let failed = |error: std::io::Error| {
            let error = anyhow::Error::from(error);
            Failure::setup(error.context(format!("cannot write the report to {}", spec.path.display())))
        };
        std::fs::write(&spec.path, faults.to_json()).map_err(failed)?;
    }
    Ok(match faults.fails() {
        true => exit_status::TEST_FAILED,
        false if failures > 0 => exit_status::BUILD_FAILED,
        false if !is_whole || !planned.refused().is_empty() => exit_status::MODULE_UNUSABLE,
        false => exit_status::PASSED,
    })
}

/// Settings that have no meaning where each test is run many times.
fn refuse(command: &FaultsCommand) -> Result<(), Failure> {
    let FaultsCommand { run, tests, .. } = command;
    let refused = [
        (run.no_capture, "--no-capture"),
        (run.most_failing().is_some(), "--fail-fast or --max-fail"),
        (tests.list, "--list"),
        (run.write_back.is_some(), "--write-back"),
        (run.repeat > 1, "--repeat"),
        (run.schedules > 0 || run.schedule.is_some(), "schedules"),
        (!run.fault.is_empty(), "--fault (`airtight test --fault` repeats one failure)"),
        (run.report.iter().any(|spec| spec.kind != ReportKind::Json), "every --report but json=PATH"),
    ];
    match refused.iter().find(|(given, _)| *given) {
        Some((_, flag)) => Err(Failure::usage(format!(
            "`airtight faults` runs each test again and again, with one of its calls failing, and prints what it finds; leave out \
             {flag}"
        ))),
        None => Ok(()),
    }
}
