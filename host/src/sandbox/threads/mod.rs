//! The threads of a test: each a store and an instance over one shared memory, all of them run by one thread of the host, one at
//! a time.
//!
//! ```text
//! schedule   which thread runs next, what each waits for, what all have spent: decided by the seed alone
//! waits      what threads wait for, and who is woken first
//! allocator  calls of the allocator, which no other thread interrupts
//! explore    the same under one of many schedules, to find one that fails
//! group      the threads themselves, and the loop that runs them until the main one has returned
//! memory     the memory that they share, and its limit
//! calls      what guests call: WASI among threads, `thread-spawn`, waits and notifications
//! seat       what a store knows of its thread
//! shared     what the stores of a test have together
//! turns      the last turns of a test that is repeated to tell them
//! stopped    threads that were ended where they were: in a deadlock, or when the test was over
//! ```

mod allocator;
mod calls;
mod explore;
mod group;
mod memory;
mod schedule;
mod seat;
mod shared;
mod stopped;
mod turns;
mod waits;

pub use calls::{add_to_linker, after_step, call, hooks};
pub use explore::Preemptions;
pub use group::{CallGuest, EndReason, EndedAll, MainThread, ThreadGroup, ThreadModule};
pub use memory::{CappedMemories, MemoryLimit};
pub use seat::{Seat, THREAD_FUEL};
pub use shared::Shared;
pub use stopped::{Deadlocked, Stopped, StoppedThread};
pub use turns::{Turn, TurnEnd};
pub use waits::Wait;

use super::state::TestState;
use wiggle::GuestMemory;

/// Works on the bytes of the memory that the threads share, while none of them runs.
pub(super) fn with_bytes<T>(
    state: &mut TestState,
    work: impl FnOnce(&mut TestState, &mut [u8]) -> T,
) -> wasmtime::Result<T> {
    let Some(seat) = state.thread.clone() else { wasmtime::bail!("the store runs no thread") };
    // SAFETY: the reference is gone when the work is done, before any thread runs on, and the work has no other.
    Ok(work(state, unsafe { &mut *seat.bytes() }))
}

/// Works on the memory that the threads share, while none of them runs.
pub(super) fn with_memory<T>(
    state: &mut TestState,
    work: impl FnOnce(&mut TestState, &mut GuestMemory<'_>) -> wasmtime::Result<T>,
) -> wasmtime::Result<T> {
    with_bytes(state, |state, bytes| work(state, &mut GuestMemory::Unshared(bytes)))?
}
