//! One test in a fresh store: instantiate, call, clean up, drop, and say exactly how it was.

use super::ending::Ending;
use super::engine::Engine;
use super::limiter::Limiter;
use super::module::LoadedModule;
use super::sdk::{self, SdkCall, SdkOutcome};
use super::state::TestState;
use super::wasi::{Echo, Grants, Remains, Subject, Wasi, Watch};
use crate::report::model::RefusedGrowth;
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
    /// Fuel spent, without clean-ups.
    pub fuel: u64,
    /// Highest linear memory, in bytes, without clean-ups.
    pub linear_peak: u64,
    /// Growth that the limit refused, without clean-ups.
    pub refused: Option<RefusedGrowth>,
    /// What the SDK says, for a test of its.
    pub sdk: Option<SdkOutcome>,
    /// What was open at the end, after clean-ups, and what was printed.
    pub remains: Remains,
    /// Host descriptors still open after the store was dropped. Not 0 is a bug of ours.
    pub host_leak: u64,
}

impl Run {
    /// Whether the wall clock ended the test, or one of its clean-ups.
    pub fn ended_by_wall_clock(&self) -> bool {
        let cleanups = self.sdk.iter().flat_map(|said| &said.cleanups).map(|cleanup| &cleanup.ending);
        std::iter::once(&self.ending).chain(cleanups).any(|ending| matches!(ending, Ending::Wall { .. }))
    }

    fn refused(reason: String) -> Self {
        Self {
            ending: Ending::Refused(reason),
            fuel: 0,
            linear_peak: 0,
            refused: None,
            sdk: None,
            remains: Remains::default(),
            host_leak: 0,
        }
    }
}

/// Runs one test. The calling thread needs [`Engine::thread_stack`] bytes of stack.
pub fn run(engine: &Engine, job: &Job<'_>) -> Run {
    let limits = job.grants.policy().limits;
    let watch = Watch { deadline: deadline(limits.timeout), interrupted: Arc::clone(job.interrupted) };
    let subject = Subject { test: Arc::clone(job.test), args: arguments(job), watch, echo: job.echo };
    let mut wasi = match Wasi::new(Arc::clone(job.grants), subject) {
        Ok(wasi) => wasi,
        // It may have been waiting for its turn to listen.
        Err(_) if job.interrupted.load(Ordering::Relaxed) => {
            return Run { ending: Ending::Interrupted, ..Run::refused(String::new()) };
        }
        Err(error) => return Run::refused(error.to_string()),
    };
    // The time it waited for its turn to listen is not the test's.
    wasi.set_deadline(deadline(limits.timeout));
    assert!(!job.inject_host_panic, "on purpose");
    if job.inject_host_leak {
        wasi.inject_host_leak();
    }
    let mut store = Store::new(
        engine.wasmtime(),
        TestState {
            wasi,
            limiter: Limiter::new(limits.memory),
            code_start: job.module.code_start,
            spent_before: 0,
            budget: limits.fuel,
        },
    );
    store.limiter(|state| &mut state.limiter);
    store.epoch_deadline_callback(on_tick);
    let mut run = call(&mut store, job, limits.fuel);
    let wasi = store.into_data().wasi;
    let host = wasi.host_count();
    run.remains = wasi.finish();
    run.host_leak = host.open();
    run
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

fn call(store: &mut Store<TestState>, job: &Job<'_>, fuel: u64) -> Run {
    let code_start = job.module.code_start;
    let mut started = Started::default();
    let ended = enter(store, job, fuel, &mut started);
    let left = store.get_fuel().unwrap_or(0);
    let (ending, said) = match ended {
        Ok(said) => (Ending::Returned, said),
        Err(error) => (Ending::from_error(&error, code_start), None),
    };
    let spent = if matches!(ending, Ending::Fuel { .. }) { fuel } else { store.data().spent(left) };
    let (linear_peak, refused) = (store.data().limiter.peak(), store.data().limiter.refused());
    let sdk = match (&job.entry, &started.instance) {
        (Entry::Sdk(_), Some(instance)) => Some(sdk::conclude(store, instance, &started.saved, &ending, said, spent)),
        _ => None,
    };
    Run { ending, fuel: spent, linear_peak, refused, sdk, remains: Remains::default(), host_leak: 0 }
}

/// How far a test got: what its clean-ups need.
#[derive(Default)]
struct Started {
    instance: Option<Instance>,
    saved: sdk::Saved,
}

/// Instantiates and calls the test; what the SDK's export returned, for a test of its.
fn enter(store: &mut Store<TestState>, job: &Job<'_>, fuel: u64, started: &mut Started) -> anyhow::Result<Option<u32>> {
    store.set_fuel(fuel)?;
    store.set_epoch_deadline(1);
    let instance = job.module.pre.instantiate(&mut *store)?;
    let Entry::Sdk(call) = &job.entry else {
        instance.get_typed_func::<(), ()>(&mut *store, "_start")?.call(&mut *store, ())?;
        return Ok(None);
    };
    if job.module.catalogue.has_initialize {
        instance.get_typed_func::<(), ()>(&mut *store, "_initialize")?.call(&mut *store, ())?;
    }
    started.saved = job.module.save_globals(store, &instance);
    started.instance = Some(instance);
    sdk::call(store, &instance, call).map(Some)
}
