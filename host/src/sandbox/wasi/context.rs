//! One test's WASI context: its descriptors, its ledger and its world.

use super::books::Books;
use super::fault::{Fault, Halt};
use super::given_paths::GivenPaths;
use super::goroutines::{GoAccount, GoroutineDumps};
use super::grants::Grants;
use super::host::ListenTurn;
use super::meter;
use super::missing_paths::MissingPaths;
use super::quota::Quota;
use super::random::Random;
use super::reads::HostReads;
use super::table::{DescriptorEntry, DirEntry, FileOrDir, Object, Result, RightsPair, Table, path};
use super::trace::Tracer;
use super::watch::{BegunAllocation, CallWatch, Request, WatchOptions};
use super::watchdog::Watchdog;
use super::world::World;
use crate::ledger::{
    Access, Acquisition, EndedScope, Handle, HandleId, Kind, Ledger, Origin, ScopeHandles, ScopeId, Stack,
};
use crate::policy::Limit;
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
    /// The guest's stack at the current call, if it was captured: see [`Capture`](super::Capture) and
    /// [`Wasi::wants_stacks`].
    pub(super) stack: Option<Stack>,
    /// Whether other threads of the test may run while a call waits.
    pub(super) has_threads: bool,
    /// When the current call began, if it is being tried again: in nanoseconds after the test began.
    pub(super) began: Option<u64>,
    pub(super) given_paths: GivenPaths,
    pub(super) missing_paths: MissingPaths,
    pub(super) goroutines: GoroutineDumps,
    pub(super) go: GoAccount,
    /// The arguments that a program of Go's is told when it is ready.
    pub(super) go_args: Vec<Arc<str>>,
    /// The name that seeds randomness once a program of Go's is ready, where it is to tell that.
    pub(super) go_test: Option<Arc<str>>,
    /// Whether a Go test is to tell of its heap.
    pub(super) go_heap: bool,
    /// Whether a garbage collection is under way that the test did not ask for.
    pub(super) collects: bool,
    /// The handles that were closed during such a collection.
    pub(super) collected: Vec<Handle>,
    /// Watches the calls that can fail, if some are to fail or to be noted.
    pub(super) watch: Option<Box<CallWatch>>,
    /// Keeps the events of the test, if it is traced.
    pub(super) trace: Option<Box<Tracer>>,
    /// Notes what the test asks of the host, if that is wanted.
    pub(super) reads: Option<Box<HostReads>>,
    /// Dropped last, when nothing listens any more.
    pub(super) _turn: ListenTurn,
}

impl Wasi {
    /// Fuel that a Go program had spent when its test began, where it has told that.
    pub fn go_start(&self) -> Option<u64> {
        self.go.start_fuel
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
        Ok(self.table.insert(DescriptorEntry { object, id, rights, path, preopen: None }).into())
    }

    /// How many handles the test itself has acquired and has open.
    pub(crate) fn handles_open(&self) -> u32 {
        self.ledger.open_by_test()
    }

    /// A scope begins: handles acquired from now on belong to it.
    pub(crate) fn begin_scope(&mut self, scope: ScopeId) -> ScopeHandles {
        self.ledger.begin_scope(scope)
    }

    /// The running scope ends. Gives its figures.
    pub(crate) fn end_scope(&mut self, began: ScopeHandles) -> EndedScope {
        self.ledger.end_scope(began)
    }

    /// Whether the stack is wanted at calls that release a handle.
    pub(crate) fn wants_release(&self) -> bool {
        self.ledger.wants_release()
    }

    /// Checks that one more handle is allowed, before the host does any work.
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

    /// Notes the addresses of a socket's two sides in the ledger.
    pub(super) fn note_ends(&mut self, id: HandleId, kind: Kind, object: &Object) {
        if let (Kind::Socket, Object::File(socket)) = (kind, object) {
            self.ledger.connected(id, socket.local(&self.world).ok(), socket.peer(&self.world).ok());
        }
    }

    /// If waiting for a socket ended the test, adds the name of the socket at `fd` to the fault.
    pub(super) fn name_wait(&self, fd: Fd, fault: Fault) -> Fault {
        match (fault, self.table.get(fd)) {
            (Fault::Waiting(stuck), Ok(entry)) => {
                let stack = self.ledger.get(entry.id).and_then(|handle| handle.stack.clone());
                stuck.named(&entry.named_at(fd), stack).into()
            }
            (fault, _) => fault,
        }
    }

    /// Closes an entry that was taken out of the table, and its handle in the ledger.
    pub(super) fn close_entry(&mut self, mut entry: DescriptorEntry) {
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

    /// A directory's entries as they were when the guest began to read it; with `from_start`, as they are now.
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

    /// Sets the clock, and keeps the stack for the call that is about to be made. `is_paid` says whether the guest pays for
    /// the stack: it does not if the stack was captured only to watch or trace the call.
    pub(crate) fn begin_call(&mut self, spent: u64, stack: Option<Stack>, is_paid: bool) {
        self.world.clock.set_spent(spent);
        if let (Some(stack), true) = (&stack, is_paid) {
            self.world.meter.charge(meter::FRAME, stack.len());
        }
        self.stack = stack;
    }

    /// From here on, calls are watched with these options; `None` ends that.
    pub(crate) fn watch_calls(&mut self, options: Option<WatchOptions>) {
        self.watch = options.map(CallWatch::new).map(Box::new);
    }

    /// Whether calls are watched.
    pub(crate) fn watches_calls(&self) -> bool {
        self.watch.is_some()
    }

    /// Whether the next call is looked at.
    fn looks_at_calls(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.looks())
    }

    /// An allocation of the test's own is about to be made.
    pub(crate) fn begin_allocation(&mut self) -> Option<BegunAllocation> {
        self.watch.as_mut().map(|watch| watch.begin_allocation())
    }

    /// It is made, or is to be refused, with this stack.
    pub(crate) fn make_allocation(&mut self, begun: BegunAllocation, stack: &Stack, request: Request) {
        let Some(mut watch) = self.watch.take() else { return };
        watch.make_allocation(&self.books(), begun, stack, request);
        self.watch = Some(watch);
    }

    /// What looks at calls.
    pub(crate) fn call_watch(&mut self) -> Option<&mut CallWatch> {
        self.watch.as_deref_mut()
    }

    /// Whether the stack of every call is wanted.
    pub(crate) fn wants_stacks(&self) -> bool {
        self.looks_at_calls() || self.trace.as_ref().is_some_and(|trace| trace.wants_places())
    }

    /// Whether the stack of a call is wanted that acts on this descriptor and closes nothing.
    pub(crate) fn wants_stacks_on(&self, fd: u32) -> bool {
        let is_stream = || {
            let entry = self.table.get(Fd::from(fd)).ok()?;
            Some(self.ledger.get(entry.id)?.kind == Kind::Stream)
        };
        let is_traced = self.trace.as_ref().is_some_and(|trace| trace.wants_places());
        is_traced || (self.looks_at_calls() && is_stream() != Some(true))
    }

    /// Whether the stack of a call is wanted that is never made to fail, and that acts on this descriptor, if on any.
    pub(crate) fn wants_stacks_of_misuse(&self, fd: Option<u32>) -> bool {
        let is_closed = || fd.is_some_and(|fd| self.table.get(Fd::from(fd)).is_err());
        let is_traced = self.trace.as_ref().is_some_and(|trace| trace.wants_places());
        is_traced || (self.looks_at_calls() && is_closed())
    }

    /// What a call is looked at with.
    pub(super) fn books(&self) -> Books<'_> {
        Books { table: &self.table, ledger: &self.ledger, stack: self.stack.as_ref(), policy: &self.grants.policy }
    }

    /// The trace of the test, if it is traced.
    pub(crate) fn trace(&mut self) -> Option<&mut Tracer> {
        self.trace.as_deref_mut()
    }

    /// Keeps all that the test does from here on in this trace, or in none. Gives the one before.
    pub(crate) fn exchange_trace(&mut self, trace: Option<Box<Tracer>>) -> Option<Box<Tracer>> {
        std::mem::replace(&mut self.trace, trace)
    }

    /// What the test asks of the host is not all known, for this reason.
    pub(crate) fn leave_reads(&mut self, why: &'static str) {
        if let Some(reads) = &mut self.reads {
            reads.leave(why);
        }
    }

    /// The host calls the test.
    pub(crate) fn test_is_called(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.test_is_called();
        }
    }

    /// Whether a spawn of a thread is to fail. `stack` is that of the spawning thread, and `is_main` says whether it is the
    /// main one.
    pub(crate) fn refuses_spawn(&mut self, stack: &Stack, is_main: bool) -> bool {
        let Some(mut watch) = self.watch.take() else { return false };
        let refuses = watch.spawns(&self.books(), stack, is_main);
        self.watch = Some(watch);
        refuses
    }

    /// The most bytes that the current call may move.
    pub(super) fn most_bytes(&self) -> usize {
        self.watch.as_ref().and_then(|watch| watch.most_bytes()).unwrap_or(meter::MAX_BYTES)
    }

    /// This thread is about to make a call; if it is one that `began` before, to try that again.
    pub(crate) fn begin_try(&mut self, thread: u32, began: Option<u64>) {
        self.ledger.act_as(thread);
        self.has_threads = true;
        self.began = began;
    }

    /// Sets the clock between two calls, from the fuel spent.
    pub(crate) fn tell_spent(&mut self, spent: u64) {
        self.world.clock.set_spent(spent);
    }

    /// Nanoseconds since the test began.
    pub(crate) fn elapsed(&self) -> u64 {
        self.world.clock.elapsed()
    }

    /// Lets time pass until `until` nanoseconds after the test began. Of real time, only some passes, and the caller looks
    /// again.
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

    /// Takes the stack that was captured before the current call.
    pub(crate) fn take_stack(&mut self) -> Option<Stack> {
        self.stack.take()
    }

    /// The fuel that the current call costs, which is then charged.
    pub(crate) fn end_call(&mut self) -> u64 {
        self.world.meter.charge(meter::CALL, 1);
        self.world.meter.take()
    }

    /// The addresses of the paths that were given to the last calls.
    pub(crate) fn given_paths(&self) -> &GivenPaths {
        &self.given_paths
    }

    /// Knows when the test has to stop.
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

    /// Lets the guest run on until its deadline even if the run is interrupted: for clean-ups.
    pub(crate) fn forget_interrupt(&mut self) {
        self.world.watchdog.interrupted = Arc::default();
    }

    /// The count of host descriptors open for the test. It outlives the context, and is asked again after that.
    pub(crate) fn host_count(&self) -> super::host::HostCount {
        self.world.host.clone()
    }

    /// What it is granted.
    pub(crate) fn grants(&self) -> &Arc<Grants> {
        &self.grants
    }

    /// Whether nothing was written to standard output and standard error yet.
    pub(crate) fn is_silent(&self) -> bool {
        self.world.capture.is_empty()
    }

    /// Standard error as captured so far.
    pub(crate) fn stderr(&self) -> &[u8] {
        self.world.capture.stderr()
    }

    /// Leaks a host descriptor on purpose, to prove that the check at the end notices.
    pub(crate) fn inject_host_leak(&mut self) {
        std::mem::forget(self.world.host.track());
    }
}

/// How an object that the test acquired is entered into the table and the ledger.
pub(super) struct NewHandle {
    pub kind: Kind,
    pub path: Arc<str>,
    pub access: Access,
    pub rights: RightsPair,
}

pub(super) fn close_object(object: &mut Object, world: &mut World) {
    match object {
        Object::File(file) => file.close(world),
        Object::Dir { dir, .. } => dir.close(world),
    }
}
