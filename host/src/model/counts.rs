//! How many tests came to which verdict.

use super::{Report, TestRecord, Verdict};
use std::collections::BTreeMap;

/// Tests by verdict, and the skipped ones by reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Finished normally and left nothing.
    pub pass: usize,
    /// Left something.
    pub leak: usize,
    /// Failed.
    pub fail: usize,
    /// Broke a memory limit.
    pub memory: usize,
    /// Ran out of fuel or time.
    pub timeout: usize,
    /// Left through `exit`.
    pub exit: usize,
    /// Were skipped.
    pub skip: usize,
    /// The skipped tests by their reason; the sum is [`Counts::skip`]. Tests that are marked as ignored are counted together,
    /// whatever reason each of them gives.
    pub skip_reasons: BTreeMap<String, usize>,
}

impl Counts {
    /// Counts one test.
    pub fn add(&mut self, test: &TestRecord) {
        match test.verdict {
            Verdict::Pass => self.pass += 1,
            Verdict::Leak => self.leak += 1,
            Verdict::Fail => self.fail += 1,
            Verdict::Memory => self.memory += 1,
            Verdict::Timeout => self.timeout += 1,
            Verdict::Exit => self.exit += 1,
            Verdict::Skip => {
                self.skip += 1;
                let reason = test.details.as_ref().and_then(|details| details.reason.as_deref());
                *self.skip_reasons.entry(kind_of(reason.unwrap_or("no reason given")).to_owned()).or_default() += 1;
            }
        }
    }

    /// Tests that ran: all but the skipped.
    pub fn run(&self) -> usize {
        self.pass + self.unsuccessful()
    }

    /// Tests that neither passed nor were skipped.
    pub fn unsuccessful(&self) -> usize {
        self.leak + self.fail + self.memory + self.timeout + self.exit
    }
}

impl Report {
    /// Counts every test.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.canonical.modules.iter().flat_map(|module| &module.tests).for_each(|test| counts.add(test));
        counts
    }
}

/// The part of a skipped test's reason that many tests share: `ignored` for `ignored: needs a network`.
fn kind_of(reason: &str) -> &str {
    if reason.starts_with("ignored: ") { "ignored" } else { reason }
}
