//! From the runs of a test's subtests to their records.

use super::heap::Account;
use super::heap_verdict;
use super::judge::{Case, Judgement};
use super::record::RecordContext;
use crate::harness::rust::{self, OUT_OF_MEMORY};
use crate::harness::sdk::{cleanup_failure, failure_message};
use crate::ledger::ScopeId;
use crate::ledger::heap::sites::Site;
use crate::model::{Heap, Resource, SubtestRecord, SuppressedRecord, Usage, Verdict};
use crate::sandbox::{Ending, SubtestRun, scope_id};
use crate::symbols::TrapCause;

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
    let record = |(index, subtest): (usize, &SubtestRun)| {
        let mut record = judged(case, judgement, names, subtest);
        record.usage = subtest.ending.is_some().then(|| usage(subtest, heap, balance.as_ref().map(|sums| sums[index])));
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
        let message = judgement.message.as_deref().filter(|_| is_fork).unwrap_or("the test ended within it");
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
        failures.push(plain("a subtest of it failed".to_owned()));
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
