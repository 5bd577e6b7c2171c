//! What the host does around each call that it answers: it sets the virtual clock from the fuel spent, captures the guest's
//! stack where that is wanted (for a call that may acquire a handle, or release one after its scope ended), and charges its
//! work to fuel.

use crate::ledger::Stack;
use crate::sandbox::code::CodeMap;
use crate::sandbox::state::TestState;
use crate::sandbox::threads;
use wasmtime::error::Context;
use wasmtime::{Caller, Extern, Memory, Trap};
use wiggle::GuestMemory;

/// When the guest's stack is captured for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum Capture {
    /// Always: the call may acquire a handle.
    Always,
    /// Only where a handle that outlived its scope is open: the call may release it, and the stack says where.
    LateRelease,
    /// Never: the call does neither.
    Never,
    /// Never, of a call that acts on this descriptor: who looks at calls does not look at those on standard streams.
    NeverOn(u32),
    /// Never, of a call that is never made to fail: who looks at calls looks at it only where it acts on this descriptor, and that is closed.
    NeverUnless(Option<u32>),
}

/// The stack of the guest that calls the host. It may be known of a run that went the same way until now.
fn stack(caller: &mut Caller<'_, TestState>, spent: u64) -> Stack {
    if let Some(known) = caller.data_mut().wasi.call_watch().and_then(|watch| watch.known_stack(spent)) {
        return known;
    }
    let stack = CodeMap::capture(caller);
    if let Some(watch) = caller.data_mut().wasi.call_watch() {
        watch.keep_stack(spent, &stack);
    }
    stack
}

/// The memory of the guest that calls the host.
fn memory(caller: &mut Caller<'_, TestState>) -> wasmtime::Result<Memory> {
    if let Some(memory) = caller.data().memory {
        return Ok(memory);
    }
    let exported = caller.get_export("memory").and_then(Extern::into_memory);
    let memory = exported.context("the module calls the host but exports no memory named `memory`")?;
    caller.data_mut().memory = Some(memory);
    Ok(memory)
}

/// Does a call of the host, with what has to happen before and after it.
pub(in crate::sandbox) fn around<T>(
    caller: &mut Caller<'_, TestState>,
    capture: Capture,
    call: impl FnOnce(&mut TestState, &mut GuestMemory<'_>) -> wasmtime::Result<T>,
) -> wasmtime::Result<T> {
    let left = caller.get_fuel()?;
    let captures = match capture {
        Capture::Always => true,
        Capture::LateRelease => caller.data().wasi.wants_release(),
        Capture::Never | Capture::NeverOn(_) | Capture::NeverUnless(_) => false,
    };
    let looked_at = || match capture {
        Capture::NeverOn(fd) => caller.data().wasi.wants_stacks_on(fd),
        Capture::NeverUnless(fd) => caller.data().wasi.wants_stacks_of_misuse(fd),
        _ => caller.data().wasi.wants_stacks(),
    };
    let looks = captures || looked_at();
    let spent = caller.data().spent(left);
    // A second run spends other fuel in its allocator, and is told what the first had spent.
    let spent = caller.data_mut().heap.answers.spent(spent);
    let stack = if looks { Some(stack(caller, spent)) } else { None };
    let state = caller.data_mut();
    state.wasi.begin_call(spent, stack, captures);
    let done = if caller.data().thread.is_some() {
        threads::with_memory(caller.data_mut(), call)
    } else {
        let (bytes, state) = memory(caller)?.data_and_store_mut(&mut *caller);
        call(state, &mut GuestMemory::Unshared(bytes))
    };
    let due = caller.data_mut().wasi.end_call();
    caller.set_fuel(left.saturating_sub(due))?;
    // If no fuel is left for the host's work, the test ends here, not at its next loop.
    if due > left && done.is_ok() {
        return Err(Trap::OutOfFuel.into());
    }
    if done.is_ok() {
        caller.data().wasi.check_quota()?;
    }
    done
}
