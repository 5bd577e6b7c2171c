//! The folder that holds results: `<key>/<sum>.json`, where `sum` is the SHA-256 of the file.
//!
//! A folder or file that another user owns or may write is passed over. So is a file that does not hold what its name says.

use super::TestResult;
use super::key::Key;
use crate::files::owner::{is_ours, open_to_strangers};
use crate::files::{self, Links};
use crate::sandbox::wasi::AskedPath;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fs;
use std::io::{Error, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Most bytes of one result. The result of a test that passed is short.
const MAX_RESULT: u64 = 16 << 20;

/// Most results of one test: each belongs to another state of what the test reads.
const MAX_STATES: usize = 8;

/// Most tests whose results are kept: those whose results were used last.
const MAX_TESTS: usize = 20_000;

/// A folder of results of tests that passed. Several machines may share it, or restore it from each other.
///
/// ```
/// use airtight::{Results, Runner, config::Config};
///
/// let results = Results::new(std::env::temp_dir().join("results"));
/// let runner = Runner::builder(&Config::default(), "default")?.results(results).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Results {
    dir: PathBuf,
}

/// A recorded result.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RecordedResult {
    pub key: String,
    /// The paths that the test read, and the state of each at that time.
    pub reads: Vec<(AskedPath, String)>,
    pub result: TestResult,
}

impl Results {
    /// The results in `dir`, which is created when it is first needed.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Why results in the folder are not used; `None` if they are.
    pub(super) fn refuses(&self) -> Option<String> {
        let why = "is another user's, or others may write it";
        if let Some(open) = open_to_strangers(&self.dir) {
            return Some(format!("{} {why}", open.display()));
        }
        let is_foreign = fs::symlink_metadata(&self.dir).is_ok() && !is_ours(&self.dir);
        is_foreign.then(|| format!("{} {why}", self.dir.display()))
    }

    /// The folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    fn folder(&self, key: &Key) -> PathBuf {
        self.dir.join(key.name())
    }

    /// The results of this key that are undamaged.
    pub(super) fn undamaged(&self, key: &Key) -> Vec<RecordedResult> {
        let folder = self.folder(key);
        if !is_ours(&folder) {
            return Vec::new();
        }
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten().take(2 * MAX_STATES);
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths.iter().filter_map(|path| self.read(key, path)).collect()
    }

    fn read(&self, key: &Key, path: &Path) -> Option<RecordedResult> {
        if path.extension().is_none_or(|extension| extension != "json") || !is_ours(path) {
            return None;
        }
        let bytes = files::read(path, Links::Refuse, MAX_RESULT).ok()?;
        let recorded: Option<RecordedResult> = serde_json::from_slice(&bytes).ok();
        let recorded = recorded.filter(|recorded| recorded.key == key.name());
        if recorded.is_none() || path.file_stem()?.to_str()? != sum(&bytes) {
            tracing::warn!("the recorded result {} is damaged or another's, and is not taken", path.display());
            return None;
        }
        recorded
    }

    /// Notes that a result was used.
    pub(super) fn was_used(&self, key: &Key) {
        if let Ok(folder) = fs::File::open(self.folder(key)) {
            // If this fails, the result only seems older than it is.
            let _ = folder.set_modified(SystemTime::now());
        }
    }

    /// Keeps a result.
    ///
    /// # Errors
    /// The folder cannot be written, or is not ours.
    pub(super) fn keep(&self, key: &Key, recorded: &RecordedResult) -> std::io::Result<()> {
        let bytes = serde_json::to_vec(recorded)?;
        if bytes.len() as u64 > MAX_RESULT {
            return Ok(());
        }
        let folder = self.folder(key);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        if !is_ours(&folder) || !is_ours(&self.dir) {
            return Err(Error::other("it is another user's, or others may write it"));
        }
        let mut entries: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&folder)?.flatten() {
            entries.push((entry.metadata()?.modified()?, entry.path()));
        }
        entries.sort();
        for (_, oldest) in entries.iter().take((entries.len() + 1).saturating_sub(MAX_STATES)) {
            let _ = fs::remove_file(oldest);
        }
        let mut file = tempfile::NamedTempFile::new_in(&folder)?;
        file.write_all(&bytes)?;
        file.persist(folder.join(format!("{}.json", sum(&bytes)))).map_err(|error| error.error)?;
        Ok(())
    }

    /// Drops the results of the tests that were used longest ago, if there are too many.
    pub(super) fn prune(&self) {
        self.prune_to(MAX_TESTS);
    }

    fn prune_to(&self, most: usize) {
        let Ok(folders) = fs::read_dir(&self.dir) else { return };
        let mut folders: Vec<(SystemTime, PathBuf)> = folders
            .flatten()
            .filter(|folder| is_key(&folder.file_name()))
            .filter_map(|folder| Some((folder.metadata().ok()?.modified().ok()?, folder.path())))
            .collect();
        folders.sort();
        for (_, oldest) in folders.iter().take(folders.len().saturating_sub(most)) {
            // Another run may have been here first.
            let _ = fs::remove_dir_all(oldest);
        }
    }
}

/// Whether a folder of this name can hold results. Other folders belong to somebody else.
fn is_key(name: &OsStr) -> bool {
    name.len() == 64 && name.as_encoded_bytes().iter().all(u8::is_ascii_hexdigit)
}

fn sum(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_no_result_of_ours_is_not_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let results = Results::new(dir.path());
        let keys = ["a", "b", "c"].map(|digit| digit.repeat(64));
        let not_hex = "z".repeat(64);
        let others = ["photos", &"a".repeat(63), &not_hex];
        for (nth, name) in (0..).zip(others.iter().copied().chain(keys.iter().map(String::as_str))) {
            let folder = dir.path().join(name);
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("x.json"), "").unwrap();
            let used = SystemTime::now() - Duration::from_secs(100 - nth);
            fs::File::open(&folder).unwrap().set_modified(used).unwrap();
        }
        let left = || {
            let names = fs::read_dir(dir.path()).unwrap();
            let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        let with_others = |keys: &[&String]| {
            let names = others.iter().map(|name| (*name).to_owned()).chain(keys.iter().map(|key| (*key).clone()));
            let mut names: Vec<_> = names.collect();
            names.sort();
            names
        };
        results.prune_to(2);
        assert_eq!(left(), with_others(&[&keys[1], &keys[2]]), "those that were of use last stay");
        results.prune_to(0);
        assert_eq!(left(), with_others(&[]), "the others are somebody else's");
        assert!(dir.path().join("photos/x.json").is_file());
    }
}
