//! Which tests are shown, and when: nextest's levels, by its names and with its meaning.

use crate::model::{TestRecord, Verdict};
use serde::Deserialize;

/// Which tests get a line while the run goes. Each level shows what the ones before it show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum StatusLevel {
    /// None.
    None,
    /// Every verdict but `pass` and `skip`.
    Fail,
    /// Tests that were run again.
    Retry,
    /// Tests that were slow, when they become so and when they end.
    Slow,
    /// Tests that passed although they left something, because the policy only shows it.
    Leak,
    /// Tests that passed.
    #[default]
    Pass,
    /// Tests that were skipped, with the reason.
    Skip,
    /// As `skip`, and for tests that passed also the growth they were refused and the blocks they retain.
    All,
}

/// Which tests are listed when the run has ended. Each level lists what the ones before it list; the order is not
/// that of [`StatusLevel`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum FinalStatusLevel {
    /// None. What there is to say of a test follows its own line then.
    None,
    /// Tests that neither passed nor were skipped, with all there is to say of each.
    #[default]
    Fail,
    /// Tests that passed only when they were run again.
    #[serde(alias = "retry")]
    #[cfg_attr(feature = "cli", value(alias = "retry"))]
    Flaky,
    /// Tests that were slow.
    Slow,
    /// Tests that were skipped.
    Skip,
    /// Tests that passed although they left something.
    Leak,
    /// Tests that passed.
    Pass,
    /// The same as `pass`.
    All,
}

/// When captured output is shown: nextest's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum OutputTime {
    /// Under the test's line, when it has ended.
    #[default]
    Immediate,
    /// Then, and again at the end of the run.
    ImmediateFinal,
    /// At the end of the run.
    Final,
    /// Not at all.
    Never,
}

impl StatusLevel {
    /// The first level that shows this test.
    pub(super) fn for_test(test: &TestRecord, slow: bool) -> Self {
        match test.verdict {
            Verdict::Leak | Verdict::Fail | Verdict::Memory | Verdict::Timeout | Verdict::Exit => Self::Fail,
            Verdict::Pass if test.is_flaky() => Self::Retry,
            Verdict::Pass if slow => Self::Slow,
            Verdict::Pass if left_something(test) => Self::Leak,
            Verdict::Pass => Self::Pass,
            Verdict::Skip => Self::Skip,
        }
    }
}

impl FinalStatusLevel {
    /// The first level that lists this test.
    pub(super) fn for_test(test: &TestRecord, slow: bool) -> Self {
        match StatusLevel::for_test(test, slow) {
            StatusLevel::None => Self::None,
            StatusLevel::Fail => Self::Fail,
            StatusLevel::Retry => Self::Flaky,
            StatusLevel::Slow => Self::Slow,
            StatusLevel::Leak => Self::Leak,
            StatusLevel::Pass => Self::Pass,
            StatusLevel::Skip => Self::Skip,
            StatusLevel::All => Self::All,
        }
    }
}

impl OutputTime {
    /// Whether output is shown when a test has ended.
    pub(super) fn is_immediate(self) -> bool {
        matches!(self, Self::Immediate | Self::ImmediateFinal)
    }

    /// Whether it is shown at the end of the run.
    pub(super) fn is_final(self) -> bool {
        matches!(self, Self::ImmediateFinal | Self::Final)
    }
}

fn left_something(test: &TestRecord) -> bool {
    test.details.as_ref().is_some_and(|details| details.open_leaks().next().is_some() || !details.outlived.is_empty())
}
