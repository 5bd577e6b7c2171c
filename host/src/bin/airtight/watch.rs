//! `airtight watch`: runs the tests again whenever a file of the workspace changes.
//!
//! Each run is another process of this program: `airtight test --cached` with the same arguments. That process prints
//! everything.

use crate::args::WatchCommand;
use crate::failure::{Done, Failure, say};
use airtight::exit_status;
use airtight::internals::{Links, read_file};
use airtight::report::console::OneLine;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// The tests are run when nothing has changed for this time.
const QUIET: Duration = Duration::from_millis(150);

/// The tests are run after this time, even if changes go on.
const PATIENCE: Duration = Duration::from_secs(3);

/// Most bytes of a `Cargo.lock` that are compared. A longer one counts as changed whenever it is written.
const MAX_LOCK: u64 = 64 << 20;

/// A folder with this file is a cache, such as cargo's target folders.
const CACHE_TAG: &str = "CACHEDIR.TAG";

/// Receives the changes.
type Changes = Receiver<notify::Result<Event>>;

pub fn watch(mut command: WatchCommand) -> Done {
    let path = command.test.settle()?;
    let run = &command.test.run;
    let refused = [
        (command.test.no_run || command.test.tests.list, "--no-run and --list"),
        (run.rerun, "--rerun"),
        (run.write_back.is_some(), "--write-back"),
    ];
    Failure::refuse_flags(&refused, "`airtight watch` runs the tests whenever a file changes")?;
    let root = workspace(&path)?;
    let reports = run.report.iter().filter_map(|spec| std::path::absolute(&spec.path).ok());
    let mut folders = Folders::new(root, reports.collect())?;
    let arguments = arguments(!run.cached && !run.no_cache && !run.no_capture);
    let mut runs = 0;
    loop {
        // The run sees all changes up to here.
        folders.watch_new()?;
        let status = self::run(&arguments)?;
        folders.lock = folders.read_lock();
        runs += 1;
        if command.runs == Some(runs) {
            return Ok(status);
        }
        say(format_args!(
            "{:>12} {} for changes; Ctrl-C ends this",
            "Watching",
            OneLine(&folders.root.display().to_string())
        ));
        let changed = folders.wait()?;
        say(format_args!("{:>12} {}", "Changed", OneLine(&changed.display().to_string())));
    }
}

/// Runs the tests once. Gives the status of the run; if a signal ended it, that of an interrupted run.
fn run(arguments: &[OsString]) -> Done {
    let program = std::env::current_exe().map_err(Failure::setup)?;
    let mut child = Command::new(program).args(arguments).spawn().map_err(Failure::setup)?;
    let status = child.wait().map_err(Failure::setup)?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(exit_status::INTERRUPTED))
}

/// The arguments for `airtight test`: those of this process, with one word replaced.
fn arguments(is_cached: bool) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let own = arguments.iter().position(|argument| argument == "watch");
    let mut at = own.map_or(0, |own| own + 1);
    if let Some(own) = own {
        arguments[own] = "test".into();
    }
    if is_cached {
        arguments.insert(at, "--cached".into());
        at += 1;
    }
    // `--runs` is the one option that `airtight test` does not know.
    while let Some(argument) = arguments.get(at).and_then(|argument| argument.to_str()) {
        match argument {
            "--" => break,
            "--runs" => drop(arguments.drain(at..(at + 2).min(arguments.len()))),
            _ if argument.starts_with("--runs=") => drop(arguments.remove(at)),
            _ => at += 1,
        }
    }
    arguments
}

/// The folder of the workspace to which a package belongs.
fn workspace(path: &Path) -> Result<PathBuf, Failure> {
    let dir = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let located = Command::new(cargo)
        .args(["locate-project", "--workspace", "--message-format", "plain"])
        .current_dir(dir)
        .stderr(Stdio::null())
        .output();
    let manifest = located.ok().filter(|located| located.status.success());
    let manifest = manifest.and_then(|located| String::from_utf8(located.stdout).ok());
    let found = manifest.as_deref().and_then(|manifest| Path::new(manifest.trim()).parent());
    // A manifest that cargo cannot read is one to watch: `airtight test` says what is wrong with it.
    let is_there = |dir: &Path| dir.join("Cargo.toml").exists();
    let start = std::path::absolute(dir).map_err(Failure::setup)?;
    if found.is_none() && !start.ancestors().any(is_there) {
        let start = start.display();
        return Err(Failure::setup(anyhow::anyhow!("there is no Cargo.toml in {start} or any folder above it")));
    }
    std::path::absolute(found.unwrap_or(dir)).map_err(Failure::setup)
}

/// The folders of a workspace that are watched: all but caches and git's own.
struct Folders {
    root: PathBuf,
    watcher: RecommendedWatcher,
    changes: Changes,
    /// The files that a run writes.
    written: BTreeSet<PathBuf>,
    /// What `Cargo.lock` held after the last run: a build may write that file.
    lock: Option<Vec<u8>>,
}

impl Folders {
    fn new(root: PathBuf, written: BTreeSet<PathBuf>) -> Result<Self, Failure> {
        let (send, changes) = channel();
        // Sending fails only when the program ends.
        let watcher = notify::recommended_watcher(move |event| drop(send.send(event))).map_err(Failure::setup)?;
        Ok(Self { root, watcher, changes, written, lock: None })
    }

    fn lock_file(&self) -> PathBuf {
        self.root.join("Cargo.lock")
    }

    /// What `Cargo.lock` holds, nothing if there is none; `None` if it cannot be read.
    fn read_lock(&self) -> Option<Vec<u8>> {
        match read_file(&self.lock_file(), Links::Follow, MAX_LOCK) {
            Err(error) if error.kind() == ErrorKind::NotFound => Some(Vec::new()),
            read => read.ok(),
        }
    }

    /// Watches all folders that exist now.
    fn watch_new(&mut self) -> Result<(), Failure> {
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            if is_left_out(&folder) {
                continue;
            }
            // Also folders that are already watched: one may have been removed and made anew.
            if let Err(error) = self.watcher.watch(&folder, RecursiveMode::NonRecursive) {
                // The folder may be gone by now.
                if folder.is_dir() {
                    let error = anyhow::Error::from(error);
                    return Err(Failure::setup(error.context(format!("cannot watch {}", folder.display()))));
                }
            }
            let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            folders.extend(
                entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()),
            );
        }
        Ok(())
    }

    /// Waits for a change, and then until changes stop. Gives the first changed path.
    fn wait(&self) -> Result<PathBuf, Failure> {
        let ended = || Failure::setup(anyhow::anyhow!("the system does not tell of changes any more"));
        let first = loop {
            let event = self.changes.recv().map_err(|_| ended())?;
            if let Some(path) = self.changed(event)? {
                break path;
            }
        };
        let since = Instant::now();
        let mut last = since;
        while last.elapsed() < QUIET && since.elapsed() < PATIENCE {
            match self.changes.recv_timeout(QUIET) {
                Ok(event) => {
                    if self.changed(event)?.is_some() {
                        last = Instant::now();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(ended()),
            }
        }
        Ok(first.strip_prefix(&self.root).map_or(first.clone(), Path::to_owned))
    }

    /// The path that an event is about, if the event changes what a run sees.
    fn changed(&self, event: notify::Result<Event>) -> Result<Option<PathBuf>, Failure> {
        let event = event.map_err(Failure::setup)?;
        if event.need_rescan() {
            return Ok(Some(self.root.clone()));
        }
        if event.kind.is_access() {
            return Ok(None);
        }
        let is_seen = |path: &PathBuf| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            // Cargo makes the target folder under a longer name that begins with `target`, and renames it.
            let is_becoming_target = path.parent() == Some(&*self.root)
                && path.extension().is_none()
                && name.starts_with("target")
                && !path.exists();
            let is_as_built = *path == self.lock_file() && self.lock.is_some() && self.read_lock() == self.lock;
            !is_as_built
                && !is_becoming_target
                && !self.written.contains(path)
                && !name.starts_with(".airtight-report-")
                && !is_left_out(path)
        };
        Ok(event.paths.into_iter().find(is_seen))
    }
}

/// Whether a folder does not belong to the workspace's sources.
fn is_left_out(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == ".git" || name == "target") || path.join(CACHE_TAG).is_file()
}
