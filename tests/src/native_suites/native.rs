//! A suite, run by native `cargo test`.

use crate::heap_suites::Options;
use crate::heap_suites::fetch::PublishedCrate;
use anyhow::{Context, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What became of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Native {
    Passed,
    Failed,
    Ignored,
}

/// Every test's result, by the names of its module and its own as the report has them.
pub type Results = BTreeMap<(String, String), Native>;

/// A test binary of this machine.
struct Binary {
    /// The module's name in reports: `package` for the library's unit tests, `package/test` for others.
    module: String,
    executable: PathBuf,
}

/// Builds a suite for this machine and runs it. Gives the time that its binaries took, too.
///
/// # Errors
/// It does not build, or a binary cannot be started.
pub fn run(options: &Options, suite: &PublishedCrate) -> anyhow::Result<(Results, Duration)> {
    let dir = options.plain().join(suite.folder());
    let (mut results, mut took) = (Results::new(), Duration::ZERO);
    for Binary { module, executable } in build(options, suite, &dir)? {
        let began = Instant::now();
        let output =
            binary(&executable, &dir).output().with_context(|| format!("cannot run {}", executable.display()))?;
        took += began.elapsed();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let log = options.log(Path::new("native"), &suite.folder());
        fs::create_dir_all(&log)?;
        fs::write(log.join(format!("{}.txt", module.replace('/', "-"))), &text)?;
        for name in listed(&executable, &dir)? {
            let result = match read(&text, &name) {
                Some(result) => result,
                // Its line is torn by what it, or another, wrote.
                None => alone(&executable, &dir, &name)?,
            };
            results.insert((module.clone(), name), result);
        }
    }
    Ok((results, took))
}

/// A binary as `cargo test` starts it, one test after the other: some suites share a file.
fn binary(executable: &Path, dir: &Path) -> Command {
    let mut command = Command::new(executable);
    command.current_dir(dir).env("CARGO_MANIFEST_DIR", dir).arg("--test-threads=1").stdin(Stdio::null());
    command
}

fn listed(executable: &Path, dir: &Path) -> anyhow::Result<Vec<String>> {
    let output = binary(executable, dir).args(["--list", "--format", "terse"]).output()?;
    ensure!(output.status.success(), "{} does not list its tests", executable.display());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

/// The result in the line of a test.
fn read(text: &str, name: &str) -> Option<Native> {
    let begins = [format!("test {name} ... "), format!("test {name} - should panic ... ")];
    let rest = text.lines().find_map(|line| begins.iter().find_map(|begin| line.strip_prefix(begin.as_str())))?;
    match rest {
        "ok" => Some(Native::Passed),
        "FAILED" => Some(Native::Failed),
        ignored if ignored.starts_with("ignored") => Some(Native::Ignored),
        _ => None,
    }
}

fn alone(executable: &Path, dir: &Path, name: &str) -> anyhow::Result<Native> {
    let status =
        binary(executable, dir).args(["--exact", name]).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    Ok(if status.success() { Native::Passed } else { Native::Failed })
}

fn build(options: &Options, suite: &PublishedCrate, dir: &Path) -> anyhow::Result<Vec<Binary>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(dir)
        .args(["test", "--no-run", "--lib", "--tests", "--locked", "--quiet", "--message-format=json"])
        .env("CARGO_TARGET_DIR", options.folder.join("target"))
        .stdin(Stdio::null())
        .output()
        .context("cargo cannot be started")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} does not build for this machine:\n{said}", suite.folder());
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(messages.filter_map(|message| test_binary(&message, suite)).collect())
}

fn test_binary(message: &Value, suite: &PublishedCrate) -> Option<Binary> {
    let executable = message["executable"].as_str()?.into();
    if message["profile"]["test"] != true {
        return None;
    }
    let module = match (message["target"]["kind"][0].as_str()?, message["target"]["name"].as_str()?) {
        ("test", name) => format!("{}/{name}", suite.name),
        ("bin", name) => format!("{}/bin/{name}", suite.name),
        ("bench", name) => format!("{}/bench/{name}", suite.name),
        ("example", name) => format!("{}/example/{name}", suite.name),
        _ => suite.name.clone(),
    };
    Some(Binary { module, executable })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_the_harness_writes_them() {
        let text = "\nrunning 5 tests\ntest a ... ok\ntest b - should panic ... ok\ntest c ... ignored, not now\n\
            test d ... FAILED\ntest e ... printed\nok\n";
        let read = |name| read(text, name);
        assert_eq!(read("a"), Some(Native::Passed));
        assert_eq!(read("b"), Some(Native::Passed));
        assert_eq!(read("c"), Some(Native::Ignored));
        assert_eq!(read("d"), Some(Native::Failed));
        assert_eq!((read("e"), read("f")), (None, None));
    }
}
