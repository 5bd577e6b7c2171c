//! The machine as finding and installing see it: environment, root directory, cache, and a way to run programs.

use crate::error::ToolchainError;
use crate::system::cache_dir::{CACHE_DIR_VARIABLE, cache_dir};
use crate::system::command::{CommandLine, Launcher, System};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Everything from which decisions are made. Tests use one with a root, a cache and programs of their own.
pub(crate) struct Machine<'a> {
    pub launcher: &'a dyn Launcher,
    pub vars: BTreeMap<OsString, OsString>,
    /// `/`, below which the distribution keeps its files.
    pub root: PathBuf,
    pub cache: PathBuf,
    /// The directory of the guests: `rustup` overrides and `rust-toolchain.toml` are looked up from here.
    pub dir: PathBuf,
    pub superuser: bool,
}

impl Machine<'_> {
    /// This machine.
    pub fn current(dir: &Path) -> Result<Machine<'static>, ToolchainError> {
        Ok(Machine {
            launcher: &System,
            vars: std::env::vars_os().collect(),
            root: "/".into(),
            cache: cache_dir().ok_or(ToolchainError::NoCacheDir { variable: CACHE_DIR_VARIABLE })?,
            dir: if dir.as_os_str().is_empty() { ".".into() } else { dir.to_owned() },
            superuser: rustix::process::geteuid().is_root(),
        })
    }

    /// The value of a variable that is set and not empty.
    pub fn var(&self, name: &str) -> Option<&OsStr> {
        self.vars.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// A program on `PATH`.
    pub fn which(&self, name: &str) -> Option<PathBuf> {
        std::env::split_paths(self.var("PATH")?).map(|dir| dir.join(name)).find(|path| is_program(path))
    }

    /// The program that a variable names, by path or by name, else the program `default` on `PATH`.
    pub fn program(&self, variable: &str, default: &str) -> Option<PathBuf> {
        match self.var(variable) {
            Some(value) if Path::new(value).components().count() > 1 => Some(self.dir.join(value)),
            Some(value) => self.which(value.to_str()?),
            None => self.which(default),
        }
    }

    /// A path of the distribution, below the root.
    pub fn system(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Where cargo keeps its downloads; `None` if there is no home directory either.
    pub fn cargo_home(&self) -> Option<PathBuf> {
        let named = self.var("CARGO_HOME").map(|dir| self.dir.join(dir));
        named.or_else(|| Some(Path::new(self.var("HOME")?).join(".cargo")))
    }

    /// The directory of private sysroots.
    pub fn sysroots(&self) -> PathBuf {
        self.cache.join("sysroots")
    }

    /// The output of a command that answers a question. If it fails, `None`, and a trace says why.
    pub fn ask(&self, command: CommandLine) -> Option<String> {
        // The output is parsed, so it must not be translated.
        match self.launcher.capture(&command.clone().dir(&self.dir).env("LC_ALL", "C")) {
            Ok(output) if output.ending.ok() => Some(output.stdout),
            Ok(output) => {
                tracing::debug!(command = command.display(), ending = %output.ending, "{}", output.stderr.trim());
                None
            }
            Err(error) => {
                tracing::debug!(command = command.display(), %error, "could not be started");
                None
            }
        }
    }
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// The entries of a directory by name; none if it cannot be read.
pub(crate) fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// The last component of a path as text; empty if it is not text.
pub(crate) fn file_name(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).unwrap_or_default()
}
