//! The heap of one test: which blocks are live ([`HeapBook`]), which of them are still reached at the end ([`reach`]), where
//! they were allocated ([`sites`]), which lost blocks hold each other ([`owners`]), and which variables keep the retained ones
//! ([`keepers`]).
//!
//! Two things cannot be seen: memory that a test hands out by itself from a block or from static data (an arena, a pool), and
//! blocks of an allocator that is not hooked.

mod book;
mod calls;
mod error;
mod figures;
pub mod keepers;
mod map;
mod nesting;
pub mod owners;
mod parts;
pub mod pointer_watch;
pub mod reach;
pub mod sites;
mod threads;
mod trail;

pub use book::{HeapBook, ScopeHeap};
pub use calls::{AllocatorCall, Trace};
pub use error::{BadFree, HeapError};
pub use figures::{AllocationOutcome, CrossedLimits, Figures, HeapLimits};
pub use map::Block;
pub use parts::Parts;
pub use threads::StackBlock;
pub use trail::Trail;

#[cfg(test)]
mod tests;
