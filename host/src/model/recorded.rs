//! What a run did with results that earlier runs recorded.

use super::doubt::TestId;
use std::collections::BTreeMap;

/// What a run did with results that earlier runs recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedResults {
    /// Tests that were not run, because their recorded result was taken.
    pub cached: Vec<TestId>,
    /// How many tests were run whose result cannot be recorded, by the reason.
    pub not_cached: BTreeMap<String, usize>,
    /// Why no result was taken or recorded at all.
    pub refused: Option<String>,
    /// How many recorded results were proved: the test was run all the same, and its result was the recorded one.
    pub proved: usize,
    /// Tests that were run to prove their recorded result, and had another one.
    pub differ: Vec<TestId>,
}

impl RecordedResults {
    /// What the user should be told about `refused`, `cached` and `not_cached`, a line each.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let tests = |count: usize| if count == 1 { "1 test".to_owned() } else { format!("{count} tests") };
        let is = |count: usize| if count == 1 { "is" } else { "are" };
        let mut notes = Vec::new();
        notes.extend(self.refused.as_ref().map(|why| format!("no result is cached: {why}")));
        if !self.cached.is_empty() {
            let count = self.cached.len();
            notes.push(format!(
                "{} {} cached: nothing that their results depend on has changed",
                tests(count),
                is(count)
            ));
        }
        for (why, count) in &self.not_cached {
            let who = if *count == 1 { "it" } else { "each" };
            notes.push(format!("{} {} not cached: {who} {why}", tests(*count), is(*count)));
        }
        notes
    }
}
