//! The calls of a test that can be made to fail: which they are, what they act on, which of them fail, and what the test
//! does then.
//!
//! ```text
//! kinds    which call a function of the interface is, and what it acts on
//! calls    what is noted of calls, and what is wrong with them
//! asked    calls that the test itself lets fail
//! tally    how many things there are, by where they were made
//! stacks   the stacks of calls, so that a run which goes the same way need not capture them
//! watch    counts, fails and notes the calls of one test
//! allocate the same of its allocations; what is known of them is in `allocations`
//! ```

mod allocate;
mod allocations;
mod asked;
mod calls;
mod kinds;
mod stacks;
mod tally;
#[expect(clippy::module_inception, reason = "the room is named for what it holds")]
mod watch;

pub use allocations::{BegunAllocation, Request};
pub use asked::fail_next;
pub use calls::{MisuseKind, NotedCall, WatchedCalls};
#[cfg(test)]
pub use kinds::can_fail;
pub use kinds::named;
pub use stacks::CallStacks;
pub use watch::{CallWatch, Callee, OwnCalls, WatchOptions, errno_code};
