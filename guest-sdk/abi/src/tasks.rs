//! Tasks: asynchronous jobs, of which the host is told when they begin, where they wait, and when they are done. A task that is not done
//! at the end of the test is a leak. All functions are imported from [`MODULE`], and take and return `i32`.
//!
//! | import | parameters | what it does |
//! | --- | --- | --- |
//! | [`SPAWN`] | `name`, `name_len` | enters a task in the books, and returns its number: not 0 |
//! | [`NAME`] | `number`, `name`, `name_len` | gives it another name |
//! | [`WAITS`] | `number` | it waits where this is called from: what it is woken by is asked for its waker there |
//! | [`DONE`] | `number` | takes it off the books |
//!
//! Those that are given a number return an errno of WASI preview 1: 0, or `badf` for no such number. A name is UTF-8; what is not is
//! replaced. It may be empty. Numbers are not used again.

pub use crate::net::MODULE;
pub use crate::tracked::MAX_TEXT;

/// The import that enters a task in the books.
pub const SPAWN: &str = "task_spawn";

/// The import that names it.
pub const NAME: &str = "task_name";

/// The import that tells where it waits.
pub const WAITS: &str = "task_waits";

/// The import that takes it off the books.
pub const DONE: &str = "task_done";

/// Every import with the number of its parameters, by name.
pub const IMPORTS: [(&str, usize); 4] = [(DONE, 1), (NAME, 3), (SPAWN, 2), (WAITS, 1)];
