//! How a test is held by its module.

use serde::{Deserialize, Serialize};

/// How a test is held by its module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Harness {
    /// Custom section and exports of the guest SDK.
    Sdk,
    /// Rust's own test harness.
    Libtest,
    /// The module is one test.
    Command,
}
