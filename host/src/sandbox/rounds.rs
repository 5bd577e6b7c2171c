//! What an instance holds before and after each call of a test that is called several times in it.

use super::state::TestState;
use wasmtime::Store;

/// The levels around one call of the test, its clean-ups included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundLevels {
    /// Just before the call.
    pub before: Level,
    /// Just after the call.
    pub after: Level,
}

/// What an instance holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Level {
    /// Live blocks of the test's own, and their bytes; `None` where the heap is not tracked.
    pub heap: Option<(u64, u64)>,
    /// The number of the last allocation so far. A round's own allocations have the numbers above that of `before`, up to
    /// that of `after`.
    pub allocations: u64,
    /// Linear memory, in bytes.
    pub linear: u64,
    /// Open handles of the test's own.
    pub handles: u32,
}

impl Level {
    /// What the instance of a store holds now, between two calls.
    pub(super) fn now(store: &mut Store<TestState>) -> Self {
        let state = store.data_mut();
        let handles = state.wasi.handles_open();
        let linear = state.memory_now();
        let book = state.heap.book();
        let figures = book.as_ref().and_then(|book| book.figures().ok());
        Self {
            heap: figures.map(|figures| (figures.live_blocks, figures.live_bytes)),
            allocations: book.map_or(0, |book| book.numbered()),
            linear,
            handles,
        }
    }
}
