//! Resources of the user's own kinds: a pool's connections, mocks, transactions, a container's beans. The host counts them as it
//! counts files, with the place where each was acquired. Both functions are imported from [`MODULE`], and take and return `i32`.
//!
//! | import | parameters | what it does |
//! | --- | --- | --- |
//! | [`TRACK`] | `kind`, `kind_len`, `label`, `label_len` | enters a resource in the books, and returns its number: not 0 |
//! | [`UNTRACK`] | `number` | takes it off them; returns an errno of WASI preview 1: 0, or `badf` for no such number |
//!
//! A kind is a name of the user's own, such as `MockOrderService`; a label tells one resource from others of its kind, and may be
//! empty. Both are UTF-8; what is not is replaced. Numbers are not used again.

pub use crate::net::MODULE;

/// The import that enters a resource in the books.
pub const TRACK: &str = "track";

/// The import that takes it off them.
pub const UNTRACK: &str = "untrack";

/// Every import with the number of its parameters, by name.
pub const IMPORTS: [(&str, usize); 2] = [(TRACK, 4), (UNTRACK, 1)];

/// Longest kind, and longest label, in bytes: a longer one ends the test.
pub const MAX_TEXT: usize = 1024;

/// Most kinds of one test: another one ends it.
pub const MAX_KINDS: usize = 1000;
