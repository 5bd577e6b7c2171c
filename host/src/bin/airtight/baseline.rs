//! `airtight baseline`: accepts the leaks that a suite has, in a file that people review.

use crate::accepted::BaselineWriter;
use crate::args::BaselineCommand;
use crate::config_file::config_above;
use crate::failure::{Done, Failure, here};
use crate::loaded::sort_out;
use crate::session::Session;
use crate::subjects::NamedSubjects;
use airtight::exit_status;
use airtight::report::json;

pub fn baseline(mut command: BaselineCommand) -> Done {
    command.tests.settle(&mut command.run)?;
    refuse(&command)?;
    command.run.writes_baseline = true;
    if !command.from.is_empty() {
        return from_reports(&command);
    }
    let named = NamedSubjects::new(&command.paths)?;
    let config = named.config()?;
    let writer = BaselineWriter::new(&command.run, command.grounds(), &config)?;
    let session = Session::open(&command.run, command.tests.harness, &config)?;
    let (loaded, failures) = named.load(&session, &config, (&command.build, &command.tests, &command.run))?;
    let (subjects, refused) = sort_out(loaded)?;
    let planned = session.plan(subjects, refused, &command.tests.selection())?;
    match session.writing(writer).run(&planned, &[]) {
        // The leaks of all built tests are accepted, but not everything was built.
        Ok(exit_status::PASSED) if failures > 0 => Ok(exit_status::BUILD_FAILED),
        ended => ended,
    }
}

/// Refuses settings under which some leaks are not seen, or others are.
fn refuse(command: &BaselineCommand) -> Result<(), Failure> {
    let BaselineCommand { run, tests, .. } = command;
    let refused = [
        (run.most_failing().is_some(), "--fail-fast or --max-fail"),
        (tests.list, "--list"),
        (run.repeat > 1, "--repeat"),
        (run.retries > 0, "--retries"),
        (run.cached, "--cached"),
        (run.schedules > 0 || run.schedule.is_some(), "schedules"),
    ];
    Failure::refuse_flags(&refused, "`airtight baseline` runs every test as `airtight test` does")
}

fn from_reports(command: &BaselineCommand) -> Done {
    let config = config_above(&here()?)?;
    let profile = config.profile(&command.run.profile).map_err(Failure::setup)?;
    let mut worst = exit_status::PASSED;
    for path in &command.from {
        let report = json::read(path).map_err(Failure::setup)?;
        // Each report is added to the baseline as the report before it left it.
        worst = worst.max(BaselineWriter::new(&command.run, command.grounds(), &config)?.write(&report, &profile)?);
    }
    Ok(worst)
}
