//! What a guest imports: the functions of WASI preview 1 and airtight's own, and how they read and write guest memory.
//!
//! ```text
//! linker     names and signatures for the engine
//! around     what happens around each call
//! answer     what a call returns
//! front      what happens before the host is asked: some calls are noted, traced or made to fail
//! preview1   the 46 functions, each a few lines over the descriptor table
//! calls      what several of them share: paths, strings, reading and writing, listings, opening
//! buffers    scattered reads and gathered writes over guest memory
//! goroutines what Go's test binaries tell of their goroutines and their heap
//! held       what a test has acquired since some moment and still holds
//! poll       `poll_oneoff`; `alarms` are the timers that it waits for
//! ```

mod alarms;
mod answer;
mod around;
mod buffers;
mod calls;
mod front;
mod goroutines;
mod held;
mod linker;
mod poll;
mod preview1;
#[cfg(test)]
mod tests;

pub(in crate::sandbox) use around::{Capture, around};
pub use linker::add_to_linker;
