//! What a test holds that it has acquired since some moment: files, directories, sockets and tracked resources. Both functions are
//! imported from [`MODULE`], and take and return `i32`.
//!
//! | import | parameters | what it does |
//! | --- | --- | --- |
//! | [`MARK`] | | returns the number of this moment |
//! | [`SINCE`] | `mark`, `text`, `text_len` | returns how many resources the test has acquired since and still holds, and tells which |
//!
//! They are told as words, such as `file /tmp/a, socket -> 127.0.0.1:80`, in the order in which they were acquired: as many as there is
//! room for in the text, whose rest is set to zero. A test that asks often for many of them pays for each that is looked at.

pub use crate::net::MODULE;

/// The import that gives the number of a moment.
pub const MARK: &str = "held_mark";

/// The import that tells what is held since.
pub const SINCE: &str = "held_since";

/// Every import with the number of its parameters, by name.
pub const IMPORTS: [(&str, usize); 2] = [(MARK, 0), (SINCE, 3)];

/// Longest text, in bytes: a longer one ends the test.
pub const MAX_TEXT: usize = 4096;
