//! What a test used: exact figures.

use super::figure;
use serde::{Deserialize, Serialize};

/// Figures of one test, exact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Usage {
    /// Fuel spent, without clean-ups; for a test that was called several times, by all calls together. Absent after a trap other than `unreachable` (a memory fault, a stack overflow, a
    /// division by zero), and after the wall clock, where it depends on the engine or the machine.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// The highest that the test made its linear memory, in bytes, without clean-ups: what these add stays, and counts once
    /// the test, called again, needs more. Absent after a stack overflow and after the wall clock.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub linear_peak: Option<u64>,
    /// Most descriptors of the test's own open at once, pre-opened ones and standard streams not counted; absent
    /// after a stack overflow and after the wall clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handles_peak: Option<u32>,
    /// Heap figures.
    pub heap: Heap,
}

impl Usage {
    /// Figures of the heap alone.
    #[must_use]
    pub fn new(heap: Heap) -> Self {
        Self { fuel: None, linear_peak: None, handles_peak: None, heap }
    }
}

/// Heap accounting of one test: only of blocks that were allocated while the test itself ran, not its harness or start-up.
/// Sizes are those that were asked for, in bytes, without the allocator's own overhead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Heap {
    /// Whether the heap was seen at all. Where it was not, there are no figures.
    pub tracked: bool,
    /// Why not, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<std::borrow::Cow<'static, str>>,
    /// The same as a code, for programs: a code keeps its meaning, however the words change. There may be new ones.
    ///
    /// - The module: `turned-off`, `not-asked-for`, `hooks-gone`; no hooks because of its names (`no-names`, `bad-names`,
    ///   `two-names`, `ambiguous-name`), of its allocator (`no-malloc`, `own-runtime`, `global-allocator`, `other-signature`,
    ///   `imported-function`, `too-short`), of where a test begins (`no-window`, `no-main`, `main-inlined`) or of its form
    ///   (`start-function`, `no-memory`, `imported-memory`, `too-large`, `unusual-code`).
    /// - The run: `no-answer`, `no-answer-in-time`, `scattered-allocator`, `not-started`, `ended-before`, `fuel-ended`.
    /// - The allocator while the test ran: `grew-outside`, `overlapping-blocks`, `block-outside-memory`, `block-on-stack`,
    ///   `block-in-static-data`, `misaligned-block`, `too-many-blocks`, `zero-realloc`, and with threads `allocator-waited`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_code: Option<std::borrow::Cow<'static, str>>,
    /// Most bytes that were live at once. Absent, as the other figures of the whole test, after a stack overflow and after
    /// the wall clock.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub peak: Option<u64>,
    /// Bytes allocated in all; a reallocation counts its whole new size.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Successful allocations, without reallocations of a live block.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub allocations: Option<u64>,
    /// Blocks freed.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub frees: Option<u64>,
    /// Successful reallocations of a live block.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub reallocations: Option<u64>,
    /// Bytes of blocks that nothing reaches at the end; absent, as the three below, where the test did not finish normally.
    /// Where [`Heap::is_bounded`], more may be lost: at least so much, and at most so much with what is retained.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
    /// How many blocks these are.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub lost_blocks: Option<u64>,
    /// Bytes of blocks that static data still reaches at the end, or a function that was running when the program left through
    /// `exit(0)`. Where [`Heap::is_bounded`], at most so much: some or all of it
    /// may be lost. Together with what is lost it is exact in any case.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub retained: Option<u64>,
    /// How many blocks these are.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub retained_blocks: Option<u64>,
    /// Why, in words, the four figures above, or the places where the blocks were allocated, are not certain: a second run that would
    /// tell was not possible, or differed, or functions that were still running may hold what seems to be lost. The figures are certain all the same where no block is retained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
    /// The same as a code, for programs. No second run: `unrepeatable`, `out-of-time`, `interrupted`, `not-tracked`. It differed:
    /// `other-ending`, `other-allocations`, `nothing-left`, `other-blocks`. The program left through `exit(0)`:
    /// `running-functions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt_code: Option<std::borrow::Cow<'static, str>>,
}

/// Codes of [`Heap::why_code`] for what a test itself did while it ran. Another test of its module may have a heap that is tracked.
const OWN_DOING: [&str; 9] = [
    "grew-outside",
    "overlapping-blocks",
    "block-outside-memory",
    "block-on-stack",
    "block-in-static-data",
    "misaligned-block",
    "too-many-blocks",
    "allocator-waited",
    "zero-realloc",
];

impl Heap {
    /// Why the heap is not tracked, where that is the test's own doing and no property of its module: one call can so turn a leak
    /// into a pass.
    pub fn lost_track(&self) -> Option<&str> {
        let own = self.why_code.as_deref().is_some_and(|code| OWN_DOING.contains(&code));
        self.why.as_deref().filter(|_| own)
    }

    /// Whether [`Heap::lost`] and [`Heap::lost_blocks`] are only lower bounds, and [`Heap::retained`] and
    /// [`Heap::retained_blocks`] upper ones, as are the entries for these blocks: there is a doubt, and there are blocks that
    /// seem to be retained.
    pub fn is_bounded(&self) -> bool {
        self.doubt.is_some() && self.retained_blocks.is_some_and(|blocks| blocks > 0)
    }
}
