//! The heap in two reports: what tests left on it, by the function that allocated it, and their peaks.

use super::{Side, TestPair};
use crate::model::doubt::TestId;
use crate::model::resource::Heading;
use crate::model::{Frame, Resource, TestRecord, Verdict};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// A figure of the heap that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ComparedFigure {
    /// Blocks that nothing reaches at the end.
    Lost,
    /// Blocks that static data still reaches at the end.
    Retained,
    /// The most bytes that were live at once.
    Peak,
}

impl ComparedFigure {
    const ALL: [Self; 3] = [Self::Lost, Self::Retained, Self::Peak];
}

/// An amount of heap: bytes, and blocks where these are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Bytes.
    pub bytes: u64,
    /// Blocks; `None` for a peak.
    pub blocks: Option<u64>,
    /// Whether both figures are bounds, because the report is in doubt: at least this was lost, or at most this is
    /// retained.
    pub bound: bool,
}

impl Amount {
    fn blocks(bytes: u64, blocks: u64) -> Self {
        Self { bytes, blocks: Some(blocks), bound: false }
    }

    fn add(&mut self, other: Self) {
        self.bound |= other.bound;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.blocks = match (self.blocks, other.blocks) {
            (Some(one), Some(two)) => Some(one.saturating_add(two)),
            (one, two) => one.or(two),
        };
    }
}

/// What changed on the heap. In each list the largest changes come first; those of one size are sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeapDiff {
    /// Functions whose lost or retained blocks are more or fewer than in the base. Tests whose figures only one report
    /// knows are left out.
    pub sites: Vec<SiteChange>,
    /// How many functions have the same blocks, or the same bounds, in both reports.
    pub sites_same: usize,
    /// Figures of single tests that changed: peaks, and what was left if a report does not say which function allocated it.
    pub tests: Vec<TestChange>,
    /// How many figures of single tests are the same, or have the same bounds, in both reports.
    pub tests_same: usize,
    /// Tests with figures that only one report knows. They are in none of the lists and counts above.
    pub one_sided: Vec<OneSided>,
    /// How many tests are in both reports without either report knowing what they left on the heap.
    pub unknown: usize,
    /// For how many tests a report knows only bounds of what they left on the heap.
    pub bounded: usize,
}

/// How much one function allocated that tests left, and how that changed. The function is the innermost of the user's own
/// on the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteChange {
    /// [`ComparedFigure::Lost`] or [`ComparedFigure::Retained`].
    pub figure: ComparedFigure,
    /// The function; `None` where no stack was recorded.
    pub function: Option<String>,
    /// In the base.
    pub old: Amount,
    /// Now.
    pub new: Amount,
}

/// A figure of a test that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestChange {
    /// The test.
    pub test: TestId,
    /// The figure.
    pub figure: ComparedFigure,
    /// In the base.
    pub old: Amount,
    /// Now.
    pub new: Amount,
}

/// Figures of a test that cannot be compared, since only one report knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneSided {
    /// The test.
    pub test: TestId,
    /// The figures.
    pub figures: Vec<ComparedFigure>,
    /// The report that knows them.
    pub known: Side,
    /// Why the other report does not.
    pub why: UnknownFigure,
}

/// Why there is no figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnknownFigure {
    /// The test was not run.
    NotRun,
    /// Its heap was not tracked, for this reason.
    NotTracked(Option<String>),
    /// The test did not end normally, but with this verdict, so that the figure has no meaning.
    Ended(Verdict),
}

/// A figure of a test. A test that is not in the report has left nothing.
pub(super) fn known(test: Option<&TestRecord>, figure: ComparedFigure) -> Result<Amount, UnknownFigure> {
    let Some(test) = test else {
        return Ok(Amount { blocks: (figure != ComparedFigure::Peak).then_some(0), ..Amount::default() });
    };
    let heap = &test.usage.as_ref().ok_or(UnknownFigure::NotRun)?.heap;
    if !heap.tracked {
        return Err(UnknownFigure::NotTracked(heap.why.as_deref().map(str::to_owned)));
    }
    let (bytes, blocks) = match figure {
        ComparedFigure::Lost => (heap.lost, heap.lost_blocks),
        ComparedFigure::Retained => (heap.retained, heap.retained_blocks),
        ComparedFigure::Peak => (heap.peak, None),
    };
    let bound = figure != ComparedFigure::Peak && heap.is_bounded();
    Ok(Amount { bytes: bytes.ok_or(UnknownFigure::Ended(test.verdict))?, blocks, bound })
}

pub(super) fn compare(pairs: &[TestPair<'_>]) -> HeapDiff {
    let mut diff = HeapDiff::default();
    let mut sites = Sites::new();
    for pair in pairs {
        let bounded = |test: Option<&TestRecord>| known(test, ComparedFigure::Lost).is_ok_and(|lost| lost.bound);
        diff.bounded += usize::from(bounded(pair.old) || bounded(pair.new));
        for figure in ComparedFigure::ALL {
            match [known(pair.old, figure), known(pair.new, figure)] {
                [Ok(old), Ok(new)] => diff.compare_figure(pair, figure, [old, new], &mut sites),
                [Err(_), Err(_)] => diff.unknown += usize::from(figure == ComparedFigure::Lost),
                [Ok(_), Err(why)] => diff.one_sided(pair, figure, Side::Old, why),
                [Err(why), Ok(_)] => diff.one_sided(pair, figure, Side::New, why),
            }
        }
    }
    for ((figure, function), [old, new]) in sites {
        if old == new {
            diff.sites_same += 1;
        } else {
            diff.sites.push(SiteChange { figure, function: function.map(str::to_owned), old, new });
        }
    }
    diff.sites.sort_by(|a, b| {
        let order = |site: &SiteChange| Reverse(size(site.old, site.new));
        (order(a), &a.function, a.figure).cmp(&(order(b), &b.function, b.figure))
    });
    diff.tests.sort_by(|a, b| {
        let order = |test: &TestChange| Reverse(size(test.old, test.new));
        (order(a), &a.test, a.figure).cmp(&(order(b), &b.test, b.figure))
    });
    diff
}

/// The size of a change, in bytes and then in blocks.
fn size(old: Amount, new: Amount) -> (u64, u64) {
    let blocks = |amount: Amount| amount.blocks.unwrap_or_default();
    (old.bytes.abs_diff(new.bytes), blocks(old).abs_diff(blocks(new)))
}

/// For each figure and function, the amount in the base and the amount now.
type Sites<'a> = BTreeMap<(ComparedFigure, Option<&'a str>), [Amount; 2]>;

impl HeapDiff {
    fn compare_figure<'a>(
        &mut self,
        pair: &TestPair<'a>,
        figure: ComparedFigure,
        both: [Amount; 2],
        sites: &mut Sites<'a>,
    ) {
        let found = [pair.old, pair.new].map(|test| resources(test, figure));
        // If the places do not add up to the test's own figure, only that figure is certain.
        if figure != ComparedFigure::Peak && found.iter().zip(both).all(|(found, whole)| is_all(found, whole)) {
            for (side, found) in found.into_iter().enumerate() {
                for at in found.into_iter().flat_map(Resource::by_place) {
                    let function = Frame::innermost_own(at.stack).map(|frame| frame.function.as_str());
                    let entry = sites.entry((figure, function)).or_insert([Amount::blocks(0, 0); 2]);
                    entry[side].add(Amount { bound: both[side].bound, ..Amount::blocks(at.bytes, at.count) });
                }
            }
        } else if figure != ComparedFigure::Peak || (pair.old.is_some() && pair.new.is_some()) {
            // A test that is not in a report has no peak there. That is not a peak of zero.
            let [old, new] = both;
            if old == new {
                self.tests_same += 1;
            } else {
                self.tests.push(TestChange { test: pair.id.clone(), figure, old, new });
            }
        }
    }

    fn one_sided(&mut self, pair: &TestPair<'_>, figure: ComparedFigure, known: Side, why: UnknownFigure) {
        if pair.old.is_none() || pair.new.is_none() {
            // There is nothing to compare. The test is listed as new or gone, with the reason.
            return;
        }
        match self.one_sided.last_mut() {
            Some(last) if last.test == pair.id && last.known == known && last.why == why => last.figures.push(figure),
            _ => self.one_sided.push(OneSided { test: pair.id.clone(), figures: vec![figure], known, why }),
        }
    }
}

/// The entries of the report that a figure counts.
fn resources(test: Option<&TestRecord>, figure: ComparedFigure) -> Vec<&Resource> {
    let Some(details) = test.and_then(|test| test.details.as_deref()) else { return Vec::new() };
    let all = match figure {
        ComparedFigure::Lost => &details.leaks[..],
        ComparedFigure::Retained => &details.retained,
        ComparedFigure::Peak => &[],
    };
    all.iter().filter(|resource| resource.kind.heading() == Heading::Lost).collect()
}

fn amount(resource: &Resource) -> Amount {
    Amount::blocks(resource.whole_bytes(), resource.whole_count())
}

fn is_all(found: &[&Resource], whole: Amount) -> bool {
    let mut sum = Amount::blocks(0, 0);
    found.iter().for_each(|resource| sum.add(amount(resource)));
    sum.bytes == whole.bytes && (whole.blocks.is_none() || sum.blocks == whole.blocks)
}
