//! Allocations that fail on purpose. It is the allocator that refuses them: it is asked for more than any memory has.

use crate::instrument::HookKind;
use crate::sandbox::state::TestState;
use crate::sandbox::wasi::Request;
use wasmtime::{Caller, WasmBacktrace};

/// More bytes than a memory of 32 bits has room for beside anything else, and few enough for an allocator to reckon with: what it adds to
/// them does not wrap around, and twice the size of a page is left.
const TOO_MUCH: u32 = 0xfffe_0000;

/// A function of the allocator is entered, in a test whose calls are looked at. How much it is to be asked for.
pub(super) fn enter(caller: &mut Caller<'_, TestState>, kind: HookKind, (a, b): (u32, u32)) -> u32 {
    let state = caller.data_mut();
    if kind == HookKind::Free {
        if let Some(watch) = state.wasi.call_watch() {
            watch.block_is_gone(a);
        }
        return kind.unchanged(a, b);
    }
    let Some(bytes) = state.heap.asked() else { return kind.unchanged(a, b) };
    let Some(begun) = state.wasi.begin_allocation() else { return kind.unchanged(a, b) };
    if begun.wants_stack {
        let stack = caller.data().code.stack(&WasmBacktrace::capture(&*caller));
        let to = (kind == HookKind::PosixMemalign).then_some(a);
        let old = (kind == HookKind::Realloc).then_some(a);
        caller.data_mut().wasi.make_allocation(begun, &stack, Request { bytes, to, old });
    }
    match begun.fails {
        true => refused(kind, b),
        false => kind.unchanged(a, b),
    }
}

/// What makes a request one that nobody can meet. Of a `calloc`, of objects of `size`, that is their count.
fn refused(kind: HookKind, size: u32) -> u32 {
    match kind {
        HookKind::Calloc => TOO_MUCH.div_ceil(size.max(1)).min(u32::MAX / size.max(1)),
        _ => TOO_MUCH,
    }
}

/// An allocator that gave more than there is.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("its allocator gives more memory than there is, so that no allocation of it can be made to fail")]
pub struct UnrefusedAllocation;

/// A function of the allocator is about to return.
///
/// # Errors
/// It was to fail, and has not.
pub(super) fn leave(state: &mut TestState, memory: &[u8], kind: HookKind, result: u32) -> wasmtime::Result<()> {
    if !kind.allocates_or_frees() || !state.wasi.watches_calls() || state.heap.asked().is_none() {
        return Ok(());
    }
    let Some(watch) = state.wasi.call_watch() else { return Ok(()) };
    let failed = |result: u32| if kind == HookKind::PosixMemalign { result != 0 } else { result == 0 };
    let word = |at: u32| {
        let bytes = memory.get(at as usize..)?.first_chunk::<4>()?;
        Some(u32::from_le_bytes(*bytes))
    };
    let address = |to: Option<u32>| match to {
        _ if failed(result) => None,
        Some(to) => word(to),
        None => Some(result),
    };
    match watch.end_allocation(address) {
        true => Ok(()),
        false => Err(UnrefusedAllocation.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_can_meet_it_and_nothing_wraps_around() {
        for size in [1_u32, 2, 3, 24, 4096, 65_537, 1 << 20, 0x7fff_ffff, 0xffff_ffff] {
            let bytes = u64::from(refused(HookKind::Calloc, size)) * u64::from(size);
            assert!(bytes <= u64::from(u32::MAX), "{size}");
            assert!(bytes >= u64::from(TOO_MUCH) || bytes + u64::from(size) > u64::from(u32::MAX), "{size}: {bytes}");
        }
        assert_eq!(refused(HookKind::Realloc, 8), TOO_MUCH);
        assert_eq!(u64::from(TOO_MUCH) + 2 * 65_536, 1 << 32);
    }
}
