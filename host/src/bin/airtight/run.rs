//! `airtight run`: the tests of modules that exist.

use crate::args::RunCommand;
use crate::failure::{Done, Failure};
use crate::session::{Session, config_above};
use airtight::ModuleGrants;
use std::path::PathBuf;

pub fn run(command: &RunCommand) -> Done {
    let here = std::env::current_dir().map_err(Failure::setup)?;
    let session = Session::open(&command.run, command.tests.harness, &config_above(&here)?)?;
    let load = |file: &PathBuf| session.file(file, ModuleGrants::default());
    let subjects = command.files.iter().map(load).collect::<Result<_, _>>()?;
    let planned = session.plan(subjects, &command.tests.selection())?;
    session.run(&planned, &[])
}
