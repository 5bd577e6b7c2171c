//! How the tests of a loaded module are listed and entered.

use super::go::flags::GoFlags;
use crate::config::Ask;
use crate::sandbox::wasi::{GrantError, Grants};
use crate::sandbox::{Ending, Entry, Job, LoadedModule, SdkCall, StartCall, run};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// One test, as its harness lists it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Test {
    /// Its name.
    pub name: Arc<str>,
    /// Whether it is marked as ignored, and why: an empty text where it does not say.
    pub ignored: Option<String>,
    /// What it asks for beside what its profile gives it.
    pub ask: Ask,
    /// Its place among the tests that the module's bytes declare, where it is one of them.
    pub declared: Option<usize>,
    /// How `_start` is called for it, by a harness that lists its tests itself.
    pub start: StartCall,
    /// Why its verdict could not be known, whoever asks for it to be run.
    pub untold: Option<String>,
    /// Whether the harness's own filters leave it out.
    pub left_out: bool,
}

/// How a test is entered.
#[derive(Debug, Clone)]
pub(crate) enum TestEntry {
    /// Through `_start`.
    Start(StartCall),
    /// Through its own export.
    Sdk(SdkCall),
}

impl TestEntry {
    /// What the sandbox calls.
    pub(crate) fn call(&self) -> Entry<'_> {
        match self {
            Self::Start(start) => Entry::Start(start),
            Self::Sdk(call) => Entry::Sdk(call),
        }
    }
}

/// How several tests are entered in one instance.
pub(crate) enum Sequence {
    /// All through one `_start`.
    Start(TestEntry),
    /// Each through its own export.
    Exports(Vec<SdkCall>),
}

/// A module that does not list its tests.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The module does not answer as its harness does.
    #[error("its tests cannot be listed: `--list` {problem}")]
    Answer {
        /// What is wrong with the answer.
        problem: String,
        /// Whether the wall clock ended it, so that another run may get an answer.
        by_wall_clock: bool,
    },
    /// A directory that the module is granted cannot be opened.
    #[error(transparent)]
    Grant(#[from] GrantError),
}

/// What a harness lists the tests of a module with.
pub(crate) struct Lister<'a> {
    /// The module.
    pub module: &'a LoadedModule,
    /// Makes what the module is granted while it lists its tests.
    pub grants: &'a dyn Fn() -> Result<Arc<Grants>, GrantError>,
    /// What is asked of Go's harness.
    pub go: &'a GoFlags,
    /// Set when the run is to stop.
    pub interrupted: &'a Arc<AtomicBool>,
}

impl Lister<'_> {
    /// The module as a program that can be asked for its tests.
    ///
    /// # Errors
    /// It is granted a directory that cannot be opened.
    pub(crate) fn program(&self) -> Result<Program<'_>, GrantError> {
        Ok(Program { lister: self, grants: (self.grants)()? })
    }
}

/// A module that answers questions about its tests.
pub(crate) struct Program<'a> {
    lister: &'a Lister<'a>,
    grants: Arc<Grants>,
}

impl Program<'_> {
    /// What the module prints when it is called with these arguments, in a fresh instance.
    ///
    /// # Errors
    /// It does not return, or prints more than can be kept.
    pub(crate) fn answer(&self, args: &[&str]) -> Result<Vec<u8>, ListError> {
        self.ask(args, |ending| *ending == Ending::Returned)
    }

    /// [`Program::answer`] of a program that always leaves through `exit`.
    pub(super) fn answer_of_exit(&self, args: &[&str]) -> Result<Vec<u8>, ListError> {
        self.ask(args, |ending| matches!(ending, Ending::Exit { status: 0, .. }))
    }

    /// Whether it asks for the arguments of each run when it is ready.
    pub(super) fn asks_for_own_args(&self) -> bool {
        self.lister.module.asks_for_own_args()
    }

    fn ask(&self, args: &[&str], is_normal: impl Fn(&Ending) -> bool) -> Result<Vec<u8>, ListError> {
        let Lister { module, interrupted, .. } = *self.lister;
        let start = StartCall { args: args.iter().map(|arg| Arc::from(*arg)).collect(), ..StartCall::default() };
        let test = Arc::from("");
        let job = Job::plain(module, (&self.grants, &test, Entry::Start(&start)), interrupted);
        let done = run(&job);
        let by_wall_clock = done.ended_by_wall_clock();
        let failed = |problem: String| ListError::Answer { problem, by_wall_clock };
        if !is_normal(&done.ending) {
            let stderr = String::from_utf8_lossy(&done.remains.output.stderr);
            let said = stderr.lines().next_back().unwrap_or_default();
            return Err(failed(format!("{} {said}", done.ending.words()).trim_end().to_owned()));
        }
        // Half a list would be tests that are not run, and nobody told.
        if done.remains.output.dropped > 0 {
            return Err(failed("prints more than can be kept; raise `output`".to_owned()));
        }
        Ok(done.remains.output.stdout)
    }
}
