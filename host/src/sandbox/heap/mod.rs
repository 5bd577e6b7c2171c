//! The heap of one test: what the hooks in the module call, and what is read from its memory at the end.
//!
//! A module's allocator functions call `hooks` before and after each call; they keep the books in `state` and give back
//! the fuel that the hooks themselves cost. `probe` calls the allocator once a module, to see that the hooks are
//! awake and where the allocator keeps its own state. `picture` takes what is needed to tell lost blocks from retained ones.

mod ask;
mod hooks;
mod initial;
mod layout;
mod module;
mod not_tracked;
mod picture;
mod probe;
mod state;

use super::state::TestState;
pub use not_tracked::{NoHeap, NotTracked};
pub use picture::EndPicture;
pub(super) use picture::LeftThread;
pub use state::{Crossing, HeapEnd};

pub(super) use ask::{mark, stats};
pub(super) use hooks::{attach, linker, linker_for_threads};
pub(super) use layout::{Floor, Ground};
pub(super) use module::ModuleHeap;
use probe::MAX_ALLOCATOR_PLACES;
pub(super) use state::{FuelEndOfFirstRun, HeapState};

use wasmtime::Store;

/// Looks at the linear memory of a store's instance, which threads may share. `None` where its heap has none.
fn look<R>(store: &Store<TestState>, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
    let state = store.data();
    match (&state.thread, state.heap.memory) {
        (Some(seat), _) => Some(seat.look(look)),
        (None, Some(memory)) => Some(look(memory.data(store))),
        (None, None) => None,
    }
}

/// Bytes of a page of linear memory.
pub(super) const PAGE: u64 = 1 << 16;
