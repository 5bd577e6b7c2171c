//! The program under test, and how it is run.

use crate::once::once_a_run;
use assert_cmd::Command;
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;
use tempfile::TempDir;

/// The built program.
///
/// `AIRTIGHT_PROGRAM` names another one; else cargo builds it, into the folder and with the profile of this test. It is
/// built as one of the workspace, as the tests are: of its own its dependencies had fewer features, and were compiled again.
///
/// # Panics
/// If it does not build.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match std::env::var_os("AIRTIGHT_PROGRAM") {
        Some(program) => program.into(),
        None => once_a_run("program", build).into(),
    })
}

fn build() -> String {
    let profile_dir = profile_dir();
    let profile = match profile_dir.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = std::process::Command::new(cargo)
        .args(["build", "--workspace", "--bin", "airtight", "--message-format=json", "--profile", profile])
        .arg("--target-dir")
        .arg(profile_dir.parent().expect("a profile's folder is in the target folder"))
        .current_dir(crate::package_dir())
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "airtight does not build:\n{}", String::from_utf8_lossy(&built.stderr));
    let messages = String::from_utf8_lossy(&built.stdout);
    let mut executable = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        (message["target"]["name"] == "airtight").then(|| message["executable"].as_str().map(str::to_owned))?
    });
    executable.next_back().expect("cargo names the program it built")
}

/// `target/debug` for a test in `target/debug/deps`.
fn profile_dir() -> PathBuf {
    let exe = std::env::current_exe().expect("a test knows where it is");
    exe.ancestors().nth(2).expect("tests are in the `deps` of a profile's folder").to_owned()
}

/// A folder in the target folder that is kept between runs.
///
/// # Panics
/// If it cannot be made.
pub fn scratch_root() -> PathBuf {
    let dir = profile_dir().join("airtight-tests");
    std::fs::create_dir_all(&dir).expect("the target folder is writable");
    dir
}

/// A cache of compiled modules that the tests share, apart from the user's.
pub fn cache_dir() -> PathBuf {
    scratch_root().join("cache")
}

/// A new, empty folder outside of the workspace, so that no configuration is found above it.
///
/// # Panics
/// If it cannot be made.
pub fn scratch_dir() -> TempDir {
    TempDir::with_prefix("airtight-tests-").expect("the temporary folder is writable")
}

/// The program, with a cache of the tests' own and the toolchain of the user, and without other settings of the environment.
pub fn command() -> Command {
    let mut command = Command::new(program());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AIRTIGHT_")) {
        command.env_remove(name);
    }
    // What cargo tells a test of itself is not for the program.
    for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "GITHUB_ACTIONS"] {
        command.env_remove(name);
    }
    // What the user trusts is nothing to the tests: each gives its own word, by `--trust` or a list of its own.
    command.env("XDG_CONFIG_HOME", scratch_root().join("config"));
    command.env("AIRTIGHT_CACHE_DIR", cache_dir()).envs(crate::toolchain().env());
    command
}

/// How a run of the program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Exit status; none after a signal.
    pub status: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

/// Runs the program in a folder.
///
/// # Panics
/// If it cannot be started.
pub fn run<A: AsRef<OsStr>>(dir: &Path, args: impl IntoIterator<Item = A>) -> Ran {
    Ran::from(command().current_dir(dir).args(args).output().expect("the program starts"))
}
