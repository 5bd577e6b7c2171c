//! A toolchain: a compiler, the cargo that drives it, and their origin.

use crate::system::machine::Machine;
use std::ffi::OsString;
use std::path::PathBuf;

/// The target that guests are built for.
pub const TARGET: &str = "wasm32-wasip1";

/// The target of guests that have threads.
pub const THREADS_TARGET: &str = "wasm32-wasip1-threads";

/// Programs that build guests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    /// The compiler.
    pub rustc: PathBuf,
    /// The cargo that drives it.
    pub cargo: PathBuf,
    /// Where the compiler's libraries are.
    pub sysroot: PathBuf,
    /// The target that guests are built for: [`TARGET`], or [`THREADS_TARGET`] from [`threaded`](crate::threaded()).
    pub target: &'static str,
    /// The toolchain's origin.
    pub kind: ToolchainKind,
}

/// The origin of a toolchain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolchainKind {
    /// The toolchain that plain `cargo` uses, with the target installed.
    Active,
    /// A distribution's compiler, with the target from a package.
    Distribution,
    /// A distribution's compiler with std built by airtight.
    Private {
        /// The compiler's version.
        release: String,
    },
    /// Any compiler, with std built by airtight so that panics unwind.
    Unwinding {
        /// The compiler's version.
        release: String,
    },
}

impl Toolchain {
    /// The compiler itself: rustup's proxy would look it up anew each time. A compiler that the user names is used as it
    /// is.
    pub(crate) fn direct_rustc(&self, machine: &Machine<'_>) -> PathBuf {
        let rustc = self.sysroot.join("bin/rustc");
        if machine.var("RUSTC").is_none() && rustc.is_file() { rustc } else { self.rustc.clone() }
    }

    /// Variables with which plain `cargo build --target …` uses this toolchain; empty if it does so anyway.
    pub fn env(&self) -> Vec<(&'static str, OsString)> {
        match self.kind {
            ToolchainKind::Active => Vec::new(),
            ToolchainKind::Distribution | ToolchainKind::Private { .. } | ToolchainKind::Unwinding { .. } => {
                vec![("RUSTC", self.rustc.clone().into_os_string())]
            }
        }
    }
}

impl std::fmt::Display for Toolchain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.origin(f)?;
        if self.target == TARGET { Ok(()) } else { write!(f, " for {}", self.target) }
    }
}

impl Toolchain {
    fn origin(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.kind {
            ToolchainKind::Active => write!(f, "the active toolchain ({})", self.sysroot.display()),
            ToolchainKind::Distribution => write!(f, "the distribution's toolchain ({})", self.rustc.display()),
            ToolchainKind::Private { release } => {
                write!(f, "the distribution's rustc {release} with a private sysroot ({})", self.sysroot.display())
            }
            ToolchainKind::Unwinding { release } => {
                write!(f, "rustc {release} with a private sysroot whose panics unwind ({})", self.sysroot.display())
            }
        }
    }
}
