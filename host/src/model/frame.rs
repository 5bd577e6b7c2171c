//! A place in a guest's code.

use serde::{Deserialize, Serialize};

/// One frame of a guest's stack.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
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

impl Frame {
    /// A frame of which no file is known.
    ///
    /// ```
    /// use airtight::report::Frame;
    /// let frame = Frame::new("parse::header").at("src/parse.rs", 7);
    /// assert_eq!((frame.file.as_deref(), frame.line), (Some("src/parse.rs"), Some(7)));
    /// ```
    #[must_use]
    pub fn new(function: impl Into<String>) -> Self {
        Self { function: function.into(), file: None, line: None }
    }

    /// The same frame in this line of this file.
    #[must_use]
    pub fn at(self, file: impl Into<String>, line: u32) -> Self {
        Self { file: Some(file.into()), line: Some(line), ..self }
    }
}
