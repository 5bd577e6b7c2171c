//! What Bazel asks of the program that it starts as a test. It asks by variables: see the "Test encyclopedia" of its
//! documentation (<https://bazel.build/reference/test-encyclopedia>). The command line comes before the variables.

use crate::args::{RunArgs, TestArgs};
use crate::failure::Failure;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Bazel's variables.
struct Variables<'v>(&'v dyn Fn(&str) -> Option<OsString>);

impl Variables<'_> {
    /// The variable as a path of a file or folder.
    fn path(&self, name: &str) -> Option<PathBuf> {
        (self.0)(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// The variable's value, parsed.
    fn value<T: FromStr>(&self, name: &str) -> Result<Option<T>, Failure> {
        let Some(value) = (self.0)(name).filter(|value| !value.is_empty()) else { return Ok(None) };
        let text = value.to_str().and_then(|text| text.parse().ok());
        let wrong = || Failure::setup(anyhow::anyhow!("Bazel's variable {name} cannot be read: {}", value.display()));
        text.ok_or_else(wrong).map(Some)
    }
}

/// A file that exists while the tests run. If it is still there after the program's end, Bazel knows that the program ended
/// before its tests did, whatever its exit status.
#[must_use]
pub struct PrematureExit(Option<PathBuf>);

impl PrematureExit {
    /// All tests have ended: removes the file.
    pub fn done(self) {
        if let Some(path) = self.0 {
            // If the file is already gone, that is as good.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Does what Bazel asks for, if Bazel runs the program.
///
/// # Errors
/// A variable cannot be read, or a file that Bazel expects cannot be made.
pub fn obey(tests: &mut TestArgs, run: &mut RunArgs) -> Result<PrematureExit, Failure> {
    obey_variables(&Variables(&|name| std::env::var_os(name)), tests, run)
}

fn obey_variables(bazel: &Variables<'_>, tests: &mut TestArgs, run: &mut RunArgs) -> Result<PrematureExit, Failure> {
    // Before version 5, Bazel did not set `BAZEL_TEST`. It has always set these two.
    let is_old = bazel.path("TEST_SRCDIR").is_some() && bazel.path("TEST_TMPDIR").is_some();
    if bazel.value::<String>("BAZEL_TEST")?.as_deref() != Some("1") && !is_old {
        return Ok(PrematureExit(None));
    }
    let shards = bazel.value::<u64>("TEST_TOTAL_SHARDS")?.filter(|count| *count > 0);
    if shards.is_some() && tests.partition.is_some() {
        return Err(Failure::usage(
            "--partition and the shards of Bazel both choose a part of the tests: leave one out",
        ));
    }
    let premature = bazel.path("TEST_PREMATURE_EXIT_FILE");
    if let Some(path) = &premature {
        touch(path)?;
    }
    if let Some(filter) = bazel.value::<String>("TESTBRIDGE_TEST_ONLY")? {
        tests.filters.push(filter);
        // `--test_filter` applies to many targets, most of which have no such test. With a partition, that is not a failure.
        tests.partition = tests.partition.or("slice:1/1".parse().ok());
    }
    if let Some(count) = shards {
        let index = bazel.value::<u64>("TEST_SHARD_INDEX")?.unwrap_or(0);
        let part = format!("slice:{}/{count}", index.saturating_add(1)).parse();
        tests.partition = Some(part.map_err(|error| Failure::setup(anyhow::anyhow!("TEST_SHARD_INDEX: {error}")))?);
        // This file tells Bazel that the shards are obeyed. Without it, Bazel takes each shard for a run of all tests.
        if let Some(path) = bazel.path("TEST_SHARD_STATUS_FILE") {
            touch(&path)?;
        }
    }
    if bazel.value::<u8>("TESTBRIDGE_TEST_RUNNER_FAIL_FAST")? == Some(1) && run.max_fail.is_none() {
        run.fail_fast = true;
    }
    // Only `--runs_per_test` sets this variable: each of its runs is to have another seed.
    if let (Some(seed), None) = (bazel.value("TEST_RANDOM_SEED")?, run.seed) {
        run.seed = Some(seed);
    }
    let mut report = |kind: &str, path: &Path| {
        let spec = format!("{kind}={}", path.display()).parse();
        spec.map(|spec| run.report.push(spec)).map_err(|error| Failure::setup(anyhow::anyhow!("for Bazel: {error}")))
    };
    if let Some(path) = bazel.path("XML_OUTPUT_FILE") {
        report("junit", &path)?;
    }
    if let Some(dir) = bazel.path("TEST_UNDECLARED_OUTPUTS_DIR") {
        report("json", &dir.join("airtight.json"))?;
        report("html", &dir.join("airtight.html"))?;
    }
    Ok(PrematureExit(premature))
}

fn touch(path: &Path) -> Result<(), Failure> {
    let made = File::options().create(true).append(true).open(path);
    let failed =
        |error| Failure::setup(anyhow::anyhow!("cannot make {}, which Bazel asks for: {error}", path.display()));
    made.map(drop).map_err(failed)
}
