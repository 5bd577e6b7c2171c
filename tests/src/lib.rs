//! What the end-to-end tests share: the built program, the built guests, and reports.
//!
//! Program and guests are built once in each process. Under nextest, which starts a process for each test, they are built
//! once a run.

mod crates;
pub mod fuzz;
mod go;
pub mod go_suites;
mod guests;
pub mod heap;
pub mod heap_suites;
pub mod hostile;
pub mod native_suites;
mod once;
pub mod pages;
mod picture;
mod program;
mod report;
pub mod script;
pub mod sdk;
pub mod wasi_testsuite;
mod wat;

pub use crates::{airtight_test, with_sdk, workspace, write};
pub use go::{go, go_minor, go_test_binary, go_test_binary_with, goroot, gos};
pub use guests::{guest, guests, guests_dir, guests_target_dir, run_on_faults, toolchain};
pub use picture::{DirPicture, picture};
pub use program::{Ran, cache_dir, command, program, run, scratch_dir, scratch_root};
pub use report::{
    assert_as_named, assert_follows, assert_follows_schema, canonical, digest, read_report, tests, verdicts,
};
pub use wat::{ALLOCATOR, compile, wat_guests};

use std::path::PathBuf;

/// The folder of this package.
pub fn package_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
