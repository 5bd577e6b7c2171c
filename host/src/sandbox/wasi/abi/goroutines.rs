//! airtight's own imports by which Go's test binaries tell what goroutines there are. See [`airtight_abi::go`].

use crate::sandbox::wasi::context::Wasi;
use crate::sandbox::wasi::fault::{Fault, Halt};
use crate::sandbox::wasi::meter;
use airtight_abi::go::{AFTER, BEFORE, EXIT, MAX_STACKS};
use wiggle::{GuestMemory, GuestPtr};

/// `goroutines`. Of several of one moment, the last counts.
pub fn goroutines(wasi: &mut Wasi, memory: &mut GuestMemory<'_>, [when, at, len]: [i32; 3]) -> wasmtime::Result<i32> {
    let len = len.cast_unsigned();
    if len as usize > MAX_STACKS {
        wasmtime::bail!("stacks of goroutines have {len} bytes; they may have {MAX_STACKS}");
    }
    wasi.world.meter.charge(meter::BYTE, len as usize);
    let place = GuestPtr::<u8>::new(at.cast_unsigned()).as_array(len);
    let bytes = memory.to_vec(place).map_err(|error| match Fault::from(error) {
        Fault::Halt(halt) => halt,
        _ => Halt::Pointer("stacks of goroutines lie outside of the memory".to_owned()),
    })?;
    let stacks = String::from_utf8_lossy(&bytes).into_owned();
    let dumps = &mut wasi.goroutines;
    match when.cast_unsigned() {
        BEFORE => dumps.before = Some(stacks),
        AFTER => dumps.after = Some(stacks),
        EXIT => dumps.exit = Some(stacks),
        when => wasmtime::bail!("goroutines are told of a moment {when}, which this version of airtight does not know"),
    }
    Ok(0)
}

/// `collects`.
pub fn collects(wasi: &mut Wasi, begins: i32) -> i32 {
    wasi.collects = begins != 0;
    0
}
