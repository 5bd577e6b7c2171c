//! What Go's test binaries tell the host that `airtight go` builds: which goroutines there are. Both functions are imported from
//! [`MODULE`], take and return `i32`, and always return 0.
//!
//! | import | parameters | what it does |
//! | --- | --- | --- |
//! | [`GOROUTINES`] | `when`, `stacks`, `stacks_len` | tells the stacks of all goroutines, as `runtime.Stack` writes them |
//! | [`COLLECTS`] | `begins` | a collection that the test did not ask for begins (1), or has ended (0) |

pub use crate::net::MODULE;

/// The import that tells the stacks of all goroutines.
pub const GOROUTINES: &str = "goroutines";

/// The import that tells of a collection.
pub const COLLECTS: &str = "collects";

/// Every import with the number of its parameters, by name.
pub const IMPORTS: [(&str, usize); 2] = [(COLLECTS, 1), (GOROUTINES, 3)];

/// `when`: a test begins.
pub const BEFORE: u32 = 0;

/// `when`: a test and its clean-ups have ended.
pub const AFTER: u32 = 1;

/// `when`: the program leaves.
pub const EXIT: u32 = 2;

/// Most bytes of stacks in one call; more end the test.
pub const MAX_STACKS: usize = 4 << 20;
