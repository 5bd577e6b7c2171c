//! `airtight show`: shows the failures of the last run again, from its recording.

use crate::args::ShowCommand;
use crate::failure::{Done, Failure};
use crate::last::{last_run, no_run};
use crate::merge::exit_status_of;
use crate::replay::replay;
use airtight::report::json::read;

pub fn show(command: &ShowCommand) -> Done {
    let report = match &command.report {
        Some(path) => read(path).map_err(Failure::setup)?,
        None => last_run()?.ok_or_else(no_run)?,
    };
    let started = &report.volatile.started;
    replay(&report, &command.shown, &[format!("of the run that began at {started}; output of tests is not recorded")])?;
    Ok(exit_status_of(&report))
}
