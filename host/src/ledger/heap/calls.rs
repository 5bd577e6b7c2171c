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
        /// The address at which it stores that of the new block.
        to: u32,
        /// What the block's address is to be a multiple of.
        align: u32,
        /// Bytes asked for.
        size: u32,
    },
    /// `aligned_alloc` or `memalign`.
    Aligned {
        /// What its address is to be a multiple of.
        align: u32,
        /// Bytes asked for.
        size: u32,
    },
    /// A function in which the test's own code runs.
    Window,
    /// A function of libc whose allocations are libc's own.
    Libc,
    /// The function of libc that makes a thread: what it allocates is the thread's stack.
    MakesThread,
}

/// The allocator calls of a run, summed up. Two runs with equal traces called the allocator alike, whatever addresses they got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trace {
    /// How many calls there were. Those that an allocator's function makes for itself are not counted: a `malloc` within a
    /// `realloc`, for example.
    pub events: u64,
    /// A hash over the calls, in order: function, size, number of the block it was given, whether it succeeded, and whether
    /// it was the test's own.
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
        // Odd and without pattern. The hash is to notice chance differences; it does not withstand an adversary.
        const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
        let what = (event as u64) | u64::from(own) << 3 | u64::from(succeeded) << 4 | number << 5;
        let mixed = (self.hash.rotate_left(23) ^ what).wrapping_mul(MULTIPLIER);
        self.hash = (mixed.rotate_left(29) ^ size).wrapping_mul(MULTIPLIER);
        self.events += 1;
    }
}
