//! Directories of the machine that a build used, and the names that guests are given in their place.
//!
//! Always compiled: the host looks for the directories in a module, and names the files of a report, whether or not it can
//! build anything itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Where guests that airtight builds are made to believe their workspace is.
pub const VIRTUAL_WORKSPACE: &str = "/workspace";

/// Where guests that airtight builds are made to believe other packages are: `/cargo/semver-1.0.26/src/lib.rs`, `/cargo/semver/out/made.rs`.
pub const VIRTUAL_PACKAGES: &str = "/cargo";

/// Directories of the machine that a build used. A module that holds one of them differs from folder to folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Places {
    /// The name of each package that was compiled, by the package's directory.
    pub packages: BTreeMap<PathBuf, String>,
    /// The workspace's directory, and those that cargo writes to.
    pub dirs: BTreeSet<PathBuf>,
}
