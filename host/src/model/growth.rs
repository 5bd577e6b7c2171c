//! How a test grew over several rounds in one instance: what each round left behind, and what that says of the next one.
//!
//! Each figure is judged by itself and by one exact rule. The last rounds that all changed it by the same amount are its
//! *settled* part. The rounds before those are a warm-up: a buffer was made on first use, a table was filled once. A figure is
//! called steady only if at least [`LEAST`] rounds are settled and they are at least half of all rounds.
//!
//! A change that recurs, such as a page every seventh round or a vector that doubles, is not taken for a warm-up. If it came
//! twice, its last time was in the second half of the rounds, so that too few rounds are settled. A change that came once and
//! early cannot be told from a warm-up.

use super::Resource;
use super::figure;
use serde::{Deserialize, Serialize};

/// How many rounds with the same change a trend needs.
pub const LEAST: usize = 3;

/// All rounds of one test, and the trend of each figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Growth {
    /// The rounds, in order.
    pub rounds: Vec<Round>,
    /// The trend of the test's own heap blocks; absent if the heap was not tracked in some round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap_blocks: Option<Trend>,
    /// Their bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap_bytes: Option<Trend>,
    /// The trend of linear memory in bytes. Memory is taken in pages: a heap that grows steadily takes one now and then.
    pub linear: Trend,
    /// The trend of open descriptors.
    pub handles: Trend,
    /// The blocks that one settled round left on the heap, by place of allocation. Blocks and bytes are those of one round.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<Resource>,
}

/// What was live at the beginning and at the end of one round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Round {
    /// Heap blocks of the test's own; absent where the heap was not tracked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap_blocks: Option<Span>,
    /// Their bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap_bytes: Option<Span>,
    /// Bytes of linear memory.
    pub linear: Span,
    /// Open descriptors of the test's own.
    pub handles: Span,
}

/// A figure at the beginning and at the end of a round.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// At the beginning.
    #[serde(with = "figure")]
    pub before: u64,
    /// At the end, clean-ups included.
    #[serde(with = "figure")]
    pub after: u64,
}

impl Span {
    /// What it grew by; negative where it shrank.
    pub fn growth(self) -> i64 {
        clamp(i128::from(self.after) - i128::from(self.before))
    }
}

impl From<(u64, u64)> for Span {
    fn from((before, after): (u64, u64)) -> Self {
        Self { before, after }
    }
}

/// How one figure changed from round to round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "trend", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Trend {
    /// There were fewer rounds than `LEAST`, the three that a trend needs.
    TooFewRounds,
    /// Every round after the warm-up changed the figure by the same amount, which may be 0.
    Steady {
        /// How many rounds the warm-up has.
        warm_up: u32,
        /// What each round after the warm-up added; negative where the figure shrank.
        #[serde(with = "figure::signed")]
        each: i64,
    },
    /// The figure changed, but not by the same amount in the last rounds.
    Irregular {
        /// How many rounds it grew in.
        grew_in: u32,
        /// What it grew by in all rounds together; negative where it shrank.
        #[serde(with = "figure::signed")]
        in_all: i64,
    },
}

impl Trend {
    /// Judges one figure by its growth in each round.
    fn from_rounds(growth: &[i64]) -> Self {
        let (Some(last), true) = (growth.last(), growth.len() >= LEAST) else { return Self::TooFewRounds };
        let settled = growth.iter().rev().take_while(|round| *round == last).count();
        if settled >= LEAST && settled >= growth.len().div_ceil(2) {
            return Self::Steady { warm_up: count(growth.len() - settled), each: *last };
        }
        let in_all = clamp(growth.iter().copied().map(i128::from).sum());
        Self::Irregular { grew_in: count(growth.iter().filter(|round| **round > 0).count()), in_all }
    }

    /// Whether more rounds can be expected to hold more: each settled round added something, or the rounds never settled and
    /// added something together. Growth in the warm-up alone does not count.
    pub fn grows(self) -> bool {
        match self {
            Self::TooFewRounds => false,
            Self::Steady { each, .. } => each > 0,
            Self::Irregular { in_all, .. } => in_all > 0,
        }
    }
}

impl Growth {
    /// Judges rounds in their order. The caller adds the places of allocation, from a round that [`Growth::settled_from`]
    /// allows.
    pub fn judge(rounds: Vec<Round>) -> Self {
        let trend = |figure: fn(&Round) -> Option<Span>| {
            let growth: Option<Vec<i64>> = rounds.iter().map(|round| figure(round).map(Span::growth)).collect();
            growth.map(|growth| Trend::from_rounds(&growth))
        };
        let always = |figure| trend(figure).unwrap_or(Trend::TooFewRounds);
        Self {
            heap_blocks: trend(|round| round.heap_blocks),
            heap_bytes: trend(|round| round.heap_bytes),
            linear: always(|round| Some(round.linear)),
            handles: always(|round| Some(round.handles)),
            sites: Vec::new(),
            rounds,
        }
    }

    /// Whether more rounds can be expected to hold more heap (or more linear memory, where the heap is not tracked) or more
    /// descriptors. Where the heap is tracked, linear memory does not count: the allocator takes it in pages and never gives it
    /// back.
    pub fn grows(&self) -> bool {
        let memory = match (self.heap_blocks, self.heap_bytes) {
            (Some(blocks), Some(bytes)) => blocks.grows() || bytes.grows(),
            _ => self.linear.grows(),
        };
        memory || self.handles.grows()
    }

    /// The first settled round of the heap, counted from 1: it and all later rounds left the same number of blocks and of
    /// bytes. `None` if the heap did not settle.
    pub fn settled_from(&self) -> Option<u32> {
        let (Some(Trend::Steady { warm_up: blocks, .. }), Some(Trend::Steady { warm_up: bytes, .. })) =
            (self.heap_blocks, self.heap_bytes)
        else {
            return None;
        };
        Some(blocks.max(bytes).saturating_add(1))
    }
}

fn clamp(difference: i128) -> i64 {
    i64::try_from(difference).unwrap_or(if difference < 0 { i64::MIN } else { i64::MAX })
}

fn count(rounds: usize) -> u32 {
    u32::try_from(rounds).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use proptest::prelude::*;

    /// Bytes after each round of a vector that is pushed to once a round, doubling from four elements of eight bytes.
    fn doubling(rounds: u64, elements: u64) -> Vec<i64> {
        let bytes = |pushed: u64| if pushed == 0 { 0 } else { 8 * pushed.next_power_of_two().max(4) };
        let grown = |round| bytes(elements + round + 1) - bytes(elements + round);
        (0..rounds).map(|round| i64::try_from(grown(round)).unwrap()).collect()
    }

    #[test]
    fn a_warm_up_is_told_from_growth() {
        let trend = Trend::from_rounds(&[1072, 48, 48, 48]);
        assert_eq!(trend, Trend::Steady { warm_up: 1, each: 48 });
        assert!(trend.grows());
        let trend = Trend::from_rounds(&[1072, 96, 0, 0, 0]);
        assert_eq!(trend, Trend::Steady { warm_up: 2, each: 0 });
        assert!(!trend.grows());
        assert_eq!(Trend::from_rounds(&[-8; 3]), Trend::Steady { warm_up: 0, each: -8 });
    }

    #[test]
    fn a_trend_needs_three_equal_rounds_and_half_of_all() {
        assert_eq!(Trend::from_rounds(&[]), Trend::TooFewRounds);
        assert_eq!(Trend::from_rounds(&[48, 48]), Trend::TooFewRounds);
        assert_eq!(Trend::from_rounds(&[0, 48, 48]), Trend::Irregular { grew_in: 2, in_all: 96 });
        assert_eq!(Trend::from_rounds(&[1, 2, 3, 48, 48, 48]), Trend::Steady { warm_up: 3, each: 48 });
        assert_eq!(Trend::from_rounds(&[1, 2, 3, 4, 48, 48, 48]), Trend::Irregular { grew_in: 7, in_all: 154 });
    }

    #[test]
    fn a_vector_that_doubles_is_not_steady() {
        assert_eq!(Trend::from_rounds(&doubling(50, 0)), Trend::Irregular { grew_in: 5, in_all: 512 });
        // In four rounds, only the first allocation can be seen: it looks like a warm-up.
        assert_eq!(Trend::from_rounds(&doubling(4, 0)), Trend::Steady { warm_up: 1, each: 0 });
    }

    #[test]
    fn each_figure_is_judged_by_itself() {
        let round = |nth: u64| Round {
            heap_blocks: Some((nth, nth + 1).into()),
            heap_bytes: Some((nth * 48, (nth + 1) * 48).into()),
            linear: (17 << 16, (17 + nth / 7 % 2) << 16).into(),
            handles: (3, 3).into(),
        };
        let growth = Growth::judge((0..10).map(round).collect());
        assert_eq!(growth.heap_blocks, Some(Trend::Steady { warm_up: 0, each: 1 }));
        assert_eq!(growth.heap_bytes, Some(Trend::Steady { warm_up: 0, each: 48 }));
        assert_eq!(growth.linear, Trend::Irregular { grew_in: 3, in_all: 3 << 16 });
        assert_eq!(growth.handles, Trend::Steady { warm_up: 0, each: 0 });
        assert_eq!((growth.grows(), growth.settled_from()), (true, Some(1)));
    }

    #[test]
    fn linear_memory_counts_where_the_heap_is_not_tracked() {
        let round = |heap: Option<Span>| Round {
            heap_blocks: heap,
            heap_bytes: heap,
            linear: (1 << 16, 2 << 16).into(),
            handles: Span::default(),
        };
        let tracked = Growth::judge(vec![round(Some(Span::default())); 5]);
        assert!(!tracked.grows() && tracked.linear.grows());
        let mut rounds = vec![round(Some(Span::default())); 4];
        rounds.push(round(None));
        let untracked = Growth::judge(rounds);
        assert_eq!((untracked.heap_blocks, untracked.settled_from()), (None, None));
        assert!(untracked.grows());
    }

    proptest! {
        #[test]
        fn a_prefix_and_as_many_equal_rounds_are_found(
            prefix in prop::collection::vec(any::<i64>(), 0..20),
            each: i64,
            more in 0..20_usize,
        ) {
            let settled = prefix.len().max(LEAST) + more;
            let mut rounds = prefix.clone();
            rounds.extend(vec![each; settled]);
            // The warm-up ends with the last round that differs.
            let warm_up = prefix.iter().rposition(|round| *round != each).map_or(0, |last| last + 1);
            prop_assert_eq!(Trend::from_rounds(&rounds), Trend::Steady { warm_up: count(warm_up), each });
        }

        #[test]
        fn steady_is_what_it_says(growth in prop::collection::vec(-1..2_i64, 0..40)) {
            match Trend::from_rounds(&growth) {
                Trend::TooFewRounds => prop_assert!(growth.len() < LEAST),
                Trend::Steady { warm_up, each } => {
                    let (before, settled) = growth.split_at(warm_up as usize);
                    prop_assert!(settled.iter().all(|round| *round == each));
                    prop_assert!(settled.len() >= LEAST && settled.len() >= before.len());
                    prop_assert_ne!(before.last(), Some(&each));
                }
                Trend::Irregular { grew_in, in_all } => {
                    prop_assert_eq!(in_all, growth.iter().sum::<i64>());
                    prop_assert_eq!(grew_in as usize, growth.iter().filter(|round| **round > 0).count());
                }
            }
        }

        #[test]
        fn what_recurred_is_not_steady(period in 2..30_usize, at in 0..30_usize, rounds in 0..200_usize, by: i64) {
            let at = at % period;
            prop_assume!(by != 0 && rounds > at + period);
            let growth: Vec<i64> = (0..rounds).map(|round| if round % period == at { by } else { 0 }).collect();
            let steady = matches!(Trend::from_rounds(&growth), Trend::Steady { .. });
            prop_assert!(!steady, "{:?}", growth);
        }

        #[test]
        fn doubling_that_was_seen_twice_is_not_steady(rounds in 5..1000_u64, elements in 0..2_u64) {
            let growth = doubling(rounds, elements);
            let steady = matches!(Trend::from_rounds(&growth), Trend::Steady { .. });
            prop_assert!(!steady, "{:?}", growth);
        }

        #[test]
        fn no_figure_is_too_large_and_all_come_back(growth in samples::any_growth()) {
            let judged = Growth { sites: growth.sites.clone(), ..Growth::judge(growth.rounds.clone()) };
            prop_assert_eq!(&judged, &growth);
            let json = serde_json_canonicalizer::to_vec(&growth).unwrap();
            prop_assert_eq!(serde_json::from_slice::<Growth>(&json).unwrap(), growth);
        }
    }
}
