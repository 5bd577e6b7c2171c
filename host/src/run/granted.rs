//! Checks what tests are granted of the machine: refuses directories that no test may have.

use super::module_grants::ModuleGrants;
use super::options::RunOptions;
use crate::config::Profile;
use crate::files::own::{self, OwnDir};
use crate::policy::{DirGrant, Mode};
use std::path::PathBuf;

/// A directory that no test may have is granted.
#[derive(Debug, thiserror::Error)]
#[error(
    "the directory granted as `{guest}`, {}, overlaps {own}, which no test is ever granted; grant a directory that does not hold it",
    host.display()
)]
pub struct OwnDirError {
    guest: String,
    host: PathBuf,
    own: String,
}

/// Refuses a profile that grants what no test may have.
///
/// # Errors
/// The first such grant.
pub(super) fn check_profile(profile: &Profile, options: &RunOptions) -> Result<(), OwnDirError> {
    check(profile.policy().dirs.iter().chain(&profile.requestable().dirs), options)
}

/// Refuses a module's grants if no test may have one of them. The package's own directory may be anywhere: it is an
/// overlay, so that nothing in it is ever written.
/// # Errors
/// The first such grant.
pub(super) fn check_module(grants: &ModuleGrants, options: &RunOptions) -> Result<(), OwnDirError> {
    check(grants.dirs.iter().filter(|dir| !dir.is_package()), options)
}

fn check<'a>(dirs: impl Iterator<Item = &'a DirGrant>, options: &RunOptions) -> Result<(), OwnDirError> {
    for dir in dirs.filter(|dir| dir.mode != Mode::Devices) {
        let cache = options.cache.as_ref().map(|cache| OwnDir::new("the cache of compiled modules", cache.dir()));
        let results =
            options.results.as_ref().map(|used| OwnDir::new("the folder of recorded results", used.results.dir()));
        if let Some(own) = own::overlapped(&dir.host, cache.into_iter().chain(results)) {
            return Err(OwnDirError { guest: dir.guest.clone(), host: dir.host.clone(), own: own.to_string() });
        }
    }
    Ok(())
}
