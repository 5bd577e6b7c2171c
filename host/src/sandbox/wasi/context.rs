//! One test's WASI context: its descriptors, its ledger and its world.

use super::books::Books;
use super::captured::{CapturedOutput, Streams};
use super::clock::Clock;
use super::fault::{Fault, Halt};
use super::given_paths::GivenPaths;
use super::goroutines::{GoAccount, GoroutineDumps};
use super::grants::{Grants, SocketError};
use super::host::Turn;
use super::meter;
use super::missing_paths::MissingPaths;
use super::quota::Quota;
use super::random::Random;
use super::reads::HostReads;
use super::scratch::{Change, FileKind, Scratch};
use super::stdio::{Stdin, Stdout};
use super::table::{DirEntry, Entry, FileOrDir, Object, Result, RightsPair, Table, path};
use super::trace::{RawTrace, Tracer};
use super::watch::{CallWatch, WatchOptions, WatchedCalls};
use super::watchdog::Watchdog;
use super::world::World;
use crate::ledger::{
    Access, Acquisition, AcquisitionSites, Handle, HandleId, Kind, Ledger, Origin, OutlivedHandles, ScopeHandles,
    ScopeId, Stack, TrackedCounts,
};
use crate::model::Output;
use crate::model::trace::TraceOptions;
use crate::policy::Limit;
use std::path::Path;
use std::sync::Arc;
use wasi_common::snapshots::preview_1::types::{Errno, Fd, Rights};

/// What the host functions work on.
pub struct Wasi {
    pub(super) world: World,
    pub(super) table: Table,
    pub(super) ledger: Ledger,
    pub(super) random: Random,
    pub(super) grants: Arc<Grants>,
    pub(super) args: Vec<Arc<str>>,
    pub(super) env_sockets: Option<String>,
    pub(super) max_handles: u32,
    pub(super) quota: Quota,
    /// The guest's stack, captured by the linker before a call that acquires a handle.
    pub(super) stack: Option<Stack>,
    /// Whether other threads may run while a call waits.
    pub(super) has_threads: bool,
    /// When the call began that is being made, where it is being tried again: in nanoseconds after the test began.
    pub(super) began: Option<u64>,
    pub(super) given_paths: GivenPaths,
    pub(super) missing_paths: MissingPaths,
    pub(super) goroutines: GoroutineDumps,
    pub(super) go: GoAccount,
    /// Whether a Go test is to tell of its heap.
    pub(super) go_heap: bool,
    /// Whether a collection is under way that the test did not ask for.
    pub(super) collects: bool,
    /// What was closed during one.
    pub(super) collected: Vec<Handle>,
    /// Looks at the calls that can be made to fail, where some are or where they are to be known.
    pub(super) watch: Option<Box<CallWatch>>,
    /// Keeps all that the test does, where that is asked for.
    pub(super) trace: Option<Box<Tracer>>,
    /// Notes what it asks of the host, where that is to be known.
    pub(super) reads: Option<Box<HostReads>>,
    /// Given back last, when nothing listens any more.
    pub(super) _turn: Turn,
}

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

/// What a context is made with, beside the grants.
pub struct ContextOptions {
    /// The test's name.
    pub test: Arc<str>,
    /// `argv`, the program's name included.
    pub args: Vec<Arc<str>>,
    /// When it has to stop.
    pub watchdog: Watchdog,
    /// What its streams are.
    pub streams: Streams,
    /// What is looked at of its calls that can fail.
    pub watch: Option<WatchOptions>,
    /// What is kept of all that it does.
    pub trace: Option<TraceOptions>,
    /// Whether to note what it asks of the host.
    pub notes_reads: bool,
    /// Whether to note where handles are acquired.
    pub notes_sites: bool,
    /// Whether a Go test is to tell of its heap.
    pub go_heap: bool,
}

impl Wasi {
    /// A fresh context with everything the policy grants.
    ///
    /// # Errors
    /// A granted socket could not be opened.
    pub fn new(grants: Arc<Grants>, options: ContextOptions) -> Result<Self, SocketError> {
        let ContextOptions { test, args, watchdog, streams, notes_sites, go_heap, watch, trace, notes_reads } = options;
        let limits = grants.policy.limits;
        let turn = Turn::take(&grants.policy.sockets, &watchdog);
        let clock = Clock::new(grants.policy.clock);
        let scratch = Scratch::new(limits.most(Limit::Scratch), limits.most(Limit::ScratchEntries), clock.start());
        let mut wasi = Self {
            world: World::new(scratch, CapturedOutput::new(limits.most(Limit::Output), streams), watchdog, clock),
            table: Table::with_capacity(8),
            ledger: Ledger::default(),
            random: Random::new(grants.policy.seed, test),
            args,
            env_sockets: None,
            max_handles: u32::try_from(limits.most(Limit::Handles)).unwrap_or(u32::MAX),
            quota: Quota::new(limits.most(Limit::Io), limits.most(Limit::HostMemory)),
            stack: None,
            has_threads: false,
            began: None,
            given_paths: GivenPaths::default(),
            missing_paths: MissingPaths::default(),
            goroutines: GoroutineDumps::default(),
            go: GoAccount::default(),
            go_heap,
            collects: false,
            collected: Vec::new(),
            watch: watch.map(CallWatch::new).map(Box::new),
            trace: trace.map(Tracer::new).map(Box::new),
            reads: notes_reads.then(Box::default),
            grants,
            _turn: turn,
        };
        wasi.open_streams(streams);
        wasi.open_directories();
        wasi.open_sockets()?;
        for (kind, most) in &Arc::clone(&wasi.grants).policy.tracked {
            wasi.ledger.limit_tracked(kind, *most);
        }
        if notes_sites {
            wasi.ledger.note_sites();
        }
        Ok(wasi)
    }

    fn open_streams(&mut self, streams: Streams) {
        let stdin = match streams {
            Streams::Inherited => Stdin::Inherited,
            Streams::Captured | Streams::Copied | Streams::Shown { .. } => {
                Stdin::Bytes { bytes: Arc::clone(&self.grants.stdin), at: 0 }
            }
        };
        let names = Arc::clone(&self.grants.names);
        self.grant(Kind::Stream, Object::File(Box::new(stdin)), Access::Read, &names.stdin, None);
        self.grant(Kind::Stream, Object::File(Box::new(Stdout { error: false })), Access::Write, &names.stdout, None);
        self.grant(Kind::Stream, Object::File(Box::new(Stdout { error: true })), Access::Write, &names.stderr, None);
    }

    fn open_directories(&mut self) {
        let grants = Arc::clone(&self.grants);
        if grants.policy.limits.most(Limit::Scratch) > 0 {
            let scratch = Object::Dir { dir: Arc::clone(&grants.scratch), listing: None };
            self.grant(Kind::Dir, scratch, Access::None, &grants.names.scratch, Some(&grants.names.scratch));
        }
        for dir in &grants.dirs {
            let object = Object::Dir { dir: dir.dir.clone(), listing: None };
            self.grant(Kind::Dir, object, Access::None, &dir.report_as, Some(&dir.guest));
        }
    }

    fn open_sockets(&mut self) -> Result<(), SocketError> {
        let grants = Arc::clone(&self.grants);
        if grants.policy.sockets.is_empty() {
            return Ok(());
        }
        let mut told = Vec::new();
        for (name, socket) in grants.open_sockets(&mut self.world)? {
            let fd = self.grant(Kind::Socket, Object::File(socket), Access::ReadWrite, &name, None);
            told.push(format!("{name}={fd}"));
        }
        self.env_sockets = Some(format!("{}={}", airtight_abi::SOCKETS_ENV, told.join(":")));
        Ok(())
    }

    fn grant(
        &mut self,
        kind: Kind,
        object: Object,
        access: Access,
        path: &Arc<str>,
        preopen: Option<&Arc<str>>,
    ) -> u32 {
        let fd = self.table.next_fd();
        let id = self.ledger.acquire(Acquisition {
            kind,
            path: Some(Arc::clone(path)),
            fd,
            access,
            origin: Origin::Granted,
            stack: None,
        });
        self.note_ends(id, kind, &object);
        let rights = RightsPair::whole(kind, access);
        self.table.insert(Entry { object, id, rights, path: Arc::clone(path), preopen: preopen.cloned() })
    }

    /// Enters an object that the test acquired; refused with `Mfile` over the limit.
    pub(super) fn acquired(&mut self, object: Object, acquired: NewHandle) -> Result<Fd> {
        let NewHandle { kind, path, access, rights } = acquired;
        self.room_for_handle()?;
        let fd = self.table.next_fd();
        let stack = self.stack.take();
        self.quota.hold(&path, stack.as_ref().map_or(0, |stack| stack.len()));
        let id = self.ledger.acquire(Acquisition {
            kind,
            path: Some(Arc::clone(&path)),
            fd,
            access,
            origin: Origin::Test,
            stack,
        });
        self.note_ends(id, kind, &object);
        Ok(self.table.insert(Entry { object, id, rights, path, preopen: None }).into())
    }

    /// Handles of the test's own that are open now.
    pub(crate) fn handles_open(&self) -> u32 {
        self.ledger.open_by_test()
    }

    /// A scope begins: what is acquired from now on belongs to it.
    pub(crate) fn begin_scope(&mut self, scope: ScopeId) -> ScopeHandles {
        self.ledger.begin_scope(scope)
    }

    /// The scope that is running ends. Gives the most handles that were open at once in it.
    pub(crate) fn end_scope(&mut self, began: ScopeHandles) -> u32 {
        self.ledger.end_scope(began)
    }

    /// Whether the stack of a call that releases a handle is wanted.
    pub(crate) fn wants_release(&self) -> bool {
        self.ledger.wants_release()
    }

    /// Whether one more handle is allowed; asked before the host does the work.
    pub(super) fn room_for_handle(&self) -> Result<()> {
        if self.ledger.open_by_test() >= self.max_handles { Err(Errno::Mfile.into()) } else { Ok(()) }
    }

    pub(super) fn opened(&mut self, dirfd: Fd, at: &str, opened: FileOrDir, asked: RightsPair) -> Result<Fd> {
        let path = path::join(&self.table.get(dirfd)?.path, at);
        let (kind, object) = match opened {
            FileOrDir::File(file) => (Kind::File, Object::File(file)),
            FileOrDir::Dir(dir) => (Kind::Dir, Object::Dir { dir, listing: None }),
        };
        let rights = asked.for_kind(kind);
        self.acquired(object, NewHandle { kind, path, access: rights.access(), rights })
    }

    /// Enters the two sides of a socket into the books.
    fn note_ends(&mut self, id: HandleId, kind: Kind, object: &Object) {
        if let (Kind::Socket, Object::File(socket)) = (kind, object) {
            self.ledger.connected(id, socket.local(&self.world).ok(), socket.peer(&self.world).ok());
        }
    }

    /// Names the socket behind a descriptor where waiting for it ended the test.
    pub(super) fn name_wait(&self, fd: Fd, fault: Fault) -> Fault {
        match (fault, self.table.get(fd)) {
            (Fault::Waiting(stuck), Ok(entry)) => {
                let stack = self.ledger.get(entry.id).and_then(|handle| handle.stack.clone());
                stuck.named(&entry.named_at(fd), stack).into()
            }
            (fault, _) => fault,
        }
    }

    /// Takes a descriptor's entry off the table and the books.
    pub(super) fn close_entry(&mut self, mut entry: Entry) {
        if self.collects {
            let closed = self.ledger.get(entry.id).filter(|handle| handle.origin == Origin::Test).cloned();
            if let Some(closed) = &closed {
                self.quota.hold_closed(&entry.path, closed.stack.as_ref().map_or(0, |stack| stack.len()));
            }
            self.collected.extend(closed);
        }
        self.let_go(&entry);
        self.ledger.release(entry.id, self.stack.as_ref());
        close_object(&mut entry.object, &mut self.world);
    }

    /// The directory's entries as they were when the guest began to read it.
    pub(super) fn listing(&mut self, fd: Fd, from_start: bool) -> Result<Arc<[DirEntry]>> {
        let dir = self.table.dir(fd, Rights::FD_READDIR)?;
        if let Object::Dir { listing: Some(listing), .. } = &self.table.get(fd)?.object
            && !from_start
        {
            return Ok(Arc::clone(listing));
        }
        let fresh: Arc<[DirEntry]> = dir.list(&mut self.world)?.into();
        self.world.meter.charge(meter::ENTRY, fresh.len());
        if let Object::Dir { listing, .. } = &mut self.table.get_mut(fd)?.object {
            let old = listing.replace(Arc::clone(&fresh));
            self.quota.hold_listing(old.as_deref(), &fresh);
        }
        Ok(fresh)
    }

    /// Sets the clock and gives the stack to a call that is about to be made. Whether the guest pays for the stack: it does not for
    /// one that is captured to look at it.
    pub(crate) fn begin_call(&mut self, spent: u64, stack: Option<Stack>, is_paid: bool) {
        self.world.clock.set_spent(spent);
        if let (Some(stack), true) = (&stack, is_paid) {
            self.world.meter.charge(meter::FRAME, stack.len());
        }
        self.stack = stack;
    }

    /// From here on, calls are counted and fail as these options say.
    pub(crate) fn watch_calls(&mut self, options: Option<WatchOptions>) {
        self.watch = options.map(CallWatch::new).map(Box::new);
    }

    /// Whether the stack of every call is wanted.
    pub(crate) fn wants_stacks(&self) -> bool {
        self.watch.is_some() || self.trace.is_some()
    }

    /// What calls are looked at with.
    pub(super) fn books(&self) -> Books<'_> {
        Books { table: &self.table, ledger: &self.ledger, stack: self.stack.as_ref(), policy: &self.grants.policy }
    }

    /// The trace of the test, where it is traced.
    pub(crate) fn trace(&mut self) -> Option<&mut Tracer> {
        self.trace.as_deref_mut()
    }

    /// The host calls the test.
    pub(crate) fn test_is_called(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.test_is_called();
        }
    }

    /// Whether a thread that is about to be spawned, by one with this stack, is to be refused.
    pub(crate) fn refuses_spawn(&mut self, stack: &Stack, is_main: bool) -> bool {
        let Some(mut watch) = self.watch.take() else { return false };
        let refuses = watch.spawns(&self.books(), stack, is_main);
        self.watch = Some(watch);
        refuses
    }

    /// The most bytes that a call may move.
    pub(super) fn most_bytes(&self) -> usize {
        self.watch.as_ref().and_then(|watch| watch.most_bytes()).unwrap_or(meter::MAX_BYTES)
    }

    /// A call of this thread is about to be made, or to be tried again where it `began` before.
    pub(crate) fn begin_try(&mut self, thread: u32, began: Option<u64>) {
        self.ledger.act_as(thread);
        self.has_threads = true;
        self.began = began;
    }

    /// Sets the clock between two calls.
    pub(crate) fn tell_spent(&mut self, spent: u64) {
        self.world.clock.set_spent(spent);
    }

    /// Nanoseconds since the test began.
    pub(crate) fn elapsed(&self) -> u64 {
        self.world.clock.elapsed()
    }

    /// Lets time pass until so many nanoseconds after the test began. Where it is real time, some of it, and the caller looks again.
    ///
    /// # Errors
    /// The test may not go on.
    pub(crate) fn pass_time(&mut self, until: u64) -> std::result::Result<(), Halt> {
        if self.world.clock.is_real() {
            let rest = std::time::Duration::from_nanos(until.saturating_sub(self.elapsed()));
            self.world.watchdog.pause(rest)?;
            self.world.clock.look();
        } else {
            self.world.clock.sleep_until(until);
        }
        Ok(())
    }

    /// The stack that was captured before the call.
    pub(crate) fn take_stack(&mut self) -> Option<Stack> {
        self.stack.take()
    }

    /// The fuel that the call just made costs.
    pub(crate) fn end_call(&mut self) -> u64 {
        self.world.meter.charge(meter::CALL, 1);
        self.world.meter.take()
    }

    /// Where the paths began that calls were given last.
    pub(crate) fn given_paths(&self) -> &GivenPaths {
        &self.given_paths
    }

    /// Says when the test has to stop.
    pub(crate) fn watchdog(&self) -> &Watchdog {
        &self.world.watchdog
    }

    /// The wall-clock time a test may take.
    pub(crate) fn timeout(&self) -> std::time::Duration {
        self.grants.policy.limits.time(Limit::Timeout)
    }

    /// Gives the test a new deadline: for its clean-ups, or for its next call.
    pub(crate) fn set_deadline(&mut self, deadline: std::time::Instant) {
        self.world.watchdog.deadline = deadline;
    }

    /// Lets the guest run on though the run is interrupted, until its deadline: for clean-ups.
    pub(crate) fn forget_interrupt(&mut self) {
        self.world.watchdog.interrupted = Arc::default();
    }

    /// How many host descriptors are open for the test; asked again when the context is gone.
    pub(crate) fn host_count(&self) -> super::host::HostCount {
        self.world.host.clone()
    }

    /// Standard error as captured so far.
    pub(crate) fn stderr(&self) -> &[u8] {
        self.world.capture.stderr()
    }

    /// Leaks a host descriptor on purpose, to prove that the check at the end is awake.
    pub(crate) fn inject_host_leak(&mut self) {
        std::mem::forget(self.world.host.track());
    }

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

/// How an object that the test acquired is entered in the table and the books.
pub(super) struct NewHandle {
    pub kind: Kind,
    pub path: Arc<str>,
    pub access: Access,
    pub rights: RightsPair,
}

fn close_object(object: &mut Object, world: &mut World) {
    match object {
        Object::File(file) => file.close(world),
        Object::Dir { dir, .. } => dir.close(world),
    }
}
