//! Reasons that several tests share, counted.

use super::sanitise::OneLine;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// The most reasons that are named: a test can give any reason it likes for being skipped.
const MAX_REASONS: usize = 5;

/// `2 ignored, 1 should_panic`, the most frequent first.
pub(super) struct Reasons<'a, T>(pub &'a BTreeMap<T, usize>);

impl<T: AsRef<str>> Display for Reasons<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut reasons: Vec<_> = self.0.iter().collect();
        // The sort is stable: reasons with the same count stay in the order of their text.
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let (named, others) = reasons.split_at(reasons.len().min(MAX_REASONS));
        for (i, (reason, count)) in named.iter().enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            write!(f, "{separator}{count} {}", OneLine(reason.as_ref()))?;
        }
        let others: usize = others.iter().map(|(_, count)| **count).sum();
        if others > 0 { write!(f, ", {others} for other reasons") } else { Ok(()) }
    }
}
