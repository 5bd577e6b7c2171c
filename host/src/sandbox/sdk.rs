//! Tests of the guest SDK: call the export, read what the test said, run its clean-ups whatever ended it.

use super::ending::Ending;
use super::state::{TestState, refuel};
use super::threads::{ThreadGroup, call_guest};
use super::wasi::deadline_after;
use crate::policy::{CLEANUP_FUEL, CLEANUP_MEMORY_RESERVE};
use airtight_abi::{CLEANUP_EXPORT, FLUSH_EXPORT, STATE_EXPORT, State, journal};
use std::borrow::Cow;
use wasmtime::{Global, Instance, ModuleExport, Store, TypedFunc, Val};

/// Most clean-ups run for one test: a clean-up may register another, and an endless chain has to end.
const MAX_CLEANUPS: u32 = 1_000;

/// Clean-ups of one test that may use up all the fuel, or all the stack, that each is given. After so many, the rest are not
/// run.
const MAX_ENDLESS: u32 = 4;

/// How to call one SDK test. It is made once for a module.
#[derive(Clone)]
pub struct SdkCall {
    /// The export that runs the test.
    pub(super) export: ModuleExport,
    /// Whether the test is expected to panic, and with what text in its message.
    pub should_panic: Option<String>,
}

/// What a test said through the SDK.
#[derive(Debug, Default, PartialEq)]
pub struct SdkOutcome {
    /// Failures it recorded, in order.
    pub failures: Vec<Failure>,
    /// Why it skipped itself.
    pub skipped: Option<String>,
    /// Its panic, recorded where one is expected, or where panics unwind.
    pub panic: Option<Failure>,
    /// Clean-ups that did not finish normally.
    pub cleanups: Vec<FailedCleanup>,
    /// How many bytes of its standard error the test wrote itself. Its clean-ups wrote the rest.
    pub own_stderr: usize,
    /// What is wrong, in words, where its memory did not hold what the SDK puts there.
    pub broken: Option<String>,
}

/// A failure, or a panic, that a test recorded.
#[derive(Debug, PartialEq)]
pub struct Failure {
    /// Where, as the compiler wrote it: `file:line:column`.
    pub at: Option<String>,
    /// What it said.
    pub text: String,
}

/// A clean-up that did not finish normally.
#[derive(Debug, PartialEq)]
pub struct FailedCleanup {
    /// Its place in the order of running, from 1.
    pub ordinal: u32,
    /// How it ended.
    pub ending: Ending,
    /// What it wrote to standard error while it ran: a panic's message, for one.
    pub stderr: Vec<u8>,
}

/// The globals of an instance and what they were before its test.
pub(super) type GlobalValues = Vec<(Global, Val)>;

/// Calls the test's export, and gives its return value.
pub(super) fn call(
    store: &mut Store<TestState>,
    (instance, threads): (&Instance, &mut Option<ThreadGroup<'_>>),
    call: &SdkCall,
) -> wasmtime::Result<u32> {
    let export = instance.get_module_export(&mut *store, &call.export);
    let test = export
        .and_then(wasmtime::Extern::into_func)
        .ok_or_else(|| wasmtime::format_err!("the test's export is gone"))?;
    let test = test.typed::<(), u32>(&*store)?;
    call_guest(threads, store, &test, ())
}

/// Reads what the test said, and runs its clean-ups.
pub(super) fn conclude(
    store: &mut Store<TestState>,
    (instance, globals, threads): (&Instance, &GlobalValues, &mut Option<ThreadGroup<'_>>),
    ending: &Ending,
    said: Option<u32>,
) -> SdkOutcome {
    if matches!(ending, Ending::Interrupted | Ending::Refused(_)) || said == Some(0) {
        return SdkOutcome::default();
    }
    let mut after = After { store, instance, globals, threads };
    after.conclude(said).unwrap_or_else(|broken| SdkOutcome { broken: Some(broken), ..SdkOutcome::default() })
}

fn is_endless(ending: &Ending) -> bool {
    matches!(ending, Ending::Fuel { .. }) || ending.used_up_stack()
}

struct After<'a, 't> {
    store: &'a mut Store<TestState>,
    instance: &'a Instance,
    globals: &'a GlobalValues,
    threads: &'a mut Option<ThreadGroup<'t>>,
}

impl After<'_, '_> {
    fn conclude(&mut self, said: Option<u32>) -> Result<SdkOutcome, String> {
        self.store.data_mut().limiter.open_reserve(CLEANUP_MEMORY_RESERVE);
        self.store.data_mut().wasi.open_reserve();
        let timeout = self.store.data().wasi.timeout();
        let deadline = deadline_after(timeout);
        self.store.data_mut().wasi.set_deadline(deadline);
        let address = match said {
            Some(address) => address,
            None => self
                .call(STATE_EXPORT)
                .map_err(|ending| format!("its state cannot be asked for: {}", ending.words()))?,
        };
        let state = self.state(address)?;
        let mut outcome = SdkOutcome { own_stderr: self.store.data().wasi.stderr().len(), ..SdkOutcome::default() };
        self.read_journal(&state, &mut outcome)?;
        if state.pending_cleanups > 0 {
            self.run_cleanups(address, &mut outcome)?;
        }
        // What is written out now is no longer the test's doing.
        if let Some(book) = self.store.data_mut().heap.book() {
            book.close_window();
        }
        // Its buffered output; after a trap the guest's lock on it may be held, and there is nothing to be done.
        let _ = self.call(FLUSH_EXPORT);
        Ok(outcome)
    }

    /// Calls an export of the SDK with a fresh budget and the stack pointer where it was before the test.
    fn call(&mut self, export: &str) -> Result<u32, Ending> {
        for (global, before) in self.globals {
            // The value came from this global, so its type is right.
            let _ = global.set(&mut *self.store, *before);
        }
        if let Some(book) = self.store.data_mut().heap.book() {
            book.unwind();
        }
        let called = refuel(self.store, CLEANUP_FUEL).and_then(|()| {
            let export: TypedFunc<(), u32> = self.instance.get_typed_func(&mut *self.store, export)?;
            call_guest(self.threads, self.store, &export, ())
        });
        called.map_err(|error| Ending::from_call(self.store, &error))
    }

    fn run_cleanups(&mut self, address: u32, outcome: &mut SdkOutcome) -> Result<(), String> {
        let mut endless = 0;
        for ordinal in 1..=MAX_CLEANUPS {
            let printed = self.store.data().wasi.stderr().len();
            match self.call(CLEANUP_EXPORT) {
                Ok(0) => break,
                Ok(_) => {}
                Err(ending) => {
                    let stderr = self.store.data().wasi.stderr().get(printed..).unwrap_or_default().to_vec();
                    let over = matches!(ending, Ending::Wall { .. } | Ending::Interrupted);
                    endless += u32::from(is_endless(&ending));
                    outcome.cleanups.push(FailedCleanup { ordinal, ending, stderr });
                    if over {
                        break;
                    }
                }
            }
            if endless == MAX_ENDLESS {
                break;
            }
            if ordinal == MAX_CLEANUPS {
                return Err(format!("its clean-ups do not end: {MAX_CLEANUPS} were run"));
            }
        }
        // What clean-ups said comes after what the test said: the journal only grows.
        let state = self.state(address)?;
        let mut whole = SdkOutcome::default();
        self.read_journal(&state, &mut whole)?;
        outcome.failures = whole.failures;
        Ok(())
    }

    fn state(&mut self, address: u32) -> Result<State, String> {
        let bytes = self.memory(address, State::SIZE)?;
        let bytes: [u8; State::SIZE] = bytes.try_into().map_err(|_| "its state is cut short".to_owned())?;
        State::read(&bytes).map_err(|error| error.to_string())
    }

    fn read_journal(&mut self, state: &State, outcome: &mut SdkOutcome) -> Result<(), String> {
        let len = usize::try_from(state.journal_len).unwrap_or(usize::MAX);
        if len > journal::CAP {
            return Err(format!("its journal says it has {len} bytes, and no test's has more than {}", journal::CAP));
        }
        let bytes = self.memory(state.journal_ptr, len)?;
        for entry in journal::entries(&bytes) {
            let entry = entry.map_err(|error| error.to_string())?;
            let (at, text) = (entry.at.map(Cow::into_owned), entry.text.into_owned());
            match entry.kind {
                journal::Kind::Failure => outcome.failures.push(Failure { at, text }),
                journal::Kind::Skip => outcome.skipped = outcome.skipped.take().or(Some(text)),
                journal::Kind::Panic => outcome.panic = outcome.panic.take().or(Some(Failure { at, text })),
                _ => {}
            }
        }
        if state.failed() && outcome.failures.is_empty() {
            outcome.failures.push(Failure { at: None, text: "the test failed, and its message was lost".to_owned() });
        }
        if state.skipped() && outcome.skipped.is_none() {
            outcome.skipped = Some(String::new());
        }
        if state.panicked() && outcome.panic.is_none() {
            outcome.panic = Some(Failure { at: None, text: String::new() });
        }
        Ok(())
    }

    fn memory(&mut self, address: u32, len: usize) -> Result<Vec<u8>, String> {
        let start = usize::try_from(address).unwrap_or(usize::MAX);
        let copy = |memory: &[u8]| memory.get(start..).and_then(|rest| rest.get(..len)).map(<[u8]>::to_vec);
        let bytes = match &self.store.data().thread {
            Some(seat) => seat.look(copy),
            None => {
                let memory = self.instance.get_memory(&mut *self.store, "memory");
                copy(memory.ok_or("the module exports no memory")?.data(&*self.store))
            }
        };
        bytes.ok_or_else(|| format!("its state points outside of its memory, to {address:#x}"))
    }
}
