//! What the stages of one run share.

use super::options::RunOptions;
use super::seed::order;
use rayon::ThreadPool;

/// What the stages of one run share.
pub(super) struct RunContext<'a> {
    pub pool: &'a ThreadPool,
    pub options: &'a RunOptions,
    /// Whether clean-up coverage is wanted.
    pub coverage: bool,
}

impl RunContext<'_> {
    /// The order in which the tests are started.
    pub fn order(&self, tests: usize) -> Vec<usize> {
        self.options.shuffle.map_or_else(|| (0..tests).collect(), |seed| order(tests, seed))
    }
}
