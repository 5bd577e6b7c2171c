//! `airtight test`: builds tests for wasm as `cargo test --no-run` would, and runs them.

use crate::args::TestCommand;
use crate::build::{build, config_of};
use crate::failure::Done;
use crate::list;
use crate::session::Session;
use airtight::PlannedModule;
use airtight::exit_status;
use airtight::toolchain::BuildOutput;
use std::collections::BTreeMap;

pub fn test(command: &TestCommand) -> Done {
    // The configuration and report paths are checked before anything is built.
    let config = config_of(&command.path)?;
    let session = Session::open(&command.run, command.tests.harness, &config)?;
    let built = build(&command.build, &command.path)?;
    let mut notes = notes(&built);
    let subjects = built.artifacts.iter().map(|artifact| session.artifact(artifact)).collect::<Result<_, _>>()?;
    let planned = session.plan(subjects, &command.tests.selection())?;
    if planned.iter().any(|module| !module.module.has_lines()) {
        notes.push(NO_LINES.to_owned());
    }
    notes.extend(baked(&planned));
    let ended = if command.no_run { list::print(&planned) } else { session.run(&planned, &notes) };
    match ended {
        // What was built passed, but not everything was built.
        Ok(exit_status::PASSED) if !built.failures.is_empty() => Ok(exit_status::BUILD_FAILED),
        ended => ended,
    }
}

/// Packages whose modules are others in another folder, each named once.
fn baked(planned: &[PlannedModule]) -> Vec<String> {
    let mut places = BTreeMap::<_, Vec<_>>::new();
    for planned in planned.iter().filter(|planned| !planned.tests.is_empty()) {
        for (package, path) in planned.module.baked() {
            places.entry((package, path)).or_default().push(planned.module.name());
        }
    }
    let note = |((package, path), modules): ((&str, &str), Vec<&str>)| {
        format!(
            "{package} bakes the path {path} into {}, so reports differ from those of another folder; to keep it out, read \
             CARGO_MANIFEST_DIR when the test runs instead of with env!",
            modules.join(", ")
        )
    };
    places.into_iter().map(note).collect()
}

/// What to do about reports without lines.
const NO_LINES: &str = "built without debug information, so stacks have no files and lines; to get them, set \
    CARGO_PROFILE_RELEASE_DEBUG=line-tables-only, or `debug` in the profile";

fn notes(built: &BuildOutput) -> Vec<String> {
    let mut notes = Vec::new();
    if !built.doctests.is_empty() {
        notes.push(format!("doctests are not run ({})", built.doctests.join(", ")));
    }
    notes.extend(built.failures.iter().map(|failure| format!("not tested: {failure}")));
    notes
}
