//! Leaks in the crates themselves, each confirmed by reading the source.

use super::fetch::PublishedCrate;
use airtight::report::Frame;

/// A place in a crate, or in what it uses, that does lose memory.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfirmedLeak {
    /// The crate, `name-version`.
    pub suite: &'static str,
    /// `module test`; ends with `*` for all tests that start so.
    pub test: &'static str,
    /// A file of the stack, as the report names it.
    pub file: &'static str,
    /// The line in it.
    pub line: u32,
    /// Why nothing can free the memory any more.
    pub why: &'static str,
}

/// The list.
pub const CONFIRMED: &[ConfirmedLeak] = &[ConfirmedLeak {
    suite: "minivec-0.4.0",
    test: "minivec/mine minivec_leak",
    file: "tests/mine.rs",
    line: 307,
    why: "it calls `MiniVec::leak` and drops the reference; its authors leave it out under Miri for that",
}];

/// The entry of a leak.
pub fn find(suite: &PublishedCrate, test: &str, stack: &[Frame]) -> Option<&'static ConfirmedLeak> {
    let folder = suite.folder();
    CONFIRMED.iter().find(|confirmed| {
        let tests = confirmed.test.strip_suffix('*');
        let same_test = tests.map_or(confirmed.test == test, |start| test.starts_with(start));
        let here = |frame: &Frame| frame.file.as_deref() == Some(confirmed.file) && frame.line == Some(confirmed.line);
        confirmed.suite == folder && same_test && stack.iter().any(here)
    })
}

/// Entries of these suites that no leak was found for: they are out of date.
pub fn stale(suites: &[PublishedCrate], found: &[&'static ConfirmedLeak]) -> Vec<&'static ConfirmedLeak> {
    let chosen = |confirmed: &&ConfirmedLeak| suites.iter().any(|suite| suite.folder() == confirmed.suite);
    CONFIRMED.iter().filter(chosen).filter(|confirmed| !found.contains(confirmed)).collect()
}
