//! Runs a test again. A single run is [`super::execute`]'s; only this room knows why and how there is another one.
//!
//! Three things ask for another run:
//!
//! - **Exact fuel** (`attempts`, `slack`). The hooks of an allocator cost fuel and give it back. If a test's fuel nearly
//!   ends, the test is run again until the hooks do not show.
//! - **What is left on the heap** (`second`, `shift`, `answers`, `stacks`). The first run of a test keeps no stacks, and
//!   cannot tell a pointer from an integer. In a second run, all blocks are elsewhere in memory, stacks are captured, and
//!   the host gives the same answers as to the first. Second runs behind a set-up begin from a second image of it (`moved`).
//! - **When the last pointers to lost blocks went** (`last_pointers`). Two more runs follow the pointers to these blocks, each with
//!   the blocks elsewhere in memory.
//!
//! A run gets what it needs for either as its [`Instruments`]: `execute` passes them on and does not ask which run it is.

mod answers;
mod attempts;
mod doubt;
mod instruments;
mod last_pointers;
mod moved;
mod second;
mod shift;
mod slack;
mod stacks;

pub use attempts::run;
pub use doubt::HeapDoubt;
pub use last_pointers::{LastPointer, LastPointers, last_pointers};
pub use second::{SecondEnd, SecondRun, second_run};
pub use stacks::{AllocationStacks, StackCapture};

pub(super) use answers::Answers;
pub(super) use instruments::Instruments;
pub(super) use slack::{Allowances, InexactFuel, SLACK, Slack, UsedUp};
pub(super) use stacks::END_FRAMES;
