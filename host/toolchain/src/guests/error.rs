//! Why a build fails: as a whole, or for single packages.

use crate::error::ToolchainError;
use std::fmt;
use std::io;

/// Why nothing can be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A program could not be started.
    #[error("cannot run `{command}`")]
    Start {
        /// The command line.
        command: String,
        /// Why it could not be started.
        source: io::Error,
    },
    /// Cargo cannot read the package or workspace.
    #[error("cargo cannot describe the workspace: {message}")]
    Metadata {
        /// Cargo's error.
        message: String,
    },
    /// Cargo stopped before it built anything: a wrong option, an unknown package, dependencies that do not resolve.
    #[error("cargo failed: {message}")]
    Cargo {
        /// Cargo's error.
        message: String,
    },
    /// Nothing of the request could be built.
    #[error("nothing could be built{}", .failures.iter().map(|failure| format!("\n  - {failure}")).collect::<String>())]
    NothingBuilt {
        /// The failures, package by package.
        failures: Vec<BuildFailure>,
    },
    /// The compiler that keeps the host's paths out of guests cannot be set up.
    #[error("cannot set up the compiler for guests")]
    Compiler(#[from] ToolchainError),
    /// A signal ended cargo: mostly Ctrl-C.
    #[error("cargo was ended by signal {signal}")]
    Interrupted {
        /// The signal's number.
        signal: i32,
    },
}

/// Tests that could not be built, and why. Displayed as one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildFailure {
    /// The package that the tests belong to.
    pub package: String,
    /// The name of the test binary, if others of the package were built; `None` if none was.
    pub target: Option<String>,
    /// The dependency that does not build; `None` if the package itself does not.
    pub culprit: Option<FailedDependency>,
    /// The target that they were built for.
    pub platform: &'static str,
    /// The first error in one line, with file and line where the compiler gave them.
    pub error: String,
    /// The first error, as the compiler printed it.
    pub rendered: String,
}

/// A dependency that does not build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedDependency {
    /// The dependency's name.
    pub package: String,
    /// The dependency's version, if it is known.
    pub version: Option<String>,
    /// The kind of the first dependency on the way from the package to this one.
    pub relation: Relation,
    /// The packages on the way; empty for a direct dependency.
    pub through: Vec<String>,
}

/// A section of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// `[dependencies]`
    Dependency,
    /// `[dev-dependencies]`
    DevDependency,
    /// `[build-dependencies]`
    BuildDependency,
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Relation::Dependency => "dependency",
            Relation::DevDependency => "dev-dependency",
            Relation::BuildDependency => "build-dependency",
        })
    }
}

impl fmt::Display for BuildFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not build for {}: ", self.target.as_ref().unwrap_or(&self.package), self.platform)?;
        if let Some(culprit) = &self.culprit {
            write!(f, "its {} {}", culprit.relation, culprit.package)?;
            if let Some(version) = &culprit.version {
                write!(f, " {version}")?;
            }
            if !culprit.through.is_empty() {
                write!(f, " (through {})", culprit.through.join(", "))?;
            }
            f.write_str(" does not: ")?;
        }
        f.write_str(&self.error)
    }
}
