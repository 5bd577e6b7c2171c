//! `airtight test`: builds tests for wasm as `cargo test --no-run` would, and runs them.

use crate::args::TestCommand;
use crate::build::{Built, build};
use crate::config_file::config_of;
use crate::failure::{Done, Failure};
use crate::list;
use crate::loaded::{conclude, sort_out};
use crate::session::Session;
use airtight::Plan;
use airtight::exit_status;
use airtight::toolchain::{BuildOutput, CargoProfile};
use rayon::prelude::*;
use std::collections::BTreeMap;

pub fn test(mut command: TestCommand) -> Done {
    let path = command.settle()?;
    if command.no_run || command.tests.list {
        list::refuse(&command.run)?;
    }
    // The configuration and report paths are checked before anything is built.
    let config = config_of(&path)?;
    let session = Session::open(&command.run, command.tests.harness, &config)?.recording(&command.run);
    let profile = config.profile(&command.run.profile).map_err(Failure::setup)?;
    let Built { output: built, filtersets, .. } = build(&command.build, &command.tests.filterset, &path, &profile)?;
    let mut notes = notes(&built);
    let loaded: Vec<_> =
        built.artifacts.par_iter().map(|artifact| session.artifact(artifact, filtersets.as_ref())).collect();
    let (subjects, refused) = sort_out(loaded)?;
    let planned = session.plan(subjects, refused, &command.tests.selection())?;
    if planned.modules().iter().any(|module| !module.module.has_lines()) {
        notes.push(no_lines(&command.build.request(&path).profile));
    }
    notes.extend(baked(&planned));
    let lists = command.no_run || command.tests.list;
    let ended = if lists { conclude(&planned, list::print(&planned)) } else { session.run(&planned, &notes) };
    match ended {
        // All built tests passed, but not everything was built.
        Ok(exit_status::PASSED) if !built.failures.is_empty() => Ok(exit_status::BUILD_FAILED),
        ended => ended,
    }
}

/// A note for each package that puts a path into its modules, which therefore differ in other folders.
fn baked(planned: &Plan) -> Vec<String> {
    let mut places = BTreeMap::<_, Vec<_>>::new();
    for planned in planned.modules().iter().filter(|planned| !planned.tests.is_empty()) {
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

/// A note on how to get stacks with lines, for tests built with this profile.
fn no_lines(profile: &CargoProfile) -> String {
    format!(
        "built without debug information, so stacks have no files and lines; to get them, set {}=line-tables-only, or \
         `debug` in the profile",
        profile.debug_variable()
    )
}

fn notes(built: &BuildOutput) -> Vec<String> {
    let mut notes = Vec::new();
    if !built.doctests.is_empty() {
        notes.push(format!("doctests are not run ({})", built.doctests.join(", ")));
    }
    if !built.host_tests.is_empty() {
        let programs = counted(built.host_tests.len(), "test binary is", "test binaries are");
        notes.push(format!(
            "{programs} not run ({}): compiled for this machine, as procedural macros are; `cargo test` runs such tests",
            built.host_tests.join(", ")
        ));
    }
    for (name, features) in &built.without_features {
        notes.push(format!("{name} is not built: it needs --features {}", features.join(",")));
    }
    if !built.other_members.is_empty() {
        let packages = counted(built.other_members.len(), "package", "packages");
        notes.push(format!(
            "{packages} of the workspace not tested ({}); --workspace tests all",
            built.other_members.join(", ")
        ));
    }
    notes.extend(built.failures.iter().map(|failure| format!("not tested: {failure}")));
    notes
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
