//! The user's own Go: it is found, and builds the tests of packages for wasm.
//!
//! ```text
//! find     the Go of the environment, else of the search path   its version, its own directory
//! build    `go list` for the packages, `go test -c` for each   a module for each package that has tests
//! ```
//!
//! Nothing of the user's or of Go's own is changed: `-overlay` adds one file to the package `testing`. This [hook](HOOK)
//! tells the host which goroutines are left when a test has ended.

mod build;
mod find;
mod limits;

pub use build::{GoArtifact, GoBuild, GoBuildError, GoFailure, GoRequest, build};
pub use find::{Go, GoError, GoVersion, find};
pub use limits::GoLimit;

/// The file that is added to the package `testing`.
pub const HOOK: &str = include_str!("hook.go.txt");
