//! Why another run may give another report.

use serde::{Deserialize, Serialize};
use std::fmt::{self, Display};

/// How many tests a sentence names at most.
const NAMED: usize = 3;

/// One reason why another run may differ, and the tests it concerns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Doubt {
    /// The reason.
    pub cause: Cause,
    /// The tests, in the report's order; empty where the reason concerns the whole run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<TestId>,
}

/// What a report may depend on besides module, policy and seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cause {
    /// The host's clock was granted.
    RealClock,
    /// The wall-clock limit ended something that a test ran.
    WallClock,
    /// The run was interrupted.
    Interrupted,
    /// Standard streams were those of the program that ran the tests.
    InheritedStreams,
    /// A test passed only when it was run again.
    Flaky,
    /// Compiling a module took more time or memory than it may.
    CompileBudget,
}

/// The name of a test in a report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TestId {
    /// Its module's name.
    pub module: String,
    /// The test's own name.
    pub test: String,
}

impl Display for TestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.module, self.test)
    }
}

impl Doubt {
    /// `cause` for these tests; `None` if the list is empty.
    pub fn of_tests(cause: Cause, tests: Vec<TestId>) -> Option<Self> {
        (!tests.is_empty()).then_some(Self { cause, tests })
    }

    /// `cause` for the whole run.
    pub fn of_run(cause: Cause) -> Self {
        Self { cause, tests: Vec::new() }
    }
}

impl Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.cause {
            Cause::RealClock => "the real clock is granted",
            Cause::WallClock => "the wall-clock limit ended something",
            Cause::Interrupted => "the run was interrupted",
            Cause::Flaky => "it passed only when it was run again",
            Cause::CompileBudget => "compiling a module took more time or memory than it may",
            Cause::InheritedStreams => "standard streams were those of the program that ran the tests",
        })?;
        let (named, others) = self.tests.split_at(self.tests.len().min(NAMED));
        for (nth, test) in named.iter().enumerate() {
            write!(f, "{} {test}", if nth == 0 { ":" } else { "," })?;
        }
        if others.is_empty() { Ok(()) } else { write!(f, " and {} more", others.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubt_says_what_and_where() {
        let id = |test: &str| TestId { module: "m".to_owned(), test: test.to_owned() };
        let of = |tests| Doubt::of_tests(Cause::RealClock, tests);
        assert_eq!(of(Vec::new()), None);
        assert_eq!(of(vec![id("a"), id("b")]).unwrap().to_string(), "the real clock is granted: m a, m b");
        let many = ["a", "b", "c", "d", "e"].map(id).to_vec();
        assert_eq!(of(many).unwrap().to_string(), "the real clock is granted: m a, m b, m c and 2 more");
        assert_eq!(Doubt::of_run(Cause::Interrupted).to_string(), "the run was interrupted");
    }

    #[test]
    fn a_report_without_doubts_says_nothing_of_them() {
        let json = serde_json::to_string(&Doubt::of_run(Cause::WallClock)).unwrap();
        assert_eq!(json, r#"{"cause":"wall-clock"}"#);
    }
}
