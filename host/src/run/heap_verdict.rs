//! How a test's heap changes its verdict, and what the record says of the heap.

use super::heap::{Account, Balance};
use super::places::AllocationPlace;
use crate::ledger::Stack;
use crate::ledger::heap::Figures;
use crate::ledger::heap::sites::Site;
use crate::model::{Heap, HeapFigure, HeapKind, Leftover, Limit, LimitRecord, Verdict, verdict_of_breach};
use crate::policy::{LeakAction, LeakActions, LeakSetting, Limits, Policy};
use crate::sandbox::heap::NotTracked;
use crate::sandbox::rerun::HeapDoubt;

/// A limit on the heap that a test broke.
#[derive(Debug)]
pub struct HeapBreach {
    pub limit: LimitRecord,
    pub verdict: Verdict,
    pub message: String,
    /// The stack of the allocation that broke the limit, if it is known.
    pub stack: Option<Stack>,
}

/// The figures of the heap of a test that ran. `exact` is false if how far the test got is not the same everywhere.
pub fn usage(account: &Account, exact: bool) -> Heap {
    let (figures, balance) = match account {
        Account::Untracked(why) => {
            return Heap { why: Some(why.to_string().into()), why_code: Some(why.code().into()), ..Heap::default() };
        }
        Account::Tracked { figures, balance, .. } => (figures, balance.as_deref()),
    };
    let sum = |sites: fn(&Balance) -> &[Site], figure: fn(&Site) -> u64| {
        balance.map(|balance| sites(balance).iter().map(figure).sum())
    };
    Heap {
        lost: sum(|balance| &balance.lost, |site| site.bytes),
        lost_blocks: sum(|balance| &balance.lost, |site| site.blocks),
        retained: sum(|balance| &balance.retained, |site| site.bytes),
        retained_blocks: sum(|balance| &balance.retained, |site| site.blocks),
        doubt: balance.and_then(|balance| Some(balance.doubt.as_ref()?.to_string())),
        doubt_code: balance.and_then(|balance| Some(balance.doubt.as_ref()?.code().into())),
        ..if exact { tracked(figures) } else { Heap { tracked: true, ..Heap::default() } }
    }
}

/// The figures of a heap that was seen, without those of what is left on it.
pub fn tracked(figures: &Figures) -> Heap {
    Heap {
        tracked: true,
        peak: Some(figures.peak),
        total: Some(figures.total),
        allocations: Some(figures.allocations),
        frees: Some(figures.frees),
        reallocations: Some(figures.reallocations),
        ..Heap::default()
    }
}

/// Whether a test kept its limits on the heap.
#[derive(Debug)]
pub enum Compliance {
    /// The test kept all of them.
    Kept,
    /// The test broke this limit: the first one that is surely broken.
    Broken(HeapBreach),
    /// It is not known whether the test kept one of them. Holds why, in words.
    Unknown(String),
}

/// A figure between bounds; they are equal if the figure is known exactly.
struct Bounds {
    least: u64,
    most: u64,
    /// The stack of the allocation that went over the limit.
    stack: Option<Stack>,
}

/// Compares the heap with its limits. A figure that is not known exactly may leave open whether its limit was kept.
pub fn compliance(account: &Account, limits: &Limits) -> Compliance {
    let mut unknown = None;
    for (limit, figure, cap) in heap_limits(limits) {
        let name = limit.name();
        let bounds = match bounds(account, figure.kind, cap) {
            Ok(Some(bounds)) => bounds,
            Ok(None) => continue,
            Err(why) => return Compliance::Unknown(format!("`{name}` cannot be judged: heap not tracked ({why})")),
        };
        let Bounds { least, most, .. } = bounds;
        if least > cap {
            let exact = (least == most).then_some(least);
            return Compliance::Broken(HeapBreach {
                message: message(limit, figure, &bounds, cap),
                limit: LimitRecord::new(limit, cap, exact),
                verdict: verdict_of_breach(limit),
                stack: bounds.stack,
            });
        }
        if let (true, Some(doubt)) = (most > cap, doubt(account)) {
            let why =
                format!("`{name}` cannot be judged: from {least} to {most} bytes, and the limit is {cap} ({doubt})");
            unknown.get_or_insert(why);
        }
    }
    unknown.map_or(Compliance::Kept, Compliance::Unknown)
}

/// The limits on the heap that are set, in the order in which they are judged: first those on what was counted while the
/// test ran, then those on what is left.
fn heap_limits(limits: &Limits) -> Vec<(Limit, HeapFigure, u64)> {
    let set = limits.values().iter().filter_map(|(limit, cap)| Some((limit, limit.row().heap?, cap)));
    let mut set: Vec<_> = set.collect();
    set.sort_by_key(|(_, figure, _)| matches!(figure.kind, HeapKind::Leftover(_)));
    set
}

/// Why the heap was not tracked, if the policy demands that it is.
pub fn not_tracked(account: &Account, policy: &Policy) -> Option<String> {
    match account {
        Account::Untracked(why) if policy.heap_required => {
            Some(format!("its heap was not tracked, and `heap = \"required\"` demands that it is: {why}"))
        }
        Account::Untracked(_) | Account::Tracked { .. } => None,
    }
}

/// Why it is not known whether blocks are retained. This matters only if retained blocks fail a test and lost ones do not.
pub fn retained_unknown(account: &Account, leaks: &LeakActions) -> Option<String> {
    let Account::Tracked { balance: Some(balance), .. } = account else { return None };
    let Balance { retained, doubt: Some(doubt), .. } = &**balance else { return None };
    let fails = |setting| leaks.get(setting) == LeakAction::Fail;
    let alone = fails(LeakSetting::Retained) && !fails(LeakSetting::Heap);
    (alone && !retained.is_empty())
        .then(|| format!("whether blocks are retained cannot be judged: they may be lost ({doubt})"))
}

fn doubt(account: &Account) -> Option<&HeapDoubt> {
    match account {
        Account::Tracked { balance: Some(balance), .. } => balance.doubt.as_ref(),
        Account::Tracked { balance: None, .. } | Account::Untracked(_) => None,
    }
}

/// The bounds of a figure; `None` if the test did not finish, so that there is nothing to judge.
fn bounds(account: &Account, kind: HeapKind, cap: u64) -> Result<Option<Bounds>, &NotTracked> {
    let (figures, balance, crossed) = match account {
        Account::Untracked(why) => return Err(why),
        Account::Tracked { figures, balance, crossed } => (figures, balance.as_deref(), crossed),
    };
    Ok(match kind {
        HeapKind::Tally(tally) => {
            let figure = figures.tally(tally);
            let crossing = crossed.iter().find(|crossing| crossing.crossed.get(tally).is_some());
            let stack = crossing.map(|crossing| Stack::clone(&crossing.stack));
            Some(Bounds { least: figure, most: figure, stack })
        }
        HeapKind::Leftover(leftover) => balance.map(|balance| bounds_of_leftover(balance, leftover, cap)),
    })
}

/// The bounds of what is left. If it is not certain which blocks are lost, the surely lost ones are the least that is lost,
/// and no block is surely retained.
fn bounds_of_leftover(balance: &Balance, leftover: Leftover, cap: u64) -> Bounds {
    let [(lost, losing), (retained, retaining)] =
        [&balance.lost, &balance.retained].map(|sites| over(sites, &balance.places, cap));
    let bounded = balance.is_bounded();
    match leftover {
        Leftover::Lost => Bounds { least: lost, most: lost + if bounded { retained } else { 0 }, stack: losing },
        Leftover::Retained => Bounds { least: if bounded { 0 } else { retained }, most: retained, stack: retaining },
    }
}

/// All the bytes, and the stack of the place, in the order of allocation, with which they go over the cap.
fn over(sites: &[Site], places: &[AllocationPlace], cap: u64) -> (u64, Option<Stack>) {
    let mut sum = 0;
    let mut at = None;
    for site in sites {
        let within = sum <= cap;
        sum += site.bytes;
        if within && sum > cap {
            at = places[site.place as usize].stack.clone();
        }
    }
    (sum, at)
}

fn message(limit: Limit, figure: HeapFigure, bounds: &Bounds, cap: u64) -> String {
    let at_least = if bounds.least < bounds.most { "at least " } else { "" };
    let HeapFigure { before, after, .. } = figure;
    format!("{before}{at_least}{}{after} (limit {cap}, `{}`)", bounds.least, limit.name())
}

#[cfg(test)]
mod tests;
