//! Follows the pointers to some blocks while a run goes on. See [`PointerWatch`](crate::ledger::heap::pointer_watch::PointerWatch) for what is
//! known by that, and [`watch_pointers`](crate::instrument::watch_pointers) for what the module tells.

use super::running_watch::RunningWatch;
use crate::instrument::{WATCHED_COPY, WATCHED_FILL, WATCHED_GLOBAL, WATCHED_STACK};
use crate::ledger::both_ends;
use crate::ledger::heap::AllocatorCall;
use crate::ledger::heap::pointer_watch::MemoryWrite;
use crate::sandbox::rerun::END_FRAMES;
use crate::sandbox::state::TestState;
use wasmtime::error::Context;
use wasmtime::{Caller, Val, WasmBacktrace};

/// Does something with the book of a run that has one: with the stack pointer, and the memory as it is now. Then tells the instance what
/// is of interest from now on, and captures the stack if that is wanted.
fn step(
    caller: &mut Caller<'_, TestState>,
    step: impl FnOnce(&mut RunningWatch, u32, &[u8]) -> bool,
) -> wasmtime::Result<()> {
    let Some(mut watch) = caller.data_mut().heap.watch.take() else { return Ok(()) };
    let memory = caller.data().memory.context("it has no memory")?;
    let pointer = watch.stack_pointer.get(&mut *caller).i32().context("its stack pointer is no address")?;
    watch.book.goes_outside(!caller.data().heap.is_window_open());
    let wants_stack = step(&mut watch, pointer.cast_unsigned(), memory.data(&*caller));
    let now = watch.book.filter();
    if now != watch.told {
        for (global, value) in watch.globals.iter().zip([now.low, now.span, now.stack]) {
            global.set(&mut *caller, Val::I32(value.cast_signed()))?;
        }
        watch.told = now;
    }
    if wants_stack {
        let stack = caller.data().code.stack(&WasmBacktrace::capture(&*caller));
        watch.book.captured(&both_ends(stack, END_FRAMES));
    }
    caller.data_mut().heap.watch = Some(watch);
    Ok(())
}

/// The host's function that a module calls which tells of its writes.
pub(super) fn watch(
    mut caller: Caller<'_, TestState>,
    what: u32,
    a: u32,
    b: u32,
    long: u64,
    high: u64,
) -> wasmtime::Result<()> {
    step(&mut caller, |watch, sp, memory| {
        // No operation on a memory of 32 bits is longer.
        let length = long as u32;
        match what {
            WATCHED_STACK => watch.book.stack_is(a, memory),
            WATCHED_COPY => watch.book.write(MemoryWrite::Copy(a, b, length), sp, memory),
            WATCHED_FILL => watch.book.write(MemoryWrite::Fill(a, b as u8, length), sp, memory),
            WATCHED_GLOBAL => watch.book.set_global(a, b),
            bytes => {
                let all = (u128::from(high) << 64 | u128::from(long)).to_le_bytes();
                watch.book.write(MemoryWrite::Bytes(a, &all[..all.len().min(bytes as usize)]), sp, memory)
            }
        }
    })
}

/// Looks at an allocator call that was entered.
pub(super) fn entered(caller: &mut Caller<'_, TestState>) -> wasmtime::Result<()> {
    let Some(watch) = &mut caller.data_mut().heap.watch else { return Ok(()) };
    let Some(AllocatorCall::Free { ptr }) = watch.entered else { return Ok(()) };
    watch.entered = None;
    step(caller, |watch, _, memory| watch.book.freed(ptr, memory))
}

/// Looks at the block that an allocator call gave.
pub(super) fn given(caller: &mut Caller<'_, TestState>) -> wasmtime::Result<()> {
    let Some(watch) = &mut caller.data_mut().heap.watch else { return Ok(()) };
    let (Some((number, ptr, size)), Some(call)) = (watch.given.take(), watch.entered.take()) else { return Ok(()) };
    step(caller, |watch, sp, memory| match call {
        AllocatorCall::Realloc { ptr: old, .. } if old != 0 => {
            watch.book.reallocated(old, (number, ptr, size), sp, memory)
        }
        _ => {
            watch.book.allocated(number, ptr, size);
            if let AllocatorCall::PosixMemalign { to, .. } = call {
                watch.book.stored(to, sp, memory);
            }
            false
        }
    })
}
