//! The modules of a run, and those that could not be loaded: one of these does not keep the others from running.

use crate::failure::{Done, Failure, say};
use airtight::exit_status;
use airtight::report::RefusedModule;
use airtight::{FileError, Plan, Subject};
use std::path::PathBuf;

/// What a module was to be called, and what came of loading it.
pub type Loaded = (String, Result<Subject, FileError>);

/// The modules that can be run, and those that cannot, which is said on standard error.
///
/// # Errors
/// No module can be loaded: the first of the failures.
pub fn sort_out(all: impl IntoIterator<Item = Loaded>) -> Result<(Vec<Subject>, Vec<RefusedModule>), Failure> {
    let (mut subjects, mut failures) = (Vec::new(), Vec::new());
    for (name, loaded) in all {
        match loaded {
            Ok(subject) => subjects.push(subject),
            Err(error) => failures.push((name, error)),
        }
    }
    if subjects.is_empty() && !failures.is_empty() {
        return Err(failures.swap_remove(0).1.into());
    }
    let refused = failures.into_iter().map(|(name, error)| {
        let refused = error.refusal(name);
        say(format_args!("error: {}", Failure::from(error)));
        refused
    });
    Ok((subjects, refused.collect()))
}

/// What listing a plan comes to: what can be listed does not make up for what cannot.
pub fn conclude(planned: &Plan, ended: Done) -> Done {
    match ended {
        Ok(exit_status::PASSED) if !planned.refused().is_empty() => Ok(exit_status::MODULE_UNUSABLE),
        ended => ended,
    }
}

/// The modules named, absolute; `None` where it is a package that is named. A name in `.wasm` is a module's, there or not.
pub fn module_files(paths: &[PathBuf]) -> Result<Option<Vec<PathBuf>>, Failure> {
    let named = |path: &PathBuf, end: &str| path.extension().is_some_and(|extension| extension == end);
    let module = |path: &PathBuf| (path.is_file() && !named(path, "toml")) || (named(path, "wasm") && !path.is_dir());
    match (paths.iter().filter(|path| module(path)).count(), paths.len()) {
        (0, 1) => Ok(None),
        (modules, all) if modules == all => {
            paths.iter().map(std::path::absolute).collect::<Result<_, _>>().map(Some).map_err(Failure::setup)
        }
        _ => Err(Failure::usage("name one package or workspace, or modules that exist")),
    }
}
