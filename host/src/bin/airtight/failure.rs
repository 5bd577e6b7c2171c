//! How the program ends when it cannot do what it was asked for.

use airtight::config::{ConfigErrors, UntrustedGrants};
use airtight::exit_status;
use airtight::internals::Lines;
use airtight::report::console::OneLine;
use airtight::verify::VerifyError;
use airtight::{FileError, LoadError, RunError, SearchError, SetupError};
use std::fmt::{self, Display, Formatter};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// An error, with the exit status for it.
#[derive(Debug)]
pub struct Failure {
    status: u8,
    error: anyhow::Error,
}

/// The result of a command: an exit status.
pub type Done = Result<u8, Failure>;

impl Failure {
    /// Something around the run is wrong: toolchain, configuration, a granted directory, a report path.
    pub fn setup(error: impl Into<anyhow::Error>) -> Self {
        Self { status: exit_status::SETUP, error: error.into() }
    }

    /// The arguments make no sense.
    pub fn usage(text: impl Display) -> Self {
        Self { status: exit_status::USAGE, error: anyhow::anyhow!("{text}") }
    }

    /// Refuses the first given flag among those without a meaning here. `why` says why they have none.
    pub fn refuse_flags(flags: &[(bool, &str)], why: &str) -> Result<(), Self> {
        match flags.iter().find(|(given, _)| *given) {
            Some((_, flag)) => Err(Self::usage(format!("{why}; leave out {flag}"))),
            None => Ok(()),
        }
    }

    /// There is nothing to run.
    pub fn no_tests(text: impl Display) -> Self {
        Self { status: exit_status::NO_TESTS, error: anyhow::anyhow!("{text}") }
    }

    /// A module cannot be loaded or listed.
    pub fn unusable(text: impl Display) -> Self {
        Self { status: exit_status::MODULE_UNUSABLE, error: anyhow::anyhow!("{text}") }
    }

    /// A build failed.
    pub fn build(error: impl Into<anyhow::Error>) -> Self {
        Self { status: exit_status::BUILD_FAILED, error: error.into() }
    }

    /// A build was interrupted.
    pub fn interrupted(error: impl Into<anyhow::Error>) -> Self {
        Self { status: exit_status::INTERRUPTED, error: error.into() }
    }

    /// Prints the error on standard error, and gives the exit status.
    pub fn report(&self) -> ExitCode {
        say(format_args!("error: {self}"));
        ExitCode::from(self.status)
    }
}

/// The working directory.
///
/// # Errors
/// The directory was deleted, or may not be read.
pub fn here() -> Result<PathBuf, Failure> {
    std::env::current_dir().map_err(|error| {
        let why = match error.kind() {
            ErrorKind::NotFound => "it was deleted; change into a directory that is there",
            _ => "change into one that can be read",
        };
        Failure::setup(anyhow::anyhow!("the working directory cannot be found: {error}; {why}"))
    })
}

/// The error with its causes: on one line, except for errors that are lists.
impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text: Vec<String> = self.error.chain().map(ToString::to_string).collect();
        let text = text.join(": ");
        let is_list = |error: &(dyn std::error::Error + 'static)| {
            error.is::<ConfigErrors>()
                || error.is::<UntrustedGrants>()
                || matches!(error.downcast_ref(), Some(SetupError::Untrusted(_)))
                || error.is::<airtight::toolchain::ToolchainError>()
                || error.is::<airtight::toolchain::GoError>()
        };
        if self.status == exit_status::BUILD_FAILED || self.error.chain().any(is_list) {
            Lines(&text).fmt(f)
        } else {
            OneLine(&text).fmt(f)
        }
    }
}

/// Writes lines to standard error, made safe, since their words may come from anywhere. Unlike `eprintln!`, it does not
/// panic if nobody reads them.
pub fn say(lines: impl Display) {
    say_safe(Lines(&lines.to_string()));
}

/// Writes lines to standard error that are already safe, and that have our own colours.
pub fn say_safe(lines: impl Display) {
    let _ = writeln!(std::io::stderr(), "{lines}");
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let interrupted = matches!(error, FileError::Load { source: LoadError::Interrupted, .. });
        let status = if interrupted { exit_status::INTERRUPTED } else { exit_status::MODULE_UNUSABLE };
        let package = match &error {
            FileError::Unreadable { path, .. } if path.is_dir() => Some(path.display().to_string()),
            _ => None,
        };
        let error = anyhow::Error::from(error);
        let error = match package {
            Some(dir) => {
                anyhow::anyhow!("{error:#}; the tests of a package are built and run by `airtight test {dir}`")
            }
            None => error,
        };
        Self { status, error }
    }
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Self {
        Self::setup(error)
    }
}

impl From<VerifyError<FileError>> for Failure {
    fn from(error: VerifyError<FileError>) -> Self {
        match error {
            VerifyError::Setup(error) => error.into(),
            VerifyError::Run(error) => error.into(),
            VerifyError::Load(error) => error.into(),
            VerifyError::Elsewhere(_) => Self { status: exit_status::BUG, error: error.into() },
            VerifyError::Unlisted(module) => Self::unusable(module),
            VerifyError::NoTests => Self::no_tests(error),
            VerifyError::Interrupted => Self::interrupted(error),
        }
    }
}

impl From<SearchError> for Failure {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Run(error) => error.into(),
            SearchError::Interrupted => Self::interrupted(error),
            error => Self { status: exit_status::BUG, error: error.into() },
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self { status: error.exit_status(), error: error.into() }
    }
}
