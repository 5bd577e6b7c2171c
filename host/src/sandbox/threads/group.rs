//! The threads of one test, and the loop that runs them.

use super::attach::attach;
use super::call_guest::CallGuest;
use super::explore::Preemptions;
use super::memory::MemoryLimit;
use super::module::ThreadModule;
use super::schedule::{Next, Schedule};
use super::seat::{Board, Seat, THREAD_FUEL};
use super::shared::{Shared, SharedValue};
use super::stopped::{EndReason, EndedAll, StoppedThread, ThreadDeadlock, ThreadEnded};
use super::turns::Turn;
use super::waits::{MAIN, ThreadId, Wait, Waiting};
use crate::catalogue::threads::ENTRY;
use crate::ledger::Stack;
use crate::model::Exploration;
use crate::model::trace::TraceKind;
use crate::policy::{Limit, Policy};
use crate::sandbox::heap::{self, HeapState, LeftThread};
use crate::sandbox::limiter::Limiter;
use crate::sandbox::module::LoadedModule;
use crate::sandbox::state::TestState;
use crate::sandbox::store::fresh_store;
use crate::sandbox::wasi::{TracedEvent, Wasi};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use wasmtime::error::Context as _;
use wasmtime::{
    AsContext, AsContextMut, Extern, Instance, InstancePre, SharedMemory, Store, StoreContext, StoreContextMut,
    TypedFunc, Val, WasmBacktrace, WasmParams, WasmResults,
};

/// How many turns there are between two looks at the test's deadline.
const LOOK_AT_CLOCK: u32 = 64;

/// How often a thread that has to end where it is may be run until it does. An interrupted thread first runs on to the next
/// place at which it can end.
const MOST_STOPPING: u32 = 100;

/// How many turns a thread has after the test is over, to end by itself: a thread that was joined still has to return.
const LAST_TURNS: u32 = 10;

type ThreadRun<'a> = Pin<Box<dyn Future<Output = wasmtime::Result<()>> + 'a>>;

/// The threads of a test.
pub struct ThreadGroup<'a> {
    module: &'a LoadedModule,
    own: &'a ThreadModule,
    pre: InstancePre<TestState>,
    memory: SharedMemory,
    limit: u64,
    wasi: SharedValue<Wasi>,
    heap: SharedValue<HeapState>,
    board: Board,
    /// The threads that run, without the main one.
    running: BTreeMap<ThreadId, ThreadRun<'a>>,
    /// Whether one of these threads ended the test, by a trap or an exit.
    ended_in_another: bool,
}

impl<'a> ThreadGroup<'a> {
    /// A group that only has the main thread, and the store of that thread.
    ///
    /// # Errors
    /// There is no room for the threads' memory, or the limit is below its first size.
    pub fn new(
        module: &'a LoadedModule,
        own: &'a ThreadModule,
        (wasi, heap): (Wasi, HeapState),
        (policy, test, schedule, is_followed): (&Policy, &str, Option<&Exploration>, bool),
    ) -> (Store<TestState>, wasmtime::Result<Self>) {
        let limit = policy.limits.most(Limit::Memory);
        let most = usize::try_from(policy.limits.most(Limit::LiveThreads)).unwrap_or(usize::MAX);
        let seed = seed(policy.seed, test);
        let whole = Schedule::new(seed, most);
        let explored = match schedule {
            None => whole,
            Some(schedule) => whole.explored(seed, schedule),
        };
        let board = Board::new(if is_followed { explored.followed() } else { explored });
        // SAFETY: one host thread runs all the stores of a test, here. Only the host functions of `calls` let another guest
        // thread run, and none of them keeps a reference to the context or the books meanwhile.
        let (wasi, heap) = unsafe { (SharedValue::new(wasi), SharedValue::new(heap)) };
        let mut store = fresh_store(module, Shared::Together(wasi.clone()), Shared::Together(heap.clone()), limit);
        let memory_limit: MemoryLimit = Arc::new(Mutex::new(Limiter::new(limit, false)));
        store.data_mut().memory_limit = Some(Arc::clone(&memory_limit));
        let linked = own.memory.memory(&memory_limit).and_then(|memory| {
            let mut linker = module.engine().linker().clone();
            linker.define(&store, "env", "memory", memory.clone())?;
            Ok((linker.instantiate_pre(&module.module)?, memory))
        });
        let group = linked.and_then(|(pre, memory)| {
            seat(&mut store, Seat::new(MAIN, board.clone(), memory.clone()))?;
            Ok(Self {
                module,
                own,
                pre,
                memory,
                limit,
                wasi,
                heap,
                board,
                running: BTreeMap::new(),
                ended_in_another: false,
            })
        });
        (store, group)
    }

    /// Instantiates the module for the main thread.
    ///
    /// # Errors
    /// The module cannot be instantiated, or its start function fails.
    pub fn instantiate(&mut self, store: &mut Store<TestState>) -> wasmtime::Result<Instance> {
        let (pre, module, own) = (self.pre.clone(), self.module, self.own);
        self.drive(async { instantiate(&pre, module, own, store).await })
    }

    /// Tells the C library of the main thread, as `_start` would.
    ///
    /// # Errors
    /// Those of the call.
    pub fn init_main(&mut self, store: &mut Store<TestState>, instance: &Instance) -> wasmtime::Result<()> {
        let Some(init) = &self.own.init else { return Ok(()) };
        let init = instance.get_module_export(&mut *store, init).and_then(Extern::into_func);
        let init = init.context("a function of the C library is gone")?.typed::<(), ()>(&*store)?;
        self.call(store, &init, ())
    }

    /// Calls a function in the main thread, and runs the other threads until it has returned.
    fn call<P: WasmParams + Sync, R: WasmResults + Sync>(
        &mut self,
        store: &mut Store<TestState>,
        function: &TypedFunc<P, R>,
        params: P,
    ) -> wasmtime::Result<R> {
        let done = self.drive(function.call_async(&mut *store, params));
        let left = store.get_fuel()?;
        store.data().spent(left);
        let is_out_of_fuel = self.board.schedule().is_out_of_fuel();
        match done {
            // The host has ended all threads, for a reason of its own.
            Err(error) if error.is::<EndedAll>() || error.is::<ThreadDeadlock>() => Err(error),
            // The last thing that the main thread did spent more than it may.
            done if is_out_of_fuel => {
                let backtrace = done.as_ref().err().and_then(|error| error.downcast_ref::<WasmBacktrace>());
                let stack = backtrace.map_or_else(|| [].into(), |backtrace| self.module.code.stack(backtrace));
                Err(EndedAll { why: EndReason::Fuel, stack }.into())
            }
            done => done,
        }
    }

    /// Runs all threads until the main one has done its work.
    fn drive<R>(&mut self, main: impl Future<Output = wasmtime::Result<R>>) -> wasmtime::Result<R> {
        self.board.schedule().begin_call();
        let done = self.turns(pin!(main));
        self.board.schedule().end_call();
        if done.is_err() {
            self.end_others();
        }
        done
    }

    fn turns<R>(&mut self, mut main: Pin<&mut impl Future<Output = wasmtime::Result<R>>>) -> wasmtime::Result<R> {
        let mut context = Context::from_waker(Waker::noop());
        let (mut turns, mut last) = (0_u32, MAIN);
        loop {
            turns = turns.wrapping_add(1);
            let next = match self.next(turns) {
                Ok(next) => next,
                Err(why) => {
                    let stack = self.stop(last, main).map(|stopped| stopped.stack).unwrap_or_else(|| [].into());
                    return Err(EndedAll { why, stack }.into());
                }
            };
            let mut paused = None;
            match next {
                Next::Run(MAIN) => {
                    last = MAIN;
                    if let Poll::Ready(done) = main.as_mut().poll(&mut context) {
                        return done;
                    }
                    paused = Some(MAIN);
                }
                Next::Run(id) => {
                    last = id;
                    paused = self.turn(id, &mut context)?;
                }
                Next::Sleep(until) => self.wasi.with(|wasi| wasi.pass_time(until))?,
                Next::Never => return Err(self.deadlocked(main).into()),
            }
            match self.after_turn(paused) {
                Some(MAIN) => {
                    self.ask_place(MAIN);
                    if let Poll::Ready(done) = main.as_mut().poll(&mut context) {
                        return done;
                    }
                }
                Some(id) => {
                    self.ask_place(id);
                    self.turn(id, &mut context)?;
                }
                None => {}
            }
        }
    }

    /// Makes a thread that a quantum has interrupted tell its place when it is run next. It does nothing else then: the
    /// engine looks at the epoch where it has looked at the fuel, before any code of the guest.
    fn ask_place(&self, id: ThreadId) {
        self.board.schedule().ask_place(id);
        self.module.engine().wasmtime().increment_epoch();
    }

    /// Runs a thread that is not the main one, for a turn. Gives its number, unless it has ended.
    fn turn(&mut self, id: ThreadId, context: &mut Context<'_>) -> wasmtime::Result<Option<ThreadId>> {
        let Some(thread) = self.running.get_mut(&id) else { return Ok(None) };
        match thread.as_mut().poll(context) {
            Poll::Pending => Ok(Some(id)),
            Poll::Ready(done) => {
                self.running.remove(&id);
                self.board.schedule().ended(id);
                self.ended_in_another |= done.is_err();
                done.map(|()| None)
            }
        }
    }

    /// A turn is over, of this thread if it has not ended: those begin that were spawned in it. Gives the thread if its
    /// place is to be told, and it has not told it because a quantum interrupted it.
    fn after_turn(&mut self, paused: Option<ThreadId>) -> Option<ThreadId> {
        let mut schedule = self.board.schedule();
        let is_followed = schedule.is_followed();
        let interrupted = paused.filter(|paused| schedule.paused(*paused) && is_followed);
        let spawned = schedule.take_spawned();
        drop(schedule);
        for (id, given) in spawned {
            let (wasi, heap) = (Shared::Together(self.wasi.clone()), Shared::Together(self.heap.clone()));
            let mut store = fresh_store(self.module, wasi, heap, self.limit);
            let (pre, module, own) = (self.pre.clone(), self.module, self.own);
            let own_seat = Seat::new(id, self.board.clone(), self.memory.clone());
            let run = async move {
                seat(&mut store, own_seat)?;
                store.data_mut().budget = THREAD_FUEL;
                store.set_fuel(THREAD_FUEL)?;
                let done = run_thread(&pre, module, own, &mut store, (id, given)).await;
                let left = store.get_fuel()?;
                store.data().spent(left);
                store.data_mut().trace(left, TracedEvent::new(TraceKind::Thread, "ends"));
                store.data_mut().heap.thread_ended(id);
                done
            };
            self.running.insert(id, Box::pin(run));
        }
        interrupted
    }

    /// Nanoseconds of the test's time, when its threads have spent so much.
    fn now(&self, spent: u64) -> u64 {
        self.wasi.with(|wasi| {
            wasi.tell_spent(spent);
            wasi.elapsed()
        })
    }

    /// What is to be done next, or why the test is to end.
    fn next(&self, turns: u32) -> Result<Next, EndReason> {
        let mut schedule = self.board.schedule();
        if schedule.is_out_of_fuel() {
            return Err(EndReason::Fuel);
        }
        if turns.is_multiple_of(LOOK_AT_CLOCK) {
            self.wasi.with(|wasi| wasi.watchdog().check()).map_err(EndReason::Clock)?;
        }
        let now = self.now(schedule.spent());
        Ok(schedule.next(now))
    }

    /// Ends a thread where it is. `None` if it had already ended by itself.
    fn stop<R>(
        &mut self,
        id: ThreadId,
        main: Pin<&mut impl Future<Output = wasmtime::Result<R>>>,
    ) -> Option<StoppedThread> {
        if id == MAIN { Some(self.stopped(MAIN, main)) } else { self.stop_other(id) }
    }

    fn stop_other(&mut self, id: ThreadId) -> Option<StoppedThread> {
        let mut thread = self.running.remove(&id)?;
        let stopped = self.stopped(id, thread.as_mut());
        Some(stopped)
    }

    fn stopped<R>(
        &mut self,
        id: ThreadId,
        mut thread: Pin<&mut (impl Future<Output = wasmtime::Result<R>> + ?Sized)>,
    ) -> StoppedThread {
        let mut schedule = self.board.schedule();
        let now = self.now(schedule.spent());
        let waiting: Option<Waiting> = schedule.waiting(id).cloned();
        schedule.stop(id);
        drop(schedule);
        // One that was interrupted looks at the epoch next; one that waits is told by the host function in which it does.
        self.module.engine().wasmtime().increment_epoch();
        let mut context = Context::from_waker(Waker::noop());
        let mut stack: Stack = [].into();
        for _ in 0..MOST_STOPPING {
            let Poll::Ready(done) = thread.as_mut().poll(&mut context) else { continue };
            if let Err(error) = done
                && let Some(backtrace) = error.downcast_ref::<WasmBacktrace>()
            {
                stack = self.module.code.stack(backtrace);
            }
            break;
        }
        let address = match waiting.as_ref().map(|waiting| &waiting.wait) {
            Some(Wait::Address(address)) => Some(*address),
            _ => None,
        };
        let mut schedule = self.board.schedule();
        let holder = address.and_then(|address| schedule.owner(address));
        let name = schedule.name(id);
        let spawned = schedule.ended(id);
        drop(schedule);
        let joined = address.and_then(|address| self.heap.with(|heap| heap.thread_at(address)));
        StoppedThread::new((id, name), spawned, stack, (waiting, now), (holder, joined))
    }

    /// Ends all threads of a test in which none can run.
    fn deadlocked<R>(&mut self, main: Pin<&mut impl Future<Output = wasmtime::Result<R>>>) -> ThreadDeadlock {
        let main = self.stopped(MAIN, main);
        ThreadDeadlock { threads: std::iter::once(main).chain(self.stop_others()).collect() }
    }

    fn stop_others(&mut self) -> Vec<StoppedThread> {
        let others: Vec<ThreadId> = self.running.keys().copied().collect();
        others.into_iter().filter_map(|id| self.stop_other(id)).collect()
    }

    /// Ends the other threads of a test that has failed.
    fn end_others(&mut self) {
        let mut schedule = self.board.schedule();
        for id in self.running.keys() {
            schedule.ended(*id);
        }
        drop(schedule);
        self.running.clear();
    }

    /// The last turns before the test ended, and which thread ran after them; empty if turns are not kept.
    pub fn take_turns(&self) -> (Vec<Turn>, Option<ThreadId>) {
        self.board.schedule().take_turns()
    }

    /// How often a thread was interrupted where its schedule says so.
    pub fn preemptions(&self) -> Preemptions {
        self.board.schedule().preemptions()
    }

    /// Whether a thread other than the main one ended the test, by a trap or an exit.
    pub fn ended_in_another(&self) -> bool {
        self.ended_in_another
    }

    /// How many threads were refused because there were already as many as allowed.
    pub fn refused(&self) -> u64 {
        self.board.schedule().refused()
    }

    /// Ends the test: lets threads end that are about to, and ends the others where they are.
    pub fn finish(&mut self) -> Vec<StoppedThread> {
        let mut turns: BTreeMap<ThreadId, u32> = BTreeMap::new();
        let mut context = Context::from_waker(Waker::noop());
        let spent = self.board.schedule().spent();
        let now = self.now(spent);
        while let Next::Run(id) = self.board.next(now) {
            let turns = turns.entry(id).or_insert(0);
            *turns += 1;
            if *turns > LAST_TURNS {
                self.board.schedule().set_aside(id);
                continue;
            }
            // How it ends now is no longer the test's affair.
            let paused = self.turn(id, &mut context).unwrap_or(None);
            self.after_turn(paused);
        }
        self.stop_others()
    }
}

/// Puts a thread into its store.
fn seat(store: &mut Store<TestState>, seat: Seat) -> wasmtime::Result<()> {
    let quantum = seat.board.schedule().quantum();
    store.data_mut().thread = Some(seat);
    store.set_epoch_deadline(1);
    store.fuel_async_yield_interval(Some(quantum))
}

/// An instance for a thread, with the host functions that its code calls.
async fn instantiate(
    pre: &InstancePre<TestState>,
    module: &LoadedModule,
    own: &ThreadModule,
    store: &mut Store<TestState>,
) -> wasmtime::Result<Instance> {
    let instance = pre.instantiate_async(&mut *store).await?;
    heap::attach(module, store, &instance)?;
    attach(module, (&own.table, &own.steps), store, &instance)?;
    if let (Some(strings), Some(global)) = (store.data().heap.strings, &module.layout) {
        let global = instance.get_module_export(&mut *store, global).and_then(Extern::into_global);
        let place = Val::I32(strings.place_of_address()?);
        global.context("a global of it is gone")?.set(&mut *store, place)?;
    }
    if let Some(start) = &own.start {
        let start = instance.get_module_export(&mut *store, start).and_then(Extern::into_func);
        let start = start.context("the start function is gone")?.typed::<(), ()>(&*store)?;
        start.call_async(store, ()).await?;
    }
    Ok(instance)
}

/// Runs a thread from its beginning to its end.
async fn run_thread(
    pre: &InstancePre<TestState>,
    module: &LoadedModule,
    own: &ThreadModule,
    store: &mut Store<TestState>,
    given: (ThreadId, i32),
) -> wasmtime::Result<()> {
    let instance = instantiate(pre, module, own, store).await?;
    let entry = instance.get_typed_func::<(u32, i32), ()>(&mut *store, ENTRY)?;
    let ended = entry.call_async(&mut *store, given).await;
    if let (Err(error), Ok(heap)) = (&ended, &module.heap)
        && error.is::<ThreadEnded>()
    {
        let stack_pointer = heap.layout.stack_pointer(store, &instance).map(|(_, pointer)| pointer);
        let left = LeftThread { id: given.0, stack_pointer, globals: heap.layout.globals(store, &instance) };
        store.data_mut().heap.left_threads.push(left);
    }
    ended
}

/// A guest that is not in a call: its main thread, and the other threads if it has any.
pub struct MainThread<'a, 't> {
    pub store: &'a mut Store<TestState>,
    pub threads: &'a mut Option<ThreadGroup<'t>>,
}

impl AsContext for MainThread<'_, '_> {
    type Data = TestState;

    fn as_context(&self) -> StoreContext<'_, TestState> {
        self.store.as_context()
    }
}

impl AsContextMut for MainThread<'_, '_> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, TestState> {
        self.store.as_context_mut()
    }
}

impl MainThread<'_, '_> {
    /// Calls a function of the guest.
    ///
    /// # Errors
    /// See [`CallGuest::enter_guest`].
    pub fn call_guest<P: WasmParams + Sync, R: WasmResults + Sync>(
        &mut self,
        function: &TypedFunc<P, R>,
        params: P,
    ) -> wasmtime::Result<R> {
        match self.threads {
            None => function.call(&mut *self.store, params),
            Some(group) => group.call(self.store, function, params),
        }
    }
}

impl CallGuest for MainThread<'_, '_> {
    fn enter_guest<P: WasmParams + Sync, R: WasmResults + Sync>(
        &mut self,
        function: &TypedFunc<P, R>,
        params: P,
    ) -> impl Future<Output = wasmtime::Result<R>> + Send {
        std::future::ready(self.call_guest(function, params))
    }
}

/// The seed of the schedule for a test of this name, in a run with this seed.
fn seed(seed: u64, test: &str) -> u64 {
    let mut hash = Sha256::new();
    hash.update(b"schedule");
    hash.update(seed.to_le_bytes());
    hash.update(test.as_bytes());
    let hash = hash.finalize();
    hash.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
