//! What Go's test binaries are told and tell: which test to run, when they are ready for it, what there is of goroutines and heap.

use std::sync::Arc;

/// How one run of a program of Go's differs from the others.
#[derive(Debug, Clone, Default)]
pub struct GoStart {
    /// The arguments of this run alone.
    pub args: Vec<Arc<str>>,
    /// What all runs of the program have in common, where it tells when it is ready and can be gone on with then: the name that seeds
    /// its randomness until then.
    pub common: Option<Arc<str>>,
    /// Whether the test is to tell of its heap.
    pub tells_heap: bool,
}

/// A program of Go's is ready for its test, and its stack of WebAssembly can be left. No end of it: it is gone on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the program is ready for its test")]
pub struct GoReady;

/// The goroutines of a Go test, as stacks that its runtime printed. `before`: when the test began, if there were more than
/// the harness's own. `after`: when it and its clean-ups had ended. `exit`: when the program exited. The last two only if
/// some were left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoroutineDumps {
    pub before: Option<String>,
    pub after: Option<String>,
    pub exit: Option<String>,
}

/// What a Go test told beside its goroutines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoAccount {
    /// The fuel that the program had spent when the test began; `None` if the program does not tell.
    pub start_fuel: Option<u64>,
    /// What was live on Go's heap when the test began, and when it and its clean-ups had ended: each after a collection,
    /// and only if that was asked for.
    pub heap: [Option<GoHeap>; 2],
    /// Where the test allocated, in the format of [`airtight_abi::go`]; only if that was asked for.
    pub sites: Option<String>,
}

/// What is live on Go's heap, by the account of Go's own runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoHeap {
    pub bytes: u32,
    pub blocks: u32,
}
