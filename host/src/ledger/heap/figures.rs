//! What is counted of a heap, and the limits on it.

/// Limits whose crossing is to be noticed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Watch {
    /// Most bytes of own blocks live at once.
    pub peak_heap: Option<u64>,
    /// Most own allocations, reallocations included.
    pub allocations: Option<u64>,
}

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nothing was allocated, or nothing that counts.
    Nothing,
    /// A block was allocated or reallocated.
    Allocated {
        /// Its number, from 1.
        number: u64,
        /// Its size, in bytes.
        size: u32,
        /// Whether it is the test's own.
        own: bool,
        /// Limits that it crossed.
        crossed: Option<Crossed>,
    },
}

/// Limits that one allocation crossed. Each is told once, when it is first crossed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Crossed {
    /// The live bytes that are over [`Watch::peak_heap`].
    pub peak_heap: Option<u64>,
    /// The allocations that are over [`Watch::allocations`].
    pub allocations: Option<u64>,
}

/// What there is to say of the blocks of a test's own, in bytes as they were asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Blocks that are live now.
    pub live_blocks: u64,
    /// Their bytes.
    pub live_bytes: u64,
    /// Most bytes that were live at once. The two halves of a reallocation never are.
    pub peak: u64,
    /// Bytes allocated in all; a reallocation counts its whole new size.
    pub total: u64,
    /// Successful allocations, without reallocations of a live block.
    pub allocations: u64,
    /// Blocks freed, after the window too.
    pub frees: u64,
    /// Successful reallocations of a live block. One that was not the test's own becomes it, where the test reallocates it:
    /// then live blocks are more than allocations without frees.
    pub reallocations: u64,
}
