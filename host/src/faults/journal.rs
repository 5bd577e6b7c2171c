//! What a search has tried that did not come to its end, so that a later one goes on there.
//!
//! A page is of one test: `<key>.json`, where the key is a sum of all that its runs depend on and that is known before they begin. What they read
//! from the host is in the page with its state, and is looked at again. A page of another state, or that another user may have written, is
//! passed over: its test is searched from the start.

use super::judge::{FaultOutcome, Wrong};
use super::sweep::FaultTrial;
use super::way_out::WayOut;
use crate::files::owner::{is_ours, open_to_strangers};
use crate::files::{self, Links};
use crate::ledger::{RawFrame, Stack};
use crate::policy::{Fault, Policy};
use crate::run::HostPaths;
use crate::sandbox::wasi::{AskedPath, state_of};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Error, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Most bytes of a page.
const MAX_PAGE: u64 = 256 << 20;

/// Pages that are kept: the newest.
const MAX_PAGES: usize = 1000;

/// What is known of the runs of one test, by the calls that failed.
pub type KnownRuns = BTreeMap<Vec<String>, FaultTrial>;

/// The pages of searches.
#[derive(Debug, Clone)]
pub struct FaultJournal {
    dir: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Page {
    key: String,
    reads: Vec<(AskedPath, String)>,
    runs: Vec<KnownRun>,
}

#[derive(Serialize, Deserialize)]
struct KnownRun {
    faults: Vec<String>,
    wrong: Vec<Wrong>,
    not_judged: Option<String>,
    failed_at: Option<Frames>,
    /// What can fail on the way out: each failure with its place and the figure of what is open then.
    way_out: Vec<(String, Frames, u64)>,
    alike: u64,
    over: Vec<(Frames, u64)>,
}

/// A stack as it is written.
type Frames = Vec<(u32, Option<u32>)>;

fn frames(stack: &Stack) -> Frames {
    stack.iter().map(|frame| (frame.function, frame.offset)).collect()
}

fn stack(frames: &Frames) -> Stack {
    frames.iter().map(|(function, offset)| RawFrame { function: *function, offset: *offset }).collect()
}

impl FaultJournal {
    /// Of pages in this folder, which is made when it is first needed.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Whether anything is kept, of any test.
    pub fn has_pages(&self) -> bool {
        fs::read_dir(&self.dir).is_ok_and(|mut pages| pages.next().is_some())
    }

    fn file(&self, key: &str) -> PathBuf {
        self.dir.join(key).with_extension("json")
    }

    /// What is known of the runs of a test, if all that they read is as it was.
    pub fn known(&self, key: &str, policy: &Policy) -> KnownRuns {
        self.read(key, policy).unwrap_or_default()
    }

    fn read(&self, key: &str, policy: &Policy) -> Option<KnownRuns> {
        let path = self.file(key);
        if open_to_strangers(&self.dir).is_some() || !is_ours(&self.dir) || !is_ours(&path) {
            return None;
        }
        let page: Page = serde_json::from_slice(&files::read(&path, Links::Refuse, MAX_PAGE).ok()?).ok()?;
        let is_same = |(asked, state): &(AskedPath, String)| {
            let host = policy.dirs.get(asked.grant).map(|dir| &dir.host);
            host.and_then(|host| state_of(host, &asked.path, None).ok()).is_some_and(|now| now == *state)
        };
        if page.key != key || !page.reads.iter().all(is_same) {
            return None;
        }
        page.runs.iter().map(|run| Some((run.faults.clone(), run.tried()?))).collect()
    }

    /// Keeps what is known of the runs of a test, which have read this since the search `began`.
    ///
    /// # Errors
    /// In words, why it is not kept.
    pub fn keep(
        &self,
        key: &str,
        (policy, paths, began): (&Policy, &HostPaths, SystemTime),
        runs: &[(&[Fault], &FaultTrial)],
    ) -> Result<(), String> {
        let paths = paths.as_ref().map_err(|why| (*why).to_owned())?;
        let mut reads = Vec::with_capacity(paths.len());
        for asked in paths {
            let dir = policy.dirs.get(asked.grant).ok_or("it reads below no directory")?;
            let state = state_of(&dir.host, &asked.path, Some(began)).map_err(|why| format!("it reads {why}"))?;
            reads.push((asked.clone(), state));
        }
        let runs =
            runs.iter().filter(|(_, tried)| !tried.by_wall_clock).map(|(faults, tried)| KnownRun::new(faults, tried));
        let page = Page { key: key.to_owned(), reads, runs: runs.collect() };
        let bytes = serde_json::to_vec(&page).map_err(|error| error.to_string())?;
        self.write(key, &bytes).map_err(|error| error.to_string())
    }

    fn write(&self, key: &str, bytes: &[u8]) -> std::io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        if open_to_strangers(&self.dir).is_some() || !is_ours(&self.dir) {
            return Err(Error::other(format!("{} is another user's, or others may write it", self.dir.display())));
        }
        let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
        file.write_all(bytes)?;
        file.persist(self.file(key)).map_err(|error| error.error)?;
        self.prune();
        Ok(())
    }

    /// Forgets what is known of a test, whose search came to its end.
    pub fn forget(&self, key: &str) {
        let _ = fs::remove_file(self.file(key));
    }

    /// Drops the oldest pages, where there are too many. Another search may have been here first.
    fn prune(&self) {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut pages: Vec<(SystemTime, PathBuf)> =
            entries.filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()))).collect();
        pages.sort();
        for (_, oldest) in pages.iter().take(pages.len().saturating_sub(MAX_PAGES)) {
            let _ = fs::remove_file(oldest);
        }
    }
}

impl KnownRun {
    fn new(faults: &[Fault], tried: &FaultTrial) -> Self {
        let failure = |(fault, stack, open): &(Fault, Stack, u64)| (fault.to_string(), frames(stack), *open);
        Self {
            faults: faults.iter().map(ToString::to_string).collect(),
            wrong: tried.outcome.wrong.clone(),
            not_judged: tried.outcome.not_judged.clone(),
            failed_at: tried.failed_at.as_ref().map(frames),
            way_out: tried.way_out.failures.iter().map(failure).collect(),
            alike: tried.way_out.alike,
            over: tried.way_out.over.iter().map(|(stack, count)| (frames(stack), *count)).collect(),
        }
    }

    fn tried(&self) -> Option<FaultTrial> {
        let failure = |(fault, frames, open): &(String, Frames, u64)| Some((fault.parse().ok()?, stack(frames), *open));
        Some(FaultTrial {
            outcome: FaultOutcome { wrong: self.wrong.clone(), not_judged: self.not_judged.clone() },
            failed_at: self.failed_at.as_ref().map(stack),
            by_wall_clock: false,
            way_out: WayOut {
                failures: self.way_out.iter().map(failure).collect::<Option<_>>()?,
                alike: self.alike,
                over: self.over.iter().map(|(frames, count)| (stack(frames), *count)).collect(),
            },
            run: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::faults::FindingKind;
    use std::collections::BTreeSet;

    fn tried() -> FaultTrial {
        let place = |function| -> Stack { [RawFrame { function, offset: Some(7) }].into() };
        let wrong = Wrong {
            kind: FindingKind::Leak,
            what: "leaks 1 file".to_owned(),
            object: "file /tmp/a".to_owned(),
            place: vec![crate::model::Frame::new("save").at("src/lib.rs", 3)],
            message: None,
        };
        FaultTrial {
            outcome: FaultOutcome { wrong: vec![wrong], not_judged: None },
            failed_at: Some(place(1)),
            by_wall_clock: false,
            way_out: WayOut {
                failures: vec![("unlink:1=EIO".parse().unwrap(), place(2), 9)],
                alike: 2,
                over: [(place(3), 4)].into(),
            },
            run: None,
        }
    }

    #[test]
    fn what_is_kept_is_known_again_until_it_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let (journal, policy) = (FaultJournal::new(&dir.path().join("faults")), Policy::default());
        assert!(!journal.has_pages(), "there is no folder");
        let fault: Fault = "write:1=ENOSPC".parse().unwrap();
        let by_clock = FaultTrial { by_wall_clock: true, ..tried() };
        let late: Fault = "sleep:1=late".parse().unwrap();
        let nothing_read = Ok(BTreeSet::new());
        let runs = [(&[fault][..], &tried()), (&[late][..], &by_clock)];
        journal.keep("key", (&policy, &nothing_read, SystemTime::now()), &runs).unwrap();
        assert!(journal.has_pages());
        let known = journal.known("key", &policy);
        assert_eq!(known.keys().collect::<Vec<_>>(), [&["write:1=ENOSPC".to_owned()]], "not what the clock ended");
        let again = &known[&vec!["write:1=ENOSPC".to_owned()]];
        assert_eq!(again.outcome, tried().outcome);
        assert_eq!((&again.failed_at, &again.way_out), (&tried().failed_at, &tried().way_out));
        assert!(journal.known("other", &policy).is_empty());
        journal.forget("key");
        assert!(journal.known("key", &policy).is_empty() && !journal.has_pages());
        let unknown: HostPaths = Err("it asks for too much");
        assert_eq!(
            journal.keep("key", (&policy, &unknown, SystemTime::now()), &runs),
            Err("it asks for too much".to_owned())
        );
    }

    #[test]
    fn what_others_may_have_written_is_passed_over() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (journal, policy) = (FaultJournal::new(&dir.path().join("faults")), Policy::default());
        let fault: Fault = "write:1=ENOSPC".parse().unwrap();
        journal.keep("key", (&policy, &Ok(BTreeSet::new()), SystemTime::now()), &[(&[fault], &tried())]).unwrap();
        fs::copy(journal.file("key"), journal.file("moved")).unwrap();
        assert!(journal.known("moved", &policy).is_empty(), "a page of another test");
        fs::set_permissions(journal.file("key"), fs::Permissions::from_mode(0o666)).unwrap();
        assert!(journal.known("key", &policy).is_empty());
    }
}
