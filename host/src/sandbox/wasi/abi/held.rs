//! airtight's own imports that tell which resources a test acquired after some moment and still holds. See
//! [`airtight_abi::held`].

use crate::ledger::{Handle, Kind};
use crate::sandbox::wasi::context::Wasi;
use crate::sandbox::wasi::fault::{Fault, Halt};
use crate::sandbox::wasi::meter;
use airtight_abi::held::MAX_TEXT;
use wiggle::{GuestMemory, GuestPtr};

/// The separator between two resources.
const SEPARATOR: &str = ", ";

/// `held_mark`.
pub fn mark(wasi: &Wasi) -> wasmtime::Result<i32> {
    let next = u32::try_from(wasi.ledger.next_number());
    next.map(u32::cast_signed).map_err(|_| wasmtime::Error::msg("more resources were acquired than can be numbered"))
}

/// `held_since`.
pub fn since(wasi: &mut Wasi, memory: &mut GuestMemory<'_>, [mark, at, len]: [i32; 3]) -> wasmtime::Result<i32> {
    let len = len.cast_unsigned();
    if len as usize > MAX_TEXT {
        wasmtime::bail!("the text on what is held has {len} bytes; it may have {MAX_TEXT}");
    }
    let mut words = Vec::new();
    let mut room = len as usize;
    let mut count = 0_usize;
    for handle in wasi.ledger.held_since(u64::from(mark.cast_unsigned())) {
        count += 1;
        // If the list is cut, its beginning is given.
        let word = word(handle);
        match room.checked_sub(word.len() + if words.is_empty() { 0 } else { SEPARATOR.len() }) {
            Some(less) => {
                room = less;
                words.push(word);
            }
            None => room = 0,
        }
    }
    wasi.world.meter.charge(meter::ENTRY, count);
    wasi.world.meter.charge(meter::BYTE, len as usize);
    let mut bytes = words.join(SEPARATOR).into_bytes();
    bytes.resize(len as usize, 0);
    let place = GuestPtr::<u8>::new(at.cast_unsigned()).as_array(len);
    memory.copy_from_slice(&bytes, place).map_err(|error| match Fault::from(error) {
        Fault::Halt(halt) => halt,
        _ => Halt::Pointer("the text on what is held lies outside of the memory".to_owned()),
    })?;
    i32::try_from(count).map_err(|_| wasmtime::Error::msg("more resources are held than can be counted"))
}

/// A resource in words: `file /tmp/a`, `tracked MockOrderService (for the checkout)`.
fn word(handle: &Handle) -> String {
    let kind = match handle.kind {
        Kind::File | Kind::Stream => "file",
        Kind::Dir => "directory",
        Kind::Socket => "socket",
        Kind::Task => "task",
        Kind::Tracked => "tracked",
    };
    let path = handle.path.as_deref().unwrap_or_default();
    match &handle.tracked {
        Some(kind) if path.is_empty() => format!("tracked {kind}"),
        Some(kind) => format!("tracked {kind} ({path})"),
        None => format!("{kind} {path}").trim_end().to_owned(),
    }
}
