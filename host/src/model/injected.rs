//! A call of a test that failed on purpose, because of a fault in the policy.

use super::Frame;
use serde::{Deserialize, Serialize};

/// A call of a test that failed on purpose, because of a fault in the policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct InjectedRecord {
    /// Which call, and how it failed, in the form that `--fault` takes: `write:3=ENOSPC`.
    pub fault: String,
    /// What the call acted on: a path of the guest, or the name of a socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The guest's stack at the call, user frames first.
    pub stack: Vec<Frame>,
}
