//! Subtests. The host enters each of them from within a call of the test. So when a subtest traps, the host can go on with
//! the test. See [`airtight_abi::scopes`].

use super::ending::{Ending, TrapKind};
use super::guest_memory as memory;
use super::run_cleanups;
use super::said::{Failure, SpanReader};
use super::scopes::{Guest, OpenScope, SubtestRun, scope_id};
use super::state::{TestState, refuel};
use super::subtest_call::SubtestCall;
use super::threads::CallGuest;
use super::wasi::{TracedEvent, meter};
use crate::ledger::EndedScope;
use crate::model::trace::TraceKind;
use airtight_abi::scopes::{ENTER_EXPORT, FAILED, MAX_NAME, NOT_SELECTED, PASSED, SKIPPED};
use std::time::Instant;
use wasmtime::error::Context;
use wasmtime::{Caller, Global, Trap, TypedFunc, Val};

/// Bytes that the host counts as held for a subtest, beside its name and what it says.
const RECORD: u64 = 512;

/// Bytes that the host counts as held for a subtest's counts of one kind, beside the kind's name.
const TRACKED: u64 = 64;

/// `scope_run`. It waits for nothing where the guest has no threads.
pub(super) async fn run_subtest(mut caller: Caller<'_, TestState>, call: SubtestCall) -> wasmtime::Result<i32> {
    let Some((guest, index)) = name(&mut caller, &call)? else { return Ok(NOT_SELECTED) };
    run(&mut caller, &guest, index, &call).await
}

/// The test that asks for a subtest, and the place of the subtest's record; `None` where it is not to run.
pub(super) fn name(caller: &mut Caller<'_, TestState>, call: &SubtestCall) -> wasmtime::Result<Option<(Guest, usize)>> {
    let Some(guest) = caller.data().scopes.guest.clone() else {
        if caller.data().thread.as_ref().is_some_and(|seat| !seat.is_main()) {
            wasmtime::bail!(
                "a subtest runs in another thread than its test: `T` stays on the thread that it was given to"
            );
        }
        wasmtime::bail!("only a test of the airtight SDK has subtests");
    };
    if caller.data().scopes.cleanups.are_running() {
        wasmtime::bail!("a clean-up runs a subtest");
    }
    let SubtestCall { name, len, .. } = *call;
    if len as usize > MAX_NAME {
        wasmtime::bail!("the name of a subtest has {len} bytes; it may have {MAX_NAME}");
    }
    charge(caller, meter::CALL + meter::PATH + meter::BYTE * u64::from(len))?;
    let name = memory::bytes(caller, &guest.instance, name, len as usize).map_err(wasmtime::Error::msg)?;
    let name = String::from_utf8_lossy(&name).into_owned();
    let Some(index) = caller.data_mut().scopes.name(&name)? else { return Ok(None) };
    let held = RECORD + caller.data().scopes.records[index].path.len() as u64;
    caller.data_mut().wasi.hold_scope(held);
    caller.data().wasi.check_quota()?;
    Ok(Some((guest, index)))
}

/// Runs the subtest with this record. Gives what the guest is answered.
pub(super) async fn run(
    cx: &mut impl CallGuest,
    guest: &Guest,
    index: usize,
    call: &SubtestCall,
) -> wasmtime::Result<i32> {
    let enter: TypedFunc<(u32, u32), u32> = guest
        .instance
        .get_typed_func(cx.as_context_mut(), ENTER_EXPORT)
        .ok()
        .with_context(|| format!("the module runs subtests and does not export `{ENTER_EXPORT}`"))?;
    let globals: Vec<Val> = guest.globals.iter().map(|global| global.get(cx.as_context_mut())).collect();
    begin(cx, guest, index, call.state)?;
    let mut has_failed = false;
    let ending = match cx.enter_guest(&enter, (call.function, call.data)).await {
        Ok(failed) => {
            has_failed = failed != 0;
            Ending::Returned
        }
        Err(error) => match Ending::from_call(cx.as_context_mut(), &error) {
            ending @ Ending::Trap { kind: TrapKind::Unreachable, .. } if !ends_test(cx, guest, call.state) => ending,
            // The whole test ends, within the subtest.
            _ => return Err(error),
        },
    };
    if ending != Ending::Returned {
        restore(cx, guest, &globals)?;
    }
    end(cx, guest, call.state, (ending, has_failed), &globals).await
}

/// How many growths of memory the test was refused.
fn refusals(state: &TestState) -> u64 {
    state.memory_use().1.map_or(0, |refused| refused.times)
}

/// Whether the trap that ended a subtest ends its test: there is no memory left, or it is the panic that the test expects.
fn ends_test(cx: &mut impl CallGuest, guest: &Guest, state: u32) -> bool {
    let store = cx.as_context();
    if store.data().scopes.open.last().is_some_and(|scope| refusals(store.data()) > scope.refused) {
        return true;
    }
    guest.panics_end_it && memory::state(cx, &guest.instance, state).is_ok_and(|state| state.panicked())
}

/// Puts the globals back after a trap, and forgets the calls that it ended: those of the allocator, within which no subtest runs.
fn restore(cx: &mut impl CallGuest, guest: &Guest, globals: &[Val]) -> wasmtime::Result<()> {
    for (global, value) in guest.globals.iter().zip(globals) {
        global.set(cx.as_context_mut(), *value)?;
    }
    let left = cx.as_context_mut().get_fuel()?;
    cx.as_context_mut().data_mut().unwind(left);
    Ok(())
}

fn charge(cx: &mut impl CallGuest, due: u64) -> wasmtime::Result<()> {
    let left = cx.as_context_mut().get_fuel()?;
    cx.as_context_mut().set_fuel(left.saturating_sub(due))?;
    if due > left { Err(Trap::OutOfFuel.into()) } else { Ok(()) }
}

/// Opens the books of a subtest.
fn begin(cx: &mut impl CallGuest, guest: &Guest, index: usize, state: u32) -> wasmtime::Result<()> {
    let said = memory::state(cx, &guest.instance, state).map_err(wasmtime::Error::msg)?;
    let left = cx.as_context_mut().get_fuel()?;
    let mut store = cx.as_context_mut();
    let state = store.data_mut();
    let heap = match state.heap.book() {
        Some(book) if book.is_within_a_call() => wasmtime::bail!("a subtest runs within a function of the allocator"),
        book => book.map(|book| book.begin_scope()),
    };
    if let Some(forked) = state.scopes.forked.as_mut().filter(|_| index == 0) {
        forked.pending_cleanups = said.pending_cleanups;
    }
    let handles = state.wasi.begin_scope(scope_id(index));
    let scope = OpenScope {
        index,
        said: SpanReader::from(said.journal_len),
        heap,
        handles,
        fuel: state.spent_by_test(left),
        clock: Instant::now(),
        stderr: state.wasi.stderr().len(),
        refused: refusals(state),
    };
    state.scopes.reader().end(said.journal_len);
    state.scopes.open.push(scope);
    trace(cx, index, ("begins", None), left);
    let path = cx.as_context().data().scopes.records[index].path.as_str().into();
    if let Some(trace) = cx.as_context_mut().data_mut().wasi.trace() {
        trace.enter_scope(Some(path));
    }
    Ok(())
}

/// Runs the clean-ups of the innermost subtest, and closes its books.
async fn end(
    cx: &mut impl CallGuest,
    guest: &Guest,
    address: u32,
    (ending, has_failed): (Ending, bool),
    globals: &[Val],
) -> wasmtime::Result<i32> {
    let left = cx.as_context_mut().get_fuel()?;
    let mut store = cx.as_context_mut();
    let state = store.data_mut();
    let depth = state.scopes.depth();
    let Some(scope) = state.scopes.open.last() else { wasmtime::bail!("no subtest is running") };
    let (index, began, printed) = (scope.index, scope.fuel, scope.stderr);
    let record = SubtestRun {
        fuel: state.spent_by_test(left).saturating_sub(began),
        linear_peak: state.memory_use().0,
        stderr: match &ending {
            Ending::Returned => Vec::new(),
            _ => state.wasi.stderr().get(printed..).unwrap_or_default().to_vec(),
        },
        ending: Some(ending),
        ..SubtestRun::default()
    };
    let failed_before = state.scopes.cleanups.failed().len();
    run_cleanups(cx, guest, address, depth, globals).await?;
    let told = memory::state(cx, &guest.instance, address).map_err(wasmtime::Error::msg)?;
    let mut store = cx.as_context_mut();
    let state = store.data_mut();
    let Some(mut scope) = state.scopes.open.pop() else { wasmtime::bail!("no subtest is running") };
    scope.said.end(told.journal_len);
    let EndedScope { handles_peak, tracked } = state.wasi.end_scope(scope.handles);
    let (heap, blocks) = match (state.heap.book(), scope.heap) {
        (Some(book), Some(began)) => (book.end_scope(&began).ok(), Some(began.number + 1..=book.numbered())),
        _ => (None, None),
    };
    state.scopes.reader().resume(told.journal_len);
    let failed = state.scopes.cleanups.failed().len() - failed_before;
    let (mut said, bytes) = memory::read(&scope.said, cx, &guest.instance, &told).map_err(wasmtime::Error::msg)?;
    if has_failed && said.failures.is_empty() && !cx.as_context().data().scopes.records[index].failed_within {
        said.failures.push(Failure { at: None, text: "the subtest failed, and its message was lost".to_owned() });
    }
    charge(cx, meter::BYTE * bytes as u64)?;
    let mut store = cx.as_context_mut();
    let state = store.data_mut();
    let counts: u64 = tracked.iter().map(|(kind, _)| TRACKED + kind.len() as u64).sum();
    let kept = said.bytes() + record.stderr.len() as u64 + counts;
    let open = &mut state.scopes.records[index];
    let (path, within, failed_within) = (std::mem::take(&mut open.path), open.within, open.failed_within);
    let failed_cleanups = u32::try_from(failed).unwrap_or(u32::MAX);
    let clock = Some((scope.clock, scope.clock.elapsed()));
    *open = SubtestRun {
        path,
        within,
        failed_within,
        said,
        failed_cleanups,
        handles_peak,
        tracked,
        heap,
        blocks,
        clock,
        ..record
    };
    let (failed, skipped) = (open.failed(), open.said.skipped.is_some());
    if let (true, Some(within)) = (failed, within) {
        state.scopes.records[within].failed_within = true;
    }
    state.wasi.hold_scope(kept);
    state.wasi.check_quota()?;
    let around = within.map(|within| state.scopes.records[within].path.as_str().into());
    if let Some(trace) = state.wasi.trace() {
        trace.enter_scope(around);
    }
    let (answer, word) = if failed {
        (FAILED, Some("failed"))
    } else if skipped {
        (SKIPPED, Some("skipped"))
    } else {
        (PASSED, None)
    };
    let left = cx.as_context_mut().get_fuel()?;
    trace(cx, index, ("ends", word), left);
    Ok(answer)
}

/// Enters into the trace that a subtest begins or ends.
pub(super) fn trace(
    cx: &mut impl CallGuest,
    index: usize,
    (call, failed): (&'static str, Option<&'static str>),
    left: u64,
) {
    if cx.as_context_mut().data_mut().wasi.trace().is_none() {
        return;
    }
    let stack = cx.guest_stack();
    let mut store = cx.as_context_mut();
    let state = store.data_mut();
    let object = Some(state.scopes.records[index].path.as_str().into());
    let event = TracedEvent::new(TraceKind::Subtest, call);
    state.trace(left, TracedEvent { object, stack, failed: failed.map(Into::into), ..event });
}

/// Runs the clean-ups of the subtests at this depth. They have fuel, memory and bytes to move of their own, beside those of
/// the test.
async fn run_cleanups(
    cx: &mut impl CallGuest,
    guest: &Guest,
    address: u32,
    depth: u32,
    globals: &[Val],
) -> wasmtime::Result<()> {
    let pending = memory::state(cx, &guest.instance, address).map_err(wasmtime::Error::msg)?;
    if pending.pending_cleanups == 0 {
        return Ok(());
    }
    let left = cx.as_context_mut().get_fuel()?;
    let mut store = cx.as_context_mut();
    let state = store.data_mut();
    let own = state.suspend(left);
    state.open_memory_reserve(crate::policy::CLEANUP_MEMORY_RESERVE);
    let moved = state.wasi.suspend();
    let values: Vec<(Global, Val)> = guest.globals.iter().copied().zip(globals.iter().copied()).collect();
    let ran = run_cleanups::run(cx, &guest.instance, &values, depth).await;
    let mut store = cx.as_context_mut();
    let state = store.data_mut();
    state.wasi.resume(moved);
    state.close_memory_reserve();
    for (global, value) in &values {
        global.set(cx.as_context_mut(), *value)?;
    }
    if let Some(own) = own {
        refuel(cx.as_context_mut(), own)?;
    }
    ran.map_err(wasmtime::Error::msg)
}
