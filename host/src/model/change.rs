//! What tests change in directories that they are granted as overlays. The changes vanish with the test.

use super::EntryRole;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A file or directory that a test changed in an overlay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Change {
    /// Its path in the guest; relative to the package if it lies in the package's directory.
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
    /// The file, directory or link of this name was removed, or moved away.
    Removed,
}

impl Change {
    /// A change.
    #[must_use]
    pub fn new(path: impl Into<String>, what: ChangeKind, bytes: Option<u64>) -> Self {
        Self { path: path.into(), what, bytes }
    }
}

/// A change that is kept after its test, so that it can be made in the host's directory too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptChange {
    pub module: String,
    pub test: String,
    /// The role of the entry that made the change, where that is a set-up or a teardown and not a test.
    pub role: Option<EntryRole>,
    /// Whether the test passed.
    pub passed: bool,
    /// The path that reports show.
    pub report_as: String,
    /// The directory of the host.
    pub host: PathBuf,
    /// The path of the changed file or directory, relative to `host`.
    pub path: String,
    pub now: KeptNode,
}

/// The state of the path after the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeptNode {
    File(Vec<u8>),
    Directory,
    Nothing,
    /// The change cannot be made on the host, for this reason.
    Refused(String),
}
