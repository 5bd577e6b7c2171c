//! One run of a test in a fresh store: instantiate, call, clean up, drop, and say exactly how it was.
//!
//! Whether this is the test's only run, and what for, is not known here: see [`super::rerun`].

use super::ending::{Ending, TrapKind};
use super::heap::{self, EndPicture, HeapEnd, HeapState, NotTracked};
use super::image::{AfterSetUp, Captured, ImageError};
use super::job::Job;
use super::module::LoadedModule;
use super::panics::{self, RaisedPanic};
use super::rerun::{Allowances, Instruments, StackCapture};
use super::rounds::{Level, RoundLevels};
use super::run_cleanups::GlobalValues;
use super::scopes::Guest;
use super::sdk::{self, SdkOutcome};
use super::start::{Entry, StartCall, unmark, write_words};
use super::state::{TestState, refuel};
use super::store::{fresh_heap, fresh_store};
use super::strings::ModuleStrings;
use super::threads::{MainThread, Preemptions, Shared, StoppedThread, ThreadGroup, ThreadModule, Turn};
use super::wasi::{
    BrokenLimit, ContextOptions, OwnCalls, Remains, TracedEvent, Wasi, WatchOptions, Watchdog, deadline_after,
};
use crate::ledger::heap::HeapLimits;
use crate::model::RefusedGrowth;
use crate::model::trace::TraceKind;
use crate::policy::Limit;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use wasmtime::error::Context;
use wasmtime::{Extern, Instance, ModuleExport, Store, Val};

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
    /// Whether an exception left the test; `None` where that is not seen.
    pub unwound: Option<bool>,
    /// The end of its heap, or why that was not seen.
    pub heap: Result<Box<HeapEnd>, NotTracked>,
    /// What the instance held around each call that was made in it.
    pub rounds: Vec<RoundLevels>,
    /// The SDK's own account of the test; `None` for tests of other harnesses.
    pub sdk: Option<SdkOutcome>,
    /// The panic that ended the test, where one is expected and ended it.
    pub panic: Option<RaisedPanic>,
    /// The threads that had not ended when the test was over.
    pub threads: Vec<StoppedThread>,
    /// How many threads were refused because there were as many as there may be.
    pub refused_threads: u64,
    /// Whether it was another thread than the main one that ended the test, by a trap or an exit.
    pub in_spawned_thread: bool,
    /// The last turns of its threads, where they are kept, and which thread ran at the end.
    pub turns: (Vec<Turn>, Option<u32>),
    /// How often a thread was interrupted where its schedule says so.
    pub preemptions: Preemptions,
    /// What was open at the end, after clean-ups, and what was printed.
    pub remains: Remains,
    /// What its instance held at the end, where that was to be captured and it passed.
    pub captured: Option<Result<Box<Captured>, ImageError>>,
    /// Host descriptors still open after the store was dropped. Not 0 is a bug of ours.
    pub host_leak: u64,
    /// Whether more attempts would have made its fuel exact, or more would be known of its module, and there was no time for them.
    pub late: bool,
}

impl Run {
    /// Whether the wall clock ended the test, or what the host called after it, or left no time to make its figures exact.
    pub fn ended_by_wall_clock(&self) -> bool {
        let afterwards = self.sdk.as_ref().is_some_and(|said| said.by_wall_clock)
            || self.panic.as_ref().is_some_and(|panic| panic.by_wall_clock);
        let probed_late = matches!(self.heap, Err(NotTracked::NoAnswerInTime));
        self.late || probed_late || afterwards || matches!(self.ending, Ending::Wall { .. })
    }

    /// Of a test that could not be started.
    fn not_started(ending: Ending) -> Self {
        Self {
            ending,
            fuel: 0,
            linear_peak: 0,
            refused: None,
            unwound: None,
            heap: Err(NotTracked::NotStarted),
            rounds: Vec::new(),
            sdk: None,
            panic: None,
            threads: Vec::new(),
            refused_threads: 0,
            in_spawned_thread: false,
            turns: (Vec::new(), None),
            preemptions: Preemptions::default(),
            remains: Remains::default(),
            captured: None,
            host_leak: 0,
            late: false,
        }
    }
}

/// One run of a test. Where its fuel is not exact, also the allowances by which another run's is, or is nearer to it.
pub(super) fn once(job: &Job<'_>, instruments: &Instruments) -> (Run, Option<Allowances>) {
    let limits = job.grants.policy().limits;
    find_out(job);
    let timeout = limits.time(Limit::Timeout);
    let watchdog = Watchdog { deadline: deadline_after(timeout), interrupted: Arc::clone(job.interrupted) };
    let options = || ContextOptions {
        test: Arc::clone(job.repeated_setup().map_or(job.test, |after| after.setup.name)),
        args: arguments(job),
        watchdog: watchdog.clone(),
        streams: job.streams,
        notes_sites: job.notes_sites,
        go_heap: job.go_heap,
        // Of a set-up that is called again no call fails, and none is counted.
        trace: job.traces,
        notes_reads: job.notes_reads,
        watch: if job.repeated_setup().is_some() { None } else { watch(job) },
    };
    let fuel = instruments.fuel(limits.most(Limit::Fuel));
    let (store, threads) = match job.image() {
        Some(after) => match after.image.store((job.grants, after.owns), instruments, options()) {
            Ok(store) => (store, Ok(None)),
            Err(error) => return (Run::not_started(Ending::Refused(error.to_string())), None),
        },
        None => match fresh(job, instruments, options()) {
            Ok(fresh) => fresh,
            Err(not_started) => return (*not_started, None),
        },
    };
    let (threads, not_linked) = threads.map_or_else(|error| (None, Some(error)), |threads| (threads, None));
    let mut test = TestRun { job, instruments, fuel, store, threads, not_linked, setup: Setup::default() };
    let mut calls = test.call();
    let captured = test.capture(&calls.last, options);
    let turns = test.threads.as_ref().map(ThreadGroup::take_turns).unwrap_or_default();
    let in_spawned_thread = test.threads.as_ref().is_some_and(ThreadGroup::ended_in_another);
    let left_threads = test.threads.as_mut().map(ThreadGroup::finish).unwrap_or_default();
    let preemptions = test.threads.as_ref().map(ThreadGroup::preemptions).unwrap_or_default();
    let refused_threads = test.threads.as_ref().map_or(0, ThreadGroup::refused);
    test.end_threads();
    let picture = test.picture(&calls.last.ending).unwrap_or_else(|broken| {
        calls.last.ending = Ending::Limit { broken, stack: [].into() };
        None
    });
    let panic = test.panic(&calls.last.ending);
    let TestRun { store, threads, .. } = test;
    drop(threads);
    let left = store.get_fuel().unwrap_or(0);
    let (linear_peak, refused) = store.data().memory_use();
    let TestState { wasi, heap, .. } = store.into_data();
    let all = wasi.into_inner().zip(heap.into_inner());
    let (wasi, mut heap) = all.expect("the stores of all other threads are gone");
    heap.slack.end(left);
    let revised = heap.slack.revised().cloned();
    let host = wasi.host_count();
    let unwound = heap.unwound();
    let heap = heap_end(job, heap, picture);
    let remains = wasi.finish(job.keep_changes);
    let Calls { last: CallOutcome { ending, spent, sdk }, rounds } = calls;
    let run = Run {
        ending,
        fuel: spent,
        linear_peak,
        refused,
        unwound,
        heap,
        rounds,
        sdk,
        panic,
        threads: left_threads,
        refused_threads,
        in_spawned_thread,
        turns,
        preemptions,
        remains,
        captured,
        host_leak: host.open(),
        late: job.module.strings.as_ref().is_some_and(ModuleStrings::was_late),
    };
    (run, revised)
}

/// A store in which nothing has happened yet, and the other threads of a module that has threads.
type FreshStore<'a> = (Store<TestState>, wasmtime::Result<Option<ThreadGroup<'a>>>);

/// A store for a test that begins in a fresh instance; else how it ended without one.
fn fresh<'a>(job: &Job<'a>, instruments: &Instruments, options: ContextOptions) -> Result<FreshStore<'a>, Box<Run>> {
    let grants = job.repeated_setup().map_or(job.grants, |after| after.setup.grants);
    let limits = grants.policy().limits;
    let mut wasi = match Wasi::new(Arc::clone(grants), options) {
        Ok(wasi) => wasi,
        // It may have been waiting for its turn to listen.
        Err(_) if job.interrupted.load(Ordering::Relaxed) => return Err(Run::not_started(Ending::Interrupted).into()),
        Err(error) => return Err(Run::not_started(Ending::Refused(error.to_string())).into()),
    };
    // The time it waited for its turn to listen is not the test's.
    wasi.set_deadline(deadline_after(limits.time(Limit::Timeout)));
    assert!(!job.inject_host_panic, "on purpose");
    if job.inject_host_leak {
        wasi.inject_host_leak();
    }
    let heap = fresh_heap(job.module, instruments);
    Ok(match &job.module.threads {
        None => (fresh_store(job.module, Shared::Own(wasi), Shared::Own(heap), limits.most(Limit::Memory)), Ok(None)),
        Some(own) => {
            let given = (job.grants.policy().as_ref(), &**job.test, job.schedule.as_ref(), job.follows_turns);
            let (store, group) = ThreadGroup::new(job.module, own, (wasi, heap), given);
            (store, group.map(Some))
        }
    })
}

/// Finds out what is to be known of a module before its tests run. That takes the time of none of them, and what each finds
/// does not depend on which was first.
fn find_out(job: &Job<'_>) {
    if job.image().is_some() {
        // It was, before the set-up ran.
        return;
    }
    let module = job.module;
    let own = module.module.resources_required().max_initial_memory_size;
    let pages = module.threads.as_ref().map(ThreadModule::pages).or(own).unwrap_or(0);
    let memory = pages.saturating_mul(heap::PAGE);
    if memory > job.grants.policy().limits.most(Limit::Memory) {
        // It will not be instantiated.
        return;
    }
    if let (Some(strings), Some(_)) = (&module.strings, &module.layout) {
        strings.layout(job);
    }
    if let (true, Ok(heap)) = (job.counts_heap, &module.heap) {
        let _ = heap.allocator_map(job);
    }
}

fn heap_end(job: &Job<'_>, heap: HeapState, picture: Option<EndPicture>) -> Result<Box<HeapEnd>, NotTracked> {
    match &job.module.heap {
        Ok(_) => heap.end(picture).map(Box::new),
        Err(why) => Err(why.clone().into()),
    }
}

/// What is looked at of its calls.
fn watch(job: &Job<'_>) -> Option<WatchOptions> {
    let is_wanted = job.notes_calls || !job.faults.is_empty();
    is_wanted.then(|| WatchOptions {
        faults: job.faults.to_vec(),
        notes: job.notes_calls,
        own: match job.entry {
            Entry::Sdk(_) => OwnCalls::OnceCalled,
            Entry::Start(_) if job.module.symbols.know_test_window() => {
                OwnCalls::InWindow(Arc::clone(&job.module.symbols))
            }
            Entry::Start(_) => OwnCalls::All,
        },
    })
}

fn arguments(job: &Job<'_>) -> Vec<Arc<str>> {
    let program = std::iter::once(Arc::clone(&job.module.program));
    match &job.entry {
        Entry::Start(start) => program.chain(start.args.iter().cloned()).collect(),
        Entry::Sdk(_) => program.collect(),
    }
}

/// A run that is under way.
struct TestRun<'a> {
    job: &'a Job<'a>,
    instruments: &'a Instruments,
    /// The fuel of each call of the test.
    fuel: u64,
    store: Store<TestState>,
    /// The other threads, of a module that has threads.
    threads: Option<ThreadGroup<'a>>,
    /// Why such a module has no memory, if it has none.
    not_linked: Option<wasmtime::Error>,
    setup: Setup,
}

/// The instance of a test, as far as it was set up: what calls, clean-ups and the end of the heap need.
#[derive(Default)]
struct Setup {
    instance: Option<Instance>,
    ground: Option<heap::Ground>,
    /// Where the shadow stack began, after it was moved.
    stack_top: u32,
    globals: GlobalValues,
    /// Whether a test of the SDK was called.
    called: bool,
}

/// How one call of the test went, its clean-ups included.
struct CallOutcome {
    ending: Ending,
    /// Fuel spent in this call and those before it, without clean-ups.
    spent: u64,
    sdk: Option<SdkOutcome>,
}

impl CallOutcome {
    /// Whether it came to its own end, as far as that is known here.
    fn ended_well(&self) -> bool {
        self.ending == Ending::Returned && self.sdk.as_ref().is_none_or(SdkOutcome::is_well)
    }

    /// Whether the test did all that it was to, so that it can be called once more.
    fn may_go_on(&self) -> bool {
        self.ending == Ending::Returned && self.sdk.as_ref().is_some_and(SdkOutcome::is_well)
    }
}

/// Enters into the trace that a call of the test is over, before its clean-ups.
fn trace_end(state: &mut TestState, left: u64, ending: &Ending) {
    let failed = (*ending != Ending::Returned).then(|| ending.words().into());
    let stack = ending.stack().cloned();
    state.trace(left, TracedEvent { failed, stack, ..TracedEvent::new(TraceKind::Test, "is over") });
}

/// Sets a global of the host's own.
fn set(store: &mut Store<TestState>, instance: &Instance, global: &ModuleExport, value: u32) -> wasmtime::Result<()> {
    let global = instance.get_module_export(&mut *store, global).and_then(Extern::into_global);
    global.context("a global of it is gone")?.set(store, Val::I32(value.cast_signed()))
}

/// All calls of the test.
struct Calls {
    last: CallOutcome,
    rounds: Vec<RoundLevels>,
}

impl TestRun<'_> {
    /// Calls the test, as often as its job says.
    fn call(&mut self) -> Calls {
        let mut ready = self.set_up();
        if let (Ok(()), Some(after)) = (&ready, self.job.repeated_setup()) {
            let ended = self.invoke(after.setup.entry);
            let last = self.conclude(after.setup.entry, ended, 0);
            if !last.ended_well() {
                return Calls { last, rounds: Vec::new() };
            }
            ready = self.begin_after(after);
        }
        let mut calls = self.job.calls();
        let mut before = Level::now(&mut self.store);
        let ended = ready.and_then(|()| self.invoke(calls.next().context("nothing is to be called")?));
        let mut last = self.conclude(self.job.entry, ended, 0);
        let mut rounds = vec![RoundLevels { before, after: Level::now(&mut self.store) }];
        while last.may_go_on()
            && let Some(entry) = calls.next()
        {
            before = Level::now(&mut self.store);
            let ended = self.invoke_again(entry);
            last = self.conclude(entry, ended, last.spent);
            rounds.push(RoundLevels { before, after: Level::now(&mut self.store) });
        }
        Calls { last, rounds }
    }

    /// Instantiates the module and makes it ready for the call.
    fn set_up(&mut self) -> wasmtime::Result<()> {
        if let Some(after) = self.job.image() {
            return self.begin_from(after);
        }
        if let Some(after) = self.job.repeated_setup() {
            self.fuel = self.instruments.fuel(after.setup.grants.policy().limits.most(Limit::Fuel));
        }
        refuel(&mut self.store, self.fuel)?;
        self.store.set_epoch_deadline(1);
        if let Some(error) = self.not_linked.take() {
            return Err(error);
        }
        let instance = match &mut self.threads {
            None => self.job.module.pre()?.instantiate(&mut self.store)?,
            Some(threads) => threads.instantiate(&mut self.store)?,
        };
        self.setup.instance = Some(instance);
        if self.threads.is_none() {
            heap::attach(self.job.module, &mut self.store, &instance)?;
        }
        self.tell_layout(&instance)?;
        if let Ok(module) = &self.job.module.heap {
            self.setup.ground = Some(self.begin_heap(&instance, module)?);
        }
        if matches!(self.job.entry, Entry::Sdk(_)) || self.job.after.is_some() {
            if let (Some(threads), false) = (&mut self.threads, self.job.module.catalogue.has_initialize) {
                threads.init_main(&mut self.store, &instance)?;
            }
            if self.job.module.catalogue.has_initialize {
                let initialize = instance.get_typed_func::<(), ()>(&mut self.store, "_initialize")?;
                MainThread { store: &mut self.store, threads: &mut self.threads }.call_guest(&initialize, ())?;
            }
            self.setup.globals = self.job.module.save_globals(&mut self.store, &instance);
        }
        Ok(())
    }

    /// Instantiates the image of the module, which needs nothing more.
    fn begin_from(&mut self, after: AfterSetUp<'_>) -> wasmtime::Result<()> {
        refuel(&mut self.store, self.fuel)?;
        self.store.set_epoch_deadline(1);
        let module = self.job.module;
        // To the engine, memory grows to what it was; it did so before.
        let books = self.store.data_mut().heap.take_books();
        let instance = module.pre()?.instantiate(&mut self.store)?;
        self.store.data_mut().heap.put_books(books);
        heap::attach(module, &mut self.store, &instance)?;
        self.setup = Setup {
            instance: Some(instance),
            ground: after.image.ground,
            stack_top: after.image.stack_top,
            globals: module.save_globals(&mut self.store, &instance),
            called: false,
        };
        Ok(())
    }

    /// The set-up was called in this instance. The test begins, with all that it has of its own.
    fn begin_after(&mut self, after: AfterSetUp<'_>) -> wasmtime::Result<()> {
        let instance = self.setup.instance.context("there is no instance")?;
        after.make_ready(&mut self.store, &instance)?;
        let limits = self.job.grants.policy().limits;
        let before = after.setup.grants.policy().limits;
        let state = self.store.data_mut();
        state.close_memory_reserve();
        state.wasi.close_reserve();
        state.limiter.begin_test(before.most(Limit::Memory), limits.most(Limit::Memory));
        if after.owns {
            state.wasi.begin_teardown(self.job.grants);
            state.heap.begin_teardown(HeapLimits::new(limits.values()));
        } else {
            state.wasi.begin_test(self.job.grants);
            state.heap.begin_test(HeapLimits::new(limits.values()));
        }
        state.wasi.watch_calls(watch(self.job));
        state.heap.capture(self.instruments.capture.clone());
        state.spent_before_cleanups = 0;
        state.wasi.set_deadline(deadline_after(limits.time(Limit::Timeout)));
        self.setup.called = false;
        self.fuel = self.instruments.fuel(limits.most(Limit::Fuel));
        refuel(&mut self.store, self.fuel)
    }

    /// What the instance holds now, where that is to be captured and the set-up passed.
    fn capture(
        &mut self,
        last: &CallOutcome,
        options: impl Fn() -> ContextOptions,
    ) -> Option<Result<Box<Captured>, ImageError>> {
        let instance = self.setup.instance.filter(|_| self.job.captures && last.ended_well())?;
        let of = (self.job.module, self.job.entry, self.job.grants);
        let places = (self.setup.ground, self.setup.stack_top);
        Some(Captured::take(of, &mut self.store, &instance, places, options()).map(Box::new))
    }

    /// Tells functions with a body of ours how strings are laid out. Where that is not known they do what they did before.
    fn tell_layout(&mut self, instance: &Instance) -> wasmtime::Result<()> {
        let LoadedModule { strings: Some(strings), layout: global, .. } = self.job.module else { return Ok(()) };
        let Some(layout) = strings.layout(self.job) else { return Ok(()) };
        self.store.data_mut().heap.strings = Some(layout);
        let Some(global) = global else { return Ok(()) };
        set(&mut self.store, instance, global, layout.place_of_address()?.cast_unsigned())
    }

    /// Opens the books.
    fn begin_heap(&mut self, instance: &Instance, module: &heap::ModuleHeap) -> wasmtime::Result<heap::Ground> {
        let ground = module.layout.ground(&mut self.store, instance);
        if !self.job.counts_heap {
            return Ok(ground);
        }
        if let Err(why) = module.allocator_map(self.job) {
            self.store.data_mut().heap.leave_closed(why.clone());
            return Ok(ground);
        }
        let main = MainThread { store: &mut self.store, threads: &mut self.threads };
        self.instruments.prepare(main, instance, module, ground)?;
        if self.threads.is_some() {
            refuel(&mut self.store, self.fuel)?;
        }
        self.setup.stack_top = module.layout.stack_pointer(&mut self.store, instance).map_or(0, |(_, top)| top);
        let grants = self.job.repeated_setup().map_or(self.job.grants, |after| after.setup.grants);
        let floor = module.layout.floor(&mut self.store, instance);
        let limits = HeapLimits::new(grants.policy().limits.values());
        self.store.data_mut().begin_heap(limits, self.instruments.capture.clone(), floor);
        if self.job.repeated_setup().is_some_and(|after| !after.owns) {
            // What the set-up allocates is not the test's.
            self.store.data_mut().heap.capture(StackCapture::Nothing);
        }
        Ok(ground)
    }

    /// Calls the test once. Gives what the SDK's export returned, for a test of the SDK.
    fn invoke(&mut self, entry: Entry<'_>) -> wasmtime::Result<Option<u32>> {
        let (store, instance) = (&mut self.store, self.setup.instance.as_ref().context("there is no instance")?);
        match entry {
            Entry::Start(start) => {
                if let (Some(list), Some(global), true) = (start.list, &self.job.module.tests, self.job.shortcut) {
                    set(store, instance, global, list.address)?;
                }
                write_words(store, instance, &start.words);
                if let Some(marked) = &start.should_panic {
                    unmark(store, instance, marked);
                    if self.job.module.throws {
                        store.data_mut().panics.end_by_uncaught(Arc::clone(&self.job.module.symbols));
                    }
                }
                let start = instance.get_typed_func::<(), ()>(&mut *store, "_start")?;
                MainThread { store, threads: &mut self.threads }.call_guest(&start, ())?;
                Ok(None)
            }
            Entry::Sdk(call) => {
                if let Some(book) = store.data_mut().heap.book() {
                    book.open_window();
                }
                store.data_mut().spent_before_cleanups = 0;
                store.data_mut().wasi.test_is_called();
                let left = store.get_fuel()?;
                store.data_mut().trace(left, TracedEvent::new(TraceKind::Test, "begins"));
                let guest = Guest {
                    instance: *instance,
                    globals: self.setup.globals.iter().map(|(global, _)| *global).collect(),
                    panics_end_it: call.should_panic.is_some(),
                };
                store.data_mut().scopes.begin(guest, self.job.subtests.cloned());
                self.setup.called = true;
                sdk::call(MainThread { store, threads: &mut self.threads }, instance, call).map(Some)
            }
        }
    }

    /// Calls the test once more, with all that it had for its first call: fuel, time, and bytes to move. What was given to
    /// its clean-ups beyond that is taken away.
    fn invoke_again(&mut self, entry: Entry<'_>) -> wasmtime::Result<Option<u32>> {
        let state = self.store.data_mut();
        state.close_memory_reserve();
        state.wasi.close_reserve();
        let deadline = deadline_after(state.wasi.timeout());
        state.wasi.set_deadline(deadline);
        refuel(&mut self.store, self.fuel)?;
        self.invoke(entry)
    }

    /// Says how a call went, and runs the clean-ups. `spent_before` is the fuel that earlier calls spent.
    fn conclude(&mut self, entry: Entry<'_>, ended: wasmtime::Result<Option<u32>>, spent_before: u64) -> CallOutcome {
        let store = &mut self.store;
        let left = store.get_fuel().unwrap_or(0);
        let (ending, said) = match ended {
            Ok(said) => (Ending::Returned, said),
            Err(error) => (Ending::from_call(&mut *store, &error), None),
        };
        let out = matches!(ending, Ending::Fuel { .. });
        if out {
            store.data_mut().heap.fuel_ended();
        }
        trace_end(store.data_mut(), left, &ending);
        let spent = if out { self.fuel } else { store.data().spent_by_test(left) };
        let spent = spent.saturating_add(spent_before);
        let sdk = match (entry, &self.setup.instance) {
            (Entry::Sdk(_), Some(instance)) if self.setup.called => {
                let guest = (instance, &self.setup.globals, &mut self.threads);
                Some(sdk::conclude(store, guest, &ending, said))
            }
            (Entry::Sdk(_), Some(_)) => Some(SdkOutcome::default()),
            _ => None,
        };
        CallOutcome { ending, spent, sdk }
    }

    /// All threads have ended: their memory does not grow any more.
    fn end_threads(&mut self) {
        if self.threads.is_some() {
            let state = self.store.data_mut();
            let size = state.memory_now();
            state.heap.shared_memory_is(size, false);
        }
    }

    /// The panic that ended the test, where one is expected.
    fn panic(&mut self, ending: &Ending) -> Option<RaisedPanic> {
        let Entry::Start(StartCall { should_panic: Some(expected), .. }) = self.job.entry else { return None };
        let Ending::Trap { kind: TrapKind::Unreachable, .. } = ending else { return None };
        let panics = self.job.module.panics.as_ref().ok()?;
        let instance = self.setup.instance?;
        let main = MainThread { store: &mut self.store, threads: &mut self.threads };
        panics::read(self.job, main, &instance, panics, expected.text.is_some())
    }

    /// What is needed to tell lost blocks, after an ending that may be a normal finish, or of a test that was left by a panic and
    /// then ended by its harness.
    ///
    /// # Errors
    /// The host would hold more for it than it may.
    fn picture(&mut self, ending: &Ending) -> Result<Option<EndPicture>, BrokenLimit> {
        let wanted = self.instruments.picture || self.job.grants.policy().asks_for_blocks();
        let unwound = self.store.data().heap.unwound() == Some(true);
        let complete = match ending {
            Ending::Returned | Ending::Exit { status: 0, .. } => true,
            // Where calls fail on purpose, what is left is told also of a test that tells that it failed.
            Ending::Exit { .. } => unwound || self.job.notes_calls,
            _ => false,
        };
        if !wanted || !complete {
            return Ok(None);
        }
        let Ok(module) = &self.job.module.heap else { return Ok(None) };
        let Ok(allocator) = module.allocator_map(self.job) else { return Ok(None) };
        let (Some(ground), Some(instance)) = (self.setup.ground, &self.setup.instance) else { return Ok(None) };
        EndPicture::take(&mut self.store, instance, module, (ground, self.setup.stack_top, allocator))
    }
}
