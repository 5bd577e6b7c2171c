//! Reads what the SDK keeps in a guest's memory: the state of the test, and its journal.

use super::said::{Said, SpanReader};
use super::state::TestState;
use airtight_abi::{State, journal};
use wasmtime::{AsContext, AsContextMut, Instance};

/// Reads what a scope wrote into the journal. Also returns how many bytes that were.
///
/// # Errors
/// In words, what is wrong if the memory does not hold what the SDK puts there.
pub fn read(
    reader: &SpanReader,
    cx: &mut impl AsContextMut<Data = TestState>,
    instance: &Instance,
    state: &State,
) -> Result<(Said, usize), String> {
    let len = usize::try_from(state.journal_len).unwrap_or(usize::MAX);
    if len > journal::CAP {
        return Err(format!("its journal says it has {len} bytes, and no test's has more than {}", journal::CAP));
    }
    let (mut said, mut read) = (Said::default(), 0);
    for &(from, to) in reader.spans.iter().filter(|(_, to)| *to as usize <= len) {
        let address = state.journal_ptr.saturating_add(from);
        let part = bytes(cx, instance, address, (to - from) as usize)?;
        read += part.len();
        for entry in journal::entries(&part) {
            said.add(entry.map_err(|error| error.to_string())?);
        }
    }
    Ok((said, read))
}

/// The SDK's state at an address.
///
/// # Errors
/// See [`read`].
pub fn state(cx: &mut impl AsContextMut<Data = TestState>, instance: &Instance, address: u32) -> Result<State, String> {
    let bytes = bytes(cx, instance, address, State::SIZE)?;
    let bytes: [u8; State::SIZE] = bytes.try_into().map_err(|_| "its state is cut short".to_owned())?;
    State::read(&bytes).map_err(|error| error.to_string())
}

/// Bytes of the guest's memory.
///
/// # Errors
/// See [`read`].
pub fn bytes(
    cx: &mut impl AsContextMut<Data = TestState>,
    instance: &Instance,
    address: u32,
    len: usize,
) -> Result<Vec<u8>, String> {
    let start = usize::try_from(address).unwrap_or(usize::MAX);
    let copy = |memory: &[u8]| memory.get(start..).and_then(|rest| rest.get(..len)).map(<[u8]>::to_vec);
    let bytes = match &cx.as_context().data().thread {
        Some(seat) => seat.look(copy),
        None => {
            let memory = instance.get_memory(cx.as_context_mut(), "memory").ok_or("the module exports no memory")?;
            copy(memory.data(cx.as_context()))
        }
    };
    bytes.ok_or_else(|| format!("its state points outside of its memory, to {address:#x}"))
}
