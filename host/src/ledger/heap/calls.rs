//! What an allocator is called for, and the trace of it.

/// A function that is being called.
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
        /// Where it stores the block's address.
        to: u32,
        /// Bytes asked for.
        size: u32,
    },
    /// `aligned_alloc` or `memalign`.
    Aligned {
        /// Bytes asked for.
        size: u32,
    },
    /// A function in which the test's own code runs.
    Window,
    /// A function of libc whose allocations are libc's own.
    Libc,
}

/// Tells whether two runs called the allocator alike, whatever addresses they got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trace {
    /// Calls that count.
    pub events: u64,
    /// A hash over the calls, their sizes, the numbers of the blocks they were given, whether they succeeded and whether
    /// they were the test's own.
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
        // Odd and without pattern; the hash is for chance differences, not against an adversary.
        const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
        let what = (event as u64) | u64::from(own) << 3 | u64::from(succeeded) << 4 | number << 5;
        let mixed = (self.hash.rotate_left(23) ^ what).wrapping_mul(MULTIPLIER);
        self.hash = (mixed.rotate_left(29) ^ size).wrapping_mul(MULTIPLIER);
        self.events += 1;
    }
}
