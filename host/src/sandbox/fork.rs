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
use super::heap::{Ground, HeapState};
use super::memory_image::MemoryImage;
use super::module::LoadedModule;
use super::rerun::{Instruments, StackCapture};
use super::run_cleanups::GlobalValues;
use super::scopes::Guest;
use super::state::{TestState, refuel};
use super::store::fresh_store;
use super::subtests::{self, SubtestCall};
use super::threads::{CallGuest, Shared, at_once};
use super::wasi::{ContextOptions, Grants, NotCaptured, Wasi, deadline_after};
use crate::instrument::NoImage;
use crate::ledger::heap::HeapLimits;
use crate::policy::Limit;
use airtight_abi::FLUSH_EXPORT;
use airtight_abi::scopes::{FORKED, MAX_FORKS, NOT_SELECTED, Names};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use wasmtime::error::Context;
use wasmtime::{Caller, Instance, Store, Val};

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

/// The place of a fork in the run of a test: in which call of the test, and which of the forks of that call. Both count from 1; calls
/// of a forked subtest are not counted, and are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForkPlace {
    call: u32,
    nth: u32,
}

/// A test as it stood when it forked a subtest.
pub struct ForkImage {
    /// The path of the subtest.
    path: String,
    /// Where it was forked, and whoever forked it, the outermost first.
    places: Vec<ForkPlace>,
    memory: MemoryImage,
    globals: Vec<(Arc<str>, Val)>,
    wasi: Wasi,
    heap: HeapState,
    spent: u64,
    pub(super) ground: Option<Ground>,
    pub(super) stack_top: u32,
    pub(super) call: SubtestCall,
    names: Names,
    above: u32,
    budget: Arc<ForkBudget>,
}

/// How many forks a test has made, and its forks, and what their images hold, in bytes.
#[derive(Debug, Default)]
struct ForkBudget {
    made: AtomicUsize,
    held: AtomicU64,
}

impl std::fmt::Debug for ForkImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ForkImage").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A forked subtest to run.
#[derive(Clone, Copy)]
pub struct Fork<'a> {
    /// Where it begins.
    pub image: &'a ForkImage,
    /// Whether its test is run again up to there, in place of beginning from the image.
    pub repeats: bool,
}

/// What an instance knows of its forks.
#[derive(Default)]
pub struct Forks {
    /// The calls of the test so far.
    call: u32,
    /// The forks of this one.
    made: u32,
    /// The places of the forks that this instance is one of.
    places: Vec<ForkPlace>,
    /// Those that wait to be run.
    waiting: Vec<ForkImage>,
    /// The memory of the last one, or the one that the instance began with.
    memory: Option<MemoryImage>,
    budget: Arc<ForkBudget>,
    /// Which of them is to be entered where it is made.
    target: Option<ForkTarget>,
}

/// The fork that is entered where its test makes it, and with what.
pub struct ForkTarget {
    /// The place of the fork, and of those that it is in, the next one last.
    places: Vec<ForkPlace>,
    /// What it is granted.
    grants: Arc<Grants>,
    /// Which allocations' stacks are captured in it.
    capture: StackCapture,
    /// Its fuel.
    fuel: u64,
}

/// The forked subtest is over, which was called within a call of the host. What was running around it does not go on.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the forked subtest is over")]
pub struct ForkOver;

impl Forks {
    /// Of another call of the same test.
    pub(super) fn of_next_call(self) -> Self {
        Self { call: self.call + 1, made: 0, waiting: Vec::new(), ..self }
    }

    /// Of a subtest that was forked into the instance, or is entered in it.
    pub(super) fn of_fork(self) -> Self {
        Self { call: 0, made: 0, ..self }
    }

    /// From here on, calls are those of the test and not of its set-up, and this fork of it is entered.
    pub(super) fn aim(&mut self, target: Option<ForkTarget>) {
        (self.call, self.made, self.target) = (0, 0, target);
    }

    /// Takes those that wait.
    pub(super) fn take(&mut self) -> Vec<ForkImage> {
        std::mem::take(&mut self.waiting)
    }
}

impl ForkTarget {
    /// Of a fork that is to be entered so, or of none.
    pub(super) fn new(fork: Option<Fork<'_>>, grants: &Arc<Grants>, capture: StackCapture, fuel: u64) -> Self {
        let places = fork.iter().flat_map(|fork| fork.image.places.iter().rev().copied()).collect();
        Self { places, grants: Arc::clone(grants), capture, fuel }
    }
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

/// The scope that a forked subtest is, in the instance that it is called in.
pub(super) struct ForkedScope {
    pub path: String,
    /// The names that its test has given so far.
    pub names: Names,
    /// How many scopes it is in, the test itself not among them.
    pub above: u32,
    /// The globals that are put back before its clean-ups, and their values.
    pub globals: GlobalValues,
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

impl ForkImage {
    /// The path of the subtest.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A store in which the subtest begins. It has no fuel yet, and no instance.
    ///
    /// # Errors
    /// Something of the host's that forks share is gone.
    pub(super) fn store(
        &self,
        module: &LoadedModule,
        grants: &Arc<Grants>,
        instruments: &Instruments,
        options: ContextOptions,
    ) -> Result<Store<TestState>, NotCaptured> {
        let limits = grants.policy().limits;
        let mut wasi = self.wasi.fork(grants, options)?;
        wasi.begin_test(grants);
        let mut heap = self.heap.fork(instruments);
        heap.set_limits(HeapLimits::new(limits.values()));
        let mut store = fresh_store(module, Shared::Own(wasi), Shared::Own(heap), limits.most(Limit::Memory));
        let state = store.data_mut();
        state.spent_before = self.spent;
        let (memory, budget) = (Some(self.memory.clone()), Arc::clone(&self.budget));
        state.scopes.forks = Forks { places: self.places.clone(), memory, budget, ..Forks::default() };
        Ok(store)
    }

    /// Makes a fresh instance stand where the test did. To the engine, memory grows to what it was; it did so before.
    pub(super) fn put_into(&self, store: &mut Store<TestState>, instance: &Instance) -> wasmtime::Result<()> {
        let memory = instance.get_memory(&mut *store, "memory").context("there is no memory")?;
        let more = self.memory.pages().saturating_sub(memory.size(&*store));
        let trace = store.data_mut().wasi.exchange_trace(None);
        memory.grow(&mut *store, more)?;
        store.data_mut().wasi.exchange_trace(trace);
        self.memory.write_to(memory.data_mut(&mut *store));
        for (name, value) in &self.globals {
            let global = instance.get_global(&mut *store, name).context("a global of it is gone")?;
            global.set(&mut *store, *value)?;
        }
        Ok(())
    }

    /// The scope that the subtest is, with these globals of its instance.
    pub(super) fn scope(&self, globals: GlobalValues) -> ForkedScope {
        let (path, names) = (self.path.clone(), self.names.clone());
        ForkedScope { path, names, above: self.above, globals }
    }
}
