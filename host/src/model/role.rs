//! What an entry of a report is.

use serde::{Deserialize, Serialize};

/// What an entry of a report is that is not a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EntryRole {
    /// It was run once, and the tests of its module began where it ended.
    Setup,
    /// It was run once after them, where the set-up ended.
    Teardown,
}
