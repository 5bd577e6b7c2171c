use thiserror::Error;

/// Why the heap of a test is not known. Completes "heap: not tracked (…)".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Untracked {
    /// Something beside the allocator that is watched takes memory: another allocator, whose blocks would be missed.
    #[error("the test's memory grew outside of the allocator's functions")]
    GrewOutside,
    /// The function that is called `malloc` does not do what its name says.
    #[error("the allocator handed out memory that was already in use")]
    Overlapping,
    /// Likewise.
    #[error("the allocator handed out a block outside of the test's memory")]
    OutsideMemory,
    /// The books would take too much of the host's memory.
    #[error("more than {} blocks were live at once", super::MAX_LIVE_BLOCKS)]
    TooManyBlocks,
    /// Some allocators free the block then, some fail and keep it.
    #[error("a block was reallocated to no bytes, and whether that freed it cannot be told")]
    ZeroRealloc,
    /// What `main` still holds in its locals is no leak, and no root that can be seen.
    #[error("the test left through exit() while main was still running")]
    LeftMain,
}

impl Untracked {
    /// Its stable name in reports: see `why_code` of [`crate::model::Heap`].
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::GrewOutside => "grew-outside",
            Self::Overlapping => "overlapping-blocks",
            Self::OutsideMemory => "block-outside-memory",
            Self::TooManyBlocks => "too-many-blocks",
            Self::ZeroRealloc => "zero-realloc",
            Self::LeftMain => "left-main",
        }
    }
}

/// A `free` or `realloc` of a pointer that is no live block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[error("{} of {kind}", if *realloc { "realloc" } else { "free" })]
pub struct BadFree {
    /// The pointer.
    pub ptr: u32,
    /// Whether it was given to `realloc`, not to `free`.
    pub realloc: bool,
    /// What is known of it.
    pub kind: BadFreeKind,
}

/// What is known of a pointer that is no live block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum BadFreeKind {
    /// It was a block, and was freed since: certain.
    #[error("a block of {size} bytes that was freed before (allocation {number})")]
    Double {
        /// The number of the allocation that it came from.
        number: u64,
        /// Its size, in bytes.
        size: u32,
    },
    /// It points past the start of a block.
    #[error("a pointer {} bytes into the live block of {size} bytes (allocation {number})", .ptr - .start)]
    Inside {
        /// The pointer.
        ptr: u32,
        /// Where the block starts.
        start: u32,
        /// Its size, in bytes.
        size: u32,
        /// The number of its allocation.
        number: u64,
    },
    /// Nothing: it never was a block, or was freed so long ago that it is forgotten.
    #[error("a pointer to no live block")]
    Unknown,
}
