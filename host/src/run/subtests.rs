//! From the runs of a test's subtests to their records.

use super::heap::Account;
use super::heap_verdict;
use super::judge::{Case, Judgement};
use super::record::RecordContext;
use crate::harness::rust::{self, OUT_OF_MEMORY};
use crate::harness::sdk::{cleanup_failure, failure_message};
use crate::ledger::ScopeId;
use crate::ledger::heap::sites::Site;
use crate::model::{
    ENDED_WITHIN, FAILED_WITHIN, Heap, Resource, SubtestRecord, SuppressedRecord, TestRecord, TrackedRecord, Usage,
    Verdict,
};
use crate::sandbox::{Ending, SubtestRun, scope_id};
use crate::symbols::TrapCause;
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

/// The names of a test's scopes.
#[derive(Clone, Copy)]
pub struct ScopeNames<'a> {
    pub test: &'a str,
    /// The path of the forked subtest that everything is in which is not in one of these.
    pub forked: Option<&'a str>,
    pub subtests: &'a [SubtestRun],
}

impl<'a> ScopeNames<'a> {
    /// The scopes of this test.
    pub fn new(context: &RecordContext<'a>, case: &Case<'a>) -> Self {
        Self { test: context.name, forked: context.forked, subtests: subtests(case) }
    }

    /// The name of a scope: `test`, or `test/case` for a subtest.
    pub fn name(&self, scope: ScopeId) -> String {
        let subtest = (scope.0 as usize).checked_sub(1).and_then(|index| self.subtests.get(index));
        let path = subtest.map(|subtest| &*subtest.path).or(self.forked);
        path.map_or_else(|| self.test.to_owned(), |path| format!("{}/{path}", self.test))
    }
}

fn subtests<'a>(case: &Case<'a>) -> &'a [SubtestRun] {
    case.run.sdk.as_ref().map_or(&[], |said| &said.subtests)
}

/// When a subtest ran by the wall clock, and how long it took.
#[derive(Debug, Clone)]
pub struct SubtestClock {
    pub path: String,
    pub began: Instant,
    pub elapsed: Duration,
}

/// When the subtests of a test ran, in the order in which they began; without those of which that is not known.
pub fn clocks(case: &Case<'_>) -> Vec<SubtestClock> {
    let clock = |subtest: &SubtestRun| {
        let (began, elapsed) = subtest.clock?;
        Some(SubtestClock { path: subtest.path.clone(), began, elapsed })
    };
    subtests(case).iter().filter_map(clock).collect()
}

/// Those of the subtests that the test's record has: its list may have been cut short.
pub fn recorded_clocks(mut clocks: Vec<SubtestClock>, record: &TestRecord) -> Vec<SubtestClock> {
    let subtests = record.details.as_ref().map_or(&[][..], |details| &details.subtests);
    if subtests.len() < clocks.len() {
        let recorded: HashSet<&str> = subtests.iter().map(|subtest| &*subtest.name).collect();
        clocks.retain(|clock| recorded.contains(&*clock.path));
    }
    clocks
}

/// The records of a test's subtests. `left` is what the test left, and `spoils` says whether an entry of it fails a test.
pub fn records(
    case: &Case<'_>,
    judgement: &Judgement,
    heap: &Account,
    names: ScopeNames<'_>,
    left: &[Resource],
    spoils: impl Fn(&Resource) -> bool,
) -> Vec<SubtestRecord> {
    let balance = balance(heap, names.subtests);
    let tracked = tracked_and_left(case, names.subtests);
    let record = |(index, subtest): (usize, &SubtestRun)| {
        let mut record = judged(case, judgement, names, subtest);
        record.usage = subtest.ending.is_some().then(|| usage(subtest, heap, balance.as_ref().map(|sums| sums[index])));
        // Where the stack was used up, what is left depends on the compiler.
        if !case.run.ending.used_up_stack() {
            let left = |kind: &str| tracked[index].get(kind).copied().unwrap_or(0);
            let counts = subtest.tracked.iter();
            record.tracked = counts
                .map(|(kind, counts)| TrackedRecord::new(&**kind, counts.total, counts.peak, left(kind)))
                .collect();
        }
        let scope = names.name(scope_id(index));
        let own = |resource: &&Resource| resource.by_place().any(|at| at.scope == scope);
        let placed = left.iter().flat_map(Resource::by_place).filter(|at| at.scope == scope);
        record.leaks = placed.map(|at| at.count).sum();
        if record.verdict == Verdict::Pass && left.iter().filter(own).any(&spoils) {
            record.verdict = Verdict::Leak;
        }
        record
    };
    names.subtests.iter().enumerate().map(record).collect()
}

/// The verdict of a subtest, by how it ended and what it said, and why.
fn judged(case: &Case<'_>, judgement: &Judgement, names: ScopeNames<'_>, subtest: &SubtestRun) -> SubtestRecord {
    let symbols = &case.module.symbols;
    let mut record = SubtestRecord::new(subtest.path.clone(), Verdict::Pass);
    let mut failures: Vec<SuppressedRecord> = Vec::new();
    let plain = |message| SuppressedRecord::new(message, None);
    failures.extend(subtest.said.failures.iter().map(|failure| plain(failure_message(failure, symbols))));
    if subtest.forked {
        // Where it is run, its own run says more.
        record.verdict = Verdict::Skip;
        record.reason = Some("not run: the run of its test was interrupted".to_owned());
        return record;
    }
    let Some(ending) = &subtest.ending else {
        // The test ended within the subtest. If that was an expected panic, the subtest ended as it should, too.
        record.verdict = judgement.verdict;
        record.reason = judgement.reason.clone();
        let is_fork = names.forked == Some(&subtest.path);
        let message = judgement.message.as_deref().filter(|_| is_fork).unwrap_or(ENDED_WITHIN);
        if judgement.verdict != Verdict::Pass {
            failures.push(plain(message.to_owned()));
        }
        return with_failures(record, failures);
    };
    if let Ending::Trap { kind, stack } = ending
        && (subtest.said.skipped.is_none() || !failures.is_empty())
    {
        record.stack = symbols.frames(stack);
        let panic = rust::last_panic(&subtest.stderr);
        match (symbols.cause(stack), panic) {
            (TrapCause::AllocError, _) => failures.push(plain(OUT_OF_MEMORY.to_owned())),
            (TrapCause::Panic, Some(panic)) => {
                record.stack = symbols.frames_of_panic(stack, &panic.place, names.test);
                failures.push(plain(panic.message));
            }
            (TrapCause::Panic, None) => failures.push(plain("panicked, and the message was lost".to_owned())),
            // The subtest said why it ends.
            (TrapCause::Other, _) if !failures.is_empty() => {}
            (TrapCause::Other, _) => failures.push(plain(format!("trap: {kind}"))),
        }
    }
    if let Ending::Refused(why) = ending {
        failures.push(plain(why.clone()));
    }
    // Where it ended in a trap, that may be told already.
    let panic = subtest.said.panic.iter().filter(|panic| failures.iter().all(|told| told.message != panic.text));
    let panic: Vec<_> = panic.map(|panic| plain(panic.text.clone())).collect();
    failures.extend(panic);
    let cleanups = case.run.sdk.iter().flat_map(|said| &said.cleanups);
    for cleanup in cleanups.filter(|cleanup| cleanup.subtest.as_deref() == Some(&*subtest.path)) {
        failures.push(SuppressedRecord::new(cleanup_failure(cleanup, symbols), Some(cleanup.ordinal)));
    }
    if failures.is_empty() && subtest.failed_within {
        failures.push(plain(FAILED_WITHIN.to_owned()));
    }
    if let (Some(reason), true) = (&subtest.said.skipped, failures.is_empty()) {
        record.verdict = Verdict::Skip;
        record.reason = Some(reason.clone());
    } else if !failures.is_empty() {
        record.verdict = Verdict::Fail;
    }
    with_failures(record, failures)
}

/// Makes the first failure the message. Those after it are suppressed.
fn with_failures(mut record: SubtestRecord, failures: Vec<SuppressedRecord>) -> SubtestRecord {
    let mut failures = failures.into_iter();
    record.message = failures.next().map(|first| first.message);
    record.suppressed = failures.collect();
    record
}

/// What a subtest and the subtests in it left on the heap: lost bytes and blocks, then retained bytes and blocks.
type LostAndRetained = [u64; 4];

/// What each subtest left on the heap; `None` if the balance of the heap was not struck.
fn balance(heap: &Account, subtests: &[SubtestRun]) -> Option<Vec<LostAndRetained>> {
    let Account::Tracked { balance: Some(balance), .. } = heap else { return None };
    let mut sums = vec![LostAndRetained::default(); subtests.len()];
    let mut add = |site: &Site, at: usize| {
        let mut scope = (site.scope.0 as usize).checked_sub(1);
        while let Some(index) = scope {
            sums[index][at] += site.bytes;
            sums[index][at + 1] += site.blocks;
            scope = subtests[index].within;
        }
    };
    balance.lost.iter().for_each(|site| add(site, 0));
    balance.retained.iter().for_each(|site| add(site, 2));
    Some(sums)
}

/// How many resources of each kind of the user's own each subtest and the subtests in it acquired that were still held at the end of the
/// test.
fn tracked_and_left<'a>(case: &Case<'a>, subtests: &[SubtestRun]) -> Vec<BTreeMap<&'a str, u64>> {
    let mut sums = vec![BTreeMap::new(); subtests.len()];
    for (handle, kind) in case.run.remains.open.iter().filter_map(|handle| Some((handle, handle.tracked.as_deref()?))) {
        let mut scope = (handle.scope.0 as usize).checked_sub(1);
        while let Some(index) = scope {
            *sums[index].entry(kind).or_insert(0) += 1;
            scope = subtests[index].within;
        }
    }
    sums
}

fn usage(subtest: &SubtestRun, account: &Account, left: Option<LostAndRetained>) -> Usage {
    let figures = subtest.heap.filter(|_| matches!(account, Account::Tracked { .. }));
    let left = |at: usize| left.filter(|_| subtest.finished()).map(|left| left[at]);
    let heap = figures.map(|figures| Heap {
        lost: left(0),
        lost_blocks: left(1),
        retained: left(2),
        retained_blocks: left(3),
        ..heap_verdict::tracked(&figures)
    });
    Usage {
        fuel: Some(subtest.fuel),
        linear_peak: Some(subtest.linear_peak),
        handles_peak: Some(subtest.handles_peak),
        heap: heap.unwrap_or_default(),
    }
}
