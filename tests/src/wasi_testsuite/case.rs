//! One case: it is run, and compared with its specification.

use super::find::Case;
use super::spec::Spec;
use airtight::LoadOptions;
use airtight::config::Profile;
use airtight::policy::{DirGrant, Limit, Limits, Mode, Policy};
use airtight::report::{Output, TestRecord, Verdict};
use airtight::{Runner, Selection, Subject};
use anyhow::{Context, bail, ensure};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// The suite's own runner gives a case five seconds; a machine that is busy may need more.
const TIMEOUT_MS: u64 = 60_000;

/// Runs a case.
///
/// # Errors
/// What it did that its specification does not say, or why it could not be run.
pub fn run(runner: &Runner, case: &Case, mode: Mode) -> anyhow::Result<()> {
    let spec = match &case.spec {
        Ok(spec) => spec,
        Err(error) => bail!("{error:#}"),
    };
    let copy = spec.root.as_deref().map(copied).transpose()?;
    let runner = runner.under(Profile::for_policy(policy(spec, copy.as_ref(), mode)))?;
    let bytes = fs::read(&case.module).with_context(|| format!("`{}` cannot be read", case.module.display()))?;
    let module = runner.load(bytes, LoadOptions::named(case.name.clone()))?;
    let subject = Subject::new(module);
    let planned = runner.plan(vec![subject], &Selection::default())?;
    let report = runner.run(&planned, &mut ())?;
    let mut records = report.canonical.modules.iter().flat_map(|module| &module.tests);
    compare(spec, records.next().context("the module was not run")?)
}

fn policy(spec: &Spec, root: Option<&TempDir>, mode: Mode) -> Policy {
    let granted = root.map(|dir| DirGrant {
        guest: "/".to_owned(),
        host: dir.path().to_owned(),
        mode,
        name: None,
        alias_of: None,
    });
    // Without a scratch directory, what the specification names is all that is pre-opened; an overlay's writes need its room.
    let scratch = if granted.is_some() { Limits::default().most(Limit::Scratch) } else { 0 };
    Policy {
        limits: Limits::default().with(Limit::Timeout, TIMEOUT_MS).with(Limit::Scratch, scratch),
        dirs: granted.into_iter().collect(),
        env: spec.env.clone(),
        args: spec.args.clone(),
        ..Policy::default()
    }
}

/// A copy that the case may change, without what an earlier run of another runner may have left.
fn copied(root: &Path) -> anyhow::Result<TempDir> {
    let copy = TempDir::with_prefix("wasi-testsuite-").context("no temporary folder can be made")?;
    copy_into(root, copy.path()).with_context(|| format!("`{}` cannot be copied", root.display()))?;
    Ok(copy)
}

fn copy_into(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if path.extension() == Some(OsStr::new("cleanup")) && !kind.is_symlink() {
            continue;
        }
        if kind.is_dir() {
            fs::create_dir(&copy)?;
            copy_into(&path, &copy)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&path)?, &copy)?;
        } else {
            fs::copy(&path, &copy)?;
        }
    }
    Ok(())
}

fn compare(spec: &Spec, record: &TestRecord) -> anyhow::Result<()> {
    let details = record.details.as_deref();
    let output = details.map(|details| details.output.clone()).unwrap_or_default();
    let status = match record.verdict {
        // What it leaves open is not a concern of the suite's.
        Verdict::Pass | Verdict::Leak => 0,
        Verdict::Exit => details.and_then(|details| details.exit_status).context("it left without a status")?,
        verdict => {
            let message = details.and_then(|details| details.message.as_deref()).unwrap_or_default();
            bail!("{verdict:?}: {message}{}", printed(&output));
        }
    };
    ensure!(status == spec.exit_code, "it ended with status {status}, not with {}{}", spec.exit_code, printed(&output));
    for (stream, wanted, found) in [("output", &spec.stdout, &output.stdout), ("error", &spec.stderr, &output.stderr)] {
        // The suite's runner reads as many bytes as it expects, and no more.
        ensure!(
            found.starts_with(wanted.as_bytes()),
            "standard {stream} does not begin with {wanted:?}{}",
            printed(&output)
        );
    }
    Ok(())
}

fn printed(output: &Output) -> String {
    let streams = [("standard output", &output.stdout), ("standard error", &output.stderr)];
    let told = streams.into_iter().filter(|(_, bytes)| !bytes.is_empty());
    told.map(|(name, bytes)| format!("\n{name}:\n{}", String::from_utf8_lossy(bytes).trim_end())).collect()
}
