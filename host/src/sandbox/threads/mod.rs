//! The threads of a test. Each thread is a store and an instance over one shared memory. One thread of the host runs all of
//! them, one at a time.
//!
//! ```text
//! schedule   which thread runs next, what each waits for, what all have spent: only the seed decides it
//! waits      what threads wait for, and which of them is woken first
//! allocator  calls of the allocator, which no other thread interrupts
//! explore    the choice of the next thread under one of many schedules, to find one under which the test fails
//! group      the threads themselves, and the loop that runs them until the main one has returned
//! module     what is known of their module once for all its tests
//! memory     the memory that they share, and its limit; `bytes` gives access to it
//! calls      the host functions: WASI among threads, `thread-spawn`, waits and notifications; `attach` puts them into
//! instances
//! call_guest how functions of a guest are called, from outside or within a host call that the guest makes
//! seat       what a store knows of its thread
//! shared     what the stores of a test have together
//! stacks     the stacks of the host on which they run, kept for the next
//! turns      the last turns of a test that is repeated to tell them
//! stopped    threads that were ended where they were: in a deadlock, or when the test was over
//! ```

mod allocator;
mod attach;
mod bytes;
mod call_guest;
mod calls;
mod explore;
mod group;
mod memory;
mod module;
mod schedule;
mod seat;
mod shared;
mod stacks;
mod stopped;
mod turns;
mod waits;

pub use bytes::{with_bytes, with_memory};
pub use call_guest::{CallGuest, at_once};
pub use calls::{add_to_linker, after_step, call, hooks};
pub use explore::Preemptions;
pub use group::{MainThread, ThreadGroup};
pub use memory::{CappedMemories, MemoryLimit, clear};
pub use module::ThreadModule;
pub use seat::{Seat, THREAD_FUEL};
pub use shared::Shared;
pub use stacks::KeptStacks;
pub use stopped::{EndReason, EndedAll, StoppedThread, ThreadDeadlock, ThreadEnded};
pub use turns::{Turn, TurnEnd};
pub use waits::Wait;
