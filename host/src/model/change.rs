//! What tests change in directories that they are granted as overlays. The changes are gone with the test.

use super::EntryRole;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A file or directory that a test changed in an overlay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Change {
    /// Its guest path; relative to the package where it is the package's.
    pub path: String,
    /// What was done.
    pub what: ChangeKind,
    /// The size of a file that was written, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// What was done to a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ChangeKind {
    /// A file was made or written to, or moved here.
    Written,
    /// A directory was made, or moved here.
    Directory,
    /// A symbolic link was made, or moved here.
    Link,
    /// It was removed, or moved away.
    Removed,
}

impl Change {
    /// A change.
    #[must_use]
    pub fn new(path: impl Into<String>, what: ChangeKind, bytes: Option<u64>) -> Self {
        Self { path: path.into(), what, bytes }
    }
}

/// A change that is kept after its test, to be made to the host's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptChange {
    pub module: String,
    pub test: String,
    /// What it is, where it is not a test.
    pub role: Option<EntryRole>,
    /// Whether the test passed.
    pub passed: bool,
    /// The path that reports give.
    pub report_as: String,
    /// The directory of the host.
    pub host: PathBuf,
    /// The path below it.
    pub path: String,
    pub now: KeptNode,
}

/// What is to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeptNode {
    File(Vec<u8>),
    Directory,
    Nothing,
    /// It cannot be made on the host, for this reason.
    Refused(String),
}
