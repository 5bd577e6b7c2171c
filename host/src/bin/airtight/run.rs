//! `airtight run`: the tests of modules that exist.

use crate::args::RunCommand;
use crate::failure::{Done, Failure};
use crate::session::{Input, Session, config_above};

pub fn run(command: &RunCommand) -> Done {
    let here = std::env::current_dir().map_err(Failure::setup)?;
    let session = Session::open(&command.run, command.tests.harness.map(Into::into), &config_above(&here)?)?;
    let inputs = command.files.iter().map(|file| Input::file(file)).collect();
    let planned = session.plan(inputs, &command.tests.selection())?;
    session.run(&planned, &[])
}
