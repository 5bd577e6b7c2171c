//! `airtight faults`: makes the calls of tests fail, and tells after which failures something is left.

use crate::accepted::BaselineWriter;
use crate::args::{FaultsCommand, RunArgs, TestArgs};
use crate::failure::{Done, Failure};
use crate::print::print;
use crate::search::{PreparedSearch, without_meaning};
use crate::subjects::NamedSubjects;
use airtight::exit_status;
use airtight::report::console::render_faults;

pub fn faults(mut command: FaultsCommand) -> Done {
    command.run.writes_baseline = command.accept;
    command.run.compares_nothing = true;
    let FaultsCommand { paths, build, tests, run, .. } = &command;
    let writer = match command.accept {
        true => Some(BaselineWriter::new(run, command.grounds(), &NamedSubjects::new(paths)?.config()?)?),
        false => None,
    };
    let prepared = PreparedSearch::new(paths, (build, tests, run), &refuse)?;
    let faults = prepared.session.faults(&prepared.planned, command.options())?;
    print(&render_faults(&faults, run.color.on_stdout()))?;
    let is_written = prepared.session.write_faults(&faults);
    if let Some(writer) = &writer {
        writer.accept(&faults)?;
    }
    Ok(match is_written {
        true => prepared.status(faults.fails() && writer.is_none()),
        false => exit_status::SETUP,
    })
}

/// Refuses settings that have no meaning if each test is run many times.
fn refuse(run: &RunArgs, tests: &TestArgs) -> Result<(), Failure> {
    let mut refused = without_meaning(run, tests.list);
    refused.extend([
        (tests.isolate_subtests, "--isolate-subtests"),
        (run.shuffle.is_some(), "--shuffle"),
        (!run.fault.is_empty(), "--fault (`airtight test --fault` repeats one failure)"),
        (
            run.report.iter().any(|spec| !spec.kind.tells_faults()),
            "every --report but json=PATH, junit=PATH and sarif=PATH",
        ),
    ]);
    Failure::refuse_flags(
        &refused,
        "`airtight faults` runs each test again and again, with one of its calls failing, and prints what it finds",
    )
}
