//! A call of a test that failed because the policy says so.

use super::Frame;
use serde::{Deserialize, Serialize};

/// A call of a test that failed because the policy says so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct InjectedRecord {
    /// Which call, and how it failed: `write:3=ENOSPC`, as `--fault` is given it.
    pub fault: String,
    /// The guest's path, or the name of a socket, that it acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Where, user frames first.
    pub stack: Vec<Frame>,
}
