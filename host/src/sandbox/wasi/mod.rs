//! WASI preview 1 for one test: a context of our own behind wasi-common's ABI.
//!
//! wasi-common's descriptor table can neither be enumerated nor asked who opened what, so the table, the objects in it and
//! the ledger beside it are ours; the types, the memory-safe marshalling and the errno table are wasi-common's.

mod alarms;
mod buffers;
mod calls;
mod clock;
mod context;
mod exclusive;
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
mod net;
mod object;
#[cfg(test)]
mod overlay_tests;
mod path;
mod poll;
mod preview1;
mod quota;
mod random;
mod rights;
mod scratch;
mod scratch_object;
mod stdio;
mod table;
mod waiting;
mod world;

pub use clock::{MONOTONIC_START, NANOS_PER_FUEL};
pub use context::{Left, Remains, Subject, Wasi};
pub use grants::{GrantError, Grants, SCRATCH_PATH};
pub use host_count::HostCount;
pub use linker::add_to_linker;
pub use quota::BrokenLimit;
pub use stdio::Echo;
pub use waiting::Waited;
pub use world::Watch;
