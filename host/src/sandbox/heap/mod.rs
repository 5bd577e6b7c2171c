//! The heap of one test: what the hooks in the module call, and what is read from its memory at the end.
//!
//! A module's allocator functions call `hooks` before and after each call; they keep the books in `state` and give back
//! the fuel that the hooks themselves cost. `probe` calls the allocator once a module, to see that the hooks are
//! awake and where the allocator keeps its own state. `picture` takes what is needed to tell lost blocks from retained ones.

mod ask;
mod captured;
mod hooks;
mod layout;
mod module;
mod picture;
mod probe;
mod state;

pub use captured::{Capture, Captured};
pub use module::NoHeap;
pub use picture::EndPicture;
pub(super) use state::At;
pub use state::{Crossing, HeapEnd, HeapRun, Watching};

pub(super) use ask::{mark, stats};
pub(super) use hooks::{attach, linker};
pub(super) use layout::Ground;
pub(super) use module::ModuleHeap;
pub(super) use picture::{EXTRA_FUEL, EXTRA_MEMORY, shift};
pub(super) use state::{Enough, HeapState, NearDry};

/// Fuel that a call into a guest is given beyond its limit where the hooks' own cost could otherwise end it early, until the
/// call of a hook that takes it away again. More than any hook costs.
pub(super) const SLACK: u64 = 1 << 12;
