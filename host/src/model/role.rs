//! Set-ups and teardowns: entries of a report that are not tests.

use serde::{Deserialize, Serialize};

/// The role of an entry of a report that is not a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EntryRole {
    /// A set-up: it was run once, and the tests of its module began in the state in which it ended.
    Setup,
    /// A teardown: it was run once after the tests of its module, in the state in which the set-up ended.
    Teardown,
}
