//! What a harness is. There is a file for each: the SDK's, Rust's own, Go's own, and that of programs that are one test.
//!
//! [`TestHarness`] is everything that the rest of the program asks of a harness. The rooms below this one (`catalogue`,
//! `instrument`, `symbols`, `sandbox`) know no harness: they are given data, such as the paths of the functions that run a test.
//!
//! A new harness is a file here that implements [`TestHarness`], its `mod` and its arm of [`harness`] below, and its word in
//! [`Harness`].

pub(crate) mod c;
mod command;
mod evidence;
pub(crate) mod go;
pub(crate) mod hints;
mod libtest;
mod listing;
mod reading;
pub(crate) mod rust;
pub(crate) mod sdk;
#[cfg(test)]
mod tests;

pub(crate) use evidence::{Evidence, Finish};
pub use listing::ListError;
pub(crate) use listing::{Lister, Sequence, Test, TestEntry};
pub(crate) use reading::{catalogue, code_rules};

use crate::catalogue::{CatalogueError, Module, SdkTest};
use crate::instrument::Window;
use crate::model::{Harness, SubtestRecord};
use crate::policy::Policy;
use crate::sandbox::{LoadedModule, Run};
use crate::symbols::HarnessFrames;
use std::borrow::Cow;

/// Everything that airtight asks of a harness.
pub(crate) trait TestHarness: Sync {
    /// The tests that a module's bytes declare, in their order: those that are known without running anything.
    ///
    /// # Errors
    /// The declaration is there and is broken.
    fn declared(&self, _module: &Module<'_>) -> Result<Vec<SdkTest>, CatalogueError> {
        Ok(Vec::new())
    }

    /// Whether a module holds tests of this harness. `declared` are those that [`TestHarness::declared`] found, and
    /// `others` says whether the module holds tests of a harness that comes before this one.
    fn detect(&self, module: &Module<'_>, declared: &[SdkTest], others: bool) -> bool;

    /// Refuses a module that the user wants to be taken for one of this harness, and that cannot be.
    ///
    /// # Errors
    /// What is missing. Most harnesses are entered through `_start`.
    fn require(&self, module: &Module<'_>, declared: &[SdkTest]) -> Result<(), CatalogueError>;

    /// The functions in which a test's own code runs.
    fn window(&self) -> Window;

    /// Whether a test of this harness may be expected to panic without telling the host itself that it did.
    fn expects_panics(&self) -> bool {
        false
    }

    /// Which frames of a stack are the harness's own.
    fn frames(&self) -> HarnessFrames {
        HarnessFrames::default()
    }

    /// The tests of a loaded module, in any order.
    ///
    /// # Errors
    /// The module does not list its tests.
    fn list(&self, lister: &Lister<'_>) -> Result<Vec<Test>, ListError>;

    /// How one test is entered.
    ///
    /// # Errors
    /// Why it cannot be, in words.
    fn entry(&self, test: &Test, module: &LoadedModule, policy: &Policy) -> Result<TestEntry, String>;

    /// How tests are entered one after the other in one instance, in this order; at least one.
    ///
    /// # Errors
    /// Why they cannot be, in words.
    fn sequence(&self, _tests: &[&TestEntry]) -> Result<Sequence, String> {
        Err("their harness cannot be asked for several in an order".to_owned())
    }

    /// Whether all tests of a [`Sequence::Start`] ran in their order and passed. `entry` is the sequence's entry.
    fn all_passed(&self, _run: &Run, _entry: &TestEntry) -> bool {
        false
    }

    /// The first test of a [`Sequence::Start`] that failed: its place in the order, and why it failed. `None` if the
    /// harness cannot say.
    fn first_failure(&self, _run: &Run, _entry: &TestEntry) -> Option<(usize, String)> {
        None
    }

    /// What the ending of a test's run means.
    fn finish(&self, evidence: &Evidence<'_>) -> Finish;

    /// The message for a test that left through `exit` with this status, if that is not a normal finish.
    fn left(&self, status: u32) -> String {
        format!("it left through exit({status}); only a test that returns can pass")
    }

    /// The subtests of a test, in the order in which they began, if only the harness knows them. The sandbox knows those of
    /// the SDK's tests.
    fn subtests(&self, _evidence: &Evidence<'_>) -> Vec<SubtestRecord> {
        Vec::new()
    }

    /// The part of standard output that the test itself wrote.
    fn own_output<'o>(&self, stdout: &'o [u8], _test: &str) -> Cow<'o, [u8]> {
        stdout.into()
    }
}

/// The harness of this word.
pub(crate) fn harness(word: Harness) -> &'static dyn TestHarness {
    match word {
        Harness::Sdk => &sdk::Sdk,
        Harness::Libtest => &libtest::Libtest,
        Harness::Go => &go::GoTests,
        Harness::Command => &command::Command,
    }
}
