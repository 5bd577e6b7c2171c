//! What is left of a context when its test is over.

use super::context::{Wasi, close_object};
use super::goroutines::{GoAccount, GoroutineDumps};
use super::reads::HostReads;
use super::scratch::{Change, FileKind};
use super::table::path;
use super::trace::RawTrace;
use super::watch::WatchedCalls;
use crate::ledger::{AcquisitionSites, Handle, OutlivedHandles, TrackedCounts};
use crate::model::Output;
use crate::policy::Limit;
use std::path::Path;
use std::sync::Arc;

/// What is left of a context when its test is over.
#[derive(Debug, Default)]
pub struct Remains {
    /// What the test acquired and still held.
    pub open: Vec<Handle>,
    /// What subtests acquired and was released when they had ended.
    pub outlived: OutlivedHandles,
    /// The counts of resources of the user's own kinds.
    pub tracked: TrackedCounts,
    /// Where it acquired handles, where that was noted.
    pub sites: Option<AcquisitionSites>,
    /// Files that the test left in the scratch file system, in path order.
    pub residue: Vec<LeftoverFile>,
    /// How many more of them there are than are listed, without directories.
    pub residue_omitted: u64,
    /// How many more directories.
    pub residue_dirs_omitted: u64,
    /// The limit on files in memory that was the first to refuse a call something, if one did.
    pub files_refused_by: Option<Limit>,
    /// Most handles of the test's own at once.
    pub handles_peak: u32,
    /// What it printed.
    pub output: Output,
    /// The last absolute paths at which it found nothing.
    pub missing_paths: Vec<String>,
    /// Whether it read standard input of the program that ran it.
    pub inherited_input: bool,
    /// What the test changed in the overlays that it was granted: by grant, in path order.
    pub changes: Vec<OverlayChange>,
    /// How many more of them there are than are listed.
    pub changes_omitted: u64,
    /// The goroutines that a Go test told of.
    pub goroutines: GoroutineDumps,
    /// What else it told.
    pub go: GoAccount,
    /// What was seen of its calls that can fail, where that was looked at.
    pub watched: Option<Box<WatchedCalls>>,
    /// What it did, where that was asked for.
    pub trace: Option<RawTrace>,
    /// What it asked of the host, where that was to be known.
    pub reads: Option<Box<HostReads>>,
}

/// Something that a test changed in a granted overlay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverlayChange {
    /// The directory of the host that the overlay lies over.
    pub host: Arc<Path>,
    /// The path below it.
    pub path: String,
    /// The path that reports give.
    pub report_as: Arc<str>,
    /// What it is now; none where it was removed.
    pub now: Option<(FileKind, u64)>,
    /// The contents of a file, where they are to be kept; or why they could not be read.
    pub contents: Option<std::result::Result<Vec<u8>, String>>,
}

/// A file or a directory left in the scratch file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftoverFile {
    /// Its guest path.
    pub path: String,
    /// Its size in bytes; `None` for a directory.
    pub bytes: Option<u64>,
}

/// Files listed as residue at most; a test that leaves more has made its point.
const MAX_RESIDUE: usize = 100;

/// Changes of one overlay listed at most.
const MAX_CHANGES: usize = 1000;

impl Wasi {
    /// What the test changed in its overlays. The contents of files are there where they are to be kept.
    fn take_changes(&mut self, remains: &mut Remains, keep: bool) {
        let grants = Arc::clone(&self.grants);
        let overlays = grants.dirs.iter().filter_map(|dir| Some((dir, dir.overlay.as_ref()?)));
        for (dir, overlay) in overlays {
            let changes = self.world.scratch.changes(&overlay.lower, MAX_CHANGES);
            remains.changes_omitted += changes.omitted;
            for Change { path, now } in changes.listed {
                let file = now.filter(|now| keep && now.kind == FileKind::File);
                let contents = file.map(|file| {
                    let contents = self.world.scratch.contents(file.id);
                    contents.map_err(|error| format!("it cannot be read again: {error:?}"))
                });
                remains.changes.push(OverlayChange {
                    host: Arc::clone(&overlay.host),
                    report_as: path::join(&dir.report_as, &path),
                    path,
                    now: now.map(|now| (now.kind, now.size)),
                    contents,
                });
            }
        }
    }

    /// Sums up the contents of those of these files of the scratch file system by which it is told whether one is whole.
    fn sum_files<'p>(&mut self, paths: impl Iterator<Item = &'p str>) {
        let Some(watch) = &mut self.watch else { return };
        for path in paths {
            let whole: Arc<str> = format!("{}/{path}", super::grants::SCRATCH_PATH).into();
            if !watch.wants_sum(&whole) {
                continue;
            }
            let contents = self.world.scratch.at(path).and_then(|id| self.world.scratch.contents(id).ok());
            if let Some(contents) = contents {
                watch.sum_is(whole, &contents);
            }
        }
    }

    /// Strikes the balance and closes everything. With `keep_changes`, contents of files that the test changed are given.
    pub(crate) fn finish(mut self, keep_changes: bool) -> Remains {
        let mut remains = Remains::default();
        self.take_changes(&mut remains, keep_changes);
        let handles_peak = self.ledger.peak();
        for (id, socket) in self.table.sockets() {
            self.ledger.left_waiting(id, socket.waiting(&self.world));
        }
        let (outlived, sites) = (self.ledger.outlived(), self.ledger.take_sites());
        let tracked = self.ledger.take_tracked();
        // What the collector closed had been left open.
        let mut open = std::mem::take(&mut self.ledger).balance();
        open.append(&mut self.collected);
        for mut entry in self.table.drain() {
            close_object(&mut entry.object, &mut self.world);
        }
        let left = self.world.scratch.residue(MAX_RESIDUE);
        self.sum_files(left.files.iter().filter(|file| file.kind == FileKind::File).map(|file| &*file.path));
        let residue = left
            .files
            .into_iter()
            .map(|file| LeftoverFile {
                path: format!("{}/{}", super::grants::SCRATCH_PATH, file.path),
                bytes: (file.kind != FileKind::Dir).then_some(file.size),
            })
            .collect();
        Remains {
            open,
            outlived,
            tracked,
            sites,
            residue,
            residue_omitted: left.omitted_files,
            residue_dirs_omitted: left.omitted_dirs,
            files_refused_by: self.world.scratch.refused(),
            handles_peak,
            output: self.world.capture.into_output(),
            missing_paths: self.missing_paths.into_paths(),
            inherited_input: self.world.inherited_input,
            goroutines: self.goroutines,
            go: self.go,
            watched: self.watch.map(|watch| Box::new(watch.finish())),
            trace: self.trace.map(|trace| trace.finish()),
            reads: self.reads,
            ..remains
        }
    }
}
