//! What became of a test.

use serde::{Deserialize, Serialize};

/// What became of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Verdict {
    /// Finished normally and left nothing.
    Pass,
    /// Finished normally, but left something.
    Leak,
    /// Panicked, trapped, returned an error or reported a failure.
    Fail,
    /// Broke a memory limit.
    Memory,
    /// Ran out of fuel or wall-clock time, or waited for something that could never happen.
    Timeout,
    /// Left through `proc_exit`, where that is not a normal finish.
    Exit,
    /// Was not run, or ended itself as skipped; [`Details::reason`](super::Details::reason) says why.
    Skip,
}

impl Verdict {
    /// Its word in reports: `pass`, `leak`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Leak => "leak",
            Self::Fail => "fail",
            Self::Memory => "memory",
            Self::Timeout => "timeout",
            Self::Exit => "exit",
            Self::Skip => "skip",
        }
    }
}
