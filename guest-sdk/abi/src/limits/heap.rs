//! The figures of the heap that limits are on.

/// A figure of a test's heap that is judged when the test has ended, and how a broken limit is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeapFigure {
    /// Which figure.
    pub kind: HeapKind,
    /// The message before the figure: `it allocated `.
    pub before: &'static str,
    /// The message after it: ` times`.
    pub after: &'static str,
}

/// Where a figure of the heap comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeapKind {
    /// It is counted while the test runs, so the allocation that broke the limit is known.
    Tally(Tally),
    /// It is found at the end, among the blocks that are left.
    Leftover(Leftover),
}

/// A figure that is counted while the test runs. It never falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tally {
    /// Most bytes of the test's own blocks that were live at once.
    Peak,
    /// Its own allocations, reallocations included.
    Allocations,
    /// Most bytes of a single block that it asked for, whether or not it got them.
    Largest,
}

impl Tally {
    /// Every tally.
    pub const ALL: [Self; 3] = [Self::Peak, Self::Allocations, Self::Largest];
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();
}

/// A figure of what is left at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leftover {
    /// Bytes of blocks that nothing reaches.
    Lost,
    /// Bytes of the test's own blocks that static data still reaches.
    Retained,
}
