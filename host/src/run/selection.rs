//! Which tests are run: libtest's filters, and nextest's partitions.

use crate::harness::go::GoFlags;
use crate::model::{SubtestFilter, SubtestPattern};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use xxhash_rust::xxh64::xxh64;

/// What to do with tests marked `#[ignore]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RunIgnored {
    /// List them as skipped.
    #[default]
    No,
    /// Run them beside the others.
    Include,
    /// Run them alone.
    Only,
}

/// A choice of tests.
///
/// ```
/// use airtight::Selection;
///
/// let selection = Selection {
///     filters: vec!["parser::".to_owned()],
///     skip: vec!["slow".to_owned()],
///     partition: Some("slice:1/2".parse()?),
///     ..Selection::default()
/// };
/// assert!(selection.matches("parser::empty") && !selection.matches("parser::slow"));
/// # Ok::<(), airtight::PartitionError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selection {
    /// Substrings of names: a test is selected if its name contains any of them; if there are none, all tests are selected.
    /// In `name/case`, what follows the first slash selects subtests of SDK tests, level by level as in Go's `-run`.
    pub filters: Vec<String>,
    /// Whether filters and skips are whole names instead of substrings.
    pub exact: bool,
    /// Substrings of names that are left out. After a slash: of subtests.
    pub skip: Vec<String>,
    /// What to do with ignored tests.
    pub ignored: RunIgnored,
    /// One part of the selected tests.
    pub partition: Option<Partition>,
    /// Whether each subtest of an SDK test is a test of its own, `test/case`. It is run alone in a fresh instance: the
    /// test's code runs with that subtest and no other. The test itself runs without any subtest. To find the subtests,
    /// each test is run once when the plan is made.
    pub isolate_subtests: bool,
    /// How tests of Go's harness are selected beside all this, and what they are given.
    pub go: GoFlags,
}

impl Selection {
    /// Whether a test of this name is selected, before ignoring and partition.
    pub fn matches(&self, name: &str) -> bool {
        let one = |filter: &String| if self.exact { name == filter } else { name.contains(filter.as_str()) };
        (self.filters.is_empty() || self.filters.iter().any(one)) && !self.skip.iter().any(one)
    }

    /// Whether a filter names this set-up or teardown. `by_another` is whether there is another filter, which selects it.
    pub(super) fn names(&self, name: &str, by_another: bool) -> bool {
        (by_another || !self.filters.is_empty()) && self.matches(name)
    }

    /// Whether a test of this name, which may have subtests, is selected: by its own name, or for some of its subtests.
    #[must_use]
    pub fn matches_within(&self, name: &str) -> bool {
        let any =
            self.filters.is_empty() || self.filters.iter().any(|filter| self.reach(filter, name) != Reach::Nothing);
        any && !self.skip.iter().any(|skip| self.reach(skip, name) == Reach::Whole)
    }

    /// Which subtests of this test are selected; `None` for all.
    #[must_use]
    pub fn subtests(&self, name: &str) -> Option<SubtestFilter> {
        let patterns = |filters: &[String]| -> Vec<SubtestPattern> {
            let reached = filters.iter().filter_map(|filter| match self.reach(filter, name) {
                Reach::Within(pattern) => Some(SubtestPattern::new(pattern, self.exact)),
                Reach::Whole | Reach::Nothing => None,
            });
            reached.collect()
        };
        let whole = self.filters.iter().any(|filter| self.reach(filter, name) == Reach::Whole);
        let any = if whole { Vec::new() } else { patterns(&self.filters) };
        let filter = SubtestFilter { any, skip: patterns(&self.skip), ..SubtestFilter::default() };
        (filter != SubtestFilter::default()).then_some(filter)
    }

    /// How much of a test a filter selects.
    fn reach<'f>(&self, filter: &'f str, name: &str) -> Reach<'f> {
        let one = |filter: &str| if self.exact { name == filter } else { name.contains(filter) };
        if one(filter) {
            return Reach::Whole;
        }
        match filter.split_once('/') {
            Some((head, within)) if one(head) => Reach::Within(within),
            _ => Reach::Nothing,
        }
    }
}

/// How much of a test a filter selects.
#[derive(Debug, PartialEq, Eq)]
enum Reach<'f> {
    /// None of it.
    Nothing,
    /// All of it.
    Whole,
    /// The subtests that match this.
    Within(&'f str),
}

/// One of several parts of the tests, as nextest makes them. `slice:1/3` is every third test in the order of the plan.
/// `hash:1/3` are the tests for whose names a hash says so: they stay in their part when other tests come and go.
///
/// ```
/// use airtight::Partition;
///
/// let second: Partition = "slice:2/3".parse()?;
/// assert!(second.holds(1, "a") && second.holds(4, "b") && !second.holds(0, "c"));
/// let hashed: Partition = "hash:1/2".parse()?;
/// assert_eq!(hashed.holds(0, "a"), hashed.holds(1, "a"));
/// # Ok::<(), airtight::PartitionError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    shard: usize,
    count: usize,
    by: PartitionBy,
}

/// What decides to which part a test belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PartitionBy {
    /// Its index in the plan.
    Slice,
    /// Its name.
    Hash,
}

impl Partition {
    /// Whether the test with this name, at this index of the plan (from 0), belongs to the part.
    pub fn holds(self, index: usize, name: &str) -> bool {
        let number = match self.by {
            PartitionBy::Slice => index as u64,
            PartitionBy::Hash => xxh64(name.as_bytes(), 0),
        };
        number % self.count as u64 == self.shard as u64 - 1
    }
}

/// Writes the partition as it is read.
impl Display for Partition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let by = match self.by {
            PartitionBy::Slice => "slice",
            PartitionBy::Hash => "hash",
        };
        write!(f, "{by}:{}/{}", self.shard, self.count)
    }
}

/// A text that is not a partition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a partition; write for example slice:1/3, the first of three, or hash:1/3")]
pub struct PartitionError(String);

impl FromStr for Partition {
    type Err = PartitionError;

    fn from_str(text: &str) -> Result<Self, PartitionError> {
        let bad = || PartitionError(text.to_owned());
        let (by, part) = text.split_once(':').ok_or_else(bad)?;
        let by = match by {
            "slice" => PartitionBy::Slice,
            "hash" => PartitionBy::Hash,
            _ => return Err(bad()),
        };
        let (shard, count) = part.split_once('/').ok_or_else(bad)?;
        let (shard, count) = (shard.parse().map_err(|_| bad())?, count.parse().map_err(|_| bad())?);
        if shard == 0 || shard > count {
            return Err(bad());
        }
        Ok(Self { shard, count, by })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_slash_is_for_subtests() {
        let selection = |filters: &[&str], skip: &[&str], exact| Selection {
            filters: filters.iter().map(|filter| (*filter).to_owned()).collect(),
            skip: skip.iter().map(|filter| (*filter).to_owned()).collect(),
            exact,
            ..Selection::default()
        };
        let one = selection(&["parse/case"], &[], false);
        assert!(one.matches_within("parses") && !one.matches_within("prints") && !one.matches("parses"));
        let subtests = one.subtests("parses").unwrap();
        assert!(subtests.selects("a_case") && subtests.selects("case/inner") && !subtests.selects("other"));
        assert_eq!(selection(&["parse/case", "parses"], &[], false).subtests("parses"), None, "all of it is selected");
        assert_eq!(selection(&[], &["slow"], false).subtests("parses"), None);
        let skips = selection(&[], &["parse/slow"], false);
        assert!(skips.matches_within("parses"));
        assert!(
            !skips.subtests("parses").unwrap().selects("slowest") && skips.subtests("parses").unwrap().selects("fast")
        );
        let exact = selection(&["parses/case"], &[], true);
        assert!(exact.matches_within("parses") && !exact.matches_within("parses_all"));
        assert!(!exact.subtests("parses").unwrap().selects("case#01"));
        assert!(selection(&["a/b"], &[], true).matches("a/b"), "a module's own name");
    }

    #[test]
    fn filters_are_libtest_s() {
        let mut selection = Selection { filters: vec!["parse".into()], ..Selection::default() };
        assert!(selection.matches("mod::parse_all") && !selection.matches("mod::print"));
        selection.skip = vec!["all".into()];
        assert!(!selection.matches("mod::parse_all"));
        selection = Selection { filters: vec!["a".into()], exact: true, ..Selection::default() };
        assert!(selection.matches("a") && !selection.matches("aa"));
        assert!(Selection::default().matches("anything"));
    }

    #[test]
    fn partitions_cover_everything_once() {
        for by in ["slice", "hash"] {
            let parts: Vec<Partition> = (1..=3).map(|shard| format!("{by}:{shard}/3").parse().unwrap()).collect();
            for index in 0..20 {
                assert_eq!(parts.iter().filter(|part| part.holds(index, &index.to_string())).count(), 1);
            }
        }
        // Checked against the partitions of nextest 0.9.143.
        let parts = [&[0, 1, 4, 6, 7, 11][..], &[2, 3, 5, 9, 10], &[8]];
        for (part, tests) in parts.into_iter().enumerate() {
            let part: Partition = format!("hash:{}/3", part + 1).parse().unwrap();
            let held: Vec<_> = (0..12).filter(|test| part.holds(0, &format!("test_{test}"))).collect();
            assert_eq!(held, tests);
        }
        for wrong in ["slice:0/3", "slice:4/3", "1/3", "slice:a/3", "slice:1", "count:1/2", "hash:0/2"] {
            assert!(wrong.parse::<Partition>().is_err(), "{wrong}");
        }
    }
}
