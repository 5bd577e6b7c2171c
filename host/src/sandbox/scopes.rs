//! The scopes of a test: its subtests while it runs, and how each of them went.

use super::cleanups::Cleanups;
use super::ending::{Ending, TrapKind};
use super::forked::{ForkedScope, Forks};
use super::globals::GlobalValues;
use super::heap::Ground;
use super::image_source::ImageSource;
use super::said::{Said, SpanReader};
use crate::ledger::heap::{Figures, ScopeHeap};
use crate::ledger::{ScopeHandles, ScopeId, ScopeTracked};
use crate::model::SubtestFilter;
use airtight_abi::scopes::{MAX_DEPTH, MAX_SUBTESTS, SubtestNames};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::{Global, Instance};

/// The subtests of one call of a test.
#[derive(Default)]
pub struct Scopes {
    pub(super) guest: Option<Guest>,
    pub(super) filter: Option<Arc<SubtestFilter>>,
    pub(super) names: SubtestNames,
    pub(super) records: Vec<SubtestRun>,
    /// The subtests that are running, by index; the innermost is the last.
    pub(super) open: Vec<OpenScope>,
    /// The subtests in which the test ended; the innermost is the last.
    pub(super) ended_in: Vec<usize>,
    /// The parts of the journal that the test itself wrote, outside of its subtests.
    pub(super) own: SpanReader,
    /// How the clean-ups of all scopes went.
    pub(super) cleanups: Cleanups,
    /// The subtests that were forked.
    pub(super) forks: Forks,
    /// Where the instance is that of a forked subtest, which is the first of the records.
    pub(super) forked: Option<ForkedInto>,
}

/// What a forked subtest began with.
pub(super) struct ForkedInto {
    /// How many scopes it is in, the test itself not among them: those of whoever forked it.
    pub above: u32,
    /// The globals that are put back before clean-ups, and their values.
    pub globals: GlobalValues,
    /// How many clean-ups of its test wait in its memory, which are not run.
    pub pending_cleanups: u32,
}

/// What the host needs to call an SDK test's exports while the test runs.
#[derive(Clone)]
pub(super) struct Guest {
    pub instance: Instance,
    /// The globals that are restored after a call ended in a trap: the stack pointer.
    pub globals: Arc<[Global]>,
    /// Whether a panic in any subtest ends the whole test: it is the panic that the test expects.
    pub panics_end_it: bool,
    /// What is kept of its module so that it can be forked; `None` where it forks nothing.
    pub source: Option<Arc<ImageSource>>,
    /// Where things were in the instance before it ran.
    pub ground: Option<Ground>,
    /// Where the shadow stack began.
    pub stack_top: u32,
}

/// A subtest that is running.
pub(super) struct OpenScope {
    pub(super) index: usize,
    pub(super) said: SpanReader,
    pub(super) heap: Option<ScopeHeap>,
    pub(super) handles: ScopeHandles,
    pub(super) fuel: u64,
    pub(super) clock: Instant,
    pub(super) stderr: usize,
    /// How many growths of memory the test had been refused before the subtest began.
    pub(super) refused: u64,
}

/// How a subtest went.
#[derive(Debug, Default, PartialEq)]
pub struct SubtestRun {
    /// The subtest's path below the test.
    pub path: String,
    /// The index of the subtest that it is directly in; `None` if that is the test itself.
    pub within: Option<usize>,
    /// How it ended; `None` if the test ended within it.
    pub ending: Option<Ending>,
    /// What it said.
    pub said: Said,
    /// How many of its clean-ups failed.
    pub failed_cleanups: u32,
    /// Whether a subtest directly in it failed.
    pub failed_within: bool,
    /// What the subtest printed to standard error, if it did not return: that may tell of a panic.
    pub stderr: Vec<u8>,
    /// The fuel that it spent, with its subtests and without clean-ups.
    pub fuel: u64,
    /// The largest linear memory of the test up to the subtest's end, in bytes.
    pub linear_peak: u64,
    /// The most handles of the test's own that were open at once while it ran.
    pub handles_peak: u32,
    /// What it tracked of the user's own kinds, by name.
    pub tracked: Vec<(Arc<str>, ScopeTracked)>,
    /// The figures of its heap; `None` where the heap is not tracked.
    pub heap: Option<Figures>,
    /// The numbers of the blocks that were allocated while it ran.
    pub blocks: Option<RangeInclusive<u64>>,
    /// Whether it was forked: what there is to say of it is said by the run of the fork.
    pub forked: bool,
    /// When it began by the wall clock, and how long it and its clean-ups took. A test that ends within it leaves the clean-ups to the
    /// test. `None` where it did not run.
    pub clock: Option<(Instant, Duration)>,
}

impl SubtestRun {
    /// Whether it returned and did not fail.
    pub fn finished(&self) -> bool {
        self.ending == Some(Ending::Returned) && !self.failed()
    }

    /// Whether it failed: by itself, by a subtest in it or by a clean-up, or because the test ended within it.
    pub fn failed(&self) -> bool {
        if self.forked {
            return false;
        }
        let well = self.ending == Some(Ending::Returned) || (self.said.skipped.is_some() && self.ended_itself());
        !well
            || !self.said.failures.is_empty()
            || self.said.panic.is_some()
            || self.failed_cleanups > 0
            || self.failed_within
    }

    fn ended_itself(&self) -> bool {
        matches!(self.ending, Some(Ending::Trap { kind: TrapKind::Unreachable, .. }))
    }
}

impl Scopes {
    /// Forgets everything, for another call of a test.
    pub(super) fn begin(&mut self, guest: Guest, filter: Option<Arc<SubtestFilter>>) {
        let forks = std::mem::take(&mut self.forks).of_next_call();
        *self = Self { guest: Some(guest), filter, forks, ..Self::default() };
    }

    /// Makes ready for a forked subtest, and gives the place of its record.
    pub(super) fn begin_fork(&mut self, guest: Guest, began: ForkedScope) -> usize {
        let ForkedScope { path, names, above, globals } = began;
        *self = Self {
            guest: Some(guest),
            filter: self.filter.take(),
            names,
            records: vec![SubtestRun { path, ..SubtestRun::default() }],
            own: SpanReader::from(u32::MAX),
            forks: std::mem::take(&mut self.forks).of_fork(),
            forked: Some(ForkedInto { above, globals, pending_cleanups: 0 }),
            ..Self::default()
        };
        0
    }

    /// How many scopes are open, the test itself not among them.
    pub(super) fn depth(&self) -> u32 {
        // At most `MAX_DEPTH` are.
        self.above() + self.open.len() as u32
    }

    /// How many scopes the instance began in: none, but where a subtest was forked into it.
    pub(super) fn above(&self) -> u32 {
        self.forked.as_ref().map_or(0, |forked| forked.above)
    }

    /// Whether the test has begun any subtest.
    pub(super) fn has_any(&self) -> bool {
        !self.records.is_empty()
    }

    /// The path of the subtest at this depth that runs, or in which the test ended; `None` for the test itself.
    pub(super) fn path_at(&self, depth: u32) -> Option<&str> {
        let nth = depth.checked_sub(self.above() + 1)? as usize;
        let index = self.open.get(nth).map(|scope| scope.index).or_else(|| self.ended_in.get(nth).copied());
        Some(&self.records[index?].path)
    }

    /// Takes all subtests, in the order in which they began.
    pub(super) fn take(&mut self) -> Vec<SubtestRun> {
        std::mem::take(&mut self.records)
    }

    /// Notes that the test has ended, with `len` bytes in its journal. Returns, for each subtest that is still running, its
    /// index and the reader of what it said.
    pub(super) fn end_all(&mut self, len: u32) -> Vec<(usize, SpanReader)> {
        let open = std::mem::take(&mut self.open);
        self.ended_in = open.iter().map(|scope| scope.index).collect();
        for scope in &open {
            self.records[scope.index].clock = Some((scope.clock, scope.clock.elapsed()));
        }
        let innermost = open.len();
        let ended = open.into_iter().enumerate().map(|(nth, mut scope)| {
            if nth + 1 == innermost {
                scope.said.end(len);
            }
            (scope.index, scope.said)
        });
        let ended: Vec<_> = ended.collect();
        if ended.is_empty() {
            self.own.end(len);
        }
        ended
    }

    /// Notes what a subtest said that was running when the test ended.
    pub(super) fn note_said(&mut self, index: usize, said: Said) {
        self.records[index].said = said;
    }

    /// The reader of what the innermost scope says.
    pub(super) fn reader(&mut self) -> &mut SpanReader {
        self.open.last_mut().map_or(&mut self.own, |scope| &mut scope.said)
    }

    /// Begins the record of a new subtest, and returns its index; `None` if the subtest is not to be run.
    pub(super) fn name(&mut self, name: &str) -> wasmtime::Result<Option<usize>> {
        let within = self.open.last().map(|scope| scope.index);
        let parent = within.map_or("", |index| &*self.records[index].path);
        let path = self.names.unique(parent, name);
        if self.filter.as_ref().is_some_and(|filter| !filter.selects(&path)) {
            return Ok(None);
        }
        if self.depth() >= MAX_DEPTH {
            wasmtime::bail!("subtests are nested more than {MAX_DEPTH} deep");
        }
        if self.records.len() >= MAX_SUBTESTS {
            wasmtime::bail!("the test has more than {MAX_SUBTESTS} subtests");
        }
        self.records.push(SubtestRun { path, within, ..SubtestRun::default() });
        Ok(Some(self.records.len() - 1))
    }
}

/// The scope of the subtest with this index.
pub(crate) fn scope_id(index: usize) -> ScopeId {
    // There are at most `MAX_SUBTESTS`, so the index fits.
    ScopeId(index as u32 + 1)
}

/// In which subtest each block was allocated.
pub struct BlockScopes(BTreeMap<u64, ScopeId>);

impl BlockScopes {
    /// The scopes of blocks, from these subtests.
    pub fn new(subtests: &[SubtestRun]) -> Self {
        // A later subtest lies within an earlier one or after it. So where a subtest ends, the scope around it goes on.
        let mut starts = BTreeMap::from([(0, ScopeId::TEST)]);
        for (index, subtest) in subtests.iter().enumerate() {
            let Some(blocks) = subtest.blocks.as_ref().filter(|blocks| !blocks.is_empty()) else { continue };
            let around = starts.range(..=*blocks.start()).next_back().map_or(ScopeId::TEST, |(_, scope)| *scope);
            starts.entry(*blocks.end() + 1).or_insert(around);
            starts.insert(*blocks.start(), scope_id(index));
        }
        Self(starts)
    }

    /// The innermost scope in which this block was allocated.
    pub fn scope(&self, number: u64) -> ScopeId {
        self.0.range(..=number).next_back().map_or(ScopeId::TEST, |(_, scope)| *scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_of_the_innermost_subtest() {
        let subtest = |blocks| SubtestRun { blocks: Some(blocks), ..SubtestRun::default() };
        let nothing = RangeInclusive::new(10, 9);
        // By index: 1 and 2 lie in 0, 3 allocated nothing, and 4 comes after them.
        let subtests = [subtest(3..=9), subtest(3..=4), subtest(7..=9), subtest(nothing), subtest(12..=12)];
        let scopes = BlockScopes::new(&subtests);
        let found: Vec<_> = (1..=13).map(|number| scopes.scope(number).0).collect();
        assert_eq!(found, [0, 0, 2, 2, 1, 1, 3, 3, 3, 0, 0, 5, 0]);
        assert_eq!(BlockScopes::new(&[]).scope(7), ScopeId::TEST);
    }
}
