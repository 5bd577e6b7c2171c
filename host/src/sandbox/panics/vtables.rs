//! Asks values behind trait objects through the functions of their vtables.

use super::module::{Readers, TypeId};
use crate::sandbox::guest::Guest;
use wasmtime::{Extern, Func, Ref};
use wasmtime::{ensure, error::Context};

/// The first words of any trait object's vtable: how to drop the value, its size, its alignment.
const FIRST_METHOD: usize = 3;

/// The word of `get` in the vtable of `dyn PanicPayload`. It comes after the words of every vtable, that of `Display`, and
/// `take_box`.
const BORROW: usize = FIRST_METHOD + 2;
const PAYLOAD_WORDS: usize = FIRST_METHOD + 4;

/// The vtable of `dyn Any`: after the words of every vtable comes `type_id`.
const ANY_WORDS: usize = FIRST_METHOD + 1;

/// A value behind `&dyn Any`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AnyValue {
    pub(super) data: u32,
    vtable: u32,
}

/// Asks a payload for the value in it.
pub(super) fn in_payload(
    guest: &mut Guest<'_, '_>,
    (data, vtable): (u32, u32),
    readers: &Readers,
) -> wasmtime::Result<AnyValue> {
    let borrow = guest.words::<PAYLOAD_WORDS>(vtable)?[BORROW];
    ensure!(readers.borrows.contains(&borrow), "its payload is not laid out as Rust's library does");
    let borrow = indirect(guest, borrow, readers)?;
    self::borrow(guest, borrow, data)
}

/// Calls a function that borrows the value in a payload.
pub(super) fn borrow(guest: &mut Guest<'_, '_>, borrow: Func, payload: u32) -> wasmtime::Result<AnyValue> {
    let answer = guest.scratch(0);
    guest.call::<_, ()>(borrow, (answer, payload))?;
    let [data, vtable] = guest.words(answer)?;
    Ok(AnyValue { data, vtable })
}

/// The type of a value.
pub(super) fn type_id(guest: &mut Guest<'_, '_>, value: AnyValue, readers: &Readers) -> wasmtime::Result<TypeId> {
    let answer = guest.scratch(16);
    let asks = guest.words::<ANY_WORDS>(value.vtable)?[FIRST_METHOD];
    let asks = indirect(guest, asks, readers)?;
    guest.call::<_, ()>(asks, (answer, value.data))?;
    Ok(guest.bytes(answer, 16)?.as_slice().try_into()?)
}

fn indirect(guest: &mut Guest<'_, '_>, index: u32, readers: &Readers) -> wasmtime::Result<Func> {
    let instance = guest.instance;
    let table = instance.get_module_export(guest.store(), &readers.table).and_then(Extern::into_table);
    match table.context("the module's table is gone")?.get(guest.store(), u64::from(index)) {
        Some(Ref::Func(Some(function))) => Ok(function),
        _ => wasmtime::bail!("a value of it is not laid out as Rust's library does"),
    }
}
