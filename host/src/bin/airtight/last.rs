//! The recording of the last run from each folder: its JSON report, in the cache.

use crate::failure::{Failure, here, say};
use airtight::Subject;
use airtight::internals::replace_file;
use airtight::report::json::{self, Unreadable};
use airtight::report::{Report, TestRecord, Verdict};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// How many folders' last runs are kept: those with the newest runs.
const KEPT: usize = 32;

/// The folder of the recordings.
fn folder() -> Option<PathBuf> {
    airtight::toolchain::cache_dir().map(|cache| cache.join("last"))
}

fn file_of(folder: &Path, here: &Path) -> PathBuf {
    let name = Sha256::digest(here.as_os_str().as_encoded_bytes());
    folder.join(format!("{name:x}")).with_extension("json")
}

/// Records the report of a run from this folder. A failure to do so fails no run.
pub fn record(report: &Report) {
    let Some(folder) = folder() else { return };
    let Ok(here) = here() else { return };
    let kept = fs::create_dir_all(&folder).and_then(|()| replace_file(&file_of(&folder, &here), &json::write(report)));
    match kept {
        Ok(()) => forget_old(&folder),
        Err(error) => tracing::warn!("the run is not recorded for `airtight show`: {error}"),
    }
}

/// Removes the oldest recordings. Another process may do the same meanwhile.
fn forget_old(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut recordings: Vec<(SystemTime, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
        })
        .collect();
    recordings.sort();
    let old = recordings.len().saturating_sub(KEPT);
    for (_, path) in recordings.drain(..old) {
        if let Err(error) = fs::remove_file(&path) {
            tracing::debug!("an old recording stays: {error}");
        }
    }
}

/// The report of the last run from this folder, or else from the nearest folder above; `None` if there is none.
pub fn last_run() -> Result<Option<Report>, Failure> {
    let Some(folder) = folder() else { return Ok(None) };
    for dir in here()?.ancestors() {
        match json::read(&file_of(&folder, dir)) {
            Ok(report) => return Ok(Some(report)),
            Err(error) => match error.why {
                Unreadable::Io(why) if why.kind() == ErrorKind::NotFound => {}
                // The recording is of another version, or damaged. The next run writes a new one.
                why => {
                    say(format_args!("warning: the recording of the last run cannot be read: {why}"));
                    return Ok(None);
                }
            },
        }
    }
    Ok(None)
}

/// The error if no run is recorded.
pub fn no_run() -> Failure {
    Failure::setup(anyhow::anyhow!(
        "no run from this folder is recorded; `airtight test`, `run` and `go` record theirs (but with --no-cache)"
    ))
}

/// The tests of the last run to be run again, by module and name.
pub fn to_run_again() -> Result<BTreeSet<(String, String)>, Failure> {
    let report = last_run()?.ok_or_else(no_run)?;
    let modules = &report.canonical.modules;
    let tests = modules.iter().flat_map(|module| module.tests.iter().map(move |test| (module, test)));
    let again = tests.filter(|(_, test)| is_to_run_again(test));
    let again: BTreeSet<_> = again.map(|(module, test)| (module.name.clone(), test.name.to_string())).collect();
    if again.is_empty() {
        return Err(Failure::no_tests(nothing_to_run_again(&report)));
    }
    Ok(again)
}

/// Why no test is to be run again. The run may have failed even if no test did.
fn nothing_to_run_again(report: &Report) -> String {
    let canonical = &report.canonical;
    let missed =
        canonical.gates.iter().filter(|gate| !gate.passed).map(|gate| format!("the gate `{}`", gate.gate.name()));
    let coverage = canonical.cleanup_coverage.iter().filter(|coverage| !coverage.passes());
    let missed = missed.chain(coverage.map(|_| "the gate `cleanup-coverage`".to_owned()));
    let refused = canonical.refused.iter().map(|module| format!("the module {}, which was not tested", module.name));
    let expired = report.volatile.baseline.iter().filter(|usage| !usage.passes());
    let expired = expired.map(|_| "a leak that was accepted until a day that is over".to_owned());
    let failed: Vec<_> = missed.chain(refused).chain(expired).collect();
    match failed.is_empty() {
        true => "nothing failed in the last run from this folder, so there is nothing to run again".to_owned(),
        false => format!(
            "no test failed in the last run from this folder; what failed is {}: that takes a whole run, without --rerun",
            failed.join(", ")
        ),
    }
}

/// Whether the test did not pass, or was not run because of the user or of other tests.
fn is_to_run_again(test: &TestRecord) -> bool {
    let reason = test.details.as_ref().and_then(|details| details.reason.as_deref()).unwrap_or_default();
    match test.verdict {
        Verdict::Skip => reason == "interrupted" || reason.starts_with("not run: "),
        verdict => !verdict.is_success(),
    }
}

/// Limits a module to those of its tests that are named.
pub fn only_these(subject: Subject, only: &Arc<BTreeSet<(String, String)>>) -> Subject {
    let (module, only) = (subject.module().name().to_owned(), Arc::clone(only));
    subject.with_filter(move |test| {
        // Subtests that were run alone are named `test/subtest`: they go with their test.
        let (whole, within) = ((module.clone(), test.to_owned()), format!("{test}/"));
        let next = || only.range((module.clone(), within.clone())..).next();
        only.contains(&whole) || next().is_some_and(|(of, name)| *of == module && name.starts_with(&within))
    })
}
