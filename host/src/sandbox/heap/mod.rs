//! The heap of one test: the host functions that the module's hooks call, and what is read from memory at the end.
//!
//! A module's allocator functions call `hooks` before and after each call. The hooks keep the books in `state`, and give
//! back the fuel that they cost. `probe` calls the allocator once for each module: it checks that the hooks are called, and
//! finds out where the allocator keeps its own state. `picture` copies what is needed to tell lost blocks from retained
//! ones.

mod allocate;
mod ask;
mod attach;
mod hooks;
mod initial;
mod layout;
mod look;
mod module;
mod not_tracked;
mod picture;
mod pointer_watch;
mod probe;
mod refusals;
mod running_watch;
mod state;
mod take_picture;

pub use not_tracked::{NoHeap, NotTracked};
pub use picture::EndPicture;
pub(super) use picture::LeftThread;
pub use running_watch::WatchPlan;
pub use state::{Crossing, HeapEnd};

pub(super) use ask::{mark, stats};
pub(super) use attach::attach;
pub(super) use hooks::{linker, linker_for_threads};
pub(super) use layout::{Floor, Ground, PAGE};
pub(super) use module::ModuleHeap;
pub(super) use running_watch::RunningWatch;
pub(super) use state::{FuelEndOfFirstRun, HeapState, extent};
