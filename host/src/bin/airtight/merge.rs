//! `airtight merge`: joins the reports of the parts of a suite that ran on several machines.

use crate::args::MergeCommand;
use crate::failure::{Done, Failure, say};
use crate::replay::replay;
use crate::settings::wanted;
use airtight::exit_status;
use airtight::report::files::ReportFiles;
use airtight::report::json::read;
use airtight::report::merge::Part;

pub fn merge(command: &MergeCommand) -> Done {
    let files = ReportFiles::check(wanted(&command.report)).map_err(Failure::setup)?;
    if files.wants_profile() {
        return Err(Failure::usage(
            "--report pprof: a JSON report has no profile of the heap; write it with each part",
        ));
    }
    let part = |path: &std::path::PathBuf| {
        let report = read(path).map_err(Failure::setup)?;
        Ok(Part { name: path.display().to_string(), report })
    };
    let parts = command.reports.iter().map(part).collect::<Result<Vec<_>, Failure>>()?;
    let whole = airtight::report::merge::merge(&parts).map_err(Failure::setup)?;
    let failed = files.write(&whole);
    for error in &failed {
        say(format_args!("error: {error}"));
    }
    let note = format!("{} reports merged", parts.len());
    replay(&whole, &command.shown, &[note])?;
    Ok(if failed.is_empty() { exit_status_of(&whole) } else { exit_status::SETUP })
}

/// The exit status of the run that a report is about.
pub fn exit_status_of(report: &airtight::report::Report) -> u8 {
    if report.volatile.interrupted { exit_status::INTERRUPTED } else { report.worst() }
}
