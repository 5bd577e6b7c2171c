//! What stands before every call of the host: where the calls of a test are looked at, some are noted, and some fail.

use super::answer::Answer;
use crate::sandbox::state::TestState;
use crate::sandbox::wasi::fault::Halt;
use crate::sandbox::wasi::watch::Asked;
use wiggle::GuestMemory;

/// How much later a sleep ends that is made to end late, in nanoseconds: a minute.
const LATE: u64 = 60_000_000_000;

/// Makes a call, which has a name and arguments, unless it is to fail before.
pub fn call<T: Answer>(
    state: &mut TestState,
    memory: &mut GuestMemory<'_>,
    call: (&'static str, &[i64]),
    host: impl FnOnce(&mut TestState, &mut GuestMemory<'_>) -> wasmtime::Result<T>,
) -> wasmtime::Result<T> {
    if state.wasi.watch.is_none() { host(state, memory) } else { watched(state, memory, call, host) }
}

/// The same where calls are looked at.
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
    let entered = watch.enter(wasi, memory, call, (thread.unwrap_or(0), wasi.began.is_some()));
    wasi.watch = Some(watch);
    let Some(entered) = entered else { return host(state, memory) };
    let done = match entered.asked {
        Asked::Host => host(state, memory),
        Asked::Nobody(errno) => match T::of_errno(errno) {
            Some(answer) => Ok(answer),
            None => host(state, memory),
        },
        Asked::HostThen(errno) => host(state, memory).map(|answer| match answer.is_success() {
            true => T::of_errno(errno).unwrap_or(answer),
            false => answer,
        }),
        Asked::HostLate => match host(state, memory) {
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

/// Lets a minute pass.
fn pass(state: &mut TestState) -> wasmtime::Result<()> {
    let until = state.wasi.elapsed().saturating_add(LATE);
    while state.wasi.elapsed() < until {
        state.wasi.pass_time(until)?;
    }
    Ok(())
}
