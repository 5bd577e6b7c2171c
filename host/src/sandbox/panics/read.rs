//! Reads what the panic says that ended a test.

use super::module::{ModulePanics, PayloadKinds, Readers};
use super::vtables;
use super::watch::Payload;
use crate::policy::{CLEANUP_FUEL, CLEANUP_MEMORY_RESERVE};
use crate::sandbox::ending::Ending;
use crate::sandbox::guest::Guest;
use crate::sandbox::job::Job;
use crate::sandbox::state::refuel;
use crate::sandbox::strings::StringLayout;
use crate::sandbox::threads::MainThread;
use crate::sandbox::wasi::deadline_after;
use wasmtime::Instance;
use wasmtime::{ensure, error::Context};

/// Longest message that is read, in bytes.
const MOST_TEXT: u32 = 1 << 20;

/// What libtest makes of a panic's payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PanicSaid {
    /// A text: a `&'static str` or a `String`.
    Text(String),
    /// Anything else.
    NoText,
}

/// The panic that ended a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaisedPanic {
    /// What the panic says, or in words why that cannot be known; `None` if nobody asked.
    pub said: Option<Result<PanicSaid, String>>,
    /// Whether the wall clock ended the call that reads the panic, or the probe before it. Then another run may read it.
    pub by_wall_clock: bool,
}

/// The panic that ended a test, if the test trapped and one was raised. What it says is only read if `asked`.
pub fn read(
    job: &Job<'_>,
    main: MainThread<'_, '_>,
    instance: &Instance,
    panics: &ModulePanics,
    asked: bool,
) -> Option<RaisedPanic> {
    let payload = main.store.data().panics.raised()?;
    let mut by_wall_clock = false;
    let said = asked.then(|| {
        let readers = panics.readers.as_ref().map_err(Clone::clone)?;
        let payload =
            payload.ok_or("it was raised again by `resume_unwind`, which the compiler does not tell of what")?;
        let kinds = panics.kinds(job, readers).map_err(|failed| {
            by_wall_clock = failed.by_wall_clock;
            failed.why
        })?;
        let layout = job.module.strings.as_ref().and_then(|strings| strings.layout(job));
        let layout = layout.ok_or("its strings are laid out in an unknown way")?;
        said(main, *instance, readers, (kinds, layout), payload).map_err(|error| {
            by_wall_clock = Ending::is_by_wall_clock(&error);
            error.root_cause().to_string()
        })
    });
    Some(RaisedPanic { said, by_wall_clock })
}

/// Asks the payload in the guest, which has ended: with fuel, time and memory beyond the test's own.
fn said(
    main: MainThread<'_, '_>,
    instance: Instance,
    readers: &Readers,
    (kinds, layout): (&PayloadKinds, StringLayout),
    payload: Payload,
) -> wasmtime::Result<PanicSaid> {
    let store = &mut *main.store;
    store.data_mut().panics.begin_reading();
    store.data_mut().open_memory_reserve(CLEANUP_MEMORY_RESERVE);
    let deadline = deadline_after(store.data().wasi.timeout());
    store.data_mut().wasi.set_deadline(deadline);
    refuel(&mut *store, CLEANUP_FUEL)?;
    let mut guest = Guest::new(main, instance)?;
    let value = vtables::in_payload(&mut guest, (payload.data, payload.vtable), readers)?;
    let id = vtables::type_id(&mut guest, value, readers)?;
    let [address, len] = if id == kinds.static_str {
        guest.words(value.data)?
    } else if id == kinds.string {
        let words: [u32; 3] = guest.words(value.data)?;
        [words[layout.address], words[layout.len]]
    } else {
        return Ok(PanicSaid::NoText);
    };
    ensure!(len <= MOST_TEXT, "its message has {len} bytes, and no more than {MOST_TEXT} are read");
    let text = String::from_utf8(guest.bytes(address, len)?).ok().context("its message is not UTF-8")?;
    Ok(PanicSaid::Text(text))
}
