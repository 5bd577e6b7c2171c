//! What is counted of a heap, and the limits on it.

use crate::model::{HeapKind, LimitValues, Tally};

/// The limits on figures of the heap that are counted as the test runs. The first crossing of each is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeapLimits {
    /// By tally; `u64::MAX` where there is no limit, or it was crossed already.
    most: [u64; Tally::COUNT],
}

impl HeapLimits {
    /// Those among a test's limits that are on a tally of its heap.
    #[must_use]
    pub fn new(values: &LimitValues) -> Self {
        let mut limits = Self::default();
        for (limit, value) in values.iter() {
            if let Some(HeapKind::Tally(tally)) = limit.row().heap.map(|figure| figure.kind) {
                limits.most[tally as usize] = value;
            }
        }
        limits
    }

    /// Whether these figures cross a limit that was not crossed before.
    #[inline]
    pub(super) fn is_crossed(&self, figures: &Figures) -> bool {
        Tally::ALL.into_iter().any(|tally| figures.tally(tally) > self.most[tally as usize])
    }

    /// The limits that these figures cross. From here on they count as crossed.
    #[cold]
    pub(super) fn cross(&mut self, figures: &Figures) -> CrossedLimits {
        let mut crossed = CrossedLimits::default();
        for tally in Tally::ALL {
            let (most, figure) = (&mut self.most[tally as usize], figures.tally(tally));
            if figure > *most {
                *most = u64::MAX;
                crossed.figures[tally as usize] = Some(figure);
            }
        }
        crossed
    }
}

impl Default for HeapLimits {
    fn default() -> Self {
        Self { most: [u64::MAX; Tally::COUNT] }
    }
}

/// What a call of the allocator did to the blocks of the heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllocationOutcome {
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
        crossed: Option<CrossedLimits>,
    },
    /// The allocator had no block to give, and asking for one crossed limits.
    Refused {
        /// The limits that it crossed.
        crossed: CrossedLimits,
    },
}

impl AllocationOutcome {
    /// Limits that the call crossed.
    pub fn crossed(&self) -> Option<CrossedLimits> {
        match self {
            Self::Nothing => None,
            Self::Allocated { crossed, .. } => *crossed,
            Self::Refused { crossed } => Some(*crossed),
        }
    }
}

/// Limits that one allocation crossed, each with the figure that is over it. Each is told once, when it is first crossed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CrossedLimits {
    figures: [Option<u64>; Tally::COUNT],
}

impl CrossedLimits {
    /// The figure that is over its limit, where that limit was crossed.
    #[must_use]
    pub fn get(&self, tally: Tally) -> Option<u64> {
        self.figures[tally as usize]
    }
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
    /// Most bytes of a single block that was asked for, refused ones included.
    pub largest: u64,
}

impl Figures {
    /// A figure that limits can be on.
    #[inline]
    #[must_use]
    pub fn tally(&self, tally: Tally) -> u64 {
        match tally {
            Tally::Peak => self.peak,
            Tally::Allocations => self.allocations + self.reallocations,
            Tally::Largest => self.largest,
        }
    }
}
