//! The line of a test: verdict, time, module, name.

use super::sanitise::OneLine;
use super::style::Styles;
use crate::model::{TestRecord, Verdict};
use std::fmt::{self, Display};
use std::time::Duration;

/// What stands between the verdict and the names in a test's line.
#[derive(Debug, Clone, Copy)]
pub(super) enum Time {
    /// Nothing, for text that is the same in every run.
    Omitted,
    /// A blank: the test did not run, or the time is not known.
    Blank,
    /// The result is the recorded one of an earlier run.
    Cached,
    /// How long it took.
    Took(Duration),
    /// How long it has been running.
    SoFar(Duration),
}

impl Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Omitted => Ok(()),
            Self::Blank => write!(f, "[         ] "),
            Self::Cached => write!(f, "[{:>9}] ", "(cached)"),
            Self::Took(time) => write!(f, "[{:>8.3}s] ", time.as_secs_f64()),
            Self::SoFar(time) => write!(f, "[>{:>7.3}s] ", time.as_secs_f64()),
        }
    }
}

/// The names of a module and a test, in the form that every line has.
pub(super) struct TestName<'a> {
    pub module: &'a str,
    pub test: &'a str,
    pub styles: &'a Styles,
}

impl Display for TestName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Styles { module, test, .. } = self.styles;
        write!(f, "{module}{}{module:#} {test}{}{test:#}", OneLine(self.module), OneLine(self.test))
    }
}

/// The line of a test that ended.
pub(super) struct StatusLine<'a> {
    pub module: &'a str,
    pub test: &'a TestRecord,
    pub time: Time,
    pub styles: &'a Styles,
}

impl Display for StatusLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = self.styles.verdict(self.test.verdict);
        let name = TestName { module: self.module, test: &self.test.name, styles: self.styles };
        let attempts = self.test.details.as_ref().and_then(|details| details.attempts.as_ref());
        let word = match attempts.filter(|_| self.test.is_flaky()) {
            Some(attempts) => &format!("FLAKY {}/{}", attempts.tried, attempts.allowed),
            None => word(self.test.verdict),
        };
        write!(f, "{style}{word:>12}{style:#} {}{name}", self.time)?;
        let reason = self.test.details.as_ref().and_then(|details| details.reason.as_deref());
        if let Some(reason) = reason {
            write!(f, ": {}", OneLine(reason))?;
        }
        writeln!(f)
    }
}

pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Leak => "LEAK",
        Verdict::Fail => "FAIL",
        Verdict::Memory => "MEMORY",
        Verdict::Timeout => "TIMEOUT",
        Verdict::Exit => "EXIT",
        Verdict::Skip => "SKIP",
    }
}
