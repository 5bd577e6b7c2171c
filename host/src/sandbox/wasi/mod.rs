//! WASI preview 1 for one test: a context of our own behind wasi-common's ABI.
//!
//! wasi-common's descriptor table can neither be enumerated nor asked who opened what, so the table, the objects in it and
//! the ledger beside it are ours; the types, the memory-safe marshalling and the errno table are wasi-common's.

mod buffers;
mod calls;
mod clock;
mod context;
mod fault;
mod grants;
mod host_count;
mod host_dir;
mod host_file;
mod host_files;
mod host_socket;
#[cfg(test)]
mod host_tests;
mod linker;
pub mod meter;
mod object;
mod path;
mod poll;
mod preview1;
mod quota;
mod random;
mod scratch;
mod scratch_object;
mod stdio;
mod table;
mod world;

pub use clock::{MONOTONIC_START, NANOS_PER_FUEL, REALTIME_START};
pub use context::{Left, Remains, Subject, Wasi};
pub use grants::{GrantError, Grants, SCRATCH_PATH};
pub use host_count::HostCount;
pub use linker::{add_to_linker, raw_stack};
pub use quota::BrokenLimit;
pub use stdio::Echo;
pub use world::Watch;
