//! Forked subtests: where a test forks one, an image of its instance and of its world is taken, and the test goes on. When it has
//! ended, the subtest runs in an instance of its own that is made from the image. See [`airtight_abi::scopes`].
//!
//! The functions that were running when the image was taken are not in it, and need not be: the subtest is a call of its own, at
//! whose end nothing returns into them. What they keep in memory is there.
//!
//! What a second run of the subtest needs is elsewhere in memory, so it does not begin from the image. The test is run once more up
//! to the same fork, and the subtest is called there, within the call of the host: see [`ForkTarget`]. It comes to the same, as does
//! a set-up that is called again.

use super::ending::Ending;
use super::forked::{ForkImage, ForkOver, ForkPlace, ForkedScope};
use super::memory_image::MemoryImage;
use super::rerun::Instruments;
use super::scopes::Guest;
use super::state::{TestState, refuel};
use super::subtest_call::SubtestCall;
use super::subtests;
use super::threads::{CallGuest, at_once};
use super::wasi::{NotCaptured, deadline_after};
use crate::instrument::NoImage;
use crate::ledger::heap::HeapLimits;
use crate::policy::Limit;
use airtight_abi::FLUSH_EXPORT;
use airtight_abi::scopes::{FORKED, MAX_FORKS, NOT_SELECTED};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use wasmtime::Caller;
use wasmtime::error::Context;

/// Most bytes that the images of all forks of a test hold together, those of forks of its forks among them. What several hold is
/// counted once.
const MOST_HELD: u64 = 512 << 20;

/// Why a test cannot be forked where it stands.
#[derive(Debug, thiserror::Error)]
enum NoFork {
    /// Its instance cannot be captured.
    #[error(transparent)]
    Instance(#[from] NoImage),
    /// A fork's instance would run code before the subtest does.
    #[error("its module has a start function, which would run once more")]
    Start,
    /// What it holds beside its instance cannot be captured.
    #[error(transparent)]
    World(#[from] NotCaptured),
    /// It has as many forks as there may be.
    #[error("the test has {MAX_FORKS} forks, and no more are made")]
    TooMany,
    /// Too much would be held until the forks are run.
    #[error("the images of its forks hold {0} bytes, and {MOST_HELD} are held at most")]
    TooLarge(u64),
}

/// `scope_fork`.
pub(super) fn fork_subtest(mut caller: Caller<'_, TestState>, call: SubtestCall) -> wasmtime::Result<i32> {
    let Some((guest, index)) = subtests::name(&mut caller, &call)? else { return Ok(NOT_SELECTED) };
    let state = caller.data_mut();
    if state.heap.book().is_some_and(|book| book.is_within_a_call()) {
        wasmtime::bail!("a subtest is forked within a function of the allocator");
    }
    // What it reads through descriptors that its test opened is not known to be read below a granted directory.
    state.wasi.leave_reads("forks a subtest");
    let forks = &mut state.scopes.forks;
    forks.made += 1;
    let place = ForkPlace { call: forks.call, nth: forks.made };
    state.scopes.records[index].forked = true;
    let left = caller.get_fuel()?;
    subtests::trace(&mut caller, index, ("is forked", None), left);
    flush(&mut caller, &guest)?;
    if let Some(target) = &mut caller.data_mut().scopes.forks.target {
        if target.places.last() == Some(&place) {
            target.places.pop();
            return enter_here(caller, &guest, index, call);
        }
        // What comes of the others is known.
        return Ok(FORKED);
    }
    if let Err(why) = take(&mut caller, &guest, (index, place, call)) {
        let records = &mut caller.data_mut().scopes.records;
        records[index].forked = false;
        records[index].ending = Some(Ending::Refused(format!("it cannot be forked here: {why}")));
        if let Some(within) = records[index].within {
            records[within].failed_within = true;
        }
    }
    Ok(FORKED)
}

/// Lets the test write out what is still buffered: that was not printed by the fork. What the guest allocates for it is not the test's own.
fn flush(caller: &mut Caller<'_, TestState>, guest: &Guest) -> wasmtime::Result<()> {
    if caller.data().thread.is_some() {
        // It is not forked.
        return Ok(());
    }
    let Ok(flush) = guest.instance.get_typed_func::<(), u32>(&mut *caller, FLUSH_EXPORT) else { return Ok(()) };
    if let Some(book) = caller.data_mut().heap.book() {
        book.close_window();
    }
    at_once(caller.enter_guest(&flush, ()))??;
    if let Some(book) = caller.data_mut().heap.book() {
        book.open_window();
    }
    Ok(())
}

/// Takes an image of the instance within which a call of the host is.
fn take(
    caller: &mut Caller<'_, TestState>,
    guest: &Guest,
    (index, place, call): (usize, ForkPlace, SubtestCall),
) -> Result<(), NoFork> {
    if caller.data().thread.is_some() {
        return Err(NoImage::Threads.into());
    }
    let source = guest.source.as_deref().ok_or_else(|| NoImage::Broken("nothing was kept of its module".to_owned()))?;
    let facts = source.facts()?;
    if facts.starts {
        return Err(NoFork::Start);
    }
    let budget = Arc::clone(&caller.data().scopes.forks.budget);
    if budget.made.fetch_add(1, Ordering::Relaxed) >= MAX_FORKS {
        return Err(NoFork::TooMany);
    }
    let left = caller.get_fuel().unwrap_or(0);
    let value = |name: &Arc<str>, caller: &mut Caller<'_, TestState>| {
        let global = guest.instance.get_global(&mut *caller, name)?;
        Some((Arc::clone(name), global.get(caller)))
    };
    let globals = facts.globals.iter().filter_map(|name| value(name, caller)).collect();
    let memory = guest.instance.get_memory(&mut *caller, "memory");
    let memory = memory.ok_or_else(|| NoImage::Broken("its module exports no memory".to_owned()))?;
    let (bytes, state) = memory.data_and_store_mut(&mut *caller);
    let (memory, changed) = MemoryImage::take(bytes, state.scopes.forks.memory.as_ref());
    let names = state.scopes.names.clone();
    let held = changed + state.wasi.held() + names.held();
    let held = budget.held.fetch_add(held, Ordering::Relaxed) + held;
    if held > MOST_HELD {
        return Err(NoFork::TooLarge(held));
    }
    let mut wasi = state.wasi.fork_as_it_is()?;
    wasi.share();
    let mut heap = state.heap.fork(&Instruments::default());
    heap.begin_fork(HeapLimits::default());
    let spent = state.spent(left);
    let above = state.scopes.depth();
    let forks = &mut state.scopes.forks;
    let places = forks.places.iter().copied().chain([place]).collect();
    forks.memory = Some(memory.clone());
    forks.waiting.push(ForkImage {
        path: state.scopes.records[index].path.clone(),
        places,
        memory,
        globals,
        wasi,
        heap,
        spent,
        ground: guest.ground,
        stack_top: guest.stack_top,
        call,
        names,
        above,
        budget,
    });
    Ok(())
}

/// Runs a forked subtest where it is forked, in the instance of its test. There is no way back from it.
fn enter_here(
    mut caller: Caller<'_, TestState>,
    guest: &Guest,
    index: usize,
    call: SubtestCall,
) -> wasmtime::Result<i32> {
    let globals = guest.globals.iter().map(|global| (*global, global.get(&mut caller))).collect();
    let state = caller.data_mut();
    let scopes = &state.scopes;
    let began = ForkedScope {
        path: scopes.records[index].path.clone(),
        names: scopes.names.clone(),
        above: scopes.depth(),
        globals,
    };
    let target = state.scopes.forks.target.as_ref().context("no fork is to be entered")?;
    let (grants, capture, fuel) = (Arc::clone(&target.grants), target.capture.clone(), target.fuel);
    let limits = grants.policy().limits;
    let memory = limits.most(Limit::Memory);
    state.limiter.begin_test(memory, memory);
    state.wasi.share();
    state.wasi.begin_test(&grants);
    state.wasi.watch_calls(None);
    state.heap.begin_fork(HeapLimits::new(limits.values()));
    state.heap.capture(capture);
    state.spent_before_cleanups = 0;
    state.wasi.set_deadline(deadline_after(limits.time(Limit::Timeout)));
    refuel(&mut caller, fuel)?;
    at_once(call_in(&mut caller, guest.clone(), began, &call))??;
    Err(ForkOver.into())
}

/// Calls a forked subtest in an instance that stands where its test forked it.
pub(super) async fn call_in(
    cx: &mut impl CallGuest,
    guest: Guest,
    began: ForkedScope,
    call: &SubtestCall,
) -> wasmtime::Result<()> {
    let mut store = cx.as_context_mut();
    let state = store.data_mut();
    if let Some(book) = state.heap.book() {
        book.open_window();
    }
    let index = state.scopes.begin_fork(guest.clone(), began);
    subtests::run(cx, &guest, index, call).await.map(drop)
}
