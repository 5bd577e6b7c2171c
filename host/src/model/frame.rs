//! A place in a guest's code.

use serde::{Deserialize, Serialize};

/// One frame of a guest's stack.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Frame {
    /// Demangled function name, or `wasm function N`.
    pub function: String,
    /// Source file, relative to the package or to its registry or library root; absent without debug information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line in the file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}
