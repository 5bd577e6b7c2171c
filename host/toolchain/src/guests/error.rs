//! What a build can fail for: all of it, or single packages.

use crate::error::ToolchainError;
use std::fmt;
use std::io;

/// Why there is nothing to run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A program could not be started.
    #[error("cannot run `{command}`")]
    Start {
        /// The command line.
        command: String,
        /// Why not.
        source: io::Error,
    },
    /// Cargo does not understand the package or workspace.
    #[error("cargo cannot describe the workspace: {message}")]
    Metadata {
        /// Cargo's error.
        message: String,
    },
    /// Cargo stopped without building: a wrong option, an unknown package, dependencies that do not resolve.
    #[error("cargo failed: {message}")]
    Cargo {
        /// Cargo's error.
        message: String,
    },
    /// Nothing of what was asked for builds.
    #[error("nothing could be built{}", .failures.iter().map(|failure| format!("\n  - {failure}")).collect::<String>())]
    NothingBuilt {
        /// Why, package by package.
        failures: Vec<BuildFailure>,
    },
    /// The compiler that leaves the host's paths out cannot be set up.
    #[error("cannot set up the compiler for guests")]
    Compiler(#[from] ToolchainError),
    /// A signal ended cargo: Ctrl-C, most often.
    #[error("cargo was ended by signal {signal}")]
    Interrupted {
        /// The signal's number.
        signal: i32,
    },
}

/// Tests that could not be built, and why. Its `Display` is one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildFailure {
    /// The package whose tests they are.
    pub package: String,
    /// The test binary's name where the package has others that were built; `None` where it has none.
    pub target: Option<String>,
    /// The dependency that does not build, where it is not the package itself.
    pub culprit: Option<FailedDependency>,
    /// What they were built for.
    pub platform: &'static str,
    /// The first error in one line, with file and line where the compiler gave them.
    pub error: String,
    /// The first error as it was printed.
    pub rendered: String,
}

/// A dependency that does not build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedDependency {
    /// Its name.
    pub package: String,
    /// Its version.
    pub version: Option<String>,
    /// How the package comes to depend on it: the first step.
    pub relation: Relation,
    /// The packages between the two; none where it is a direct dependency.
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
