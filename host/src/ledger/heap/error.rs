use thiserror::Error;

/// Why the heap of a test is not tracked. The text completes "heap: not tracked (…)".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum HeapError {
    /// Memory grew outside of the hooked allocator. So the module has another allocator, whose blocks would be missed.
    #[error("the test's memory grew outside of the allocator's functions")]
    GrewOutside,
    /// The allocator returned a block that overlaps a live one: the function named `malloc` does not do what its name says.
    #[error("the allocator handed out memory that was already in use")]
    Overlapping,
    /// The allocator returned a block that does not lie within the memory.
    #[error("the allocator handed out a block outside of the test's memory")]
    OutsideMemory,
    /// The allocator returned a block where functions have their variables.
    #[error("the allocator handed out a block on the stack, or below it")]
    OnStack,
    /// The allocator returned a block among static data. Pointers of the static data would be taken for pointers of the block.
    #[error("the allocator handed out a block among the module's static data")]
    InStaticData,
    /// The allocator returned a block that is not aligned for its size. Pointers are looked for only at aligned addresses, and
    /// would not be found in such a block.
    #[error("the allocator handed out a block that is not aligned for what it is to hold")]
    Misaligned,
    /// There were too many live blocks: the books would take too much of the host's memory.
    #[error("more than {} blocks were live at once", super::map::MAX_LIVE_BLOCKS)]
    TooManyBlocks,
    /// A thread waited, or let others run, within a function of the allocator, and another thread called the allocator
    /// meanwhile: their calls cannot be told apart.
    #[error("a thread waited in a function of the allocator")]
    AllocatorWaited,
    /// A reallocation to size 0 gave no block. Some allocators free the block then, and some fail and keep it.
    #[error("a block was reallocated to no bytes, and whether that freed it cannot be told")]
    ZeroRealloc,
}

impl HeapError {
    /// The reason's stable name in reports: see `why_code` of [`crate::model::Heap`].
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::GrewOutside => "grew-outside",
            Self::Overlapping => "overlapping-blocks",
            Self::OutsideMemory => "block-outside-memory",
            Self::OnStack => "block-on-stack",
            Self::InStaticData => "block-in-static-data",
            Self::Misaligned => "misaligned-block",
            Self::TooManyBlocks => "too-many-blocks",
            Self::AllocatorWaited => "allocator-waited",
            Self::ZeroRealloc => "zero-realloc",
        }
    }
}

/// A `free` or `realloc` of a pointer that is not the address of a live block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[error("{} of {kind}", if *realloc { "realloc" } else { "free" })]
pub struct BadFree {
    /// The pointer.
    pub ptr: u32,
    /// Whether the pointer was given to `realloc`, and not to `free`.
    pub realloc: bool,
    /// What is known of the pointer.
    pub kind: BadFreeKind,
}

/// What is known of a pointer that was freed and is not the address of a live block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum BadFreeKind {
    /// It was the address of a block that was freed before, and no live block is there now. This is certain.
    #[error("a block of {size} bytes that was freed before (allocation {number})")]
    Double {
        /// The number of the block's allocation.
        number: u64,
        /// The block's size, in bytes.
        size: u32,
    },
    /// It points into a live block, behind its first byte.
    #[error("a pointer {} bytes into the live block of {size} bytes (allocation {number})", .ptr - .start)]
    Inside {
        /// The pointer.
        ptr: u32,
        /// The address of the block.
        start: u32,
        /// The block's size, in bytes.
        size: u32,
        /// The number of the block's allocation.
        number: u64,
    },
    /// Nothing is known of the pointer: no block ever had this address, or one had it and was freed so long ago that it is
    /// forgotten.
    #[error("a pointer to no live block")]
    Unknown,
}
