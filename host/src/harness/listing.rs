//! How the tests of a loaded module are listed and entered.

use super::go::flags::GoFlags;
use crate::config::Ask;
use crate::sandbox::wasi::{GrantError, Grants};
use crate::sandbox::{Ending, EntryPoint, Job, LoadedModule, SdkCall, StartCall, run};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// One test, as its harness lists it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Test {
    /// Its name.
    pub name: Arc<str>,
    /// Why the test is marked as ignored: `None` if it is not, an empty text if no reason is given.
    pub ignored: Option<String>,
    /// What the test asks for beyond its profile.
    pub ask: Ask,
    /// The test's index among those that the module's bytes declare; `None` if it is not declared there.
    pub declared: Option<usize>,
    /// How `_start` is called for the test, for harnesses that list their tests themselves.
    pub start: StartCall,
    /// Why the verdict of the test could not be known, even if somebody asks for it to be run.
    pub untold: Option<String>,
    /// Whether the harness's own filters exclude the test.
    pub left_out: bool,
}

/// How a test is entered.
#[derive(Debug, Clone)]
pub(crate) enum TestEntry {
    /// Through `_start`.
    Start(StartCall),
    /// Through the test's own export.
    Sdk(SdkCall),
}

impl TestEntry {
    /// The entry as the sandbox calls it.
    pub(crate) fn call(&self) -> EntryPoint<'_> {
        match self {
            Self::Start(start) => EntryPoint::Start(start),
            Self::Sdk(call) => EntryPoint::Sdk(call),
        }
    }
}

/// How several tests are entered in one instance, one after the other.
pub(crate) enum Sequence {
    /// All through one `_start`.
    Start(TestEntry),
    /// Each through its own export.
    Exports(Vec<SdkCall>),
}

/// Why a module does not list its tests.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The module's answer is not the one of its harness.
    #[error("its tests cannot be listed: `--list` {problem}")]
    Answer {
        /// What is wrong with the answer.
        problem: String,
        /// Whether the wall clock ended the module, so that another run may get an answer.
        by_wall_clock: bool,
    },
    /// A Go test binary whose program ends before `testing` has its turn.
    #[error(
        "none of its tests can be run: its program ended before it called `m.Run`{said}; have TestMain call it, grant what TestMain \
         looks for, or leave the package out"
    )]
    NeverRuns {
        /// Its last line, if it printed any.
        said: String,
    },
    /// A directory that is granted to the module cannot be opened.
    #[error(transparent)]
    Grant(#[from] GrantError),
}

/// What a harness needs to list the tests of a module.
pub(crate) struct Lister<'a> {
    /// The module.
    pub module: &'a LoadedModule,
    /// Makes the grants under which the module lists its tests.
    pub grants: &'a dyn Fn() -> Result<Arc<Grants>, GrantError>,
    /// The flags for Go's harness.
    pub go: &'a GoFlags,
    /// Set when the run is to stop.
    pub interrupted: &'a Arc<AtomicBool>,
}

impl Lister<'_> {
    /// The module as a program that can be asked for its tests.
    ///
    /// # Errors
    /// A directory that is granted to the module cannot be opened.
    pub(crate) fn program(&self) -> Result<Program<'_>, GrantError> {
        Ok(Program { lister: self, grants: (self.grants)()? })
    }
}

/// A program that answers questions about its tests.
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

    /// As [`Program::answer`], for a program that always leaves through `exit`.
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
        let job = Job::plain(module, (&self.grants, &test, EntryPoint::Start(&start)), interrupted);
        let done = run(&job);
        let by_wall_clock = done.ended_by_wall_clock();
        let failed = |problem: String| ListError::Answer { problem, by_wall_clock };
        if !is_normal(&done.ending) {
            let stderr = String::from_utf8_lossy(&done.remains.output.stderr);
            let said = stderr.lines().next_back().unwrap_or_default();
            return Err(failed(format!("{} {said}", done.ending.words()).trim_end().to_owned()));
        }
        // Half a list would leave tests out, and nobody would notice.
        if done.remains.output.dropped > 0 {
            return Err(failed("prints more than can be kept; raise `output`".to_owned()));
        }
        Ok(done.remains.output.stdout)
    }
}
