//! airtight's own imports by which a Go test binary tells when a test begins, and which goroutines and how much heap there
//! are. See [`airtight_abi::go`].

use crate::sandbox::wasi::context::Wasi;
use crate::sandbox::wasi::fault::{Fault, Halt};
use crate::sandbox::wasi::goroutines::{GoHeap, GoReady};
use crate::sandbox::wasi::meter;
use airtight_abi::go::{AFTER, BEFORE, EXIT, MAX_STACKS};
use wiggle::{GuestMemory, GuestPtr};

/// `go_ready`. From here on the run is that of its test. A program that can be gone on with is left here, once.
pub fn ready(wasi: &mut Wasi) -> wasmtime::Result<()> {
    let Some(test) = wasi.go_test.take() else { return Ok(()) };
    wasi.begin_go_test(&test);
    Err(GoReady.into())
}

/// `go_args`. Gives how many bytes they are, whether there is room for them or not.
pub fn args(wasi: &mut Wasi, memory: &mut GuestMemory<'_>, (at, len): (i32, i32)) -> wasmtime::Result<i32> {
    let ended = wasi.go_args.iter().flat_map(|arg| arg.bytes().chain([0]));
    let bytes: Vec<u8> = ended.collect();
    let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    wasi.world.meter.charge(meter::BYTE, bytes.len());
    if size <= len.cast_unsigned() {
        let place = GuestPtr::<u8>::new(at.cast_unsigned()).as_array(size);
        memory.copy_from_slice(&bytes, place).map_err(|error| match Fault::from(error) {
            Fault::Halt(halt) => halt,
            _ => Halt::Pointer("the place of a test's arguments lies outside of the memory".to_owned()),
        })?;
    }
    Ok(size.cast_signed())
}

/// `goroutines`. Of several of one moment, the last counts.
pub fn goroutines(wasi: &mut Wasi, memory: &mut GuestMemory<'_>, [when, at, len]: [i32; 3]) -> wasmtime::Result<i32> {
    let stacks = text(wasi, memory, (at, len), "stacks of goroutines")?;
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

/// `go_begins`. The fuel spent until the first such call is the program's start-up.
pub fn begins(wasi: &mut Wasi) -> i32 {
    let spent = wasi.world.clock.spent();
    wasi.go.start_fuel.get_or_insert(spent);
    wasi.go_heap.into()
}

/// `go_heap`. If the guest calls it twice for the same moment, the last call counts.
pub fn heap(wasi: &mut Wasi, [when, bytes, blocks]: [i32; 3]) -> wasmtime::Result<i32> {
    let heap = GoHeap { bytes: bytes.cast_unsigned(), blocks: blocks.cast_unsigned() };
    match when.cast_unsigned() {
        BEFORE => wasi.go.heap[0] = Some(heap),
        AFTER => wasi.go.heap[1] = Some(heap),
        when => wasmtime::bail!("the heap is told of at a moment {when}, which this version of airtight does not know"),
    }
    Ok(0)
}

/// `go_sites`. The text is kept only if the run asked for Go's heap.
pub fn sites(wasi: &mut Wasi, memory: &mut GuestMemory<'_>, sites: (i32, i32)) -> wasmtime::Result<i32> {
    let sites = text(wasi, memory, sites, "places of allocations")?;
    if wasi.go_heap {
        wasi.go.sites = Some(sites);
    }
    Ok(0)
}

/// Reads a text out of the guest's memory, and charges the price of reading it.
fn text(wasi: &mut Wasi, memory: &GuestMemory<'_>, (at, len): (i32, i32), what: &str) -> wasmtime::Result<String> {
    let len = len.cast_unsigned();
    if len as usize > MAX_STACKS {
        wasmtime::bail!("{what} have {len} bytes; they may have {MAX_STACKS}");
    }
    wasi.world.meter.charge(meter::BYTE, len as usize);
    let place = GuestPtr::<u8>::new(at.cast_unsigned()).as_array(len);
    let bytes = memory.to_vec(place).map_err(|error| match Fault::from(error) {
        Fault::Halt(halt) => halt,
        _ => Halt::Pointer(format!("{what} lie outside of the memory")),
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
