//! `airtight pollution`: finds tests that depend on others that ran before them in the same process.

use crate::args::{PollutionCommand, RunArgs, TestArgs};
use crate::failure::{Done, Failure};
use crate::print::print;
use crate::search::{PreparedSearch, without_meaning};
use crate::session::Session;
use airtight::Plan;
use airtight::exit_status;
use airtight::report::console::render_pollution;

pub fn pollution(mut command: PollutionCommand) -> Done {
    command.run.judges_nothing = true;
    let PollutionCommand { paths, build, tests, run, orders } = &command;
    let prepared = PreparedSearch::new(paths, (build, tests, run), &refuse_all)?;
    Ok(match tell(&prepared.session, &prepared.planned, *orders, run.color.on_stdout())? {
        exit_status::SETUP => exit_status::SETUP,
        status => prepared.status(status != exit_status::PASSED),
    })
}

/// Looks for tests that depend on others, prints them and writes the report files.
pub fn tell(session: &Session, planned: &Plan, orders: u32, colours: bool) -> Done {
    let pollution = session.pollution(planned, orders as usize)?;
    print(&render_pollution(&pollution, colours))?;
    Ok(match session.write_pollution(&pollution) {
        false => exit_status::SETUP,
        true if pollution.found().next().is_some() => exit_status::TEST_FAILED,
        true => exit_status::PASSED,
    })
}

fn refuse_all(run: &RunArgs, tests: &TestArgs) -> Result<(), Failure> {
    refuse(run, tests.list)?;
    Failure::refuse_flags(&[(tests.isolate_subtests, "--isolate-subtests")], WHY)
}

const WHY: &str = "`airtight pollution` runs tests together, in several orders, and prints what it finds";

/// Refuses settings that have no meaning if tests are run together.
pub fn refuse(run: &RunArgs, lists: bool) -> Result<(), Failure> {
    let mut refused = without_meaning(run, lists);
    refused.extend([
        (run.report.iter().any(|spec| !spec.kind.tells_pollution()), "every --report but json=PATH"),
        (!run.fault.is_empty(), "--fault"),
        (run.go_heap, "--go-heap"),
        (run.shuffle.is_some(), "--shuffle (the orders follow from --seed)"),
    ]);
    Failure::refuse_flags(&refused, WHY)
}
