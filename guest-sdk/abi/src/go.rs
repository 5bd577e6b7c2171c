//! What Go's test binaries tell the host that `airtight go` builds: when a test begins, which goroutines there are, and what Go's own
//! runtime says of its heap. All functions are imported from [`MODULE`], take and return `i32`, and return 0 where nothing else is said;
//! [`READY`] returns nothing.
//!
//! | import | parameters | what it does |
//! | --- | --- | --- |
//! | [`READY`] | | all packages are initialised, and which test is to run is not known yet: see [below](#ready) |
//! | [`ARGS`] | `args`, `len` | writes the arguments of this run alone, each ended by a zero, where they have room; returns their bytes |
//! | [`BEGINS`] | | the one test of this run begins; returns 1 where its heap is to be told of, and else 0 |
//! | [`GOROUTINES`] | `when`, `stacks`, `stacks_len` | tells the stacks of all goroutines, as `runtime.Stack` writes them |
//! | [`COLLECTS`] | `begins` | a collection that the test did not ask for begins (1), or has ended (0) |
//! | [`HEAP`] | `when`, `bytes`, `blocks` | what was live after a collection, by `runtime.MemStats` |
//! | [`SITES`] | `sites`, `sites_len` | where the test allocated, by `runtime.MemProfile`: see [below](#sites) |
//!
//! # Sites
//! A line for each place with four numbers: blocks and bytes that were allocated, and blocks and bytes that are in use. Then two lines
//! for each call, innermost first, as the runtime prints them: the function, and behind a tab `file:line`. An empty line ends the place.
//! A line `more N` says how many places are left out.
//!
//! # Ready
//! Up to here every test of a program is the same: its arguments are those of all, and so is its randomness. The host does not return
//! from the call. It leaves what is on the stack of WebAssembly, and calls the function that goes on where the goroutine that runs is
//! to go on, by what is in memory and globals: in this instance, or in another that begins with the same memory and globals.

pub use crate::net::MODULE;

/// The import that tells that all packages are initialised.
pub const READY: &str = "go_ready";

/// The import that tells the arguments of this run alone.
pub const ARGS: &str = "go_args";

/// The import that tells the stacks of all goroutines.
pub const GOROUTINES: &str = "goroutines";

/// The import that tells of a collection.
pub const COLLECTS: &str = "collects";

/// The import that tells that the test begins.
pub const BEGINS: &str = "go_begins";

/// The import that tells what is live on the heap.
pub const HEAP: &str = "go_heap";

/// The import that tells where was allocated.
pub const SITES: &str = "go_sites";

/// Every import that returns a number, with the number of its parameters, by name.
pub const IMPORTS: [(&str, usize); 6] = [(COLLECTS, 1), (ARGS, 2), (BEGINS, 0), (HEAP, 3), (SITES, 2), (GOROUTINES, 3)];

/// `when`: a test begins.
pub const BEFORE: u32 = 0;

/// `when`: a test and its clean-ups have ended.
pub const AFTER: u32 = 1;

/// `when`: the program leaves.
pub const EXIT: u32 = 2;

/// Most bytes of stacks, and of sites, in one call; more end the test.
pub const MAX_STACKS: usize = 4 << 20;
