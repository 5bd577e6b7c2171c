//! Finds or installs a `wasm32-wasip1` toolchain, and builds guests with cargo.
//!
//! ```text
//! find      the active toolchain, a packaged target, a private sysroot    nothing is changed
//! install   rustup; else packages, std built once into a private sysroot  as far as [`Permission`] goes
//! build     cargo -> artifacts by name, failures by package
//! ```
//!
//! Whichever toolchain it is, it needs no flags: a private sysroot has start files with the missing parts of libc in them, a
//! link to a linker where the compiler looks for its own, and a `bin/rustc` that names the sysroot. So the user's `RUSTFLAGS`
//! (from whichever of its places) and linker settings hold as they are, and the same `RUSTC` serves plain `cargo test`.
//! [`build`] puts a script of its own before the compiler, for guests to be the same in every folder.

mod build;
mod cache_dir;
mod command;
mod debian;
mod error;
mod failures;
mod find;
mod install;
mod linker;
mod lock;
mod machine;
mod messages;
mod package;
mod portable;
mod request;
mod rustc_info;
mod rustup;
mod selection;
mod sysroot;
mod sysroot_build;

#[cfg(test)]
mod build_tests;
#[cfg(test)]
mod fake;

pub use build::{Artifact, BuildError, BuildEvent, BuildOutput, build};
pub use cache_dir::{CACHE_DIR_VARIABLE, cache_dir};
pub use error::ToolchainError;
pub use failures::{BuildFailure, Culprit, Relation};
pub use find::find;
pub use install::{Permission, Step, Task, install};
pub use package::TargetKind;
pub use request::{BuildRequest, Profile, TargetFilter};

use std::ffi::OsString;
use std::path::PathBuf;

/// The target that guests are built for.
pub const TARGET: &str = "wasm32-wasip1";

/// Programs that build guests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    /// The compiler.
    pub rustc: PathBuf,
    /// The cargo that drives it.
    pub cargo: PathBuf,
    /// Where the compiler's libraries are.
    pub sysroot: PathBuf,
    /// Where it came from.
    pub kind: Kind,
}

/// Where a toolchain came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The one that plain `cargo` uses, with the target installed.
    Active,
    /// A distribution's compiler with a packaged target.
    Distribution,
    /// A distribution's compiler with std built by airtight.
    Private {
        /// The compiler's version.
        release: String,
    },
}

impl Toolchain {
    /// Variables under which plain `cargo build --target wasm32-wasip1` uses this toolchain; none where it does so anyway.
    pub fn env(&self) -> Vec<(&'static str, OsString)> {
        match self.kind {
            Kind::Active => Vec::new(),
            Kind::Distribution | Kind::Private { .. } => vec![("RUSTC", self.rustc.clone().into_os_string())],
        }
    }
}

impl std::fmt::Display for Toolchain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.kind {
            Kind::Active => write!(f, "the active toolchain ({})", self.sysroot.display()),
            Kind::Distribution => write!(f, "the distribution's toolchain ({})", self.rustc.display()),
            Kind::Private { release } => {
                write!(f, "the distribution's rustc {release} with a private sysroot ({})", self.sysroot.display())
            }
        }
    }
}
