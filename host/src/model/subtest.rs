//! Subtests: parts of a test that have a name and a verdict of their own.

use super::figure;
use super::{Frame, TrackedRecord, Usage, Verdict};
use serde::{Deserialize, Serialize};

/// A subtest, as the report states it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SubtestRecord {
    /// Its path below the test: `case`, or `case/inner` for a subtest of `case`.
    pub name: String,
    /// Whether it was forked: it ran in an instance of its own that began where its test stood, and what it used is not its test's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forked: bool,
    /// What became of it.
    pub verdict: Verdict,
    /// What was used while the subtest ran. The subtests within it are included, its clean-ups are not. Absent if the test
    /// ended within it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The resources of the user's own kinds that were tracked while the subtest ran, by kind. The subtests within it are
    /// included. Empty if the test ended within it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tracked: Vec<TrackedRecord>,
    /// Why the verdict is what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Why it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where it failed: the guest's stack, user frames first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<Frame>,
    /// The failures of the subtest after its first one, in order. Its clean-ups that failed stand in the record of the test.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suppressed: Vec<SuppressedRecord>,
    /// How many of the test's leaks the subtest itself acquired, and not a subtest within it.
    #[serde(default, skip_serializing_if = "figure::is_zero")]
    pub leaks: u64,
}

/// A failure that came after the first one, which decides the verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SuppressedRecord {
    /// What went wrong.
    pub message: String,
    /// The clean-up in which it went wrong, by its position in the order in which clean-ups ran, from 1; absent if it was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleanup: Option<u32>,
}

/// Why a subtest failed in which another one failed, and nothing else.
pub(crate) const FAILED_WITHIN: &str = "a subtest of it failed";

/// Why a subtest did not pass in which its test ended.
pub(crate) const ENDED_WITHIN: &str = "the test ended within it";

impl SubtestRecord {
    /// A subtest of which nothing is known but its verdict.
    #[must_use]
    pub fn new(name: impl Into<String>, verdict: Verdict) -> Self {
        let (name, tracked, stack, suppressed) = (name.into(), Vec::new(), Vec::new(), Vec::new());
        let (usage, message, reason) = (None, None, None);
        Self { name, forked: false, verdict, usage, tracked, message, reason, stack, suppressed, leaks: 0 }
    }
}

impl SuppressedRecord {
    /// A failure. For a failure of a clean-up, `cleanup` is the position of the clean-up in the order in which clean-ups ran.
    #[must_use]
    pub fn new(message: impl Into<String>, cleanup: Option<u32>) -> Self {
        Self { message: message.into(), cleanup }
    }
}

/// A choice of subtests: the parts of filters after the first slash, as in Go's `-run`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubtestFilter {
    /// A subtest is selected if one of these matches it. An empty list selects all.
    pub any: Vec<SubtestPattern>,
    /// A subtest that one of these matches is not run.
    pub skip: Vec<SubtestPattern>,
    /// Which of the test's own subtests may be run at all.
    pub own: OwnSubtests,
}

/// Which direct subtests of the test may be run. The subtests within them go with them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum OwnSubtests {
    /// All of them.
    #[default]
    All,
    /// The one of this name.
    One(String),
    /// None.
    None,
}

impl OwnSubtests {
    fn allow(&self, path: &str) -> bool {
        match self {
            Self::All => true,
            Self::One(name) => path.split('/').next() == Some(&**name),
            Self::None => false,
        }
    }
}

/// What has to be in the names of a subtest and of the subtests around it, level by level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubtestPattern {
    levels: Vec<String>,
    exact: bool,
}

impl SubtestPattern {
    /// A pattern from its text. `case/inner`: the name of a subtest has to contain `case`, and the name of a subtest within
    /// that one `inner`. With `exact`, they are whole names.
    #[must_use]
    pub fn new(pattern: &str, exact: bool) -> Self {
        Self { levels: pattern.split('/').map(str::to_owned).collect(), exact }
    }

    /// Whether pattern and path match, at every level that both have.
    fn agrees(&self, path: &str) -> bool {
        let one = |(part, name): (&String, &str)| if self.exact { part == name } else { name.contains(part.as_str()) };
        self.levels.iter().zip(path.split('/')).all(one)
    }

    /// Whether the path has at least as many levels as the pattern.
    fn reaches(&self, path: &str) -> bool {
        self.levels.len() <= path.split('/').count()
    }
}

impl SubtestFilter {
    /// Whether the filter names subtests to run (and not only subtests to skip), while all of the test's own subtests may be
    /// run.
    #[must_use]
    pub fn chooses(&self) -> bool {
        !self.any.is_empty() && self.own == OwnSubtests::All
    }

    /// Whether the subtest of this path is run. A subtest is also run for the sake of those within it: `case` for the filter
    /// `case/inner`.
    #[must_use]
    pub fn selects(&self, path: &str) -> bool {
        let wanted = self.any.is_empty() || self.any.iter().any(|pattern| pattern.agrees(path));
        wanted && self.own.allow(path) && !self.skip.iter().any(|pattern| pattern.reaches(path) && pattern.agrees(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(patterns: &[&str], exact: bool) -> Vec<SubtestPattern> {
        patterns.iter().map(|pattern| SubtestPattern::new(pattern, exact)).collect()
    }

    #[test]
    fn levels_are_matched_one_by_one() {
        let (any, skip) = (patterns(&["case/in"], false), patterns(&["/out"], false));
        let filter = SubtestFilter { any, skip, ..SubtestFilter::default() };
        let selected = |path: &str| filter.selects(path);
        assert!(selected("a_case") && selected("case/inner") && selected("case/inner/deeper"));
        assert!(!selected("other") && !selected("case/other") && !selected("case/in_and_out"));
        assert!(!selected("case/in_and_out/deeper"), "what it is in is not run either");
    }

    #[test]
    fn exact_levels_are_whole_names() {
        let filter = SubtestFilter { any: patterns(&["case/a"], true), ..SubtestFilter::default() };
        assert!(filter.selects("case") && filter.selects("case/a") && filter.selects("case/a/b"));
        assert!(!filter.selects("case#01") && !filter.selects("case/ab"));
    }

    #[test]
    fn one_of_a_tests_own_is_run_with_those_within_it() {
        let filter = |own| SubtestFilter { any: patterns(&["a/in"], false), own, ..SubtestFilter::default() };
        let one = filter(OwnSubtests::One("a".to_owned()));
        assert!(one.selects("a") && one.selects("a/in") && !one.selects("a/other") && !one.selects("a#01"));
        assert!(!filter(OwnSubtests::None).selects("a"));
    }

    #[test]
    fn without_patterns_all_are_run() {
        assert!(SubtestFilter::default().selects("any/thing"));
    }
}
