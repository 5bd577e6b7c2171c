//! The user's own Go: found, and asked to build the tests of packages for wasm.
//!
//! ```text
//! find     GO of the environment, else the search path        its version, its own directory
//! build    `go list` for the packages, `go test -c` for each   a module a package that has tests
//! ```
//!
//! Nothing of the user's or of Go's is changed: `-overlay` adds one file to the package `testing`, the [hook](HOOK), which tells the
//! host what goroutines are left when a test has ended.

mod build;
mod find;
mod limits;

pub use build::{GoArtifact, GoBuild, GoBuildError, GoFailure, GoRequest, build};
pub use find::{Go, GoError, GoVersion, find};
pub use limits::GoLimit;

/// The file that is added to the package `testing`.
pub const HOOK: &str = include_str!("hook.go.txt");
