//! Differences that were looked into by reading, and are as they have to be.

use crate::heap_suites::fetch::PublishedCrate;

/// Tests whose results differ, and why they have to.
#[derive(Debug, PartialEq, Eq)]
pub struct KnownDifference {
    /// The crate's name.
    pub suite: &'static str,
    /// A test as `module test`, or the beginning of several.
    pub test: &'static str,
    /// Why.
    pub why: &'static str,
}

const KNOWN: &[KnownDifference] = &[];

/// The known difference that a test is, if it is one.
pub fn find(suite: &PublishedCrate, test: &str) -> Option<&'static KnownDifference> {
    KNOWN.iter().find(|known| known.suite == suite.name && test.starts_with(known.test))
}

/// Those of the suites that were run which were not found: they are mended, and may not hide what comes later.
pub fn stale(suites: &[PublishedCrate], found: &[&'static KnownDifference]) -> Vec<&'static KnownDifference> {
    let ran = |known: &&KnownDifference| suites.iter().any(|suite| suite.name == known.suite);
    KNOWN.iter().filter(ran).filter(|known| !found.contains(known)).collect()
}
