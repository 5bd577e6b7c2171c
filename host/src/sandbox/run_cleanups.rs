//! Runs the clean-ups of a scope, whatever ended the scope. Each clean-up has fuel of its own, and begins with the stack
//! pointer where it was before the test.

use super::cleanups::FailedCleanup;
use super::ending::Ending;
use super::globals::GlobalValues;
use super::guest_memory;
use super::state::Lent;
use super::threads::CallGuest;
use super::wasi::TracedEvent;
use crate::model::trace::TraceKind;
use crate::policy::CLEANUP_FUEL;
use airtight_abi::CLEANUP_EXPORT;
use airtight_abi::scopes::{MAX_CLEANUP_TEXT, NEXT_CLEANUP_EXPORT, NextCleanup};
use std::sync::Arc;
use wasmtime::{Instance, TypedFunc, WasmParams};

/// Most clean-ups that are run for one scope. A clean-up may register another one, and an endless chain has to end.
const MAX_CLEANUPS: u32 = 1_000;

/// How many clean-ups of one test may use up all the fuel, or all the stack, that each is given. After that, the others are
/// not run.
const MAX_ENDLESS: u32 = 4;

/// Runs all clean-ups of the scopes at this depth and of deeper ones.
///
/// # Errors
/// The clean-ups do not come to an end.
pub(super) async fn run(
    cx: &mut impl CallGuest,
    instance: &Instance,
    globals: &GlobalValues,
    depth: u32,
) -> Result<(), String> {
    cx.as_context_mut().data_mut().scopes.cleanups.running = true;
    let ran = run_each(cx, instance, globals, depth).await;
    cx.as_context_mut().data_mut().scopes.cleanups.running = false;
    ran
}

async fn run_each(
    cx: &mut impl CallGuest,
    instance: &Instance,
    globals: &GlobalValues,
    depth: u32,
) -> Result<(), String> {
    for _ in 0..MAX_CLEANUPS {
        if cx.as_context().data().scopes.cleanups.endless >= MAX_ENDLESS {
            cx.as_context_mut().data_mut().scopes.cleanups.cut_short = true;
            return Ok(());
        }
        let next = match next(cx, instance, globals, depth).await {
            Next::None => return Ok(()),
            Next::Unknown => CleanupDescription::default(),
            Next::Known(described) => described,
        };
        let printed = cx.as_context().data().wasi.stderr().len();
        let around = trace_begin(cx, &next);
        let called = call(cx, instance, globals, CLEANUP_EXPORT, ()).await;
        trace_end(cx, &next, &called, around);
        let mut store = cx.as_context_mut();
        let state = store.data_mut();
        let stderr = state.wasi.stderr().get(printed..).unwrap_or_default();
        let ending = match called {
            Ok(0) => return Ok(()),
            Ok(_) => None,
            Err(ending) => Some((ending, stderr.to_vec())),
        };
        let subtest = state.scopes.path_at(next.depth).map(str::to_owned);
        let cleanups = &mut state.scopes.cleanups;
        cleanups.begun = cleanups.begun.saturating_add(1);
        if let Some((ending, stderr)) = ending {
            let over = matches!(ending, Ending::Wall { .. } | Ending::Interrupted);
            cleanups.endless += u32::from(is_endless(&ending));
            let CleanupDescription { name, registered, .. } = next;
            cleanups.failed.push(FailedCleanup { ordinal: cleanups.begun, name, registered, subtest, ending, stderr });
            if over {
                cleanups.cut_short = true;
                return Ok(());
            }
        }
    }
    Err(format!("its clean-ups do not end: {MAX_CLEANUPS} were run"))
}

/// Adds to the trace that a clean-up begins. Returns the scope of the events before it.
fn trace_begin(cx: &mut impl CallGuest, next: &CleanupDescription) -> Option<Arc<str>> {
    let mut store = cx.as_context_mut();
    let scope = store.data().scopes.path_at(next.depth).map(Arc::from);
    let around = store.data_mut().wasi.trace()?.enter_scope(scope);
    if next.registered.is_some() {
        let left = store.get_fuel().unwrap_or(0);
        store.data_mut().trace(left, next.event("begins"));
    }
    around
}

/// Adds to the trace that a clean-up is over, if there was one.
fn trace_end(
    cx: &mut impl CallGuest,
    next: &CleanupDescription,
    called: &Result<u32, Ending>,
    around: Option<Arc<str>>,
) {
    let mut store = cx.as_context_mut();
    if *called != Ok(0) {
        let left = store.get_fuel().unwrap_or(0);
        let failed = called.as_ref().err().map(|ending| ending.words().into());
        store.data_mut().trace(left, TracedEvent { failed, ..next.event("ends") });
    }
    if let Some(trace) = store.data_mut().wasi.trace() {
        trace.enter_scope(around);
    }
}

impl CleanupDescription {
    fn event(&self, call: &'static str) -> TracedEvent {
        let text = |text: &Option<String>| text.as_deref().map(Arc::from);
        let (object, to) = (text(&self.name), text(&self.registered));
        TracedEvent { object, to, ..TracedEvent::new(TraceKind::Cleanup, call) }
    }
}

/// What is known of the clean-up whose turn it is.
enum Next {
    /// No clean-up is left.
    None,
    /// There may be one, but the module does not tell.
    Unknown,
    Known(CleanupDescription),
}

#[derive(Default)]
struct CleanupDescription {
    name: Option<String>,
    registered: Option<String>,
    depth: u32,
}

async fn next(cx: &mut impl CallGuest, instance: &Instance, globals: &GlobalValues, depth: u32) -> Next {
    if instance.get_func(cx.as_context_mut(), NEXT_CLEANUP_EXPORT).is_none() {
        return if depth == 0 { Next::Unknown } else { Next::None };
    }
    let address = match call(cx, instance, globals, NEXT_CLEANUP_EXPORT, depth).await {
        Ok(0) => return Next::None,
        Ok(address) => address,
        Err(_) => return Next::Unknown,
    };
    let record =
        guest_memory::bytes(cx, instance, address, NextCleanup::SIZE).ok().and_then(|bytes| bytes.try_into().ok());
    let Some(record) = record.map(|bytes| NextCleanup::read(&bytes)) else { return Next::Unknown };
    let mut text = |[address, len]: [u32; 2]| {
        let bytes = guest_memory::bytes(cx, instance, address, (len as usize).min(MAX_CLEANUP_TEXT)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned()).filter(|text| !text.is_empty())
    };
    let (name, file, [line, column]) = (text(record.name), text(record.file), record.place);
    let depth = record.depth;
    Next::Known(CleanupDescription { name, depth, registered: file.map(|file| format!("{file}:{line}:{column}")) })
}

/// Calls an export of the SDK with fuel of its own, and with the stack pointer where it was before the test.
pub(super) async fn call<P: WasmParams + Sync>(
    cx: &mut impl CallGuest,
    instance: &Instance,
    globals: &GlobalValues,
    export: &str,
    params: P,
) -> Result<u32, Ending> {
    for (global, before) in globals {
        // The value came from this global, so its type is right.
        let _ = global.set(cx.as_context_mut(), *before);
    }
    // The test may have ended in a trap.
    unwind(cx);
    let (called, lent) = enter(cx, instance, export, params).await;
    let called = called.map_err(|error| {
        // Now, because what a call of the allocator spent is part of what is settled.
        unwind(cx);
        let ending = Ending::from_call(cx.as_context_mut(), &error);
        if matches!(ending, Ending::Wall { .. }) {
            cx.as_context_mut().data_mut().scopes.cleanups.by_wall_clock = true;
        }
        ending
    });
    if let Some(lent) = lent {
        cx.settle(lent);
    }
    called
}

/// Forgets the calls of the allocator that a trap ended.
fn unwind(cx: &mut impl CallGuest) {
    let mut store = cx.as_context_mut();
    let left = store.get_fuel().unwrap_or(0);
    store.data_mut().unwind(left);
}

/// Calls an export with a fresh budget, which is to be settled where it is lent.
async fn enter<P: WasmParams + Sync>(
    cx: &mut impl CallGuest,
    instance: &Instance,
    export: &str,
    params: P,
) -> (wasmtime::Result<u32>, Option<Lent>) {
    let lent = match cx.lend(CLEANUP_FUEL) {
        Ok(lent) => lent,
        Err(error) => return (Err(error), None),
    };
    let export: TypedFunc<P, u32> = match instance.get_typed_func(cx.as_context_mut(), export) {
        Ok(export) => export,
        Err(error) => return (Err(error), lent),
    };
    (cx.enter_guest(&export, params).await, lent)
}

fn is_endless(ending: &Ending) -> bool {
    matches!(ending, Ending::Fuel { .. }) || ending.used_up_stack()
}
