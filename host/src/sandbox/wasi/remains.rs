//! What a context leaves behind when its test is over.

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

/// What a context leaves behind when its test is over.
#[derive(Debug, Default)]
pub struct Remains {
    /// The handles that the test acquired and still held.
    pub open: Vec<Handle>,
    /// The handles that subtests acquired, and that were released after these had ended.
    pub outlived: OutlivedHandles,
    /// How many resources of the user's own kinds were acquired and released.
    pub tracked: TrackedCounts,
    /// Where the test acquired handles, if that was noted.
    pub sites: Option<AcquisitionSites>,
    /// Files that the test left in the scratch file system, in path order.
    pub residue: Vec<LeftoverFile>,
    /// How many more files there are, without directories, than are listed.
    pub residue_omitted: u64,
    /// How many more directories there are than are listed.
    pub residue_dirs_omitted: u64,
    /// The first limit on files in memory because of which a call was refused, if any was.
    pub files_refused_by: Option<Limit>,
    /// The most handles of the test's own that were open at once.
    pub handles_peak: u32,
    /// What the test printed.
    pub output: Output,
    /// The last absolute paths at which the test found nothing.
    pub missing_paths: Vec<String>,
    /// Whether the test read the standard input of the program that ran it.
    pub inherited_input: bool,
    /// What the test changed in its granted overlays: by grant, in path order.
    pub changes: Vec<OverlayChange>,
    /// How many more changes there are than are listed.
    pub changes_omitted: u64,
    /// The goroutines of a Go test.
    pub goroutines: GoroutineDumps,
    /// What else a Go test told.
    pub go: GoAccount,
    /// What was seen of the calls that can fail, if they were watched.
    pub watched: Option<Box<WatchedCalls>>,
    /// The events of the test, if it was traced.
    pub trace: Option<RawTrace>,
    /// What the test asked of the host, if that was noted.
    pub reads: Option<Box<HostReads>>,
}

/// Something that a test changed in a granted overlay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverlayChange {
    /// The directory of the host that the overlay lies over.
    pub host: Arc<Path>,
    /// The path below that directory.
    pub path: String,
    /// The path for reports.
    pub report_as: Arc<str>,
    /// What is there now; `None` if the test removed it.
    pub now: Option<(FileKind, u64)>,
    /// The contents of a file, if they are to be kept; or why they cannot be read.
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

/// The most files listed as residue; a test that leaves more has made its point.
const MAX_RESIDUE: usize = 100;

/// The most changes listed of one overlay.
const MAX_CHANGES: usize = 1000;

impl Wasi {
    /// Adds what the test changed in its overlays; with `keep`, with the contents of files.
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
        // A handle that a garbage collection closed had been left open by the test.
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
