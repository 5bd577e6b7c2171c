//! A run that is under way. Sets the instance up, calls the test in it as often as the job says, and runs the test's
//! clean-ups.

use super::changes::MemoryCopy;
use super::ending::{Ending, TrapKind};
use super::forked::{ForkImage, ForkOver, ForkTarget};
use super::fuel_counts::FuelCounts;
use super::globals::GlobalValues;
use super::heap::{self, EndPicture};
use super::image::{AfterSetUp, ImageError, InstanceImage};
use super::job::Job;
use super::module::LoadedModule;
use super::panics::{self, RaisedPanic};
use super::rerun::{Instruments, StackCapture};
use super::rounds::{Level, RoundLevels};
use super::scopes::Guest;
use super::sdk::{self, SdkOutcome};
use super::start::{EntryPoint, StartCall, unmark, write_words};
use super::state::{TestState, refuel};
use super::take_fork;
use super::threads::{MainThread, ThreadGroup, at_once};
use super::wasi::{BrokenLimit, ContextOptions, GoReady, OwnCalls, TracedEvent, WatchOptions, deadline_after};
use crate::ledger::heap::HeapLimits;
use crate::model::trace::TraceKind;
use crate::policy::Limit;
use std::ops::Range;
use std::sync::Arc;
use wasmtime::error::Context;
use wasmtime::{Extern, Instance, ModuleExport, Store, Val};

/// Bytes of a place on Go's stack.
const WORD: i32 = 8;

/// What is looked at of its calls. In a second run they fail as they did in the first, and there is nothing to note.
pub(super) fn watch(job: &Job<'_>, instruments: &Instruments) -> Option<WatchOptions> {
    let is_second = instruments.shift.is_some();
    let notes = job.notes_calls && !is_second;
    let is_wanted = job.notes_calls || !job.faults.is_empty();
    is_wanted.then(|| WatchOptions {
        faults: job.faults.to_vec(),
        notes,
        until_failed: is_second && job.rounds <= 1,
        own: match job.entry {
            EntryPoint::Sdk(_) => OwnCalls::OnceCalled,
            EntryPoint::Start(_) if job.module.symbols.know_test_window() => {
                OwnCalls::InWindow(Arc::clone(&job.module.symbols))
            }
            EntryPoint::Start(_) => OwnCalls::All,
        },
        symbols: notes.then(|| Arc::clone(&job.module.symbols)),
        stacks: job.call_stacks.cloned(),
    })
}

/// A run that is under way.
pub(super) struct TestRun<'a> {
    job: &'a Job<'a>,
    instruments: &'a Instruments,
    /// The fuel of each call of the test.
    fuel: u64,
    pub store: Store<TestState>,
    /// The threads beside the main one, if the module has threads.
    pub threads: Option<ThreadGroup<'a>>,
    /// Why a module with threads has no memory, if it has none.
    not_linked: Option<wasmtime::Error>,
    setup: Setup,
    /// The memory where the calls began, if it is to be told what changed.
    began: Option<MemoryCopy>,
}

/// The instance of a test, as far as it was set up: it is needed for calls, for clean-ups and for the end of the heap.
#[derive(Default)]
struct Setup {
    instance: Option<Instance>,
    ground: Option<heap::Ground>,
    /// Where the shadow stack began, after it may have been moved.
    stack_top: u32,
    globals: GlobalValues,
    /// Whether an SDK test was called.
    called: bool,
    /// Whether its program, which is Go's, told that it is ready.
    is_ready: bool,
}

impl Setup {
    /// What is needed to call the exports of a test of the SDK while it runs.
    fn guest(&self, module: &LoadedModule, instance: &Instance, panics_end_it: bool) -> Guest {
        Guest {
            instance: *instance,
            globals: self.globals.iter().map(|(global, _)| *global).collect(),
            panics_end_it,
            source: module.image_source.clone(),
            ground: self.ground,
            stack_top: self.stack_top,
        }
    }
}

/// The fork that is to be entered where the test makes it. In a second run what comes of other forks is known.
fn fork_target(job: &Job<'_>, instruments: &Instruments) -> Option<ForkTarget> {
    let fork = job.fork.filter(|fork| fork.repeats);
    let fuel = instruments.fuel(job.grants.policy().limits.most(Limit::Fuel));
    (fork.is_some() || instruments.shift.is_some())
        .then(|| ForkTarget::new(fork.map(|fork| fork.image), job.grants, instruments.capture.clone(), fuel))
}

/// How one call of the test went, its clean-ups included.
pub(super) struct CallOutcome {
    pub ending: Ending,
    /// The fuel that this call and the calls before it spent, without clean-ups.
    pub spent: u64,
    pub sdk: Option<SdkOutcome>,
}

impl CallOutcome {
    /// Whether the call returned, and nothing that the SDK knows of failed.
    fn ended_well(&self) -> bool {
        self.ending == Ending::Returned && self.sdk.as_ref().is_none_or(SdkOutcome::is_well)
    }

    /// Whether the SDK test did all that it was to do, so that it can be called again.
    fn may_go_on(&self) -> bool {
        self.ending == Ending::Returned && self.sdk.as_ref().is_some_and(SdkOutcome::is_well)
    }
}

/// Adds to the trace that a call of the test is over, before its clean-ups.
fn trace_end(state: &mut TestState, left: u64, ending: &Ending) {
    let failed = (*ending != Ending::Returned).then(|| ending.words().into());
    let stack = ending.stack().cloned();
    state.trace(left, TracedEvent { failed, stack, ..TracedEvent::new(TraceKind::Test, "is over") });
}

/// Sets a global that the rewriting added.
fn set(store: &mut Store<TestState>, instance: &Instance, global: &ModuleExport, value: u32) -> wasmtime::Result<()> {
    let global = instance.get_module_export(&mut *store, global).and_then(Extern::into_global);
    global.context("a global of it is gone")?.set(store, Val::I32(value.cast_signed()))
}

/// How the calls of the test went.
pub(super) struct Calls {
    pub last: CallOutcome,
    pub rounds: Vec<RoundLevels>,
}

impl<'a> TestRun<'a> {
    pub fn new(
        job: &'a Job<'a>,
        instruments: &'a Instruments,
        fuel: u64,
        fresh: (Store<TestState>, Option<ThreadGroup<'a>>, Option<wasmtime::Error>),
    ) -> Self {
        let (mut store, threads, not_linked) = fresh;
        if job.repeated_setup().is_none() {
            store.data_mut().scopes.forks.aim(fork_target(job, instruments));
        }
        Self { job, instruments, fuel, store, threads, not_linked, setup: Setup::default(), began: None }
    }

    /// Calls the test, as often as its job says.
    pub fn call(&mut self) -> Calls {
        let mut ready = self.set_up();
        if let (Ok(()), Some(after)) = (&ready, self.job.repeated_setup()) {
            let ended = self.invoke(after.setup.entry);
            let last = self.conclude(after.setup.entry, ended, 0);
            if !last.ended_well() {
                return Calls { last, rounds: Vec::new() };
            }
            ready = self.begin_after(after);
        }
        if let Some(instance) = self.setup.instance.filter(|_| self.job.tells_changed) {
            self.began = Some(MemoryCopy::take(&mut self.store, &instance));
        }
        let mut calls = self.job.calls();
        let mut before = Level::now(&mut self.store);
        let ended = ready.and_then(|()| self.invoke(calls.next().context("nothing is to be called")?));
        let mut last = self.conclude(self.job.entry, ended, 0);
        let mut rounds = vec![RoundLevels { before, after: Level::now(&mut self.store) }];
        while last.may_go_on()
            && self.store.data().scopes.forked.is_none()
            && let Some(entry) = calls.next()
        {
            before = Level::now(&mut self.store);
            let ended = self.invoke_again(entry);
            last = self.conclude(entry, ended, last.spent);
            rounds.push(RoundLevels { before, after: Level::now(&mut self.store) });
        }
        Calls { last, rounds }
    }

    /// Instantiates the module, and makes the instance ready for the call.
    fn set_up(&mut self) -> wasmtime::Result<()> {
        if let Some(image) = self.job.fork_image() {
            return self.begin_from_fork(image);
        }
        if let Some(after) = self.job.image() {
            if self.job.fork.is_some() {
                // What the test allocates is not the fork's.
                self.store.data_mut().heap.capture(StackCapture::Nothing);
            }
            return self.begin_from((after.image.ground, after.image.stack_top), 0);
        }
        if let Some(ready) = self.job.ready {
            return self.begin_from((ready.image.ground, ready.image.stack_top), ready.image.spent());
        }
        if let Some(after) = self.job.repeated_setup() {
            self.fuel = self.instruments.fuel(after.setup.grants.policy().limits.most(Limit::Fuel));
        }
        refuel(&mut self.store, self.fuel)?;
        self.store.data_mut().counts.begin_call();
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
        if matches!(self.job.entry, EntryPoint::Sdk(_)) || self.job.after.is_some() {
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

    /// Makes an instance in which a forked subtest is called.
    fn begin_from_fork(&mut self, image: &ForkImage) -> wasmtime::Result<()> {
        self.begin_from((image.ground, image.stack_top), 0)?;
        let instance = self.setup.instance.context("there is no instance")?;
        let books = self.store.data_mut().heap.take_books();
        image.put_into(&mut self.store, &instance, self.job.fork_base())?;
        let state = self.store.data_mut();
        state.heap.put_books(books);
        let limit = self.job.grants.policy().limits.most(Limit::Memory);
        state.limiter.begin_test(limit, limit);
        self.setup.globals = self.job.module.save_globals(&mut self.store, &instance);
        Ok(())
    }

    /// Instantiates an image of the module, which needs nothing more. Where things were in the instance that it is an image of is
    /// given. So much fuel was spent of the test's own.
    fn begin_from(&mut self, (ground, stack_top): (Option<heap::Ground>, u32), spent: u64) -> wasmtime::Result<()> {
        refuel(&mut self.store, self.fuel.saturating_sub(spent))?;
        self.store.set_epoch_deadline(1);
        let module = self.job.module;
        // The engine makes the memory grow to the image's size. In the books, it did so before.
        let books = self.store.data_mut().heap.take_books();
        let instance = module.pre()?.instantiate(&mut self.store)?;
        self.store.data_mut().heap.put_books(books);
        heap::attach(module, &mut self.store, &instance)?;
        self.setup = Setup {
            instance: Some(instance),
            ground,
            stack_top,
            globals: module.save_globals(&mut self.store, &instance),
            called: false,
            is_ready: self.job.ready.is_some(),
        };
        Ok(())
    }

    /// Begins the test after its set-up was called in this instance: with its own limits, fuel and time.
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
        state.wasi.watch_calls(watch(self.job, self.instruments));
        state.heap.capture(match self.job.fork {
            Some(_) => StackCapture::Nothing,
            None => self.instruments.capture.clone(),
        });
        state.scopes.forks.aim(fork_target(self.job, self.instruments));
        state.spent_before_cleanups = 0;
        state.wasi.set_deadline(deadline_after(limits.time(Limit::Timeout)));
        self.setup.called = false;
        self.fuel = self.instruments.fuel(limits.most(Limit::Fuel));
        refuel(&mut self.store, self.fuel)?;
        self.store.data_mut().counts = FuelCounts::default();
        self.store.data_mut().counts.begin_call();
        Ok(())
    }

    /// Whether what its instance holds is captured where it is now.
    fn is_to_be_captured(&self) -> bool {
        self.job.captures || self.job.until_ready && self.setup.is_ready
    }

    /// Captures what the instance holds now, if the job asks for it and the set-up passed.
    pub fn capture(
        &mut self,
        last: &CallOutcome,
        options: impl Fn() -> ContextOptions,
    ) -> Option<Result<Box<InstanceImage>, ImageError>> {
        let instance = self.setup.instance.filter(|_| self.is_to_be_captured() && last.ended_well())?;
        let of = (self.job.module, self.job.entry, self.job.grants);
        let places = (self.setup.ground, self.setup.stack_top);
        Some(InstanceImage::take(of, &mut self.store, &instance, places, options()).map(Box::new))
    }

    /// See [`Run::changed`](super::outcome::Run::changed).
    pub fn changed(&mut self) -> Vec<Range<u32>> {
        let (Some(began), Some(instance)) = (&self.began, &self.setup.instance) else { return Vec::new() };
        began.changed(&mut self.store, instance)
    }

    /// Tells functions with a body from airtight how strings are laid out. If that is not known, these functions do what
    /// they did before.
    fn tell_layout(&mut self, instance: &Instance) -> wasmtime::Result<()> {
        let LoadedModule { strings: Some(strings), layout: global, .. } = self.job.module else { return Ok(()) };
        let Some(layout) = strings.layout(self.job) else { return Ok(()) };
        self.store.data_mut().heap.strings = Some(layout);
        let Some(global) = global else { return Ok(()) };
        set(&mut self.store, instance, global, layout.place_of_address()?.cast_unsigned())
    }

    /// Opens the books of the heap.
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
        if let (Some(plan), Ok(allocator)) = (&self.instruments.watch, module.allocator_map(self.job)) {
            let ground = (ground.start, allocator);
            let watch = heap::RunningWatch::begin(plan, &mut self.store, instance, module, ground)?;
            self.store.data_mut().heap.watch = Some(Box::new(watch));
        }
        if self.job.repeated_setup().is_some_and(|after| !after.owns) || self.job.fork.is_some() {
            // What the set-up allocates is not the test's, and what the test allocates not the fork's.
            self.store.data_mut().heap.capture(StackCapture::Nothing);
        }
        Ok(ground)
    }

    /// Calls the test once. For an SDK test, returns what its export returned.
    fn invoke(&mut self, entry: EntryPoint<'_>) -> wasmtime::Result<Option<u32>> {
        if self.setup.is_ready {
            return self.go_on();
        }
        let (store, instance) = (&mut self.store, self.setup.instance.as_ref().context("there is no instance")?);
        match entry {
            EntryPoint::Start(start) => {
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
                match (MainThread { store, threads: &mut self.threads }.call_guest(&start, ())) {
                    Err(error) if error.is::<GoReady>() => self.is_ready(),
                    ended => ended.map(|()| None),
                }
            }
            EntryPoint::Sdk(_) if self.job.fork_image().is_some() => self.invoke_fork(),
            EntryPoint::Sdk(call) => {
                if let Some(book) = store.data_mut().heap.book() {
                    book.open_window();
                }
                store.data_mut().spent_before_cleanups = 0;
                store.data_mut().wasi.test_is_called();
                let left = store.get_fuel()?;
                store.data_mut().trace(left, TracedEvent::new(TraceKind::Test, "begins"));
                let guest = self.setup.guest(self.job.module, instance, call.should_panic.is_some());
                store.data_mut().scopes.begin(guest, self.job.subtests.cloned());
                self.setup.called = true;
                match sdk::call(MainThread { store, threads: &mut self.threads }, instance, call) {
                    Err(error) if error.is::<ForkOver>() => Ok(None),
                    called => called.map(Some),
                }
            }
        }
    }

    /// A program of Go's is ready for its test, and was left.
    fn is_ready(&mut self) -> wasmtime::Result<Option<u32>> {
        self.setup.is_ready = true;
        if self.job.until_ready { Ok(None) } else { self.go_on() }
    }

    /// Goes on with a program of Go's that is ready for its test: as if the call by which it told that had returned, with nothing on
    /// the stack of WebAssembly. So it goes on in the same way in whatever instance has its memory and globals.
    fn go_on(&mut self) -> wasmtime::Result<Option<u32>> {
        let (store, instance) = (&mut self.store, self.setup.instance.as_ref().context("there is no instance")?);
        let pointer = &self.job.module.code.go().context("it is no program of Go's")?.pointer;
        let pointer = instance.get_module_export(&mut *store, pointer).and_then(Extern::into_global);
        let pointer = pointer.context("its stack pointer is gone")?;
        let at = pointer.get(&mut *store).i32().context("its stack pointer is no address")?;
        // A function that Go imports has no frame: its stack pointer is at the place to which it returns.
        pointer.set(&mut *store, Val::I32(at.wrapping_add(WORD)))?;
        let on = self.job.module.goes_on.as_ref().context("it cannot be gone on with")?;
        let on = instance.get_module_export(&mut *store, on).and_then(Extern::into_func);
        let on = on.context("its loop is gone")?.typed::<(), ()>(&*store)?;
        MainThread { store, threads: &mut self.threads }.call_guest(&on, ())?;
        Ok(None)
    }

    /// Calls a forked subtest.
    fn invoke_fork(&mut self) -> wasmtime::Result<Option<u32>> {
        let (image, instance) = self.job.fork_image().zip(self.setup.instance).context("there is no instance")?;
        let guest = self.setup.guest(self.job.module, &instance, false);
        self.store.data_mut().scopes.filter = self.job.subtests.cloned();
        self.setup.called = true;
        let began = image.scope(self.setup.globals.clone());
        let mut main = MainThread { store: &mut self.store, threads: &mut self.threads };
        at_once(take_fork::call_in(&mut main, guest, began, &image.call))??;
        Ok(None)
    }

    /// Calls the test once more, with all that it had for its first call: fuel, time, and bytes to move. What was given to
    /// its clean-ups beyond that is taken away.
    fn invoke_again(&mut self, entry: EntryPoint<'_>) -> wasmtime::Result<Option<u32>> {
        let state = self.store.data_mut();
        state.close_memory_reserve();
        state.wasi.close_reserve();
        let deadline = deadline_after(state.wasi.timeout());
        state.wasi.set_deadline(deadline);
        refuel(&mut self.store, self.fuel)?;
        self.store.data_mut().counts.begin_call();
        self.invoke(entry)
    }

    /// Says how a call went, and runs the clean-ups. `spent_before` is the fuel that earlier calls spent.
    fn conclude(
        &mut self,
        entry: EntryPoint<'_>,
        ended: wasmtime::Result<Option<u32>>,
        spent_before: u64,
    ) -> CallOutcome {
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
        store.data_mut().counts.end_call(spent);
        let spent = spent.saturating_add(spent_before);
        // Of a second run that has shown all, nothing else counts.
        let has_seen_enough = store.data().heap.seen.is_some();
        let sdk = match (entry, &self.setup.instance) {
            (EntryPoint::Sdk(_), Some(instance)) if self.setup.called && !has_seen_enough => {
                let forked = store.data().scopes.forked.as_ref().map(|forked| forked.globals.clone());
                let globals = forked.as_ref().unwrap_or(&self.setup.globals);
                let guest = (instance, globals, &mut self.threads);
                Some(sdk::conclude(store, guest, &ending, said))
            }
            (EntryPoint::Sdk(_), Some(_)) => Some(SdkOutcome::default()),
            _ => None,
        };
        CallOutcome { ending, spent, sdk }
    }

    /// All threads have ended, so their memory does not grow any more.
    pub fn end_threads(&mut self) {
        if self.threads.is_some() {
            let state = self.store.data_mut();
            let size = state.memory_now();
            state.heap.shared_memory_is(size, false);
        }
    }

    /// The panic that ended the test, if one is expected.
    pub fn panic(&mut self, ending: &Ending) -> Option<RaisedPanic> {
        let EntryPoint::Start(StartCall { should_panic: Some(expected), .. }) = self.job.entry else { return None };
        let Ending::Trap { kind: TrapKind::Unreachable, .. } = ending else { return None };
        let panics = self.job.module.panics.as_ref().ok()?;
        let instance = self.setup.instance?;
        let main = MainThread { store: &mut self.store, threads: &mut self.threads };
        panics::read(self.job, main, &instance, panics, expected.text.is_some())
    }

    /// The picture of the heap, after an ending that may be a normal finish. Also after a panic that left the test, if the
    /// harness then ended the program.
    ///
    /// # Errors
    /// The host would hold more for the picture than it may.
    pub fn picture(&mut self, ending: &Ending) -> Result<Option<EndPicture>, BrokenLimit> {
        let wanted = self.instruments.picture || self.job.grants.policy().asks_for_blocks();
        let unwound = self.store.data().heap.unwound() == Some(true);
        let complete = match ending {
            Ending::Returned | Ending::Exit { status: 0, .. } => true,
            // If calls fail on purpose, the heap is also wanted of a test that says that it failed.
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
