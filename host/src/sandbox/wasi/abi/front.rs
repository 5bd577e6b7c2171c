//! What stands in front of every call of the host. If the calls of a test are watched, some are noted and some fail here.
//! If the test is traced, each call is an event.

use super::answer::Answer;
use crate::sandbox::state::TestState;
use crate::sandbox::wasi::fault::Halt;
use crate::sandbox::wasi::trace::TracedCall;
use crate::sandbox::wasi::watch::Callee;
use wiggle::{GuestMemory, GuestPtr};

/// By how much a sleep is made to end late, in nanoseconds: a minute.
const LATE: u64 = 60_000_000_000;

/// Makes a call, given by its name and arguments, unless it is to fail before it reaches the host.
pub fn call<T: Answer>(
    state: &mut TestState,
    memory: &mut GuestMemory<'_>,
    call: (&'static str, &[i64]),
    host: impl FnOnce(&mut TestState, &mut GuestMemory<'_>) -> wasmtime::Result<T>,
) -> wasmtime::Result<T> {
    if state.wasi.reads.is_some() {
        return noted(state, memory, call, host);
    }
    if state.wasi.trace.is_some() {
        return traced(state, memory, call, host);
    }
    untraced(state, memory, call, host)
}

/// As [`call`], for a test of which it is noted what it asks of the host. Such a test is not traced.
#[cold]
fn noted<T: Answer>(
    state: &mut TestState,
    memory: &mut GuestMemory<'_>,
    (name, args): (&'static str, &[i64]),
    host: impl FnOnce(&mut TestState, &mut GuestMemory<'_>) -> wasmtime::Result<T>,
) -> wasmtime::Result<T> {
    let Some(mut reads) = state.wasi.reads.take() else { return host(state, memory) };
    let opens = reads.enter(&state.wasi.books(), memory, (name, args));
    let done = untraced(state, memory, (name, args), host);
    if let (Some(path), Ok(true)) = (opens, done.as_ref().map(Answer::is_success)) {
        let place = args.last().map_or(0, |place| *place as u32);
        if let Ok(fd) = memory.read(GuestPtr::<u32>::new(place)) {
            reads.opened(&state.wasi.books(), fd, path);
        }
    }
    state.wasi.reads = Some(reads);
    done
}

fn untraced<T: Answer>(
    state: &mut TestState,
    memory: &mut GuestMemory<'_>,
    call: (&'static str, &[i64]),
    host: impl FnOnce(&mut TestState, &mut GuestMemory<'_>) -> wasmtime::Result<T>,
) -> wasmtime::Result<T> {
    if state.wasi.watch.is_none() { host(state, memory) } else { watched(state, memory, call, host) }
}

/// As [`call`], for a test that is traced. A call that waits for other threads becomes an event when it is done.
#[cold]
fn traced<T: Answer>(
    state: &mut TestState,
    memory: &mut GuestMemory<'_>,
    (name, args): (&'static str, &[i64]),
    host: impl FnOnce(&mut TestState, &mut GuestMemory<'_>) -> wasmtime::Result<T>,
) -> wasmtime::Result<T> {
    let thread = state.trace_memory();
    let traced = TracedCall::new(&state.wasi, memory, (name, args), thread);
    let done = untraced(state, memory, (name, args), host);
    if state.thread.is_some() && done.as_ref().is_err_and(is_set_aside) {
        return done;
    }
    let event = traced.finish(&state.wasi, memory, args, done.as_ref().ok().map(Answer::errno));
    if let Some(trace) = state.wasi.trace() {
        trace.push(event);
    }
    done
}

/// Whether a thread's call waits for other threads, and is tried again after they have run.
fn is_set_aside(error: &wasmtime::Error) -> bool {
    match error.downcast_ref::<Halt>() {
        Some(Halt::Until(_)) => true,
        Some(Halt::Wait(waited)) => waited.forever,
        _ => false,
    }
}

/// As [`call`], for a test whose calls are watched.
#[cold]
fn watched<T: Answer>(
    state: &mut TestState,
    memory: &mut GuestMemory<'_>,
    call: (&'static str, &[i64]),
    host: impl FnOnce(&mut TestState, &mut GuestMemory<'_>) -> wasmtime::Result<T>,
) -> wasmtime::Result<T> {
    let thread = state.thread.as_ref().map(|seat| seat.id());
    let wasi = &mut *state.wasi;
    let Some(mut watch) = wasi.watch.take() else { return host(state, memory) };
    let entered = watch.enter(&wasi.books(), memory, call, (thread.unwrap_or(0), wasi.began.is_some()));
    wasi.watch = Some(watch);
    let Some(entered) = entered else { return host(state, memory) };
    let done = match entered.asked {
        Callee::Host => host(state, memory),
        Callee::Nobody(errno) => match T::of_errno(errno) {
            Some(answer) => Ok(answer),
            None => host(state, memory),
        },
        Callee::HostThen(errno) => host(state, memory).map(|answer| match answer.is_success() {
            true => T::of_errno(errno).unwrap_or(answer),
            false => answer,
        }),
        Callee::HostLate => match host(state, memory) {
            Ok(answer) => pass(state).map(|()| answer),
            Err(error) => Err(error),
        },
    };
    let Some(watch) = &mut state.wasi.watch else { return done };
    match (thread, &done) {
        (Some(thread), Err(error)) if error.downcast_ref().is_some_and(Halt::sets_aside) => {
            watch.set_aside(thread, entered);
        }
        _ => watch.leave(entered, done.as_ref().is_ok_and(Answer::is_success)),
    }
    done
}

/// Lets a minute of the test's time pass.
fn pass(state: &mut TestState) -> wasmtime::Result<()> {
    let until = state.wasi.elapsed().saturating_add(LATE);
    while state.wasi.elapsed() < until {
        state.wasi.pass_time(until)?;
    }
    Ok(())
}
