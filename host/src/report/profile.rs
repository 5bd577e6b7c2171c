//! Where heap blocks were allocated: what a profile writer is given. Not part of the canonical report.

use super::model::Frame;

/// The allocations of a whole run, by module, test and stack, in that order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeapProfile {
    /// One entry for each stack of each test.
    pub sites: Vec<ProfileSite>,
}

/// What one test allocated with one stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileSite {
    /// The module's name.
    pub module: String,
    /// The test's name.
    pub test: String,
    /// The test's stack, innermost frame first, without the allocator's and the harness's frames.
    pub stack: Vec<Frame>,
    /// Blocks allocated, reallocations included.
    pub alloc_objects: u64,
    /// Their sizes together, in bytes.
    pub alloc_space: u64,
    /// Blocks that were live at the end.
    pub inuse_objects: u64,
    /// Their sizes together, in bytes.
    pub inuse_space: u64,
}
