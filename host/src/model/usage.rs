//! What a test used of memory, fuel, descriptors and heap: exact figures.

use super::figure;
use serde::{Deserialize, Serialize};

/// Figures of one test, exact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Usage {
    /// Fuel spent, without clean-ups; for a test that was called several times, by all calls together. Absent after a trap
    /// other than `unreachable` (a memory fault, a stack overflow, a division by zero), and after the wall clock: the fuel then
    /// depends on the engine or the machine.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// The largest size of linear memory that the test itself needed, in bytes. Memory that clean-ups add does not count by
    /// itself, but it stays: it counts as soon as the test, called again, needs still more. Absent after a stack overflow and
    /// after the wall clock.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub linear_peak: Option<u64>,
    /// The most descriptors that the test had open at once, without pre-opened ones and standard streams. Absent after a stack
    /// overflow and after the wall clock.
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

/// Heap accounting of one test. Only blocks that were allocated while the test itself ran count, not those of its harness or of
/// the program's start. Sizes are those that were asked for, in bytes, without the allocator's own overhead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Heap {
    /// Whether the heap was tracked. If it was not, there are no figures.
    pub tracked: bool,
    /// Why the heap was not tracked, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<std::borrow::Cow<'static, str>>,
    /// Why the heap was not tracked, as a code for programs. A code keeps its meaning when the words change. Later versions may
    /// have more codes. The reason lies in:
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
    /// Most bytes that were live at once. This figure and the four below are absent after a stack overflow and after the wall
    /// clock.
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
    /// Bytes of blocks that nothing reaches at the end. This figure and the three below are absent if the test did not finish
    /// normally. If [`Heap::is_bounded`], this is a lower bound: some of the retained bytes may be lost, too.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
    /// How many blocks these are.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub lost_blocks: Option<u64>,
    /// Bytes of blocks that static data still reaches at the end, or that a function reaches which was running when the program
    /// left through `exit(0)`. If [`Heap::is_bounded`], this is an upper bound: some or all of it may be lost. The sum of lost
    /// and retained bytes is exact in any case.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub retained: Option<u64>,
    /// How many blocks these are.
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub retained_blocks: Option<u64>,
    /// Why the four figures above, or the places where the blocks were allocated, are not certain, in words. A second run,
    /// which would tell, was not possible or differed; or functions that were still running may hold blocks that seem to be
    /// lost. If no block is retained, the figures are certain all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
    /// The doubt as a code for programs. There was no second run: `unrepeatable`, `out-of-time`, `interrupted`, `not-tracked`.
    /// The second run differed: `other-ending`, `other-allocations`, `nothing-left`, `other-blocks`. The program left through
    /// `exit(0)`: `running-functions`.
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
    /// Why the heap is not tracked, if the test itself did something that made the host lose track; `None` if it is a property
    /// of the module. The difference matters: a single call of the test could otherwise turn a leak into a pass.
    pub fn lost_track(&self) -> Option<&str> {
        let own = self.why_code.as_deref().is_some_and(|code| OWN_DOING.contains(&code));
        self.why.as_deref().filter(|_| own)
    }

    /// Whether [`Heap::lost`] and [`Heap::lost_blocks`] are only lower bounds, and [`Heap::retained`] and
    /// [`Heap::retained_blocks`] only upper bounds; the same holds for the entries of these blocks. That is so if there is a
    /// doubt and some blocks seem to be retained.
    pub fn is_bounded(&self) -> bool {
        self.doubt.is_some() && self.retained_blocks.is_some_and(|blocks| blocks > 0)
    }
}
