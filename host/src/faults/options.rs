//! How far a search goes.

use std::path::PathBuf;
use std::time::Duration;

/// How many times the fuel of the plain run a run with a failure has: one that spends more goes on for ever.
pub const FUEL_TIMES: u64 = 20;

/// What it has beside that, so that a way out that is longer than the test itself has room.
pub const FUEL_BEYOND: u64 = 10_000_000;

/// How far a search goes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FaultOptions {
    /// The most runs with failures, of all tests together.
    pub most: usize,
    /// The most of them with two failures.
    pub pairs: usize,
    /// After how long no other run is begun.
    pub time: Option<Duration>,
    /// Where it is kept what was tried, of a search that does not come to its end; nowhere without one.
    pub journal: Option<PathBuf>,
    /// Whether what is kept there is taken, and not tried again.
    pub resumes: bool,
}

impl Default for FaultOptions {
    fn default() -> Self {
        Self { most: 20_000, pairs: 2_000, time: None, journal: None, resumes: false }
    }
}

impl FaultOptions {
    /// The same with so many runs at most.
    #[must_use]
    pub fn most(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// The same with so many runs with two failures at most.
    #[must_use]
    pub fn pairs(self, pairs: usize) -> Self {
        Self { pairs, ..self }
    }

    /// The same with an end in time, which makes the report depend on the machine.
    #[must_use]
    pub fn time(self, time: impl Into<Option<Duration>>) -> Self {
        Self { time: time.into(), ..self }
    }

    /// The same, which keeps in this folder what it has tried where it does not come to its end. One that `resumes` takes what an earlier one
    /// of the same tests has kept there; of a test that has changed since, or what it reads, that is nothing.
    #[must_use]
    pub fn journal(self, dir: impl Into<PathBuf>, resumes: bool) -> Self {
        Self { journal: Some(dir.into()), resumes, ..self }
    }
}
