//! One test in a fresh store: instantiate, call, clean up, drop, and say exactly how it was.

use super::ending::Ending;
use super::engine::Engine;
use super::heap::{self, EndPicture, HeapRun, HeapState, Watching};
use super::limiter::Limiter;
use super::module::LoadedModule;
use super::rounds::{Level, Round};
use super::sdk::{self, SdkCall, SdkOutcome};
use super::state::{TestState, refuel};
use super::wasi::{Echo, Grants, Remains, Subject, Wasi, Watch};
use crate::ledger::heap::Watch as HeapWatch;
use crate::model::RefusedGrowth;
use crate::policy::{Limit, Limits};
use anyhow::Context;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use wasmtime::{Instance, Store, StoreContextMut, UpdateDeadline};

/// What to call in a fresh instance.
#[derive(Clone)]
pub enum Entry<'a> {
    /// `_start`, with these arguments after the program's name.
    Start(&'a [Arc<str>]),
    /// A test of the guest SDK.
    Sdk(&'a SdkCall),
}

/// One test to run.
#[derive(Clone)]
pub struct Job<'a> {
    /// Its module.
    pub module: &'a LoadedModule,
    /// What it is granted.
    pub grants: &'a Arc<Grants>,
    /// Its name, which also seeds its randomness.
    pub test: &'a Arc<str>,
    /// What to call.
    pub entry: Entry<'a>,
    /// Set when the run is to stop.
    pub interrupted: &'a Arc<AtomicBool>,
    /// What is kept of its heap.
    pub heap: Watching,
    /// How often a test of the SDK is called in the one instance, as long as it passes; others are called once.
    pub rounds: u32,
    /// Whether its streams are the host program's own.
    pub echo: Option<Echo>,
    /// Leaks a host descriptor on purpose, to prove that the check at the end is awake.
    pub inject_host_leak: bool,
    /// Panics on purpose, to prove that a panic of the host's is told and spoils nothing else.
    pub inject_host_panic: bool,
}

/// How a test went.
#[derive(Debug)]
pub struct Run {
    /// How its call ended.
    pub ending: Ending,
    /// Fuel spent in all calls of the test together, without clean-ups.
    pub fuel: u64,
    /// The highest that it made its linear memory, in bytes, without clean-ups.
    pub linear_peak: u64,
    /// Growth that the limit refused it, without clean-ups.
    pub refused: Option<RefusedGrowth>,
    /// What became of its heap.
    pub heap: HeapRun,
    /// What the instance held around each call of the test.
    pub rounds: Vec<Round>,
    /// What the SDK says, for a test of its.
    pub sdk: Option<SdkOutcome>,
    /// What was open at the end, after clean-ups, and what was printed.
    pub remains: Remains,
    /// Host descriptors still open after the store was dropped. Not 0 is a bug of ours.
    pub host_leak: u64,
    /// Whether more attempts would have made its fuel exact, and there was no time for them.
    pub late: bool,
}

impl Run {
    /// Whether the wall clock ended the test, or one of its clean-ups, or what there is to say of it.
    pub fn ended_by_wall_clock(&self) -> bool {
        let cleanups = self.sdk.iter().flat_map(|said| &said.cleanups).map(|cleanup| &cleanup.ending);
        self.late || std::iter::once(&self.ending).chain(cleanups).any(|ending| matches!(ending, Ending::Wall { .. }))
    }

    fn refused(reason: String) -> Self {
        Self {
            ending: Ending::Refused(reason),
            fuel: 0,
            linear_peak: 0,
            refused: None,
            heap: HeapRun::Untracked("it could not be started".into()),
            rounds: Vec::new(),
            sdk: None,
            remains: Remains::default(),
            host_leak: 0,
            late: false,
        }
    }
}

/// One run of a test, and the plan by which another is exact, where this one is not.
pub(super) fn attempt(engine: &Engine, job: &Job<'_>, plan: heap::Plan) -> (Run, Option<heap::Plan>) {
    let limits = job.grants.policy().limits;
    let timeout = limits.time(Limit::Timeout);
    let watch = Watch { deadline: deadline(timeout), interrupted: Arc::clone(job.interrupted) };
    let subject = Subject { test: Arc::clone(job.test), args: arguments(job), watch, echo: job.echo };
    let mut wasi = match Wasi::new(Arc::clone(job.grants), subject) {
        Ok(wasi) => wasi,
        // It may have been waiting for its turn to listen.
        Err(_) if job.interrupted.load(Ordering::Relaxed) => {
            return (Run { ending: Ending::Interrupted, ..Run::refused(String::new()) }, None);
        }
        Err(error) => return (Run::refused(error.to_string()), None),
    };
    // The time it waited for its turn to listen is not the test's.
    wasi.set_deadline(deadline(timeout));
    assert!(!job.inject_host_panic, "on purpose");
    if job.inject_host_leak {
        wasi.inject_host_leak();
    }
    let mut store = store(engine, job.module, wasi, &limits_of(job), plan);
    if let Watching::Again { told, .. } = &job.heap {
        store.data_mut().heap.told = told.clone();
    }
    let (mut run, picture) = call(engine, &mut store, job, limits_of(job).most(Limit::Fuel));
    let left = store.get_fuel().unwrap_or(0);
    let TestState { wasi, mut heap, .. } = store.into_data();
    heap.slack.end(left);
    let revised = heap.slack.revised().cloned();
    run.heap = heap_run(job, heap, picture);
    let host = wasi.host_count();
    run.remains = wasi.finish();
    run.host_leak = host.open();
    (run, revised)
}

/// A second run is elsewhere in memory, and may take its allocator other ways.
fn limits_of(job: &Job<'_>) -> Limits {
    let mut limits = job.grants.policy().limits;
    if matches!(job.heap, Watching::Again { .. }) {
        limits.set(Limit::Fuel, limits.most(Limit::Fuel).saturating_add(heap::EXTRA_FUEL));
    }
    limits
}

/// A store for one run of a module's code.
pub(super) fn store(
    engine: &Engine,
    module: &LoadedModule,
    wasi: Wasi,
    limits: &Limits,
    plan: heap::Plan,
) -> Store<TestState> {
    let hooks = module.heap.as_ref().ok().map(|heap| Arc::clone(&heap.hooks));
    let state = TestState {
        wasi,
        limiter: Limiter::new(limits.most(Limit::Memory)),
        heap: HeapState::new(hooks, plan),
        code: Arc::clone(&module.code),
        spent_before: 0,
        budget: 0,
    };
    let mut store = Store::new(engine.wasmtime(), state);
    store.limiter(|state| state);
    store.epoch_deadline_callback(on_tick);
    store
}

fn heap_run(job: &Job<'_>, heap: HeapState, picture: Option<EndPicture>) -> HeapRun {
    if let Err(why) = &job.module.heap {
        return HeapRun::Untracked(why.to_string().into());
    }
    match heap.end(picture) {
        Ok(end) => HeapRun::Tracked(Box::new(end)),
        Err(why) => HeapRun::Untracked(why),
    }
}

/// When a test that starts now has to stop.
pub(super) fn deadline(timeout: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(timeout).unwrap_or(now + Duration::from_secs(1 << 32))
}

fn arguments(job: &Job<'_>) -> Vec<Arc<str>> {
    let program = std::iter::once(Arc::clone(&job.module.program));
    match &job.entry {
        Entry::Start(args) => program.chain(args.iter().cloned()).collect(),
        Entry::Sdk(_) => program.collect(),
    }
}

fn on_tick(store: StoreContextMut<'_, TestState>) -> anyhow::Result<UpdateDeadline> {
    store.data().wasi.watch().check()?;
    Ok(UpdateDeadline::Continue(1))
}

fn call(engine: &Engine, store: &mut Store<TestState>, job: &Job<'_>, fuel: u64) -> (Run, Option<EndPicture>) {
    let mut started = Started::default();
    let ready = start(engine, store, job, fuel, &mut started);
    let mut before = Level::of(store);
    let ended = ready.and_then(|()| invoke(store, job, &started));
    let mut called = Called::of(store, job, &started, ended, (0, fuel));
    let mut rounds = vec![Round { before, after: Level::of(store) }];
    while rounds.len() < job.rounds as usize && called.may_go_on() {
        before = Level::of(store);
        let again = invoke_again(store, job, &started, fuel);
        called = Called::of(store, job, &started, again, (called.spent, fuel));
        rounds.push(Round { before, after: Level::of(store) });
    }
    let Called { ending, spent, sdk } = called;
    let picture = picture(engine, store, job, &started, &ending);
    let limiter = &store.data().limiter;
    let (linear_peak, refused) = (limiter.peak(), limiter.refused());
    let heap = HeapRun::Untracked("it is still running".into());
    let remains = Remains::default();
    (Run { ending, fuel: spent, linear_peak, refused, heap, sdk, rounds, remains, host_leak: 0, late: false }, picture)
}

/// How one call of the test went, its clean-ups included.
struct Called {
    ending: Ending,
    /// Fuel spent in this call and those before it, without clean-ups.
    spent: u64,
    sdk: Option<SdkOutcome>,
}

impl Called {
    fn of(
        store: &mut Store<TestState>,
        job: &Job<'_>,
        started: &Started,
        ended: anyhow::Result<Option<u32>>,
        (spent_before, fuel): (u64, u64),
    ) -> Self {
        let left = store.get_fuel().unwrap_or(0);
        let (ending, said) = match ended {
            Ok(said) => (Ending::Returned, said),
            Err(error) => (Ending::of_call(store, &error), None),
        };
        let out = matches!(ending, Ending::Fuel { .. });
        if out {
            store.data_mut().heap.fuel_ended();
        }
        let spent = if out { fuel } else { store.data().spent_in_call(left) };
        let spent = spent.saturating_add(spent_before);
        let sdk = match (&job.entry, &started.instance) {
            (Entry::Sdk(_), Some(instance)) => Some(sdk::conclude(store, instance, &started.saved, &ending, said)),
            _ => None,
        };
        Self { ending, spent, sdk }
    }

    /// Whether the test did all that it was to, so that it can be called once more.
    fn may_go_on(&self) -> bool {
        let well = |said: &SdkOutcome| {
            said.failures.is_empty() && said.cleanups.is_empty() && said.broken.is_none() && said.skipped.is_none()
        };
        self.ending == Ending::Returned && self.sdk.as_ref().is_some_and(well)
    }
}

/// What is needed to tell lost blocks, after an ending that may be a normal finish.
fn picture(
    engine: &Engine,
    store: &mut Store<TestState>,
    job: &Job<'_>,
    started: &Started,
    ending: &Ending,
) -> Option<EndPicture> {
    let wanted = matches!(job.heap, Watching::Again { .. }) || job.grants.policy().asks_for_blocks();
    if !wanted || !matches!(ending, Ending::Returned | Ending::Exit { status: 0, .. }) {
        return None;
    }
    let module = job.module.heap.as_ref().ok()?;
    let probed = module.probed(engine, job).as_ref().ok()?;
    EndPicture::take(store, started.instance.as_ref()?, module, (started.ground?, probed))
}

/// How far a test got: what its clean-ups and its heap need.
#[derive(Default)]
struct Started {
    instance: Option<Instance>,
    ground: Option<heap::Ground>,
    saved: sdk::Saved,
}

/// Instantiates the module and makes it ready for the call.
fn start(
    engine: &Engine,
    store: &mut Store<TestState>,
    job: &Job<'_>,
    fuel: u64,
    started: &mut Started,
) -> anyhow::Result<()> {
    refuel(store, fuel)?;
    store.set_epoch_deadline(1);
    let instance = job.module.pre.instantiate(&mut *store)?;
    started.instance = Some(instance);
    if let Ok(module) = &job.module.heap {
        started.ground = Some(begin_heap(engine, store, job, &instance, module)?);
    }
    if matches!(job.entry, Entry::Sdk(_)) {
        if job.module.catalogue.has_initialize {
            instance.get_typed_func::<(), ()>(&mut *store, "_initialize")?.call(&mut *store, ())?;
        }
        started.saved = job.module.save_globals(store, &instance);
    }
    Ok(())
}

/// Calls the test; what the SDK's export returned, for a test of its.
fn invoke(store: &mut Store<TestState>, job: &Job<'_>, started: &Started) -> anyhow::Result<Option<u32>> {
    let instance = started.instance.as_ref().context("there is no instance")?;
    match &job.entry {
        Entry::Start(_) => {
            instance.get_typed_func::<(), ()>(&mut *store, "_start")?.call(&mut *store, ())?;
            Ok(None)
        }
        Entry::Sdk(call) => {
            if let Some(book) = store.data_mut().heap.book() {
                book.open_window();
            }
            sdk::call(store, instance, call).map(Some)
        }
    }
}

/// Calls the test once more, with all that it had for its first call: fuel, time, and bytes to move. What its clean-ups had
/// more was theirs alone.
fn invoke_again(
    store: &mut Store<TestState>,
    job: &Job<'_>,
    started: &Started,
    fuel: u64,
) -> anyhow::Result<Option<u32>> {
    let state = store.data_mut();
    state.limiter.close_reserve();
    state.wasi.close_reserve();
    state.wasi.set_deadline(deadline(state.wasi.timeout()));
    refuel(store, fuel)?;
    invoke(store, job, started)
}

/// Wakes the hooks, and opens the books.
fn begin_heap(
    engine: &Engine,
    store: &mut Store<TestState>,
    job: &Job<'_>,
    instance: &Instance,
    module: &heap::ModuleHeap,
) -> anyhow::Result<heap::Ground> {
    heap::attach(engine.hooks(), store, instance, module)?;
    let ground = module.layout.ground(store, instance);
    if matches!(job.heap, Watching::Nothing) {
        return Ok(ground);
    }
    if let Err(why) = module.probed(engine, job) {
        store.data_mut().heap.leave_closed(why.clone());
        return Ok(ground);
    }
    let capture = match &job.heap {
        Watching::Nothing => return Ok(ground),
        Watching::Figures => heap::Capture::Nothing,
        Watching::Again { capture, calls, narrow, .. } => {
            let budget = store.get_fuel()?;
            // What is spent here is none of the test's.
            let slack = std::mem::take(&mut store.data_mut().heap.slack);
            store.set_fuel(heap::EXTRA_FUEL)?;
            heap::shift(store, instance, module, ground, *narrow)?;
            store.data_mut().heap.slack = slack;
            store.set_fuel(budget)?;
            store.data_mut().heap.end_after(*calls);
            capture.clone()
        }
    };
    store.data_mut().heap.begin(HeapWatch::new(job.grants.policy().limits.values()), capture);
    Ok(ground)
}
