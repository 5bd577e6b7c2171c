//! A look at a guest's memory.

use crate::sandbox::state::TestState;
use wasmtime::Store;

/// Looks at the linear memory of a store's instance, also if threads share it. `None` if the heap has no memory.
pub(super) fn look<R>(store: &Store<TestState>, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
    let state = store.data();
    match (&state.thread, state.memory) {
        (Some(seat), _) => Some(seat.look(look)),
        (None, Some(memory)) => Some(look(memory.data(store))),
        (None, None) => None,
    }
}
