//! Judges what tests retain: whether it grew by more than is allowed from one report to the other.

use super::heap::{Amount, ComparedFigure, TestChange, known};
use super::pairs;
use crate::model::{Report, Threshold};

/// The growth of what tests retain, judged by a threshold. Only tests that are in both reports are judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetainedGrowth {
    /// What was allowed.
    pub threshold: Threshold,
    /// Tests that retain more than was allowed, the largest growth first.
    pub over: Vec<TestChange>,
    /// How many tests were judged.
    pub judged: usize,
    /// How many tests could not be judged because a report does not know what they retain.
    pub not_judged: usize,
    /// How many tests could not be judged because a report only knows how much they retain at most. Within that bound, the
    /// growth could be allowed or not.
    pub not_certain: usize,
}

impl RetainedGrowth {
    /// Judges every test that both reports have. If a figure is a bound, the test is judged only if every figure within the
    /// bound would be judged alike. For example, at most 100 bytes that become 2,000 grew by more than 1 KiB, whatever they
    /// were.
    pub fn judge(old: &Report, new: &Report, threshold: Threshold) -> Self {
        let mut growth = Self { threshold, over: Vec::new(), judged: 0, not_judged: 0, not_certain: 0 };
        for pair in pairs(old, new).into_iter().filter(|pair| pair.old.is_some() && pair.new.is_some()) {
            let figure = ComparedFigure::Retained;
            let (Ok(old), Ok(new)) = (known(pair.old, figure), known(pair.new, figure)) else {
                growth.not_judged += 1;
                continue;
            };
            let least = |amount: Amount| if amount.bound { 0 } else { amount.bytes };
            // The growth is surely too much if it is too much from the most that it can have been to the least that it can
            // be.
            let surely = threshold.is_exceeded(old.bytes, least(new));
            if surely != threshold.is_exceeded(least(old), new.bytes) {
                growth.not_certain += 1;
                continue;
            }
            growth.judged += 1;
            if surely {
                growth.over.push(TestChange { test: pair.id, figure, old, new });
            }
        }
        growth.over.sort_by_key(|test| std::cmp::Reverse(test.new.bytes - test.old.bytes));
        growth
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Heap;
    use crate::model::samples;
    use crate::model::threshold::PERCENT;
    use proptest::prelude::*;

    /// A report of one test that retains `retained` bytes; with `doubt`, at most these.
    fn report(retained: u64, doubt: bool) -> Report {
        let mut test = samples::passed("works");
        let blocks = if retained == 0 { Vec::new() } else { vec![samples::blocks(1, retained)] };
        let doubt = doubt.then(|| "nobody looked".to_owned());
        test.usage.as_mut().unwrap().heap = Heap { doubt, ..samples::heap(&[], &blocks) };
        samples::report(vec![samples::module("m", vec![test])])
    }

    /// How many tests are over, how many are judged, and how many are not judged because of a doubt.
    fn judged(old: (u64, bool), new: (u64, bool), threshold: Threshold) -> (usize, usize, usize) {
        let growth = RetainedGrowth::judge(&report(old.0, old.1), &report(new.0, new.1), threshold);
        (growth.over.len(), growth.judged, growth.not_certain)
    }

    #[test]
    fn with_a_doubt_only_what_would_be_judged_alike_is_judged() {
        let (sure, most) = (|bytes| (bytes, false), |bytes| (bytes, true));
        let kib = Threshold::Bytes(1024);
        assert_eq!(judged(most(1000), sure(2024), kib), (0, 0, 1), "it may have grown from nothing");
        assert_eq!(judged(most(1000), sure(2025), kib), (1, 1, 0), "it grew too much in any case");
        assert_eq!(judged(most(1000), sure(1024), kib), (0, 1, 0));
        assert_eq!(judged(sure(1000), most(2024), kib), (0, 1, 0));
        assert_eq!(judged(sure(1000), most(2025), kib), (0, 0, 1), "it may have grown less");
        assert_eq!(judged(most(48), most(48), Threshold::Share(0)), (0, 0, 1), "both may be anything");
        assert_eq!(judged(most(0), sure(0), Threshold::Share(0)), (0, 1, 0), "nothing is nothing");
    }

    proptest! {
        #[test]
        fn a_doubt_hides_no_verdict_and_makes_none_up(
            (old, new) in ((0..40_u64, any::<bool>()), (0..40_u64, any::<bool>())),
            threshold in prop_oneof![
                (0..300_u64).prop_map(|percent| Threshold::Share(percent * PERCENT)),
                (0..40_u64).prop_map(Threshold::Bytes),
            ],
        ) {
            let range = |(bytes, doubt): (u64, bool)| if doubt { 0..=bytes } else { bytes..=bytes };
            let any = range(old).flat_map(|old| range(new).map(move |new| threshold.is_exceeded(old, new)));
            let any: std::collections::BTreeSet<bool> = any.collect();
            let expected = match (any.contains(&true), any.contains(&false)) {
                (true, true) => (0, 0, 1),
                (over, _) => (usize::from(over), 1, 0),
            };
            prop_assert_eq!(judged(old, new, threshold), expected);
        }
    }
}
