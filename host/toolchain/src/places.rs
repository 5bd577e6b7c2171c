//! Directories of the machine that a build used, and the names that guests get for them.
//!
//! Always compiled: the host looks for these directories in a module, and names the files of a report by them, even if it
//! cannot build anything itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The directory in which the workspace is, for guests that airtight builds.
pub const VIRTUAL_WORKSPACE: &str = "/workspace";

/// The directory in which other packages are, for guests that airtight builds: `/cargo/semver-1.0.26/src/lib.rs`,
/// `/cargo/semver/out/made.rs`.
pub const VIRTUAL_PACKAGES: &str = "/cargo";

/// Directories of the machine that a build used. A module that contains one of them differs between folders.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Places {
    /// The name of each compiled package, by the package's directory.
    pub packages: BTreeMap<PathBuf, String>,
    /// The workspace's directory, and those that cargo writes to.
    pub dirs: BTreeSet<PathBuf>,
}
