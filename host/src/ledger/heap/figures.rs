//! The figures of a test's heap, and the limits on figures that are checked while the test runs.

use crate::model::{HeapKind, LimitValues, Tally};

/// The limits on those figures of the heap that are counted while the test runs. Only the first crossing of each limit is
/// noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeapLimits {
    /// The limit on each tally; `u64::MAX` where there is none, or where it was crossed before.
    most: [u64; Tally::COUNT],
}

impl HeapLimits {
    /// The limits on tallies of the heap, out of all limits of a test.
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

    /// Whether the figures cross a limit that was not crossed before.
    #[inline]
    pub(super) fn is_crossed(&self, figures: &Figures) -> bool {
        Tally::ALL.into_iter().any(|tally| figures.tally(tally) > self.most[tally as usize])
    }

    /// The limits that the figures cross now. From here on these limits count as crossed.
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

/// What came of a call of the allocator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllocationOutcome {
    /// No block was allocated that counts, and no limit was crossed: see [`Trace::events`](super::Trace::events) for what
    /// counts.
    Nothing,
    /// A block was allocated or reallocated.
    Allocated {
        /// The block's number, from 1.
        number: u64,
        /// The size that was asked for, in bytes.
        size: u32,
        /// Whether the block is the test's own.
        own: bool,
        /// The limits that were crossed because of this block.
        crossed: Option<CrossedLimits>,
    },
    /// The allocator gave no block, but the size that was asked for crosses a limit.
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

/// Limits that one allocation crossed, each with the figure that exceeds it. A limit is crossed at most once in a run. For
/// example, a limit of 100 bytes on the peak is crossed by the block that takes the peak from 96 to 112, and not by the block
/// after it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CrossedLimits {
    figures: [Option<u64>; Tally::COUNT],
}

impl CrossedLimits {
    /// The figure that exceeds the limit on this tally; `None` if that limit was not crossed.
    #[must_use]
    pub fn get(&self, tally: Tally) -> Option<u64> {
        self.figures[tally as usize]
    }
}

/// The figures of all blocks that are the test's own. Sizes are in bytes, as they were asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Blocks that are live now.
    pub live_blocks: u64,
    /// Bytes of the blocks that are live now.
    pub live_bytes: u64,
    /// The most bytes that were live at once. A reallocation's old and new block never count together.
    pub peak: u64,
    /// Bytes allocated in all; a reallocation counts its whole new size.
    pub total: u64,
    /// Successful allocations. A reallocation of a live block is not one of them.
    pub allocations: u64,
    /// Blocks freed, including those that were freed after the test's own code had ended.
    pub frees: u64,
    /// Successful reallocations of a live block. A block of the harness that the test reallocates is the test's own from then
    /// on, so that there can be more live blocks than `allocations` less `frees`.
    pub reallocations: u64,
    /// The size of the largest block that was asked for, whether the allocator gave it or not.
    pub largest: u64,
}

impl Figures {
    /// The figure of a tally. Tallies are the figures that a limit can check while the test runs.
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
