//! What is not certain of a test's heap: figures that are bounds, places that are not known, or all of it.

use super::sanitise::OneLine;
use crate::model::Heap;
use std::fmt::{self, Display, Formatter};

/// Lines that say what is not certain of a heap, and why. There are none where everything is certain.
pub(super) struct NotCertain<'a>(pub &'a Heap);

impl Display for NotCertain<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(why) = self.0.lost_track() {
            writeln!(f, "    heap not tracked, for what the test did: {}", OneLine(why))?;
        }
        let Some(doubt) = &self.0.doubt else { return Ok(()) };
        let what = if self.0.is_bounded() { "what is lost" } else { "where it was allocated" };
        writeln!(f, "    not certain {what}: {}", OneLine(doubt))
    }
}

/// The words before a figure that is a bound: of what is lost it is a lower bound, of what is retained an upper one.
pub(super) fn bound(lost: bool) -> &'static str {
    if lost { "at least " } else { "at most " }
}

/// Whether there is no doubt about the heap. Where there is one, it says once for all places why they are not known.
pub(super) fn is_certain(heap: Option<&Heap>) -> bool {
    heap.is_none_or(|heap| heap.doubt.is_none())
}
