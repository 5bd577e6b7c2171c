//! airtight's own imports for asynchronous tasks. See [`airtight_abi::tasks`].

use super::context::Wasi;
use super::meter;
use super::tracked::text;
use crate::ledger::{HandleId, Kind};
use std::sync::Arc;
use wasi_common::snapshots::preview_1::types::Errno;
use wiggle::GuestMemory;

/// `task_spawn`.
pub fn spawn(wasi: &mut Wasi, memory: &mut GuestMemory<'_>, [name, len]: [i32; 2]) -> wasmtime::Result<i32> {
    let name = text(wasi, memory, name, len, "name of a task")?;
    wasi.world.meter.charge(meter::PATH, 1);
    let stack = wasi.stack.take();
    wasi.quota.hold(&name, stack.as_ref().map_or(0, |stack| stack.len()));
    let id = wasi.ledger.begin_task(name, stack);
    i32::try_from(id.number() + 1).map_err(|_| wasmtime::Error::msg("more tasks were spawned than can be numbered"))
}

/// `task_name`.
pub fn name(wasi: &mut Wasi, memory: &mut GuestMemory<'_>, [number, name, len]: [i32; 3]) -> wasmtime::Result<i32> {
    let name = text(wasi, memory, name, len, "name of a task")?;
    let Some(id) = task(wasi, number) else { return Ok(i32::from(Errno::Badf as u16)) };
    // The task's frames are counted already; the new name replaces the old one.
    wasi.quota.hold(&name, 0);
    let before = wasi.ledger.name_task(id, name).unwrap_or_default();
    wasi.quota.let_go(&before, 0);
    Ok(0)
}

/// `task_waits`.
pub fn waits(wasi: &mut Wasi, number: i32) -> i32 {
    let Some(id) = task(wasi, number) else { return i32::from(Errno::Badf as u16) };
    let stack = wasi.stack.take();
    let frames = stack.as_ref().map_or(0, |stack| stack.len());
    let before = wasi.ledger.task_waits(id, stack);
    // A task waits at one place at a time, and the host holds the stack of that place.
    wasi.quota.hold("", frames);
    if let Some(before) = before {
        wasi.quota.let_go("", before);
    }
    0
}

/// `task_done`.
pub fn done(wasi: &mut Wasi, number: i32) -> i32 {
    let Some(id) = task(wasi, number) else { return i32::from(Errno::Badf as u16) };
    if let Some(handle) = wasi.ledger.get(id) {
        let (name, frames) = (handle.path.clone(), handle.stack.as_ref().map_or(0, |stack| stack.len()));
        let waits = handle.waits.as_ref().map(|stack| stack.len());
        wasi.quota.let_go(&name.unwrap_or_else(|| Arc::from("")), frames);
        waits.into_iter().for_each(|frames| wasi.quota.let_go("", frames));
    }
    wasi.ledger.release(id, wasi.stack.as_ref());
    0
}

/// The task with this number, if it is not done.
fn task(wasi: &Wasi, number: i32) -> Option<HandleId> {
    let id = HandleId::from_number(u64::from(number.cast_unsigned()).checked_sub(1)?);
    wasi.ledger.get(id).filter(|handle| handle.kind == Kind::Task).map(|_| id)
}
