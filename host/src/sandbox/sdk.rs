//! Tests of the guest SDK: calls the export, reads what the test said, and runs its clean-ups whatever ended the test.

use super::cleanups::FailedCleanup;
use super::ending::Ending;
use super::globals::GlobalValues;
use super::guest_memory as memory;
use super::run_cleanups;
use super::said::{Failure, Said};
use super::scopes::SubtestRun;
use super::start::SdkCall;
use super::state::TestState;
use super::threads::{MainThread, ThreadGroup, at_once};
use super::wasi::deadline_after;
use crate::policy::{CLEANUP_MEMORY_RESERVE, CLEANUP_TIME};
use airtight_abi::{FLUSH_EXPORT, STATE_EXPORT, State};
use std::time::Duration;
use wasmtime::{Instance, Store};

/// The wall-clock time that all clean-ups have together when the run is interrupted: a user who presses Ctrl-C does not
/// want to wait.
const INTERRUPTED: Duration = Duration::from_secs(5);

/// What a test said through the SDK.
#[derive(Debug, Default, PartialEq)]
pub struct SdkOutcome {
    /// What the test itself said, outside of its subtests.
    pub said: Said,
    /// Whether the test ended itself, with `fatal` or `skip`: the trap after that was its way out.
    pub ended_itself: bool,
    /// Its subtests, in the order in which they began.
    pub subtests: Vec<SubtestRun>,
    /// The clean-ups that did not finish normally.
    pub cleanups: Vec<FailedCleanup>,
    /// How many clean-ups were begun.
    pub cleanups_begun: u64,
    /// How many clean-ups were not begun, by the test's own count: the ones before them did not end.
    pub cleanups_left: u64,
    /// Whether they were not begun because the ones before them had used up what clean-ups are given together.
    pub cleanups_cut_short: bool,
    /// How many bytes of its standard error the test wrote itself. Its clean-ups wrote the rest.
    pub own_stderr: usize,
    /// Whether the wall clock ended a clean-up, or a call that asks the module what the test said.
    pub by_wall_clock: bool,
    /// In words, what was wrong with the test's memory, if it did not hold what the SDK puts there.
    pub broken: Option<String>,
}

impl SdkOutcome {
    /// Whether the test did all that it was to do, and nothing of it failed.
    pub fn is_well(&self) -> bool {
        self.said == Said::default()
            && self.cleanups.is_empty()
            && self.broken.is_none()
            && !self.by_wall_clock
            && !self.subtests.iter().any(SubtestRun::failed)
    }
}

/// Calls the test's export, and returns what that returned.
pub(super) fn call(mut main: MainThread<'_, '_>, instance: &Instance, call: &SdkCall) -> wasmtime::Result<u32> {
    let test = instance
        .get_func(&mut *main.store, &call.export)
        .ok_or_else(|| wasmtime::format_err!("the test's export is gone"))?;
    let test = test.typed::<(), u32>(&*main.store)?;
    main.call_guest(&test, ())
}

/// Reads what the test said, and runs its clean-ups. `said` is what its export returned.
pub(super) fn conclude(
    store: &mut Store<TestState>,
    (instance, globals, threads): (&Instance, &GlobalValues, &mut Option<ThreadGroup<'_>>),
    ending: &Ending,
    said: Option<u32>,
) -> SdkOutcome {
    let mut outcome = SdkOutcome { own_stderr: store.data().wasi.stderr().len(), ..SdkOutcome::default() };
    if said != Some(0) {
        let main = MainThread { store: &mut *store, threads };
        let concluded = After { main, instance, globals }.conclude(ending, said, &mut outcome);
        // If the host could not serve the test, the ending says so already.
        outcome.broken = concluded.err().filter(|_| !matches!(ending, Ending::Refused(_) | Ending::Interrupted));
    }
    outcome.subtests = store.data_mut().scopes.take();
    outcome.cleanups_begun = store.data().scopes.cleanups.begun().into();
    outcome.cleanups_cut_short = store.data().scopes.cleanups.cut_short;
    outcome.by_wall_clock = store.data().scopes.cleanups.by_wall_clock();
    outcome.cleanups = store.data_mut().scopes.cleanups.take_failed();
    outcome
}

struct After<'a, 't> {
    main: MainThread<'a, 't>,
    instance: &'a Instance,
    globals: &'a GlobalValues,
}

impl After<'_, '_> {
    fn conclude(&mut self, ending: &Ending, said: Option<u32>, outcome: &mut SdkOutcome) -> Result<(), String> {
        let state = self.main.store.data_mut();
        state.open_memory_reserve(CLEANUP_MEMORY_RESERVE);
        state.wasi.open_reserve();
        let mut timeout = state.wasi.timeout().min(CLEANUP_TIME);
        if *ending == Ending::Interrupted {
            state.wasi.forget_interrupt();
            timeout = timeout.min(INTERRUPTED);
        }
        state.wasi.set_deadline(deadline_after(timeout));
        let address = match said {
            Some(address) => address,
            None => self
                .call(STATE_EXPORT)
                .map_err(|ending| format!("its state cannot be asked for: {}", ending.words()))?,
        };
        let state = memory::state(&mut self.main, self.instance, address)?;
        outcome.said = self.read(&state)?;
        outcome.ended_itself = state.fatal() || state.skipped();
        if state.pending_cleanups > 0 {
            // Of a forked subtest, those of its test wait, too.
            let forked = self.main.store.data().scopes.forked.as_ref();
            let (depth, of_test) = forked.map_or((0, 0), |forked| (forked.above + 1, forked.pending_cleanups));
            let ran = at_once(run_cleanups::run(&mut self.main, self.instance, self.globals, depth));
            let ran = ran.unwrap_or_else(|error| Err(error.to_string()));
            let left = memory::state(&mut self.main, self.instance, address).map_or(0, |state| state.pending_cleanups);
            outcome.cleanups_left = left.saturating_sub(of_test).into();
            ran?;
        }
        // Output that is flushed from here on is not the test's doing.
        if let Some(book) = self.main.store.data_mut().heap.book() {
            book.close_window();
        }
        // Flushes the guest's buffered output. After a trap, the guest may still hold its lock on it; then nothing can be
        // done.
        let _ = self.call(FLUSH_EXPORT);
        Ok(())
    }

    /// Reads what the test said, and what each subtest said in which the test ended. Clean-ups say nothing: they outlive
    /// the test's handle.
    fn read(&mut self, state: &State) -> Result<Said, String> {
        let mut panic = None;
        for (index, reader) in self.main.store.data_mut().scopes.end_all(state.journal_len) {
            let (mut said, _) = memory::read(&reader, &mut self.main, self.instance, state)?;
            // A panic that ended the test within a subtest is the test's panic.
            panic = said.panic.take().or(panic);
            self.main.store.data_mut().scopes.note_said(index, said);
        }
        let own = std::mem::take(&mut self.main.store.data_mut().scopes.own);
        let (mut said, _) = memory::read(&own, &mut self.main, self.instance, state)?;
        said.panic = said.panic.or(panic);
        if self.main.store.data().scopes.forked.is_some() {
            // What the flags say, the fork or its test has said.
            return Ok(said);
        }
        // After subtests, flags may be theirs.
        let lost = state.truncated() || !self.main.store.data().scopes.has_any();
        if state.failed() && said.failures.is_empty() && lost {
            said.failures.push(Failure { at: None, text: "the test failed, and its message was lost".to_owned() });
        }
        if state.skipped() {
            said.skipped.get_or_insert_default();
        }
        if state.panicked() {
            said.panic.get_or_insert(Failure { at: None, text: String::new() });
        }
        Ok(said)
    }

    /// Calls an export of the SDK with fuel of its own, and with the stack pointer where it was before the test.
    fn call(&mut self, export: &str) -> Result<u32, Ending> {
        at_once(run_cleanups::call(&mut self.main, self.instance, self.globals, export, ()))
            .unwrap_or_else(|error| Err(Ending::Refused(error.to_string())))
    }
}
