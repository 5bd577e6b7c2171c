//! Where heap blocks were allocated: what a profile writer is given. Not part of the canonical report.

use super::Frame;
use std::fmt::Write;

/// How many tests a note names at most.
const NAMED: usize = 3;

/// The allocations of a whole run, by module, test and stack, in that order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeapProfile {
    /// One entry for each stack of each test.
    pub sites: Vec<ProfileSite>,
    /// Tests that ran and whose allocations are not all among `sites`, by module and name.
    pub missing: Vec<Missing>,
}

impl HeapProfile {
    /// Notes for whoever reads the profile: which tests are missing in it, in whole or in part.
    pub fn notes(&self) -> Vec<String> {
        [("nothing", true), ("not all", false)].into_iter().filter_map(|(what, all)| self.note(what, all)).collect()
    }

    fn note(&self, what: &str, all: bool) -> Option<String> {
        let tests: Vec<&Missing> = self.missing.iter().filter(|missing| missing.all == all).collect();
        let (named, others) = tests.split_at(tests.len().min(NAMED));
        let plural = if tests.len() == 1 { "" } else { "s" };
        let mut note = format!("the profile has {what} of {} test{plural}", tests.len());
        for (nth, Missing { module, test, .. }) in named.iter().enumerate() {
            let separator = if nth == 0 { ':' } else { ',' };
            write!(note, "{separator} {module} {test}").expect("a string takes everything");
        }
        if !others.is_empty() {
            write!(note, " and {} more", others.len()).expect("a string takes everything");
        }
        note.push_str("; `go tool pprof -comments` names all and says why");
        (!tests.is_empty()).then_some(note)
    }
}

/// A test whose allocations are not, or not all, in a profile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Missing {
    /// The module's name.
    pub module: String,
    /// The test's name.
    pub test: String,
    /// Whether none of its allocations are there.
    pub all: bool,
    /// Why, in words.
    pub why: String,
}

impl Missing {
    /// A test that is missing in a profile, in whole (`all`) or in part.
    #[must_use]
    pub fn new(module: impl Into<String>, test: impl Into<String>, all: bool, why: impl Into<String>) -> Self {
        Self { module: module.into(), test: test.into(), all, why: why.into() }
    }
}

/// What one test allocated with one stack.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProfileSite {
    /// The module's name.
    pub module: String,
    /// The test's name.
    pub test: String,
    /// The test's stack, innermost frame first, without the allocator's and the harness's frames.
    pub stack: Vec<Frame>,
    /// Blocks allocated, reallocations included.
    pub alloc_objects: u64,
    /// Their sizes together, in bytes.
    pub alloc_space: u64,
    /// Blocks that were live at the end, however the test ended.
    pub inuse_objects: u64,
    /// Their sizes together, in bytes.
    pub inuse_space: u64,
}

impl ProfileSite {
    /// A stack of a test, with all figures 0.
    #[must_use]
    pub fn new(module: impl Into<String>, test: impl Into<String>, stack: Vec<Frame>) -> Self {
        let (module, test) = (module.into(), test.into());
        Self { module, test, stack, alloc_objects: 0, alloc_space: 0, inuse_objects: 0, inuse_space: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(test: &str, all: bool) -> Missing {
        Missing { module: "m".to_owned(), test: test.to_owned(), all, why: "nobody looked".to_owned() }
    }

    #[test]
    fn what_is_missing_is_told_with_the_first_names() {
        let notes = |missing| HeapProfile { missing, ..HeapProfile::default() }.notes();
        assert!(notes(Vec::new()).is_empty());
        let all = ["a", "b", "c", "d", "e"].map(|test| missing(test, true)).to_vec();
        assert_eq!(
            notes(all),
            [
                "the profile has nothing of 5 tests: m a, m b, m c and 2 more; `go tool pprof -comments` names all and says why"
            ]
        );
        assert_eq!(
            notes(vec![missing("a", false), missing("b", true)]),
            [
                "the profile has nothing of 1 test: m b; `go tool pprof -comments` names all and says why",
                "the profile has not all of 1 test: m a; `go tool pprof -comments` names all and says why",
            ]
        );
    }
}
