//! Running a test again. One run of it is [`super::execute`]'s; why and how there is another is known here alone.
//!
//! Two things ask for another run:
//!
//! - **Exact fuel** (`attempts`, `slack`). The hooks of an allocator cost fuel and give it back. Where a test's fuel nearly
//!   ends, it is run again until that does not show.
//! - **What is left on the heap** (`second`, `shift`, `answers`, `stacks`). The first run of a test keeps no stacks, and does
//!   not tell a pointer from an integer. A second run has all its blocks elsewhere in memory, captures stacks, and is told by
//!   the host what the first one was told.
//!
//! What a run needs for either are its [`Instruments`]: `execute` passes them on and does not ask which run it is.

mod answers;
mod attempts;
mod doubt;
mod instruments;
mod second;
mod shift;
mod slack;
mod stacks;

pub use attempts::run;
pub use doubt::HeapDoubt;
pub use second::{SecondRun, second_run};
pub use stacks::{AllocationStacks, StackCapture};

pub(super) use answers::Answers;
pub(super) use instruments::Instruments;
pub(super) use slack::{Allowances, InexactFuel, SLACK, Slack, UsedUp};
pub(super) use stacks::END_FRAMES;
