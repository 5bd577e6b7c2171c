//! One function on a guest's stack, with file and line where they are known.

use serde::{Deserialize, Serialize};

/// One frame of a guest's stack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// The library that the function belongs to: a package that the tested one depends on, or `std`, `libc`, `libc++` or `go`
    /// for the library of a language. Absent where it is the user's own code, or where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
    /// Whether this entry stands for several calls: the stack was too deep for an entry for each call. `function` then says in
    /// words how many calls these are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub folded: bool,
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
        Self { function: function.into(), ..Self::default() }
    }

    /// The same frame in this line of this file.
    #[must_use]
    pub fn at(self, file: impl Into<String>, line: u32) -> Self {
        Self { file: Some(file.into()), line: Some(line), ..self }
    }

    /// The same frame as one of this library's.
    #[must_use]
    pub fn of_library(self, library: impl Into<String>) -> Self {
        Self { library: Some(library.into()), ..self }
    }

    /// An entry that stands for several calls.
    pub(crate) fn folding(words: impl Into<String>) -> Self {
        Self { folded: true, ..Self::new(words) }
    }

    /// Whether this entry is a single call of a function that does not belong to a library, as far as that is known.
    pub(crate) fn is_own(&self) -> bool {
        self.library.is_none() && !self.folded
    }

    /// The innermost frame of the user's own code; where the stack has none, the innermost frame of all.
    pub(crate) fn innermost_own(stack: &[Self]) -> Option<&Self> {
        stack.iter().find(|frame| frame.is_own()).or_else(|| stack.first())
    }
}
