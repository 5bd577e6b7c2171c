//! What a test's heap does to its verdict, and what is said of it in the record.

use super::heap::{Account, Balance};
use super::resources::no_handle;
use crate::ledger::Stack;
use crate::ledger::heap::sites::Site;
use crate::policy::Limits;
use crate::report::model::{Heap, LimitRecord, Resource, ResourceKind};
use crate::sandbox::heap::Crossing;
use crate::symbols::Symbols;

/// A limit on the heap that a test broke.
#[derive(Debug)]
pub struct Broken {
    pub limit: LimitRecord,
    pub message: String,
    /// The allocation that broke it, where it is known.
    pub stack: Option<Stack>,
}

/// The figures of a test that was run. `exact` is false where how far it got is not the same everywhere.
pub fn usage(account: &Account, exact: bool) -> Heap {
    let (figures, balance) = match account {
        Account::Untracked(why) => return Heap { why: Some(why.clone()), ..Heap::default() },
        Account::Tracked { figures, balance, .. } => (figures, balance.as_ref()),
    };
    let sum = |sites: fn(&Balance) -> &[Site], figure: fn(&Site) -> u64| {
        balance.map(|balance| sites(balance).iter().map(figure).sum())
    };
    Heap {
        tracked: true,
        why: None,
        peak: exact.then_some(figures.peak),
        total: exact.then_some(figures.total),
        allocations: exact.then_some(figures.allocations),
        frees: exact.then_some(figures.frees),
        reallocations: exact.then_some(figures.reallocations),
        lost: sum(|balance| &balance.lost, |site| site.bytes),
        lost_blocks: sum(|balance| &balance.lost, |site| site.blocks),
        retained: sum(|balance| &balance.retained, |site| site.bytes),
        retained_blocks: sum(|balance| &balance.retained, |site| site.blocks),
        doubt: balance.and_then(|balance| balance.doubt.clone()),
    }
}

/// The report's entries for blocks that are left, in the order of their first allocation.
pub fn describe(sites: &[Site], scope: &str, symbols: &Symbols) -> Vec<Resource> {
    let entry = |site: &Site| Resource {
        bytes: Some(site.bytes),
        stack: site.stack.as_deref().map(|stack| symbols.frames(stack)).unwrap_or_default(),
        ..no_handle(ResourceKind::Heap, site.blocks, scope)
    };
    sites.iter().map(entry).collect()
}

/// The first limit on the heap that was broken. A limit on a heap that was not seen cannot be kept: the name of one is the
/// error.
pub fn broken(account: &Account, limits: &Limits) -> Result<Option<Broken>, &'static str> {
    let caps = [
        ("peak-heap", limits.peak_heap),
        ("allocations", limits.allocations),
        ("lost", limits.lost),
        ("retained", limits.retained),
    ];
    let mut set = caps.iter().filter_map(|(name, cap)| Some((*name, (*cap)?))).peekable();
    let Some((first, _)) = set.peek() else { return Ok(None) };
    match account {
        Account::Untracked(_) => Err(first),
        Account::Tracked { figures, balance, crossed } => {
            let balance = balance.as_ref();
            Ok(set.find_map(|(name, cap)| {
                let (seen, stack) = match name {
                    "peak-heap" => (figures.peak, crossing(crossed, |crossing| crossing.crossed.peak_heap.is_some())),
                    "allocations" => {
                        let seen = figures.allocations + figures.reallocations;
                        (seen, crossing(crossed, |crossing| crossing.crossed.allocations.is_some()))
                    }
                    "lost" => over(&balance?.lost, cap),
                    _ => over(&balance?.retained, cap),
                };
                (seen > cap).then(|| Broken {
                    message: message(name, seen, cap),
                    limit: LimitRecord { name: name.to_owned(), value: cap, seen: Some(seen) },
                    stack,
                })
            }))
        }
    }
}

fn crossing(crossed: &[Crossing], is: impl Fn(&Crossing) -> bool) -> Option<Stack> {
    crossed.iter().find(|crossing| is(crossing)).map(|crossing| Stack::clone(&crossing.stack))
}

/// All the bytes, and where those over the cap begin, in the order in which they were allocated.
fn over(sites: &[Site], cap: u64) -> (u64, Option<Stack>) {
    let mut sum = 0;
    let mut at = None;
    for site in sites {
        let within = sum <= cap;
        sum += site.bytes;
        if within && sum > cap {
            at = site.stack.clone();
        }
    }
    (sum, at)
}

fn message(name: &str, seen: u64, cap: u64) -> String {
    match name {
        "peak-heap" => format!("{seen} bytes of its heap were live at once (limit {cap}, `peak-heap`)"),
        "allocations" => format!("it allocated {seen} times (limit {cap}, `allocations`)"),
        "lost" => format!("it lost {seen} bytes of its heap (limit {cap}, `lost`)"),
        _ => format!("{seen} bytes of its heap are still reachable at its end (limit {cap}, `retained`)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::heap::Figures;

    fn tracked(lost: &[u64]) -> Account {
        let site = |bytes: &u64| Site { stack: Some([].into()), blocks: 1, bytes: *bytes, first: 0 };
        let figures = Figures { peak: 100, allocations: 7, reallocations: 2, ..Figures::default() };
        let balance = Some(Balance { lost: lost.iter().map(site).collect(), ..Balance::default() });
        Account::Tracked { figures, balance, crossed: Vec::new() }
    }

    #[test]
    fn the_first_limit_that_is_broken_is_named_with_its_figure() {
        let limits = |peak_heap, allocations, lost| Limits { peak_heap, allocations, lost, ..Limits::default() };
        let seen = |limits: Limits, account: &Account| {
            broken(account, &limits).unwrap().map(|broken| (broken.limit.name, broken.limit.value, broken.limit.seen))
        };
        let account = tracked(&[8, 4]);
        assert_eq!(seen(limits(None, None, None), &account), None);
        assert_eq!(seen(limits(Some(100), Some(9), Some(12)), &account), None);
        assert_eq!(seen(limits(Some(99), Some(8), None), &account), Some(("peak-heap".to_owned(), 99, Some(100))));
        assert_eq!(seen(limits(Some(100), Some(8), None), &account), Some(("allocations".to_owned(), 8, Some(9))));
        assert_eq!(seen(limits(None, None, Some(11)), &account), Some(("lost".to_owned(), 11, Some(12))));
    }

    #[test]
    fn a_limit_on_what_is_not_seen_is_not_kept() {
        let account = Account::Untracked("nobody looked".into());
        assert_eq!(broken(&account, &Limits { lost: Some(1), ..Limits::default() }).unwrap_err(), "lost");
        assert!(broken(&account, &Limits::default()).unwrap().is_none());
    }

    #[test]
    fn figures_that_are_not_the_same_everywhere_are_left_out() {
        let heap = usage(&tracked(&[8]), false);
        assert_eq!((heap.peak, heap.lost, heap.lost_blocks, heap.retained), (None, Some(8), Some(1), Some(0)));
        assert_eq!(usage(&tracked(&[]), true).peak, Some(100));
    }
}
