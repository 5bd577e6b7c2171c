//! The host functions that a module's hooks call.

use super::state::{SeenEnough, WantedStack, call_for};
use super::{pointer_watch, refusals};
use crate::instrument::{CHARGE_COST, COUNT_COST, HookKind, UNWOUND, hook_number};
use crate::ledger::both_ends;
use crate::model::trace::TraceKind;
use crate::sandbox::rerun::END_FRAMES;
use crate::sandbox::state::TestState;
use crate::sandbox::threads;
use crate::sandbox::wasi::TracedEvent;
use wasmtime::error::Context;
use wasmtime::{Caller, Linker, WasmBacktrace};

/// The module name under which these host functions are kept. No guest can import them: they are in a linker of their own.
pub(super) const MODULE: &str = "airtight:hooks";
pub(super) const ENTER: &str = "enter";
pub(super) const LEAVE: &str = "leave";
pub(super) const CHARGE: &str = "charge";
pub(super) const COUNT: &str = "count";
pub(super) const WATCH: &str = "watch";

/// The linker that holds the hooks, and nothing that a guest links with.
///
/// # Errors
/// None is expected: a name defined twice would be a bug.
pub fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<TestState>> {
    let mut linker = Linker::new(engine);
    linker.func_wrap(MODULE, ENTER, enter)?;
    linker.func_wrap(MODULE, LEAVE, leave)?;
    linker.func_wrap(MODULE, CHARGE, charge)?;
    linker.func_wrap(MODULE, COUNT, count)?;
    linker.func_wrap(MODULE, WATCH, pointer_watch::watch)?;
    Ok(linker)
}

/// The same for modules with threads.
///
/// # Errors
/// None is expected: a name defined twice would be a bug.
pub fn linker_for_threads(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<TestState>> {
    let mut linker = Linker::new(engine);
    linker.func_wrap(MODULE, ENTER, enter_of_thread)?;
    linker.func_wrap_async(MODULE, LEAVE, |caller: Caller<'_, TestState>, (which, result)| {
        Box::new(leave_of_thread(caller, which, result))
    })?;
    Ok(linker)
}

fn charge(mut caller: Caller<'_, TestState>, units: u32) -> wasmtime::Result<u32> {
    let left = caller.get_fuel()?;
    let fuel = caller.data_mut().charge(left, CHARGE_COST, units)?;
    caller.set_fuel(fuel)?;
    Ok(units)
}

fn count(mut caller: Caller<'_, TestState>, told: u32) -> wasmtime::Result<()> {
    let left = caller.get_fuel()?;
    let state = caller.data_mut();
    let fuel = state.exact_fuel(left, COUNT_COST)?;
    state.count_fuel(told, fuel);
    caller.set_fuel(fuel)
}

fn enter(mut caller: Caller<'_, TestState>, which: u32, a: u32, b: u32) -> wasmtime::Result<u32> {
    let left = caller.get_fuel()?;
    let state = caller.data_mut();
    let hook = state.heap.hook(hook_number(which)).context("a hook that is none")?;
    let (kind, back) = (hook.kind, hook.cost.before);
    let fuel = state.exact_fuel(left, back)?;
    match call_for(kind, which, (a, b)) {
        Some(call) => {
            state.heap.enter(call)?;
            trace_window(state, kind, "begins", fuel);
            let watches = kind.allocates_or_frees() && state.wasi.watches_calls();
            pointer_watch::entered(&mut caller)?;
            if watches {
                caller.set_fuel(fuel)?;
                return Ok(refusals::enter(&mut caller, kind, (a, b)));
            }
        }
        None => {
            state.panics.enter(kind, a, b);
            let state = caller.data();
            state.panics.check(kind, || state.code.stack(&WasmBacktrace::capture(&caller)))?;
        }
    }
    caller.set_fuel(fuel)?;
    Ok(kind.unchanged(a, b))
}

fn leave(mut caller: Caller<'_, TestState>, which: u32, result: u32) -> wasmtime::Result<()> {
    let left = caller.get_fuel()?;
    let state = caller.data_mut();
    let hook = state.heap.hook(hook_number(which)).context("a hook that is none")?;
    let (cost, kind, unwound) = (hook.cost, hook.kind, which & UNWOUND != 0);
    state.heap.unwound |= kind == HookKind::Window && unwound;
    let (of_heap, back) = (kind.is_of_heap(), if unwound { cost.unwound } else { cost.after });
    let fuel = state.exact_fuel(left, back)?;
    caller.set_fuel(fuel)?;
    if !of_heap {
        return Ok(());
    }
    trace_window(caller.data_mut(), kind, "ends", fuel);
    let Some(memory) = caller.data().memory else { return Ok(()) };
    let (bytes, state) = memory.data_and_store_mut(&mut caller);
    refusals::leave(state, bytes, kind, result)?;
    let left = state.heap.leave(result, bytes, |bytes| bytes.fill(0));
    if kind.allocates_or_frees() {
        state.draw(fuel);
    }
    pointer_watch::given(&mut caller)?;
    trace(&mut caller, (kind, left.size), fuel);
    capture(&mut caller, left.wanted)?;
    hold(&mut caller, left.live)?;
    if left.seen_enough { Err(SeenEnough.into()) } else { Ok(()) }
}

/// Captures the stack of a call, if it is wanted.
fn capture(caller: &mut Caller<'_, TestState>, wanted: WantedStack) -> wasmtime::Result<()> {
    if !wanted.is_wanted() {
        return Ok(());
    }
    let context = caller.data().heap.context.and_then(|global| global.get(&mut *caller).i64());
    let known = context.is_some_and(|context| caller.data_mut().heap.captured_before(&wanted, context));
    if known {
        return hold_stacks(caller.data_mut());
    }
    let stack = caller.data().code.stack(&WasmBacktrace::capture(&*caller));
    let depth = u32::try_from(stack.len()).unwrap_or(u32::MAX);
    let state = caller.data_mut();
    state.heap.captured(wanted, (both_ends(stack, END_FRAMES), depth), context);
    hold_stacks(state)
}

/// Counts what the host holds for captured stacks.
fn hold_stacks(state: &mut TestState) -> wasmtime::Result<()> {
    state.wasi.hold_stacks(state.heap.stacks_held());
    Ok(state.wasi.check_quota()?)
}

/// Adds to the trace that the test's own code begins or ends.
fn trace_window(state: &mut TestState, kind: HookKind, call: &'static str, left: u64) {
    if kind == HookKind::Window {
        state.trace(left, TracedEvent::new(TraceKind::Test, call));
    }
}

/// Adds to the trace what a call of the allocator allocated, and how memory grew for it.
fn trace(caller: &mut Caller<'_, TestState>, (kind, size): (HookKind, Option<u32>), left: u64) {
    if !caller.data_mut().wasi.trace().is_some_and(|trace| trace.wants(size)) {
        return;
    }
    let stack = caller.data().code.stack(&WasmBacktrace::capture(&*caller));
    let state = caller.data_mut();
    let (fuel, thread) = (state.spent(left), state.thread_id());
    let Some(trace) = state.wasi.trace() else { return };
    trace.flush(Some((fuel, &stack)), thread);
    if let (Some(size), Some(call)) = (size.filter(|size| trace.wants_allocation(*size)), allocates(kind)) {
        let event = TracedEvent::new(TraceKind::Allocation, call);
        trace.push(TracedEvent { fuel: Some(fuel), thread, bytes: Some(size.into()), stack: Some(stack), ..event });
    }
}

/// The name of a function that allocates.
fn allocates(kind: HookKind) -> Option<&'static str> {
    Some(match kind {
        HookKind::Malloc => "malloc",
        HookKind::Calloc => "calloc",
        HookKind::Realloc => "realloc",
        HookKind::PosixMemalign => "posix_memalign",
        HookKind::AlignedAlloc => "aligned_alloc",
        HookKind::Memalign => "memalign",
        _ => return None,
    })
}

/// Counts what the host holds for the live blocks, if it is time to do so.
fn hold(caller: &mut Caller<'_, TestState>, live: Option<usize>) -> wasmtime::Result<()> {
    let Some(live) = live else { return Ok(()) };
    let wasi = &mut caller.data_mut().wasi;
    wasi.hold_blocks(live as u64);
    Ok(wasi.check_quota()?)
}

/// The same for a thread: no other runs while it is in the allocator, and it lets others run when it leaves it, if it has run for long
/// enough. What the call spends is not the thread's: see [`Seat::hold`](crate::sandbox::threads::Seat::hold).
fn enter_of_thread(mut caller: Caller<'_, TestState>, which: u32, a: u32, b: u32) -> wasmtime::Result<u32> {
    let left = caller.get_fuel()?;
    let state = caller.data_mut();
    let hook = state.heap.hook(hook_number(which)).context("a hook that is none")?;
    let (kind, fuel) = (hook.kind, left.saturating_add(hook.cost.before));
    let Some(call) = call_for(kind, which, (a, b)) else {
        match kind {
            HookKind::NamesThread => name_thread(state, a)?,
            _ => {
                state.panics.enter(kind, a, b);
                let state = caller.data();
                state.panics.check(kind, || state.code.stack(&WasmBacktrace::capture(&caller)))?;
            }
        }
        caller.set_fuel(fuel)?;
        return Ok(kind.unchanged(a, b));
    };
    let thread = state.thread.as_ref().context("the store runs no thread")?.id();
    if kind.allocates_or_frees() {
        let (size, is_within) = (state.memory_now(), state.is_in_allocator());
        if !is_within {
            state.trace_memory();
        }
        state.heap.shared_memory_is(size, is_within);
        state.enter_allocator(fuel);
    }
    state.heap.act_as(thread);
    state.heap.enter(call)?;
    trace_window(state, kind, "begins", fuel);
    caller.set_fuel(fuel)?;
    match kind.allocates_or_frees() && caller.data_mut().wasi.watches_calls() {
        true => Ok(refusals::enter(&mut caller, kind, (a, b))),
        false => Ok(kind.unchanged(a, b)),
    }
}

/// Most bytes of a thread's name that are kept.
const MOST_NAME: usize = 128;

/// Notes the name of the next thread that this thread spawns: the guest makes that thread's handle, and the name is at this
/// address.
fn name_thread(state: &mut TestState, address: u32) -> wasmtime::Result<()> {
    let thread = state.thread.as_ref().context("the store runs no thread")?.id();
    let Some(strings) = state.heap.strings else { return Ok(()) };
    let name = threads::with_bytes(state, |_, memory| strings.read_option(memory, address, MOST_NAME))?;
    state.heap.names_next(thread, name.map(Into::into));
    Ok(())
}

async fn leave_of_thread(mut caller: Caller<'_, TestState>, which: u32, result: u32) -> wasmtime::Result<()> {
    let left = caller.get_fuel()?;
    let state = caller.data_mut();
    let hook = state.heap.hook(hook_number(which)).context("a hook that is none")?;
    let (cost, kind, unwound) = (hook.cost, hook.kind, which & UNWOUND != 0);
    state.heap.unwound |= kind == HookKind::Window && unwound;
    let fuel = left.saturating_add(if unwound { cost.unwound } else { cost.after });
    caller.set_fuel(fuel)?;
    if !kind.is_of_heap() {
        return Ok(());
    }
    let state = caller.data_mut();
    let seat = state.thread.clone().context("the store runs no thread")?;
    state.heap.act_as(seat.id());
    trace_window(state, kind, "ends", fuel);
    let left = threads::with_bytes(state, |state, bytes| {
        refusals::leave(state, bytes, kind, result).map(|()| state.heap.leave(result, bytes, threads::clear))
    })??;
    let size = state.memory_now();
    if let Some(trace) = state.wasi.trace() {
        trace.shared_memory_is(size);
    }
    if kind.allocates_or_frees() {
        caller.data_mut().draw(fuel);
    }
    trace(&mut caller, (kind, left.size), fuel);
    capture(&mut caller, left.wanted)?;
    hold(&mut caller, left.live)?;
    if !kind.allocates_or_frees() {
        return Ok(());
    }
    let state = caller.data_mut();
    let size = state.memory_now();
    state.heap.shared_memory_is(size, true);
    match state.leave_allocator(fuel) {
        None => Ok(()),
        Some(was_alone) => {
            if !was_alone {
                state.heap.allocator_waited();
            }
            threads::after_step(seat, &caller).await
        }
    }
}
