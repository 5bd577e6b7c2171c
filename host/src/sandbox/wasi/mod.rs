//! WASI preview 1 for one test: a context of our own behind wasi-common's ABI.
//!
//! wasi-common's descriptor table can neither be enumerated nor asked who opened what, so the table, the objects in it and
//! the ledger beside it are ours; the types, the memory-safe marshalling and the errno table are wasi-common's.
//!
//! ```text
//! abi        the functions that a guest imports
//! context    one test: its table, its ledger, its world; `open` makes it, `remains` is what it leaves behind
//! grants     what every test of a policy starts with
//! fork       a context that begins where another one stands
//! table      descriptors, their rights, and the traits of what they stand for
//! resolve    one resolution of paths for every kind of directory
//! host       granted directories, files and sockets of the host
//! scratch    files in memory: the scratch file system and overlays
//! devices    the null device
//! net        the loopback network in memory
//! stdio      the standard streams; `captured` is what is kept of them
//! goroutines what Go's test binaries tell of their goroutines and their heap
//! tracked    resources of the user's own kinds
//! watch      the calls that can be made to fail; `trace` keeps the events of a test
//! reads      what a test asks of the host, and whether the host still gives the same answers
//! tasks      asynchronous tasks of which the SDK tells
//! given_paths  the addresses of the paths given to calls: for the end of the heap
//! missing_paths  the last paths at which the guest found nothing: for hints
//! world      what all objects of a test share: clock, files, network, captured output, deadline, meter
//! ```

mod abi;
mod books;
mod captured;
mod clock;
mod context;
mod devices;
mod fault;
mod fork;
mod given_paths;
mod goroutines;
mod grants;
mod held;
mod host;
pub mod meter;
mod missing_paths;
mod net;
mod open;
#[cfg(all(test, target_os = "linux"))]
mod oracle;
mod quota;
mod random;
mod reads;
mod remains;
mod resolve;
mod scratch;
mod shown;
mod stdio;
mod table;
mod tasks;
mod trace;
mod tracked;
mod waiting;
mod watch;
mod watchdog;
mod world;

pub use abi::add_to_linker;
pub(super) use abi::{Capture, around};
pub use captured::Streams;
pub use context::Wasi;
pub use fault::Halt;
pub use fork::NotCaptured;
pub use given_paths::GivenPaths;
pub use goroutines::{GoAccount, GoReady, GoStart, GoroutineDumps};
pub use grants::{GrantError, Grants};
pub use open::ContextOptions;
pub use quota::BrokenLimit;
pub use reads::{AskedPath, HostReads, state_of};
#[cfg(test)]
pub use remains::LeftoverFile;
pub use remains::{OverlayChange, Remains};
pub use scratch::FileKind;
pub use trace::{RawTrace, TracedEvent};
pub use waiting::FatalWait;
pub use watch::{CallStacks, MisuseKind, NotedCall, OwnCalls, Request, WatchOptions, WatchedCalls, errno_code};
pub use watchdog::{Watchdog, deadline_after};
