//! How the clean-ups of a test went: how many ran, and which of them failed.

use super::ending::Ending;

/// How the clean-ups of one test went.
#[derive(Debug, Default)]
pub struct Cleanups {
    /// How many clean-ups were begun.
    pub(super) begun: u32,
    /// How many clean-ups used up all the fuel, or all the stack, that each is given.
    pub(super) endless: u32,
    /// Whether clean-ups were left that were not run, because those before them had used up what they are given together.
    pub(super) cut_short: bool,
    /// Whether a clean-up is running.
    pub(super) running: bool,
    /// Whether the wall clock ended a call that the host made after the test: a clean-up, or a call that asks what the test
    /// said.
    pub(super) by_wall_clock: bool,
    /// The clean-ups that did not finish normally.
    pub(super) failed: Vec<FailedCleanup>,
}

/// A clean-up that did not finish normally.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedCleanup {
    /// Its place in the order of running, from 1.
    pub ordinal: u32,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Where it was registered: `file:line:column`.
    pub registered: Option<String>,
    /// The path of the subtest that it was registered in; `None` for the test itself.
    pub subtest: Option<String>,
    /// How it ended.
    pub ending: Ending,
    /// What the clean-up wrote to standard error: for example, the message of a panic.
    pub stderr: Vec<u8>,
}

impl FailedCleanup {
    /// The words for the clean-up: ``clean-up 2 `db` ``, or `clean-up 2` if it has no name.
    pub fn title(&self) -> String {
        let name = self.name.as_ref().map(|name| format!(" `{name}`"));
        format!("clean-up {}{}", self.ordinal, name.unwrap_or_default())
    }
}

impl Cleanups {
    /// Whether a clean-up is running.
    pub fn are_running(&self) -> bool {
        self.running
    }

    /// Whether the wall clock ended a call that the host made after the test, so that another run may end elsewhere.
    pub fn by_wall_clock(&self) -> bool {
        self.by_wall_clock
    }

    /// How many clean-ups were begun.
    pub fn begun(&self) -> u32 {
        self.begun
    }

    /// The clean-ups that did not finish normally, in the order in which they ran.
    pub fn failed(&self) -> &[FailedCleanup] {
        &self.failed
    }

    /// Moves the failed clean-ups out.
    pub fn take_failed(&mut self) -> Vec<FailedCleanup> {
        std::mem::take(&mut self.failed)
    }
}
