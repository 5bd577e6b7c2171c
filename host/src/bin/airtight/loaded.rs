//! The modules of a run, and those that could not be loaded. A module that cannot be loaded does not keep the others from
//! running.

use crate::failure::{Done, Failure, say};
use airtight::exit_status;
use airtight::report::RefusedModule;
use airtight::{FileError, Plan, Subject};
use std::path::PathBuf;

/// The name for a module, and the result of loading it.
pub type Loaded = (String, Result<Subject, FileError>);

/// Sorts modules into those that can be run and those that cannot. The latter are named on standard error.
///
/// # Errors
/// No module can be loaded; gives the first failure.
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

/// The result of listing a plan: a module that cannot be listed makes it fail, even if others can be listed.
pub fn conclude(planned: &Plan, ended: Done) -> Done {
    match ended {
        Ok(exit_status::PASSED) if !planned.refused().is_empty() => Ok(exit_status::MODULE_UNUSABLE),
        ended => ended,
    }
}

/// The named modules, as absolute paths; `None` if a package is named. A file is a module unless it is a `.toml`; so is a
/// name that ends in `.wasm`, whether it exists or not.
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
