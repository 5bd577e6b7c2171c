//! Finds or installs a `wasm32-wasip1` toolchain, and builds guests with cargo.
//!
//! ```text
//! find      the active toolchain, a packaged target, a private sysroot    nothing is changed
//! install   rustup; else packages, std built once into a private sysroot  as far as [`Permission`] goes
//! build     cargo -> artifacts by name, failures by package
//! go        the user's own Go: it is found, and builds the tests of packages
//! ```
//!
//! None of these toolchains needs flags. A private sysroot has start files that include the missing parts of libc, a link
//! to a linker where the compiler looks for its own, and a `bin/rustc` that names the sysroot. So the user's `RUSTFLAGS`
//! (wherever they are set) and linker settings apply unchanged, and the same `RUSTC` serves plain `cargo test`. [`build`]
//! puts a script of its own in front of the compiler, so that guests are the same in every folder.
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
