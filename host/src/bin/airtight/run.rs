//! `airtight run`: runs the tests of existing modules.

use crate::args::RunCommand;
use crate::bazel;
use crate::config_file::config_above;
use crate::failure::{Done, here};
use crate::list;
use crate::loaded::{conclude, sort_out};
use crate::rest::SettledArgs;
use crate::session::Session;

pub fn run(mut command: RunCommand) -> Done {
    let premature = bazel::obey(&mut command.tests, &mut command.run)?;
    let done = run_all(command);
    premature.done();
    done
}

fn run_all(command: RunCommand) -> Done {
    let here = here()?;
    let config = config_above(&here)?;
    let settled = SettledArgs::new(&command.tests, &command.run);
    settled.tests.refuse_filtersets()?;
    let session = Session::open(&settled.run, settled.tests.harness, &config)?.recording(&settled.run);
    let (subjects, refused) = sort_out(session.files(&command.files))?;
    let (session, tests, _) = settled.with_modules(session, &subjects, &config)?;
    let planned = session.plan(subjects, refused, &tests.selection())?;
    if tests.list { conclude(&planned, list::print(&planned)) } else { session.run(&planned, &[]) }
}
