//! What the stages of one run share.

use super::options::RunOptions;
use super::recorded::RecordedRun;
use super::seed::order;
use crate::model::timeline::TestTimeline;
use crate::model::trace::TestTrace;
use rayon::ThreadPool;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Traces of tests, by module and name.
pub(super) type Traces = BTreeMap<(Arc<str>, Arc<str>), TestTrace>;

/// Timelines of tests, by module and name.
pub(super) type Timelines = BTreeMap<(Arc<str>, Arc<str>), TestTimeline>;

/// What the stages of one run share.
pub(super) struct RunContext<'a> {
    pub pool: &'a ThreadPool,
    pub options: &'a RunOptions,
    /// Whether it is noted where tests acquire what, and whether they release it.
    pub coverage: bool,
    /// The recorded results that the run takes, and those that it records.
    pub recorded: Option<RecordedRun>,
    /// What each traced test did. Of a test that ran several times, the last run counts.
    pub traces: Mutex<Traces>,
    /// Their timelines, where they are drawn; likewise.
    pub timelines: Mutex<Timelines>,
}

impl RunContext<'_> {
    /// The order in which the tests are started.
    pub fn order(&self, tests: usize) -> Vec<usize> {
        self.options.shuffle.map_or_else(|| (0..tests).collect(), |seed| order(tests, seed))
    }
}
