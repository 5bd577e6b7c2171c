//! airtight's own imports that track resources of the user's own kinds. See [`airtight_abi::tracked`].

use super::context::Wasi;
use super::fault::{Fault, Halt};
use super::meter;
use crate::ledger::HandleId;
use airtight_abi::tracked::{MAX_KINDS, MAX_TEXT};
use std::sync::Arc;
use wasi_common::snapshots::preview_1::types::Errno;
use wiggle::{GuestMemory, GuestPtr};

/// `track`.
pub fn track(
    wasi: &mut Wasi,
    memory: &mut GuestMemory<'_>,
    [kind, kind_len, label, label_len]: [i32; 4],
) -> wasmtime::Result<i32> {
    let kind = text(wasi, memory, kind, kind_len, "kind of a tracked resource")?;
    if kind.is_empty() {
        wasmtime::bail!("a resource is tracked whose kind has no name");
    }
    let label = text(wasi, memory, label, label_len, "label of a tracked resource")?;
    wasi.world.meter.charge(meter::PATH, 1);
    if !wasi.ledger.knows_tracked(&kind) {
        if wasi.ledger.tracked_kinds() >= MAX_KINDS {
            wasmtime::bail!("more than {MAX_KINDS} kinds of resources are tracked");
        }
        wasi.quota.hold(&kind, 0);
    }
    let stack = wasi.stack.take();
    wasi.quota.hold(&label, stack.as_ref().map_or(0, |stack| stack.len()));
    let id = wasi.ledger.track(kind, label, stack);
    // Numbers are those of the ledger, from 1. A test that used up all 32 bits would have spent more fuel than there is.
    i32::try_from(id.number() + 1).map_err(|_| wasmtime::Error::msg("more resources were tracked than can be numbered"))
}

/// `untrack`.
pub fn untrack(wasi: &mut Wasi, number: i32) -> i32 {
    let id = u64::from(number.cast_unsigned()).checked_sub(1).map(HandleId::from_number);
    let tracked = id.and_then(|id| Some((id, wasi.ledger.get(id)?)));
    let tracked = tracked.filter(|(_, handle)| handle.tracked.is_some());
    let Some((id, handle)) = tracked else { return i32::from(Errno::Badf as u16) };
    let label = handle.path.clone().unwrap_or_else(|| Arc::from(""));
    wasi.quota.let_go(&label, handle.stack.as_ref().map_or(0, |stack| stack.len()));
    wasi.ledger.release(id, wasi.stack.as_ref());
    0
}

/// Reads a text out of the guest's memory, and charges the price of reading it.
pub(super) fn text(
    wasi: &mut Wasi,
    memory: &GuestMemory<'_>,
    at: i32,
    len: i32,
    what: &str,
) -> wasmtime::Result<Arc<str>> {
    let len = len.cast_unsigned();
    if len as usize > MAX_TEXT {
        wasmtime::bail!("the {what} has {len} bytes; it may have {MAX_TEXT}");
    }
    wasi.world.meter.charge(meter::BYTE, len as usize);
    let place = GuestPtr::<u8>::new(at.cast_unsigned()).as_array(len);
    let bytes = memory.to_vec(place).map_err(|error| match Fault::from(error) {
        Fault::Halt(halt) => halt,
        _ => Halt::Pointer(format!("the {what} lies outside of its memory")),
    })?;
    Ok(String::from_utf8_lossy(&bytes).into())
}
