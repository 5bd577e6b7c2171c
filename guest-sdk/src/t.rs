//! The handle that a test gets.

use crate::book::Book;
use crate::runner::Runner;
use crate::temp_dir;
use airtight_abi::State;
use airtight_abi::journal::Kind;
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
}

/// A running test, by which it says things of itself. It stays on the test's thread.
pub struct T {
    test: &'static Test,
    runner: Runner,
    // The book is kept in order for traps, not for threads; and clean-ups run on the test's thread.
    _on_one_thread: PhantomData<*mut ()>,
}

impl T {
    pub(crate) fn new(test: &'static Test, runner: Runner) -> Self {
        Self { test, runner, _on_one_thread: PhantomData }
    }

    /// Registers a clean-up. Clean-ups run when the test has ended, the last one first.
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
    pub fn cleanup(&self, job: impl FnOnce() + 'static) {
        self.book().add_cleanup(job);
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

    /// Ends the test as skipped, unless it has failed before.
    ///
    /// libtest knows no such thing: natively the reason is printed and the test counts as passed. Under libtest on wasm
    /// a test cannot leave early but by failing, so there it fails: run it with airtight, or leave it out with `ignore`.
    #[track_caller]
    pub fn skip(&self, reason: impl Display) -> ! {
        self.enter(State::SKIPPED, Kind::Skip, &reason);
        self.runner.leave(&format_args!("skipped, which libtest cannot do here: {reason}"))
    }

    /// Whether the test has failed so far.
    pub fn failed(&self) -> bool {
        self.book().has(State::FAILED)
    }

    /// The test's name without the crate's, as libtest gives it.
    pub fn name(&self) -> &'static str {
        airtight_abi::libtest_name(self.test.name)
    }

    #[track_caller]
    fn enter(&self, flags: u32, kind: Kind, message: &dyn Display) {
        let at = Location::caller().to_string();
        self.book().enter(flags, kind, &at, &message.to_string());
    }

    /// Records what the test's function returned.
    pub(crate) fn returned(&self, failure: Option<String>) {
        if let Some(failure) = failure {
            self.book().enter(State::FAILED, Kind::Failure, self.test.at, &failure);
        }
    }

    pub(crate) fn book(&self) -> &Book {
        self.runner.book()
    }
}
