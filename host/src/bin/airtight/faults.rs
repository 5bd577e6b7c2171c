//! `airtight faults`: lets the calls of tests fail, and tells which ways out leave something.

use crate::args::{FaultsCommand, MessageFormat};
use crate::failure::{Done, Failure};
use crate::loaded::sort_out;
use crate::print::print;
use crate::session::Session;
use crate::subjects::Named;
use airtight::exit_status;
use airtight::faults::FaultOptions;
use airtight::internals::replace_file;
use airtight::report::console::render_faults;
use airtight::report::files::ReportKind;

pub fn faults(mut command: FaultsCommand) -> Done {
    command.tests.settle(&mut command.run)?;
    refuse(&command)?;
    let named = Named::new(&command.paths)?;
    let config = named.config()?;
    let session = Session::open(&command.run, command.tests.harness, &config)?;
    let (loaded, failures) = named.load(&session, &config, (&command.build, &command.tests, &command.run))?;
    let (subjects, refused) = sort_out(loaded)?;
    let is_whole = refused.is_empty();
    let planned = session.plan(subjects, refused, &command.tests.selection())?;
    let options =
        FaultOptions::default().most(command.faults_max).pairs(command.faults_pairs).time(command.faults_time);
    let faults = session.faults(&planned, options)?;
    print(&render_faults(&faults, command.run.color.on_stdout()))?;
    for spec in &command.run.report {
        let failed = |error: std::io::Error| {
            let error = anyhow::Error::from(error);
            Failure::setup(error.context(format!("cannot write the report to {}", spec.path.display())))
        };
        replace_file(&spec.path, &faults.to_json()).map_err(failed)?;
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
        (run.message_format != MessageFormat::Human, "--message-format"),
        (run.rerun, "--rerun"),
        (run.retries > 0, "--retries"),
        (run.gen_suppressions, "--gen-suppressions"),
        (run.most_failing().is_some(), "--fail-fast or --max-fail"),
        (tests.list, "--list"),
        (tests.isolate_subtests, "--isolate-subtests"),
        (run.write_back.is_some(), "--write-back"),
        (run.repeat > 1, "--repeat"),
        (run.schedules > 0 || run.schedule.is_some(), "schedules"),
        (!run.fault.is_empty(), "--fault (`airtight test --fault` repeats one failure)"),
        (run.report.iter().any(|spec| spec.kind != ReportKind::Json), "every --report but json=PATH"),
    ];
    Failure::refuse_flags(
        &refused,
        "`airtight faults` runs each test again and again, with one of its calls failing, and prints what it finds",
    )
}
