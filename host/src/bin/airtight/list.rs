//! `airtight list`: prints tests without running them.

use crate::args::{ListCommand, MessageFormat, RunArgs};
use crate::config_file::config_above;
use crate::failure::{Done, Failure, here};
use crate::loaded::{conclude, sort_out};
use crate::print;
use crate::session::{Session, nothing_selected};
use airtight::Plan;
use airtight::report::console::OneLine;

pub fn list(mut command: ListCommand) -> Done {
    command.tests.settle(&mut command.run)?;
    command.run.judges_nothing = true;
    command.tests.refuse_filtersets()?;
    refuse(&command.run)?;
    let here = here()?;
    let session = Session::open(&command.run, command.tests.harness, &config_above(&here)?)?;
    let (subjects, refused) = sort_out(session.files(&command.files))?;
    let planned = session.plan(subjects, refused, &command.tests.selection())?;
    conclude(&planned, print(&planned))
}

/// Refuses settings that concern how a run is shown, since nothing is run.
pub fn refuse(run: &RunArgs) -> Result<(), Failure> {
    let refused = [(run.message_format != MessageFormat::Human, "--message-format")];
    Failure::refuse_flags(&refused, "a list is a line a test, and nothing is run")
}

/// Prints one line for each test: its module, its name, and why it would be skipped.
pub fn print(planned: &Plan) -> Done {
    let mut text = String::new();
    for module in planned.modules() {
        for test in module.tests.iter().filter(|test| test.is_test()) {
            let skipped = test.skipped().map(|reason| format!(" ({})", OneLine(reason))).unwrap_or_default();
            text.push_str(&format!("{} {}{skipped}\n", OneLine(module.module.name()), OneLine(&test.name)));
        }
    }
    if text.is_empty() { Err(nothing_selected(planned)) } else { print::print(&text) }
}
