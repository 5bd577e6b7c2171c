//! `airtight run`: the tests of modules that exist.

use crate::args::RunCommand;
use crate::config_file::config_above;
use crate::failure::{Done, here};
use crate::list;
use crate::loaded::{conclude, sort_out};
use crate::session::Session;
use airtight::Harness;

pub fn run(command: RunCommand) -> Done {
    let here = here()?;
    let config = config_above(&here)?;
    let (mut tests, mut run) = (command.tests.clone(), command.run.clone());
    // Arguments of a program look like anything. Whether they are a program's is known when the modules are loaded.
    let settled = tests.settle(&mut run);
    tests.refuse_filtersets()?;
    let session = Session::open(&run, tests.harness, &config)?.recording(&run);
    let (subjects, refused) = sort_out(session.files(&command.files))?;
    let are_go = subjects.iter().all(|subject| subject.module().harness() == Harness::Go);
    let are_programs = subjects.iter().all(|subject| subject.module().harness() == Harness::Command);
    let session = if are_programs && !command.tests.rest.is_empty() {
        (tests, run) = (command.tests, command.run);
        run.args = Some(std::mem::take(&mut tests.rest));
        tests.settle(&mut run)?;
        session.for_programs(&run, run.streams(), &config)?
    } else if are_go && !command.tests.rest.is_empty() {
        // What comes after `--` is for `testing`, whose flags no other harness knows.
        (tests, run) = (command.tests, command.run);
        let rest = std::mem::take(&mut tests.rest);
        tests.settle(&mut run)?;
        tests.settle_go(&rest, &mut run)?;
        session.with_run(&run, &config)?
    } else {
        settled?;
        session
    };
    let planned = session.plan(subjects, refused, &tests.selection())?;
    if tests.list { conclude(&planned, list::print(&planned)) } else { session.run(&planned, &[]) }
}
