//! Finds or installs a `wasm32-wasip1` toolchain, and builds guests with cargo.
//!
//! ```text
//! find      the active toolchain, a packaged target, a private sysroot    nothing is changed
//! install   rustup; else packages, std built once into a private sysroot  as far as [`Permission`] goes
//! build     cargo -> artifacts by name, failures by package
//! go        the user's own Go, found, and asked for the tests of packages
//! ```
//!
//! Whichever toolchain it is, it needs no flags: a private sysroot has start files with the missing parts of libc in them, a
//! link to a linker where the compiler looks for its own, and a `bin/rustc` that names the sysroot. So the user's `RUSTFLAGS`
//! (from whichever of its places) and linker settings hold as they are, and the same `RUSTC` serves plain `cargo test`.
//! [`build`] puts a script of its own before the compiler, for guests to be the same in every folder.
//!
//! Without the feature `build` there is only [`places`].

pub mod places;

#[cfg(feature = "build")]
mod error;
#[cfg(feature = "build")]
mod go;
#[cfg(feature = "build")]
mod guests;
#[cfg(feature = "build")]
mod setup;
#[cfg(feature = "build")]
mod system;
#[cfg(feature = "build")]
mod toolchain;

#[cfg(feature = "build")]
pub use {
    error::ToolchainError,
    go::{
        Go, GoArtifact, GoBuild, GoBuildError, GoError, GoFailure, GoLimit, GoRequest, GoVersion, build as build_go,
        find as find_go,
    },
    guests::build::{Artifact, BuildOutput, Members, build, members, metadata},
    guests::error::{BuildError, BuildFailure, FailedDependency, Relation},
    guests::events::BuildEvent,
    guests::package::TargetKind,
    guests::request::{BuildRequest, CargoProfile, TargetFilter},
    setup::find::find,
    setup::install::{Permission, install},
    setup::progress::{SetupEvent, SetupStep},
    setup::threads::threaded,
    setup::unwinding::unwinding,
    system::cache_dir::{CACHE_DIR_VARIABLE, cache_dir},
    toolchain::{TARGET, THREADS_TARGET, Toolchain, ToolchainKind},
};
