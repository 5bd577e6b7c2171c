//! `airtight pollution`: which tests depend on others that ran before them in the same process.

use crate::args::{PollutionCommand, RunArgs, TestArgs};
use crate::failure::{Done, Failure};
use crate::print::print;
use crate::search::{Prepared, without_meaning};
use airtight::report::console::render_pollution;

pub fn pollution(command: PollutionCommand) -> Done {
    let PollutionCommand { paths, build, tests, run, orders } = &command;
    let prepared = Prepared::new(paths, (build, tests, run), &refuse)?;
    let pollution = prepared.session.pollution(&prepared.planned, *orders as usize)?;
    print(&render_pollution(&pollution, run.color.on_stdout()))?;
    Ok(prepared.status(pollution.found().next().is_some()))
}

/// Settings that have no meaning where tests are run together.
fn refuse(run: &RunArgs, tests: &TestArgs) -> Result<(), Failure> {
    let mut refused = without_meaning(run, tests);
    refused.extend([
        (!run.report.is_empty(), "--report"),
        (!run.fault.is_empty(), "--fault"),
        (run.shuffle.is_some(), "--shuffle (the orders follow from --seed)"),
    ]);
    Failure::refuse_flags(
        &refused,
        "`airtight pollution` runs tests together, in several orders, and prints what it finds",
    )
}
