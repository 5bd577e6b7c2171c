//! `airtight pollution`: which tests depend on others that ran before them in the same process.

use crate::args::{MessageFormat, PollutionCommand};
use crate::failure::{Done, Failure};
use crate::loaded::sort_out;
use crate::print::print;
use crate::session::Session;
use crate::subjects::Named;
use airtight::exit_status;
use airtight::report::console::render_pollution;

pub fn pollution(mut command: PollutionCommand) -> Done {
    command.tests.settle(&mut command.run)?;
    refuse(&command)?;
    let named = Named::new(&command.paths)?;
    let config = named.config()?;
    let session = Session::open(&command.run, command.tests.harness, &config)?;
    let (loaded, failures) = named.load(&session, &config, (&command.build, &command.tests, &command.run))?;
    let (subjects, refused) = sort_out(loaded)?;
    let is_whole = refused.is_empty();
    let planned = session.plan(subjects, refused, &command.tests.selection())?;
    let pollution = session.pollution(&planned, command.orders as usize)?;
    let colours = command.run.color.on_stdout();
    print(&render_pollution(&pollution, colours))?;
    Ok(match pollution.found().count() {
        0 if failures > 0 => exit_status::BUILD_FAILED,
        0 if !is_whole || !planned.refused().is_empty() => exit_status::MODULE_UNUSABLE,
        0 => exit_status::PASSED,
        _ => exit_status::TEST_FAILED,
    })
}

/// Settings that have no meaning where tests are run together.
fn refuse(command: &PollutionCommand) -> Result<(), Failure> {
    let PollutionCommand { run, tests, .. } = command;
    let refused = [
        (run.no_capture, "--no-capture"),
        (run.message_format != MessageFormat::Human, "--message-format"),
        (run.rerun, "--rerun"),
        (run.retries > 0, "--retries"),
        (run.gen_suppressions, "--gen-suppressions"),
        (run.most_failing().is_some(), "--fail-fast or --max-fail"),
        (tests.list, "--list"),
        (tests.isolate_subtests, "--isolate-subtests"),
        (!run.report.is_empty(), "--report"),
        (run.write_back.is_some(), "--write-back"),
        (run.repeat > 1, "--repeat"),
        (!run.fault.is_empty(), "--fault"),
        (run.schedules > 0 || run.schedule.is_some(), "schedules"),
        (run.shuffle.is_some(), "--shuffle (the orders follow from --seed)"),
    ];
    Failure::refuse_flags(
        &refused,
        "`airtight pollution` runs tests together, in several orders, and prints what it finds",
    )
}
