//! The host functions for guests with threads: WASI's functions, where other threads may run while one waits;
//! `thread-spawn`; and the functions that waits and notifications were replaced by.

use super::seat::Seat;
use super::stopped::ThreadEnded;
use super::turns::TurnEnd;
use super::waits::{Wait, Wake};
use crate::catalogue::threads;
use crate::ledger::{Stack, short};
use crate::model::trace::TraceKind;
use crate::sandbox::state::TestState;
use crate::sandbox::wasi::{Capture, Halt, TracedEvent, around, meter};
use std::pin::Pin;
use std::task::{Context, Poll};
use wasmtime::error::Context as _;
use wasmtime::{Caller, Linker, Trap, WasmBacktrace};
use wiggle::GuestMemory;

/// What `thread-spawn` returns if there are too many threads: wasi-libc turns it into `EAGAIN`.
const REFUSED: i32 = -6;

/// The module name of the functions that waits call. No guest can import them.
pub(super) const MODULE: &str = "airtight:threads";
pub(super) const WAIT32: &str = "wait32";
pub(super) const WAIT64: &str = "wait64";
pub(super) const NOTIFY: &str = "notify";
pub(super) const STEP: &str = "step";
pub(super) const CHANGED: &str = "changed";

/// Lets other threads run. It is done when its own thread is run again.
#[derive(Default)]
pub(super) struct Pause {
    is_over: bool,
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.is_over, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// What a thread does after a host call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AfterCall {
    /// It goes on, unless it has run for as long as it may.
    GoesOn,
    /// Others may run: there is one more.
    OthersMayRun,
    /// It gives way to others.
    GivesWay,
}

impl AfterCall {
    /// Why its turn is over, if others run then.
    fn ends(self) -> TurnEnd {
        match self {
            Self::GoesOn => TurnEnd::Interrupted,
            Self::OthersMayRun => TurnEnd::Spawned,
            Self::GivesWay => TurnEnd::GaveWay,
        }
    }
}

/// A host call of a thread: tried again, after others have run, for as long as it waits for what they may do.
pub async fn call<T>(
    caller: &mut Caller<'_, TestState>,
    (captures, gives_way): (Capture, bool),
    call: impl Fn(&mut TestState, &mut GuestMemory<'_>) -> wasmtime::Result<T>,
) -> wasmtime::Result<T> {
    call_then(caller, (captures, if gives_way { AfterCall::GivesWay } else { AfterCall::GoesOn }), call).await
}

async fn call_then<T>(
    caller: &mut Caller<'_, TestState>,
    (captures, then): (Capture, AfterCall),
    call: impl Fn(&mut TestState, &mut GuestMemory<'_>) -> wasmtime::Result<T>,
) -> wasmtime::Result<T> {
    let seat = caller.data().thread.clone().context("the store runs no thread")?;
    check(&seat)?;
    let mut began = None;
    loop {
        caller.data_mut().wasi.begin_try(seat.id, began);
        let done = around(caller, captures, &call);
        // It waits since the first try, however often it looks again.
        let since = *began.get_or_insert(caller.data().wasi.elapsed());
        let error = match done {
            Ok(done) => {
                seat.board.schedule().descriptors_changed();
                if then == AfterCall::GivesWay {
                    seat.board.schedule().give_way(seat.id);
                }
                if then != AfterCall::GoesOn || seat.is_due() {
                    seat.turn_ends(then.ends(), || stack(caller));
                    let_others_run(&seat).await?;
                }
                return Ok(done);
            }
            Err(error) => error,
        };
        match error.downcast_ref::<Halt>() {
            Some(Halt::Until(until)) => {
                let wait = until.sockets.clone().map_or(Wait::Time, Wait::Descriptor);
                begin_wait(&seat, caller, (wait, Some(until.due), since));
            }
            Some(Halt::Wait(waited)) if waited.forever => {
                begin_wait(&seat, caller, (Wait::Descriptor(waited.message.clone()), None, since));
            }
            _ => return Err(error),
        }
        Pause::default().await;
        seat.woken()?;
    }
}

/// The stack of the thread that calls the host.
fn stack(caller: &Caller<'_, TestState>) -> Stack {
    caller.data().code.stack(&WasmBacktrace::capture(caller))
}

/// A thread begins to wait, until a time where it has one. Keeps where, if that is to be told.
fn begin_wait(seat: &Seat, caller: &mut Caller<'_, TestState>, (wait, due, since): (Wait, Option<u64>, u64)) {
    let traces = caller.data_mut().wasi.trace().is_some();
    let told = traces.then(|| wait.to_string());
    let is_followed = seat.wait(wait.clone(), due, since);
    if let Some(object) = told {
        let (object, stack) = (Some(object.into()), Some(stack(caller)));
        let event = TracedEvent { object, stack, ..TracedEvent::new(TraceKind::Wait, "waits for") };
        caller.data_mut().wasi.trace_in_call(seat.id, event);
    }
    if is_followed {
        seat.turn_ends(TurnEnd::Waits(wait), || stack(caller));
    }
}

/// Lets other threads run before this one goes on.
async fn let_others_run(seat: &Seat) -> Result<(), ThreadEnded> {
    seat.board.schedule().yielded(seat.id);
    Pause::default().await;
    check(seat)
}

/// Lets other threads run after a step that nothing could interrupt, if this thread has run for as long as it may.
///
/// # Errors
/// The thread has to end where it is.
pub fn after_step(seat: Seat, caller: &Caller<'_, TestState>) -> impl Future<Output = wasmtime::Result<()>> + use<> {
    let is_due = seat.is_due();
    if is_due {
        seat.turn_ends(TurnEnd::Interrupted, || stack(caller));
    }
    async move {
        if is_due {
            let_others_run(&seat).await?;
        }
        Ok(())
    }
}

/// Ends a thread that has to end where it is.
fn check(seat: &Seat) -> Result<(), ThreadEnded> {
    if seat.stops() { Err(ThreadEnded) } else { Ok(()) }
}

/// Adds `thread-spawn` to the linker.
///
/// # Errors
/// None is expected: a name defined twice would be a bug.
pub fn add_to_linker(linker: &mut Linker<TestState>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        threads::MODULE,
        threads::SPAWN,
        |mut caller: Caller<'_, TestState>, (given,): (i32,)| {
            Box::new(async move {
                call_then(&mut caller, (Capture::Always, AfterCall::OthersMayRun), move |state, _| {
                    let stack = state.wasi.take_stack().unwrap_or_else(|| [].into());
                    let seat = state.thread.as_ref().context("the store runs no thread")?;
                    let by = seat.id;
                    let name = state.heap.take_name(by);
                    if state.wasi.refuses_spawn(&stack, by == 0) {
                        return Ok(REFUSED);
                    }
                    let seat = state.thread.as_ref().context("the store runs no thread")?;
                    let spawned = seat.board.schedule().spawn(given, short(&stack), name.clone());
                    let event = TracedEvent {
                        object: name,
                        opened: spawned,
                        failed: spawned.is_none().then(|| "EAGAIN".into()),
                        stack: Some(stack),
                        ..TracedEvent::new(TraceKind::Thread, "spawn")
                    };
                    state.wasi.trace_in_call(by, event);
                    if let Some(spawned) = spawned {
                        state.heap.spawned(by, spawned);
                    }
                    Ok(spawned.map_or(REFUSED, u32::cast_signed))
                })
                .await
            })
        },
    )?;
    Ok(())
}

/// The linker with the functions that waits call, and with nothing that a guest is linked with.
///
/// # Errors
/// None is expected: a name defined twice would be a bug.
pub fn hooks(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<TestState>> {
    let mut linker = Linker::new(engine);
    linker.func_wrap_async(MODULE, WAIT32, |caller: Caller<'_, TestState>, (at, expected, timeout, offset)| {
        let expected: u32 = expected;
        Box::new(wait(caller, (at, offset), expected.to_le_bytes(), timeout))
    })?;
    linker.func_wrap_async(MODULE, WAIT64, |caller: Caller<'_, TestState>, (at, expected, timeout, offset)| {
        let expected: u64 = expected;
        Box::new(wait(caller, (at, offset), expected.to_le_bytes(), timeout))
    })?;
    linker.func_wrap_async(MODULE, STEP, |caller: Caller<'_, TestState>, (): ()| Box::new(step(caller)))?;
    linker.func_wrap(MODULE, CHANGED, |caller: Caller<'_, TestState>, address: u32, value: u32| {
        if let Some(seat) = &caller.data().thread {
            seat.board.schedule().word_changed(seat.id, address, value);
        }
    })?;
    linker.func_wrap_async(MODULE, NOTIFY, |caller: Caller<'_, TestState>, (at, most, offset)| {
        Box::new(notify(caller, (at, offset), most))
    })?;
    Ok(linker)
}

/// A thread is about to do an atomic operation. Other threads may run before that.
async fn step(caller: Caller<'_, TestState>) -> wasmtime::Result<()> {
    let seat = caller.data().thread.clone().context("the store runs no thread")?;
    check(&seat)?;
    if seat.step() {
        seat.turn_ends(TurnEnd::Interrupted, || stack(&caller));
        let_others_run(&seat).await?;
    }
    Ok(())
}

/// What a wait returns.
const TOLD: u32 = 0;
const OTHER_VALUE: u32 = 1;
const TIMED_OUT: u32 = 2;

/// `memory.atomic.wait`: waits for a notification, unless the memory holds another value than `expected`.
async fn wait<const N: usize>(
    mut caller: Caller<'_, TestState>,
    (at, offset): (u32, u32),
    expected: [u8; N],
    timeout: i64,
) -> wasmtime::Result<u32> {
    let (seat, now) = enter(&mut caller)?;
    let place = place::<N>(&seat, at, offset)?;
    // SAFETY: the reference is gone at the end of the statement.
    let found = unsafe { &*seat.bytes() }.get(place as usize..).and_then(<[u8]>::first_chunk::<N>) == Some(&expected);
    if !found {
        if seat.is_due() {
            seat.turn_ends(TurnEnd::Interrupted, || stack(&caller));
            let_others_run(&seat).await?;
        }
        return Ok(OTHER_VALUE);
    }
    // A timeout below 0 means for ever.
    let due = u64::try_from(timeout).ok().map(|timeout| now.saturating_add(timeout));
    begin_wait(&seat, &mut caller, (Wait::Address(place), due, now));
    Pause::default().await;
    Ok(match seat.woken()? {
        Wake::Told => TOLD,
        Wake::TimedOut => TIMED_OUT,
    })
}

/// `memory.atomic.notify`.
async fn notify(mut caller: Caller<'_, TestState>, (at, offset): (u32, u32), most: u32) -> wasmtime::Result<u32> {
    let (seat, _) = enter(&mut caller)?;
    let place = place::<4>(&seat, at, offset)?;
    let (told, is_due) = seat.notify(place, most);
    if is_due {
        seat.turn_ends(TurnEnd::Interrupted, || stack(&caller));
        let_others_run(&seat).await?;
    }
    Ok(told)
}

/// Begins a call of a thread that waits or notifies: charges it, and sets the time.
fn enter(caller: &mut Caller<'_, TestState>) -> wasmtime::Result<(Seat, u64)> {
    let seat = caller.data().thread.clone().context("the store runs no thread")?;
    let left = caller.get_fuel()?;
    let state = caller.data_mut();
    let spent = seat.enter_host(state.spent_in_store(left))?;
    state.wasi.tell_spent(spent);
    let now = state.wasi.elapsed();
    caller.set_fuel(left.checked_sub(meter::CALL).ok_or(Trap::OutOfFuel)?)?;
    Ok((seat, now))
}

/// An address of `N` bytes, which has to be aligned and in memory.
fn place<const N: usize>(seat: &Seat, at: u32, offset: u32) -> Result<u32, Trap> {
    let place = u64::from(at) + u64::from(offset);
    if !place.is_multiple_of(N as u64) {
        return Err(Trap::HeapMisaligned);
    }
    if place + N as u64 > seat.memory_size() {
        return Err(Trap::MemoryOutOfBounds);
    }
    u32::try_from(place).map_err(|_| Trap::MemoryOutOfBounds)
}
