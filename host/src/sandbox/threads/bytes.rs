//! The bytes of the memory that threads share.

use crate::sandbox::state::TestState;
use wiggle::GuestMemory;

/// Gives access to the bytes of the memory that threads share, while none of the threads runs.
pub fn with_bytes<T>(state: &mut TestState, work: impl FnOnce(&mut TestState, &mut [u8]) -> T) -> wasmtime::Result<T> {
    let Some(seat) = state.thread.clone() else { wasmtime::bail!("the store runs no thread") };
    // SAFETY: the reference is gone when the work is done, before any thread goes on, and the work has no other one.
    Ok(work(state, unsafe { &mut *seat.bytes() }))
}

/// Gives access to the memory that threads share, while none of the threads runs.
pub fn with_memory<T>(
    state: &mut TestState,
    work: impl FnOnce(&mut TestState, &mut GuestMemory<'_>) -> wasmtime::Result<T>,
) -> wasmtime::Result<T> {
    with_bytes(state, |state, bytes| work(state, &mut GuestMemory::Unshared(bytes)))?
}
