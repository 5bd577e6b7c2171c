//! The exit statuses of the programs. A number always means the same thing, in every program.

use super::{BaselineUse, CleanupCoverage, Report, Verdict};

/// Every test that ran passed.
pub const PASSED: u8 = 0;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// There were no tests to run.
pub const NO_TESTS: u8 = 4;
/// A bug of airtight's own: its books do not balance.
pub const BUG: u8 = 70;
/// Set-up: the toolchain, the configuration, a granted directory or a report path is wrong.
pub const SETUP: u8 = 96;
/// A test failed, leaked, left through `exit` or broke a limit, the run did not pass a gate of its profile,
/// or a leak that a baseline accepted has expired.
pub const TEST_FAILED: u8 = 100;
/// The build of the tests failed.
pub const BUILD_FAILED: u8 = 101;
/// A module could not be loaded or listed: not wasm, a component, unknown imports, over the size cap. The other modules are run
/// all the same. If their tests pass, this is the status; if not, theirs is.
pub const MODULE_UNUSABLE: u8 = 104;
/// Interrupted; the partial report was written.
pub const INTERRUPTED: u8 = 130;

impl Verdict {
    /// Whether a run can succeed with this verdict: `pass` and `skip`.
    pub fn is_success(self) -> bool {
        match self {
            Self::Pass | Self::Skip => true,
            Self::Leak | Self::Fail | Self::Memory | Self::Timeout | Self::Exit => false,
        }
    }
}

impl Report {
    /// [`TEST_FAILED`] where a test neither passed nor was skipped, a gate was missed, or an accepted leak has expired. Else
    /// [`MODULE_UNUSABLE`] where a module could not be tested. Else [`PASSED`].
    ///
    /// Whether the run was interrupted or had no tests is the caller's to tell.
    pub fn worst(&self) -> u8 {
        let mut tests = self.canonical.modules.iter().flat_map(|module| &module.tests);
        let passes = self.canonical.cleanup_coverage.as_ref().is_none_or(CleanupCoverage::passes)
            && self.canonical.gates.iter().all(|gate| gate.passed)
            && self.volatile.baseline.as_ref().is_none_or(BaselineUse::passes);
        match passes && tests.all(|test| test.verdict.is_success()) {
            true if self.canonical.refused.is_empty() => PASSED,
            true => MODULE_UNUSABLE,
            false => TEST_FAILED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RefusedModule, samples};
    use super::*;

    #[test]
    fn only_pass_and_skip_are_success() {
        for test in samples::one_of_each() {
            let expected = match test.verdict {
                Verdict::Pass | Verdict::Skip => PASSED,
                _ => TEST_FAILED,
            };
            let report = samples::report(vec![samples::module("m", vec![samples::passed("a"), test])]);
            assert_eq!(report.worst(), expected);
            let mut lacking = report;
            lacking.canonical.refused = vec![RefusedModule::new("n", "it is empty")];
            assert_eq!(lacking.worst(), if expected == PASSED { MODULE_UNUSABLE } else { TEST_FAILED });
        }
        let mut gated = samples::report(Vec::new());
        assert_eq!(gated.worst(), PASSED);
        let coverage = CleanupCoverage { sites: 1, gate: "1%".parse().ok(), ..CleanupCoverage::default() };
        gated.canonical.cleanup_coverage = Some(coverage);
        assert_eq!(gated.worst(), TEST_FAILED);
    }
}
