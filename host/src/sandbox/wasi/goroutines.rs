//! What Go's test binaries tell of their goroutines, and of their heap.

/// The goroutines of a Go test, as its runtime printed their stacks: when it began, where there were more than the harness's own;
/// when it and its clean-ups had ended; and when the program left, in both cases where there were any left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoroutineDumps {
    pub before: Option<String>,
    pub after: Option<String>,
    pub exit: Option<String>,
}

/// What a Go test told beside its goroutines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoAccount {
    /// Fuel that the program had spent when the test began; `None` where it does not tell.
    pub start_fuel: Option<u64>,
    /// What was live on Go's heap when it began and when it and its clean-ups had ended, each after a collection; where that was asked.
    pub heap: [Option<GoHeap>; 2],
    /// Where it allocated, in the words of [`airtight_abi::go`]; where that was asked.
    pub sites: Option<String>,
}

/// What is live on Go's heap, by the account of Go's own runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoHeap {
    pub bytes: u32,
    pub blocks: u32,
}
