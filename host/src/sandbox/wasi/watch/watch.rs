//! Counts, fails and notes the calls of one test.

use super::allocations::Allocations;
use super::calls::{MAX_MISUSES, MAX_NOTED, Misuse, MisuseKind, NotedCall, WatchedCalls};
use super::kinds::{Arguments, FallibleCall, sum_of_write};
use super::stacks::{CallStacks, StackBook};
use super::tally::{Tally, place};
use crate::ledger::{HandleId, Stack};
use crate::policy::{Call, Failure, Fault};
use crate::sandbox::wasi::books::Books;
use crate::symbols::Symbols;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use wasi_common::snapshots::preview_1::types::{Errno, Fd};
use wiggle::GuestMemory;

/// Which calls are the test's own, and not the harness's.
#[derive(Debug, Clone)]
pub enum OwnCalls {
    /// All calls.
    All,
    /// All calls made after the host called the test.
    OnceCalled,
    /// Calls with the function on the stack in which the harness calls the test.
    InWindow(Arc<Symbols>),
}

/// How the calls of a test are watched.
#[derive(Debug, Clone)]
pub struct WatchOptions {
    /// The calls that are to fail, and how.
    pub faults: Vec<Fault>,
    /// Whether all of the test's own calls are noted.
    pub notes: bool,
    /// Whether nothing more is looked at once all of these calls have failed.
    pub until_failed: bool,
    /// Which calls are the test's own.
    pub own: OwnCalls,
    /// What tells who hears of an allocation that fails; `None` where allocations are not noted.
    pub symbols: Option<Arc<Symbols>>,
    /// The stacks of a run in which all of these calls fail but the last, if they are known.
    pub stacks: Option<Arc<CallStacks>>,
}

/// Watches the calls of one test.
pub struct CallWatch {
    pub(super) options: WatchOptions,
    /// Whether the test was called, where the host calls it.
    is_called: bool,
    counts: [u32; Call::ALL.len()],
    pub(super) seen: WatchedCalls,
    pub(super) allocations: Allocations,
    /// The files and directories that it made and that are there still, with the places where they were made.
    made: BTreeMap<Arc<str>, u64>,
    /// The same by place.
    made_at: Tally,
    /// The names of handles that the test closed, by descriptors that are free now.
    closed: BTreeMap<u32, Arc<str>>,
    /// For each handle on which a write failed: a sum of what it was to write.
    failed_writes: BTreeMap<HandleId, [u8; 32]>,
    /// The most bytes that the current call may move, if it is to be short.
    short: Option<usize>,
    /// The number of faults planned before the test began. Those behind them in the list were asked for by the test itself.
    planned: usize,
    /// How many of these have happened.
    happened: usize,
    stacks: StackBook,
    /// The calls that wait and are to be tried again, by thread.
    set_aside: BTreeMap<u32, BegunCall>,
}

/// Who is asked when a call is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Callee {
    /// The host makes the call.
    Host,
    /// The host makes the call. If that succeeds, the guest gets this errno all the same.
    HostThen(Errno),
    /// The host makes the call, and a minute passes.
    HostLate,
    /// Nobody: the guest gets this errno.
    Nobody(Errno),
}

/// A call that has begun.
pub struct BegunCall {
    pub asked: Callee,
    subject: Option<FallibleCall>,
    call: Option<NotedCall>,
    fault: Option<Fault>,
    stack: Stack,
    /// A sum of what the call is to write: of a write that is to fail, and of the next one after it.
    written: Option<[u8; 32]>,
    /// The descriptor that the call acts on, and its name if it is open.
    fd: Option<(u32, Option<Arc<str>>)>,
    closes: bool,
    /// The most bytes that the call may move, if it is to be short.
    short: Option<usize>,
}

impl BegunCall {
    fn new(stack: Stack) -> Self {
        let (subject, call, fault, written, fd, short) = (None, None, None, None, None, None);
        Self { asked: Callee::Host, subject, call, fault, stack, written, fd, closes: false, short }
    }
}

impl CallWatch {
    pub fn new(mut options: WatchOptions) -> Self {
        Self {
            planned: options.faults.len(),
            happened: 0,
            stacks: StackBook::new(options.stacks.take(), options.notes.then_some(MAX_NOTED)),
            options,
            is_called: false,
            counts: [0; Call::ALL.len()],
            seen: WatchedCalls::default(),
            allocations: Allocations::default(),
            made: BTreeMap::new(),
            made_at: Tally::default(),
            closed: BTreeMap::new(),
            failed_writes: BTreeMap::new(),
            short: None,
            set_aside: BTreeMap::new(),
        }
    }

    /// The host is about to call the test. If it is called several times, its calls are counted anew each time. Faults that
    /// the test asked for itself, and that did not happen, are dropped.
    pub fn test_is_called(&mut self) {
        self.is_called = true;
        self.counts = [0; Call::ALL.len()];
        self.options.faults.truncate(self.planned);
    }

    /// How many faults there are.
    pub fn faults(&self) -> usize {
        self.options.faults.len()
    }

    /// Makes the next call of this kind fail in this way.
    pub fn fail_next(&mut self, call: Call, failure: Failure) {
        let nth = self.counts[call as usize].saturating_add(1);
        self.options.faults.push(Fault { call, nth, failure });
    }

    /// Whether calls are still looked at. A test that lets calls of its own fail has them looked at again.
    pub fn looks(&self) -> bool {
        let is_over = self.happened >= self.planned && self.options.faults.len() <= self.planned;
        !(self.options.until_failed && is_over)
    }

    /// The stack of the call that is about to be made, if it is known. `spent` is the fuel spent by now.
    pub fn known_stack(&mut self, spent: u64) -> Option<Stack> {
        self.stacks.next(spent)
    }

    /// The stack of the call that is about to be made.
    pub fn keep_stack(&mut self, spent: u64, stack: &Stack) {
        self.stacks.add(spent, stack);
    }

    /// The most bytes that the current call may move, if it is to be short.
    pub fn most_bytes(&self) -> Option<usize> {
        self.short
    }

    /// Whether the contents of a file are to be summed up at the end.
    pub fn wants_sum(&self, path: &str) -> bool {
        let written_on = |misuse: &Misuse| misuse.kind == MisuseKind::WriteAfterFailure && *misuse.object == *path;
        let failed = || self.seen.half_written.contains(path) || self.seen.misuses.iter().any(written_on);
        self.options.notes && (self.options.faults.is_empty() || failed())
    }

    /// What is in a file at the end.
    pub fn sum_is(&mut self, path: Arc<str>, contents: &[u8]) {
        self.seen.sums.insert(path, Sha256::digest(contents).into());
    }

    /// What was seen.
    pub fn finish(mut self) -> WatchedCalls {
        // A call that waited to the end was made, and did not fail by a fault.
        for entered in std::mem::take(&mut self.set_aside).into_values() {
            self.note(BegunCall { fault: None, ..entered }, false);
        }
        self.seen.stacks = Arc::new(self.stacks.finish());
        self.seen
    }

    /// Whether a call with this stack is the test's own. A thread that is not the main one is always the test's.
    fn is_own(&self, stack: &Stack, is_main: bool) -> bool {
        match &self.options.own {
            OwnCalls::All => true,
            OwnCalls::OnceCalled => self.is_called,
            OwnCalls::InWindow(symbols) => !is_main || symbols.in_test_window(stack),
        }
    }

    /// This thread is about to make a call. If it tries a call again that was set aside for other threads, it is the same
    /// call.
    pub fn enter(
        &mut self,
        books: &Books<'_>,
        memory: &GuestMemory<'_>,
        (name, args): Arguments<'_>,
        (thread, is_tried_again): (u32, bool),
    ) -> Option<BegunCall> {
        if is_tried_again {
            let entered = self.set_aside.remove(&thread)?;
            self.short = entered.short;
            return Some(entered);
        }
        let stack = books.stack.cloned().unwrap_or_else(|| [].into());
        if !self.is_own(&stack, thread == 0) {
            return None;
        }
        let subject = FallibleCall::new(books, memory, (name, args));
        let fd = name.starts_with("fd_").then(|| args.first()).flatten().map(|fd| *fd as u32);
        let fd = fd.map(|fd| (fd, books.table.get(Fd::from(fd)).ok().map(|entry| Arc::clone(&entry.path))));
        let closes = name == "fd_close";
        let mut entered = BegunCall { fd, closes, ..BegunCall::new(stack) };
        if let Some(subject) = subject {
            self.count(books, &subject, &mut entered);
            let follows_failure = || subject.handle.is_some_and(|handle| self.failed_writes.contains_key(&handle));
            if subject.call == Call::Write && (entered.fault.is_some() || follows_failure()) {
                entered.written = Some(sum_of_write(memory, args));
            }
            entered.subject = Some(subject);
        }
        Some(entered)
    }

    /// A thread is about to be spawned. Gives whether the spawn is to fail.
    pub fn spawns(&mut self, books: &Books<'_>, stack: &Stack, is_main: bool) -> bool {
        if !self.is_own(stack, is_main) {
            return false;
        }
        let subject = FallibleCall::of_spawn();
        let mut entered = BegunCall::new(Stack::clone(stack));
        self.count(books, &subject, &mut entered);
        let fails = entered.asked != Callee::Host;
        self.note(entered, !fails);
        fails
    }

    /// Counts a call: its number, and how it is to fail.
    pub(super) fn count_one(&mut self, call: Call) -> (u32, Option<Fault>) {
        let count = &mut self.counts[call as usize];
        *count = count.saturating_add(1);
        let nth = *count;
        let is_it = |fault: &Fault| fault.call == call && fault.nth == nth;
        let Some(at) = self.options.faults.iter().position(is_it) else { return (nth, None) };
        self.happened += usize::from(at < self.planned);
        if self.happened >= self.planned {
            self.stacks.part();
        }
        (nth, Some(self.options.faults[at]))
    }

    /// A figure of what there is: see [`NotedCall::open`].
    pub(super) fn figure(&self, books: &Books<'_>) -> u64 {
        let open = books.ledger.open_places();
        open.wrapping_add(self.made_at.figure()).wrapping_add(self.allocations.figure())
    }

    fn count(&mut self, books: &Books<'_>, subject: &FallibleCall, entered: &mut BegunCall) {
        let (nth, fault) = self.count_one(subject.call);
        if fault.is_none() && !self.options.notes {
            return;
        }
        let call = subject.noted(nth, Stack::clone(&entered.stack), self.figure(books));
        // What a short call moves is at least a byte, and not all.
        let fault = fault.filter(|fault| fault.failure != Failure::Short || subject.amount > 1);
        if let Some(fault) = fault {
            entered.asked = match (fault.failure, subject.call) {
                (Failure::Short, _) => {
                    // How many bytes a read would give is not known before the read.
                    let reads = matches!(subject.call, Call::Read | Call::Receive);
                    entered.short = usize::try_from(if reads { 1 } else { subject.amount / 2 }).ok();
                    self.short = entered.short;
                    Callee::Host
                }
                (Failure::Late, _) => Callee::HostLate,
                (failure, Call::Close) => Callee::HostThen(errno(failure)),
                (failure, _) => Callee::Nobody(errno(failure)),
            };
        }
        (entered.call, entered.fault) = (Some(call), fault);
    }

    /// A call waits for other threads, and will be tried again.
    pub fn set_aside(&mut self, thread: u32, entered: BegunCall) {
        self.short = None;
        self.set_aside.insert(thread, entered);
    }

    /// A call is over. `succeeded` is what the guest is told.
    pub fn leave(&mut self, mut entered: BegunCall, succeeded: bool) {
        self.short = None;
        let is_bad = !succeeded && matches!(entered.fd, Some((_, None)));
        match &entered.fd {
            Some((fd, None)) if is_bad => {
                if let Some(object) = self.closed.get(fd).cloned() {
                    let kind = if entered.closes { MisuseKind::DoubleClose } else { MisuseKind::UseAfterClose };
                    self.misuse(kind, object, &entered.stack);
                }
            }
            // The descriptor is closed even if the guest is told that closing failed.
            Some((fd, Some(name))) if entered.closes => {
                self.closed.insert(*fd, Arc::clone(name));
            }
            _ => {}
        }
        if let Some(subject) = entered.subject.take() {
            self.follow_writes(&subject, &entered, succeeded);
            if succeeded && self.options.notes {
                self.follow_files(&subject, &entered.stack);
            }
        }
        self.note(entered, succeeded);
    }

    fn note(&mut self, entered: BegunCall, succeeded: bool) {
        let Some(call) = entered.call else { return };
        let call = NotedCall { succeeded, ..call };
        if let Some(fault) = entered.fault {
            self.inject(fault, call.clone());
        }
        match (self.options.notes, self.seen.calls.len() < MAX_NOTED) {
            (false, _) => {}
            (true, true) => self.seen.calls.push(call),
            (true, false) => self.seen.calls_omitted += 1,
        }
    }

    /// A call fails on purpose. Of a test that is called several times, the first time stands for all.
    pub(super) fn inject(&mut self, fault: Fault, call: NotedCall) {
        if self.seen.injected.iter().all(|(known, _)| *known != fault) {
            self.seen.injected.push((fault, call));
        }
    }

    fn misuse(&mut self, kind: MisuseKind, object: Arc<str>, stack: &Stack) {
        let misuse = Misuse { kind, object, stack: Stack::clone(stack) };
        if self.seen.misuses.len() < MAX_MISUSES && !self.seen.misuses.contains(&misuse) {
            self.seen.misuses.push(misuse);
        }
    }

    /// Which files and directories are there that the test made, after a call that was done.
    fn follow_files(&mut self, subject: &FallibleCall, stack: &Stack) {
        let object = &subject.object;
        let (gone, made) = match subject.call {
            Call::Open if subject.creates && !self.made.contains_key(object) => (None, Some((object, place(stack)))),
            Call::MakeDir | Call::Link => (None, Some((object, place(stack)))),
            Call::Remove | Call::RemoveDir => (Some(object), None),
            Call::Rename => {
                let moved = self.made.get(object).copied();
                (Some(object), subject.to.as_ref().zip(moved))
            }
            _ => return,
        };
        let gone = gone.and_then(|path| self.made.remove(path));
        let made = made.map(|(path, at)| (self.made.insert(Arc::clone(path), at), at));
        gone.into_iter().for_each(|at| self.made_at.take(at));
        if let Some((before, at)) = made {
            before.into_iter().for_each(|at| self.made_at.take(at));
            self.made_at.add(at);
        }
    }

    /// Which files have been written by half, and by whom written on.
    fn follow_writes(&mut self, subject: &FallibleCall, entered: &BegunCall, succeeded: bool) {
        let half = &mut self.seen.half_written;
        match (subject.call, entered.fault.map(|fault| fault.failure)) {
            // A database writes at offsets, and knows what to do if that fails.
            (Call::Write, _) if subject.is_positioned => {}
            (Call::Write, Some(Failure::NoSpace | Failure::Io)) => {
                half.insert(Arc::clone(&subject.object));
                if let Some((handle, written)) = subject.handle.zip(entered.written) {
                    self.failed_writes.insert(handle, written);
                }
            }
            (Call::Write, Some(Failure::Short)) => {
                half.insert(Arc::clone(&subject.object));
                // Where it repeats one that failed, what comes next is the rest of it.
                if let Some(handle) =
                    subject.handle.filter(|handle| self.failed_writes.get(handle) == entered.written.as_ref())
                {
                    self.failed_writes.remove(&handle);
                }
            }
            (Call::Write, Some(Failure::Interrupted)) => {
                half.insert(Arc::clone(&subject.object));
            }
            (Call::Write, _) if succeeded => {
                let failed = subject.handle.and_then(|handle| self.failed_writes.remove(&handle));
                match failed {
                    Some(failed) if Some(failed) != entered.written => {
                        let object = Arc::clone(&subject.object);
                        self.misuse(MisuseKind::WriteAfterFailure, object, &entered.stack);
                    }
                    _ => {
                        half.remove(&subject.object);
                    }
                }
            }
            (Call::Open, _) if succeeded && subject.truncates => {
                half.remove(&subject.object);
            }
            (Call::Remove, _) if succeeded => {
                half.remove(&subject.object);
            }
            (Call::Rename, _) if succeeded => {
                if let Some(to) = &subject.to {
                    match half.remove(&subject.object) {
                        true => half.insert(Arc::clone(to)),
                        false => half.remove(to),
                    };
                }
            }
            _ => {}
        }
    }
}

/// The errno of a failure that has one; a short or a late call does not come here.
fn errno(failure: Failure) -> Errno {
    errno_of(failure).unwrap_or(Errno::Io)
}

/// The errno that the guest gets for a failure; `None` if the guest gets none.
fn errno_of(failure: Failure) -> Option<Errno> {
    Some(match failure {
        Failure::NoSpace => Errno::Nospc,
        Failure::Io => Errno::Io,
        Failure::Interrupted => Errno::Intr,
        Failure::Denied => Errno::Acces,
        Failure::NotFound => Errno::Noent,
        Failure::TooManyFiles => Errno::Mfile,
        Failure::Reset => Errno::Connreset,
        Failure::Refused => Errno::Connrefused,
        Failure::Aborted => Errno::Connaborted,
        Failure::InUse => Errno::Addrinuse,
        Failure::NotConnected => Errno::Notconn,
        Failure::Again => Errno::Again,
        Failure::NoMemory => Errno::Nomem,
        // Less is moved, or it takes longer.
        _ => return None,
    })
}

/// As `errno_of`, as the number of the guest's `errno`.
pub fn errno_code(failure: Failure) -> Option<u16> {
    errno_of(failure).map(|errno| errno as u16)
}
