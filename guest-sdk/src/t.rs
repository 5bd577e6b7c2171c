//! The handle that a test gets.

use crate::book::Book;
use crate::cleanup::{Cleanup, Scope};
use crate::faults;
use crate::position::SubtestPosition;
use crate::runner::Runner;
use crate::tasks::EndTasks;
use crate::temp_dir;
use crate::tracked::{self, Tracked};
use airtight_abi::State;
use airtight_abi::faults::{Call, Failure};
use airtight_abi::journal::Kind;
use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::marker::PhantomData;
use std::panic::Location;
use std::path::PathBuf;

/// What is fixed of a test at compile time.
#[doc(hidden)]
pub struct Test {
    /// `crate::path::function`.
    pub name: &'static str,
    /// `file:line:column` of the function.
    pub at: &'static str,
    /// The test must panic, with a message that holds this text.
    pub should_panic: Option<&'static str>,
    /// No two tests of this group run at once.
    pub serial: Option<&'static str>,
}

/// A running test, by which it says things of itself. It stays on the test's thread.
pub struct T {
    pub(crate) test: &'static Test,
    pub(crate) runner: Runner,
    /// Where it stands among the test's subtests.
    pub(crate) place: SubtestPosition,
    /// Whether it has failed, or a subtest of it.
    pub(crate) failed: Cell<bool>,
    /// Its tasks, once it has any.
    pub(crate) tasks: RefCell<Option<Box<dyn EndTasks>>>,
    // The book is kept in order for traps, not for threads; and clean-ups run on the test's thread.
    _on_one_thread: PhantomData<*mut ()>,
}

impl T {
    pub(crate) fn new(test: &'static Test, runner: Runner) -> Self {
        Self::at(test, runner, SubtestPosition::default())
    }

    pub(crate) fn at(test: &'static Test, runner: Runner, place: SubtestPosition) -> Self {
        Self { test, runner, place, failed: Cell::new(false), tasks: RefCell::default(), _on_one_thread: PhantomData }
    }

    /// Registers a clean-up. Clean-ups run when the test or subtest has ended, the last one first.
    ///
    /// Under airtight they run whatever ended the test: return, panic, `process::exit`, a trap, no fuel or no memory left.
    /// Natively they run after a return or a panic; under libtest on wasm, where a panic ends the program, after a
    /// return. A clean-up that panics fails the test, and the others still run.
    ///
    /// Register the clean-up as soon as there is something to clean up. It owns what it needs:
    /// ```
    /// # use airtight_sdk as airtight;
    /// fn start(t: &mut airtight::T) -> std::rc::Rc<std::cell::Cell<bool>> {
    ///     let running = std::rc::Rc::new(std::cell::Cell::new(true));
    ///     let service = running.clone();
    ///     t.cleanup(move || service.set(false));
    ///     running
    /// }
    /// ```
    #[track_caller]
    pub fn cleanup(&self, job: impl FnOnce() + 'static) {
        self.scope().cleanup(job);
    }

    /// Registers a clean-up that has a name or a priority, or consists of several steps.
    pub fn register(&self, cleanup: Cleanup) {
        self.scope().register(cleanup);
    }

    /// What registers clean-ups of this test or subtest from within a clean-up.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope::new(self.runner.clone(), self.place.depth)
    }

    /// Makes a new, empty directory, which a clean-up removes with all that is in it: in `/tmp` on wasm, and in
    /// [`std::env::temp_dir`] natively.
    ///
    /// # Panics
    /// If it cannot be made.
    #[track_caller]
    pub fn temp_dir(&self) -> PathBuf {
        let dir = match temp_dir::create(self.name()) {
            Ok(dir) => dir,
            Err(error) => panic!("cannot make a directory in {}: {error}", temp_dir::base().display()),
        };
        let path = dir.clone();
        self.cleanup(move || temp_dir::remove(&path));
        dir
    }

    /// Tracks a resource of a kind of the user's own, until what this returns is dropped: see [`Tracked`]. The label tells it from
    /// others of its kind.
    #[track_caller]
    pub fn track(&self, kind: &str, label: impl Display) -> Tracked {
        tracked::track(kind, label)
    }

    /// Lets the next call of a kind fail: the next write of the test finds no space, say. The host is not asked for it. Calls on
    /// standard streams do not count.
    ///
    /// Under airtight alone: elsewhere nothing fails. `airtight faults` finds the calls whose failures are not handled.
    /// ```
    /// # use airtight_sdk as airtight;
    /// use airtight::{Call, Failure};
    ///
    /// #[airtight::test]
    /// fn a_full_disk_is_told(t: &mut airtight::T) {
    ///     let file = t.temp_dir().join("settings");
    ///     t.fail_next(Call::Write, Failure::NoSpace);
    ///     let saved = std::fs::write(file, "colour=green");
    ///     # #[cfg(all(target_os = "wasi", target_env = "p1"))]
    ///     assert!(saved.is_err());
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Panics
    /// Such a call cannot fail so: see [`Call::failures`](crate::Call::failures).
    #[track_caller]
    pub fn fail_next(&self, call: Call, failure: Failure) {
        faults::fail_next(call, failure);
    }

    /// Writes a line with the test's name to standard error.
    pub fn log(&self, message: impl Display) {
        // In one piece, so that lines of tests that run at once do not mix.
        let line = format!("[{}] {message}\n", self.name());
        eprint!("{line}");
    }

    /// Records a failure and goes on; the test fails when it has ended.
    #[track_caller]
    pub fn fail(&self, message: impl Display) {
        self.enter(State::FAILED, Kind::Failure, &message);
    }

    /// Records a failure and ends the test. Clean-ups run, destructors do so natively only.
    #[track_caller]
    pub fn fatal(&self, message: impl Display) -> ! {
        self.enter(State::FAILED | State::FATAL, Kind::Failure, &message);
        self.runner.leave(&message)
    }

    /// The same at a place of its own.
    pub(crate) fn fatal_at(&self, at: &str, message: impl Display) -> ! {
        self.note(State::FAILED | State::FATAL, Kind::Failure, at, &message.to_string());
        self.runner.leave(&message)
    }

    /// Ends the test as skipped, unless it has failed before.
    ///
    /// libtest knows no such thing: natively the reason is printed and the test counts as passed. Under libtest on wasm
    /// a test cannot leave early but by failing, so there it fails: run it with airtight, or leave it out with `ignore`.
    #[track_caller]
    pub fn skip(&self, reason: impl Display) -> ! {
        if self.place.depth > 0 && matches!(self.runner, Runner::Libtest(_)) {
            // Of the whole test, libtest would say no more than that it was skipped.
            eprintln!("{} skipped: {reason}", self.name());
            self.runner.leave(&format_args!("skipped, which libtest cannot do here: {reason}"))
        }
        self.enter(State::SKIPPED, Kind::Skip, &reason);
        self.runner.leave(&format_args!("skipped, which libtest cannot do here: {reason}"))
    }

    /// Whether the test or subtest, or a subtest of it, has failed so far.
    pub fn failed(&self) -> bool {
        self.failed.get() || (self.place.depth == 0 && self.book().has(State::FAILED))
    }

    /// The test's name without the crate's, as libtest gives it; a subtest's path follows after a slash.
    pub fn name(&self) -> &str {
        match &self.place.name {
            Some(name) => name,
            None => airtight_abi::libtest_name(self.test.name),
        }
    }

    #[track_caller]
    fn enter(&self, flags: u32, kind: Kind, message: &dyn Display) {
        let at = Location::caller().to_string();
        self.note(flags, kind, &at, &message.to_string());
    }

    /// Records what the function of the test or subtest returned.
    pub(crate) fn returned(&self, failure: Option<String>) {
        if let Some(failure) = failure {
            self.note(State::FAILED, Kind::Failure, self.place.at.as_deref().unwrap_or(self.test.at), &failure);
        }
    }

    /// Writes into the book. The host knows which subtest it is called for; libtest does not.
    pub(crate) fn note(&self, flags: u32, kind: Kind, at: &str, text: &str) {
        if flags & State::FAILED != 0 {
            self.failed.set(true);
        }
        match (&self.runner, self.place.prefix()) {
            (Runner::Libtest(book), Some(prefix)) => book.enter(flags, kind, at, &(prefix + text)),
            _ => self.book().enter(flags, kind, at, text),
        }
    }

    pub(crate) fn book(&self) -> &Book {
        self.runner.book()
    }
}
