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
mod slack;
mod state;
mod told;

pub use captured::{Capture, Captured};
pub use module::NoHeap;
pub use picture::EndPicture;
pub use state::{Crossing, HeapEnd, HeapRun, Watching};
pub use told::Told;

pub(super) use ask::{mark, stats};
pub(super) use hooks::{attach, linker};
pub(super) use layout::Ground;
pub(super) use module::ModuleHeap;
pub(super) use picture::{EXTRA_FUEL, shift};
pub(super) use slack::{NearDry, Plan, SLACK};
pub(super) use state::{Enough, HeapState};

/// Bytes of a page of linear memory.
const PAGE: u64 = 1 << 16;
