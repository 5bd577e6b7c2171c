//! Resources of the user's own kinds in the summary of a run.

use super::sanitise::OneLine;
use super::units::GroupedDigits;
use crate::model::{Report, TrackedRecord};
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// Most kinds that are listed.
const LISTED: usize = 20;

/// A line for each kind: how many there were in all tests, the most in one test, and how many were left.
pub(super) struct TrackedText<'a>(pub &'a Report);

impl Display for TrackedText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let tests = self.0.canonical.modules.iter().flat_map(|module| &module.tests);
        let mut kinds: BTreeMap<&str, TrackedRecord> = BTreeMap::new();
        for record in tests.flat_map(|test| &test.details).flat_map(|details| &details.tracked) {
            let TrackedRecord { name, total, peak, left } = record;
            let sum = kinds.entry(name).or_insert_with(|| TrackedRecord::new(name.as_str(), 0, 0, 0));
            sum.total = sum.total.saturating_add(*total);
            sum.peak = sum.peak.max(*peak);
            sum.left = sum.left.saturating_add(*left);
        }
        for TrackedRecord { name, total, peak, left } in kinds.values().take(LISTED) {
            let [total, peak, left] = [total, peak, left].map(|figure| GroupedDigits(*figure));
            writeln!(f, "{:>12} {}: {total} in all, {peak} at once in a test, {left} left", "Tracked", OneLine(name))?;
        }
        let more = kinds.len().saturating_sub(LISTED) as u64;
        if more > 0 { writeln!(f, "{:>12} and {} more kinds", "", GroupedDigits(more)) } else { Ok(()) }
    }
}
