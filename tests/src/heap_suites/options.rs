//! What to run, and how.

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};

/// What to run and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where the crates' sources are put and built.
    pub folder: PathBuf,
    /// Which tests get which plants.
    pub seed: u64,
    /// How many forgets are planted; 0 for none.
    pub plants: usize,
    /// Whether each suite is also timed without heap accounting.
    pub timing: bool,
    /// Whether the crates are those whose tests have threads, and are built for them.
    pub threads: bool,
    /// Names of the crates, or all of the list.
    pub crates: Vec<String>,
    /// The program that runs the tests.
    pub program: PathBuf,
}

/// How `heap-suites.sh` is called.
pub const USAGE: &str = "usage: heap-suites.sh FOLDER [--seed N] [--plants N] [--timing] [CRATE…]";

impl Options {
    /// From `FOLDER [--seed N] [--plants N] [--timing] [--threads] [CRATE…]`. The program is `AIRTIGHT_PROGRAM`, or the `airtight`
    /// beside this one.
    ///
    /// `usage` is said where it is called in another way.
    ///
    /// # Errors
    /// An argument is unknown or no number, the folder is missing, or there is no program.
    pub fn from_args(args: impl IntoIterator<Item = String>, usage: &'static str) -> anyhow::Result<Self> {
        let (mut folder, mut crates) = (None, Vec::new());
        let (mut seed, mut plants, mut timing, mut threads) = (1, 100, false, false);
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--seed" => seed = number("--seed", args.next())?,
                "--plants" => plants = usize::try_from(number("--plants", args.next())?)?,
                "--timing" => timing = true,
                "--threads" => threads = true,
                option if option.starts_with('-') => bail!("unknown option `{option}`; {usage}"),
                path if folder.is_none() => folder = Some(path.to_owned()),
                name => crates.push(name.to_owned()),
            }
        }
        let folder = std::path::absolute(folder.context(usage)?)?;
        Ok(Self { folder, seed, plants, timing, threads, crates, program: program()? })
    }

    /// The suites as they were published.
    pub(crate) fn plain(&self) -> PathBuf {
        self.folder.join(if self.threads { "threads" } else { "plain" })
    }

    /// Copies with forgets in them.
    pub(super) fn planted(&self) -> PathBuf {
        self.folder.join("planted")
    }

    /// What airtight prints of each suite.
    pub(crate) fn log(&self, workspace: &Path, suite: &str) -> PathBuf {
        self.folder.join("logs").join(workspace.file_name().unwrap_or_default()).join(suite)
    }
}

fn number(option: &str, value: Option<String>) -> anyhow::Result<u64> {
    let value = value.unwrap_or_default();
    value.parse().with_context(|| format!("`{option} {value}`: a whole number is wanted"))
}

fn program() -> anyhow::Result<PathBuf> {
    if let Some(program) = std::env::var_os("AIRTIGHT_PROGRAM") {
        return Ok(std::path::absolute(program)?);
    }
    let beside = std::env::current_exe()?.with_file_name("airtight");
    if !beside.is_file() {
        bail!("`{}` is not there: start this through tests/heap-suites.sh, which builds it", beside.display());
    }
    Ok(beside)
}
