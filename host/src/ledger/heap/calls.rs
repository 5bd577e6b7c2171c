//! The calls of hooked functions, and the trace by which two runs are compared.

/// A hooked function that is being called, with its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllocatorCall {
    /// `malloc`.
    Malloc {
        /// Bytes asked for.
        size: u32,
    },
    /// `calloc`.
    Calloc {
        /// How many objects.
        count: u32,
        /// The size of each.
        size: u32,
    },
    /// `realloc`.
    Realloc {
        /// The block, or 0 for none.
        ptr: u32,
        /// Bytes asked for.
        size: u32,
    },
    /// `free`.
    Free {
        /// The block, or 0 for none.
        ptr: u32,
    },
    /// `posix_memalign`.
    PosixMemalign {
        /// The address at which it stores the address of the new block.
        to: u32,
        /// What the block's address is to be a multiple of.
        align: u32,
        /// Bytes asked for.
        size: u32,
    },
    /// `aligned_alloc` or `memalign`.
    Aligned {
        /// The block's address is to be a multiple of this.
        align: u32,
        /// Bytes asked for.
        size: u32,
    },
    /// A function in which the test's own code runs.
    Window,
    /// A function of libc whose allocations are libc's own.
    Libc,
    /// The function of libc that makes a thread. The block that it allocates is the thread's stack.
    MakesThread,
}

/// The allocator calls of a run, summed up. Two runs with equal traces made the same calls, whatever addresses they got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trace {
    /// How many calls there were. Calls that a function of the allocator makes for itself are not counted, such as a `malloc`
    /// within a `realloc`.
    pub events: u64,
    /// A hash over the calls, in order: function, size, number of the block that was freed or reallocated, whether the call
    /// succeeded, and whether it was the test's own.
    pub hash: u64,
}

/// The kind of an event in a [`Trace`].
#[derive(Debug, Clone, Copy)]
pub(super) enum TraceEvent {
    Malloc,
    Calloc,
    Realloc,
    Free,
    PosixMemalign,
    Aligned,
}

impl Trace {
    #[inline]
    pub(super) fn add(&mut self, event: TraceEvent, own: bool, succeeded: bool, size: u64, number: u64) {
        // An odd number without a pattern. The hash is to notice differences that come about by chance; it does not withstand
        // an adversary.
        const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
        let what = (event as u64) | u64::from(own) << 3 | u64::from(succeeded) << 4 | number << 5;
        let mixed = (self.hash.rotate_left(23) ^ what).wrapping_mul(MULTIPLIER);
        self.hash = (mixed.rotate_left(29) ^ size).wrapping_mul(MULTIPLIER);
        self.events += 1;
    }
}
