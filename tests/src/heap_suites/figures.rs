//! The figures of the heap in a suite's report.

use super::confirmed::{self, ConfirmedLeak};
use super::fetch::PublishedCrate;
use super::suite;
use airtight::report::{Frame, Report, Resource, ResourceKind, Verdict};
use std::collections::BTreeMap;
use std::fmt;

/// Of all tests that ran, this share has to be tracked, in percent.
const ENOUGH: f64 = 95.0;

/// The figures of one suite, or of several together.
#[derive(Debug, Clone, Default)]
pub struct SuiteFigures {
    /// Tests that ran.
    pub tests: u64,
    /// Those that passed.
    pub passed: u64,
    /// Those whose heap was tracked.
    pub tracked: u64,
    /// Those of them that finished, so that what they left was judged. The others failed.
    pub judged: u64,
    /// Blocks that something still reaches at the end.
    pub retained_blocks: u64,
    /// And their bytes.
    pub retained: u64,
    /// Why heaps were not tracked, with the number of tests.
    pub untracked: BTreeMap<String, u64>,
    /// What was lost, a place of allocation a line.
    pub lost: Vec<LostPlace>,
    /// `suite test` and what is not certain of it.
    pub doubts: Vec<String>,
    /// Time of the run, in milliseconds.
    pub millis: u64,
}

/// Blocks that were lost at one place.
#[derive(Debug, Clone)]
pub struct LostPlace {
    suite: String,
    test: String,
    blocks: u64,
    bytes: u64,
    stack: Vec<Frame>,
    /// The leak is one of the crate's, which is known.
    pub confirmed: Option<&'static ConfirmedLeak>,
}

impl SuiteFigures {
    /// Of one suite.
    pub fn of_suite(suite: &PublishedCrate, report: &Report) -> Self {
        let mut figures = Self { millis: report.volatile.wall_ms, ..Self::default() };
        for (module, test) in suite::tests(report) {
            figures.tests += 1;
            figures.passed += u64::from(test.verdict == Verdict::Pass);
            let name = format!("{} {}", module.name, test.name);
            let heap = test.usage.as_ref().map(|usage| &usage.heap);
            if let Some(heap) = heap.filter(|heap| heap.tracked) {
                figures.tracked += 1;
                figures.judged += u64::from(heap.lost.is_some());
                figures.retained += heap.retained.unwrap_or(0);
                figures.retained_blocks += heap.retained_blocks.unwrap_or(0);
                figures.doubts.extend(heap.doubt.iter().map(|doubt| format!("{name}: {doubt}")));
            } else {
                let why = heap.and_then(|heap| heap.why.as_deref()).unwrap_or("no reason is given");
                *figures.untracked.entry(why.to_owned()).or_default() += 1;
            }
            let leaks = test.details.iter().flat_map(|details| &details.leaks);
            let heap_leaks = leaks.filter(|leak| leak.kind == ResourceKind::Heap);
            let places = heap_leaks.flat_map(lost_at);
            figures.lost.extend(places.map(|place| LostPlace::new(suite, &name, &place)));
        }
        figures
    }

    /// Adds another suite's.
    pub fn add(&mut self, other: &Self) {
        self.tests += other.tests;
        self.passed += other.passed;
        self.tracked += other.tracked;
        self.judged += other.judged;
        self.retained += other.retained;
        self.retained_blocks += other.retained_blocks;
        self.millis += other.millis;
        for (why, tests) in &other.untracked {
            *self.untracked.entry(why.clone()).or_default() += tests;
        }
        self.lost.extend(other.lost.iter().cloned());
        self.doubts.extend(other.doubts.iter().cloned());
    }

    /// Lost blocks that are not confirmed leaks.
    pub fn unconfirmed(&self) -> impl Iterator<Item = &LostPlace> {
        self.lost.iter().filter(|lost| lost.confirmed.is_none())
    }

    /// Whether enough tests are tracked and nothing is lost that is not confirmed.
    pub fn good(&self) -> bool {
        self.share() >= ENOUGH && self.unconfirmed().next().is_none()
    }

    /// Tracked tests of all, in percent.
    pub fn share(&self) -> f64 {
        // Fewer tests than 2^53.
        if self.tests == 0 { 0.0 } else { self.tracked as f64 * 100.0 / self.tests as f64 }
    }

    /// The head of the table whose lines [`SuiteFigures::row`] gives.
    pub fn head() -> String {
        format!(
            "{:28}{:>7}{:>8}{:>9}{:>8}{:>6}{:>10}{:>13}{:>8}{:>9}",
            "suite", "tests", "passed", "tracked", "judged", "lost", "retained", "bytes", "doubts", "seconds"
        )
    }

    /// A line of the table.
    pub fn row(&self, name: &str) -> String {
        let Self { tests, passed, tracked, judged, retained_blocks, retained, .. } = self;
        let lost: u64 = self.lost.iter().map(|lost| lost.blocks).sum();
        let (doubts, seconds) = (self.doubts.len(), self.millis as f64 / 1000.0);
        format!(
            "{name:28}{tests:>7}{passed:>8}{tracked:>9}{judged:>8}{lost:>6}{retained_blocks:>10}{retained:>13}{doubts:>8}{seconds:>9.2}"
        )
    }
}

impl LostPlace {
    fn new(suite: &PublishedCrate, test: &str, lost: &LostAt<'_>) -> Self {
        let LostAt { stack, blocks, bytes } = *lost;
        let confirmed = confirmed::find(suite, test, stack);
        Self { suite: suite.folder(), test: test.to_owned(), blocks, bytes, stack: stack.to_vec(), confirmed }
    }
}

/// Lost blocks of one place.
#[derive(Debug, Clone, Copy)]
pub(super) struct LostAt<'a> {
    pub stack: &'a [Frame],
    pub blocks: u64,
    pub bytes: u64,
}

/// The blocks of an entry, and those that only they reach, by the places at which they were allocated.
pub(super) fn lost_at(leak: &Resource) -> Vec<LostAt<'_>> {
    let of_entry = LostAt { stack: &leak.stack, blocks: leak.count, bytes: leak.bytes.unwrap_or(0) };
    let Some(blocks) = leak.blocks.as_deref() else { return vec![of_entry] };
    let placed = blocks.places.iter().chain(&blocks.reaches);
    let placed = placed.map(|placed| LostAt { stack: &placed.stack, blocks: placed.count, bytes: placed.bytes });
    blocks.places.is_empty().then_some(of_entry).into_iter().chain(placed).collect()
}

impl fmt::Display for LostPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { suite, test, blocks, bytes, .. } = self;
        write!(f, "{suite}: {test}: {blocks} blocks, {bytes} bytes")?;
        for Frame { function, file, line, .. } in &self.stack {
            let (file, line) = (file.as_deref().unwrap_or("?"), line.unwrap_or(0));
            write!(f, "\n    {file}:{line} {function}")?;
        }
        match self.confirmed {
            Some(confirmed) => write!(f, "\n    a real leak: {}", confirmed.why),
            None => Ok(()),
        }
    }
}
