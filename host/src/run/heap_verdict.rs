//! What a test's heap does to its verdict, and what is said of it in the record.

use super::heap::{Account, Balance};
use super::resources::no_handle;
use crate::ledger::Stack;
use crate::ledger::heap::sites::Site;
use crate::model::{Frame, Heap, LimitRecord, Resource, ResourceKind};
use crate::policy::{LeakAction, LeakActions, Limits};
use crate::sandbox::heap::Crossing;
use crate::symbols::Symbols;
use std::collections::HashMap;

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

/// The report's entries for blocks that are left, in the order of their first allocation. Places that a reader cannot tell
/// apart, as two calls on one line, are one.
pub fn describe(sites: &[Site], scope: &str, symbols: &Symbols) -> Vec<Resource> {
    let mut entries: Vec<Resource> = Vec::new();
    let mut known: HashMap<Vec<Frame>, usize> = HashMap::new();
    for site in sites {
        let stack = site.stack.as_deref().map(|stack| symbols.frames(stack)).unwrap_or_default();
        let index = *known.entry(stack).or_insert_with_key(|stack| {
            entries.push(Resource { stack: stack.clone(), ..no_handle(ResourceKind::Heap, 0, scope) });
            entries.len() - 1
        });
        let entry = &mut entries[index];
        entry.count += site.blocks;
        *entry.bytes.get_or_insert(0) += site.bytes;
    }
    entries
}

/// Whether a test kept its limits on the heap.
#[derive(Debug)]
pub enum Held {
    /// All of them.
    Kept,
    /// Not this one, the first of those that are surely broken.
    Broken(Broken),
    /// That is not known of one: why not, in words.
    Unknown(String),
}

/// A figure as far as it is known.
struct Seen {
    least: u64,
    most: u64,
    /// The allocation that went over the limit.
    stack: Option<Stack>,
}

/// Holds the heap against its limits. What is not known is neither kept nor broken.
pub fn held(account: &Account, limits: &Limits) -> Held {
    let caps = [
        ("peak-heap", limits.peak_heap),
        ("allocations", limits.allocations),
        ("lost", limits.lost),
        ("retained", limits.retained),
    ];
    let set = caps.iter().filter_map(|(name, cap)| Some((*name, (*cap)?)));
    let mut unknown = None;
    for (name, cap) in set {
        let seen = match seen(account, name, cap) {
            Ok(Some(seen)) => seen,
            Ok(None) => continue,
            Err(why) => return Held::Unknown(format!("`{name}` cannot be judged: heap not tracked ({why})")),
        };
        if seen.least > cap {
            let exact = (seen.least == seen.most).then_some(seen.least);
            return Held::Broken(Broken {
                message: message(name, &seen, cap),
                limit: LimitRecord { name: name.to_owned(), value: cap, seen: exact },
                stack: seen.stack,
            });
        }
        if let (true, Some(doubt)) = (seen.most > cap, doubt(account)) {
            let Seen { least, most, .. } = seen;
            let why =
                format!("`{name}` cannot be judged: from {least} to {most} bytes, and the limit is {cap} ({doubt})");
            unknown.get_or_insert(why);
        }
    }
    unknown.map_or(Held::Kept, Held::Unknown)
}

/// Why it is not known whether anything was retained, where that fails a test and what is lost does not.
pub fn retained_unknown(account: &Account, leaks: &LeakActions) -> Option<String> {
    let Account::Tracked { balance: Some(Balance { retained, doubt: Some(doubt), .. }), .. } = account else {
        return None;
    };
    let alone = leaks.retained == LeakAction::Fail && leaks.heap != LeakAction::Fail;
    (alone && !retained.is_empty())
        .then(|| format!("whether blocks are retained cannot be judged: they may be lost ({doubt})"))
}

fn doubt(account: &Account) -> Option<&str> {
    match account {
        Account::Tracked { balance: Some(balance), .. } => balance.doubt.as_deref(),
        Account::Tracked { balance: None, .. } | Account::Untracked(_) => None,
    }
}

/// What a test came to of what a limit is on; none where it did not finish, so that there is nothing to judge.
fn seen<'a>(account: &'a Account, name: &str, cap: u64) -> Result<Option<Seen>, &'a str> {
    let (figures, balance, crossed) = match account {
        Account::Untracked(why) => return Err(why),
        Account::Tracked { figures, balance, crossed } => (figures, balance.as_ref(), crossed),
    };
    let exact = |figure, stack| Some(Seen { least: figure, most: figure, stack });
    let at_end = |balance: &Balance| {
        let [(lost, losing), (retained, retaining)] = [&balance.lost, &balance.retained].map(|sites| over(sites, cap));
        let bounded = balance.is_bounded();
        match name {
            "lost" => Seen { least: lost, most: lost + if bounded { retained } else { 0 }, stack: losing },
            _ => Seen { least: if bounded { 0 } else { retained }, most: retained, stack: retaining },
        }
    };
    Ok(match name {
        "peak-heap" => exact(figures.peak, crossing(crossed, |crossing| crossing.crossed.peak_heap.is_some())),
        "allocations" => {
            let stack = crossing(crossed, |crossing| crossing.crossed.allocations.is_some());
            exact(figures.allocations + figures.reallocations, stack)
        }
        _ => balance.map(at_end),
    })
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

fn message(name: &str, seen: &Seen, cap: u64) -> String {
    let least = if seen.least < seen.most { "at least " } else { "" };
    let seen = seen.least;
    match name {
        "peak-heap" => format!("{seen} bytes of its heap were live at once (limit {cap}, `peak-heap`)"),
        "allocations" => format!("it allocated {seen} times (limit {cap}, `allocations`)"),
        "lost" => format!("it lost {least}{seen} bytes of its heap (limit {cap}, `lost`)"),
        _ => format!("{seen} bytes of its heap are still reachable at its end (limit {cap}, `retained`)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::RawFrame;
    use crate::ledger::heap::Figures;
    use crate::symbols::PathRoots;

    #[test]
    fn what_may_be_lost_is_no_proof_that_anything_is_retained() {
        let unknown = |retained: &[u64], doubt, heap, action| {
            let leaks = LeakActions { heap, retained: action, ..LeakActions::default() };
            retained_unknown(&account(&[], retained, doubt), &leaks)
        };
        let (ignore, fail) = (LeakAction::Ignore, LeakAction::Fail);
        let said = unknown(&[8], Some("why"), ignore, fail).unwrap();
        assert_eq!(said, "whether blocks are retained cannot be judged: they may be lost (why)");
        assert_eq!(unknown(&[8], None, ignore, fail), None, "it is known");
        assert_eq!(unknown(&[], Some("why"), ignore, fail), None, "there is nothing");
        assert_eq!(unknown(&[8], Some("why"), fail, fail), None, "either fails");
        assert_eq!(unknown(&[8], Some("why"), ignore, ignore), None, "neither does");
    }

    #[test]
    fn places_that_look_the_same_are_one() {
        let site = |function, offset, bytes| {
            let stack = Some([RawFrame { function, offset: Some(offset) }].into());
            Site { stack, blocks: 2, bytes, first: 0 }
        };
        let symbols = Symbols::new(b"\0asm\x01\0\0\0".as_slice().into(), PathRoots::default());
        let entries = describe(&[site(1, 10, 8), site(2, 20, 16), site(1, 12, 32)], "scope", &symbols);
        let told = |entry: &Resource| (entry.stack[0].function.clone(), entry.count, entry.bytes);
        let expected = [("wasm function 1".to_owned(), 4, Some(40)), ("wasm function 2".to_owned(), 2, Some(16))];
        assert_eq!(entries.iter().map(told).collect::<Vec<_>>(), expected);
    }

    fn account(lost: &[u64], retained: &[u64], doubt: Option<&str>) -> Account {
        let site = |bytes: &u64| Site { stack: Some([].into()), blocks: 1, bytes: *bytes, first: 0 };
        let sites = |all: &[u64]| all.iter().map(site).collect();
        let figures = Figures { peak: 100, allocations: 7, reallocations: 2, ..Figures::default() };
        let (lost, retained, doubt) = (sites(lost), sites(retained), doubt.map(str::to_owned));
        let balance = Some(Balance { lost, retained, doubt, ..Balance::default() });
        Account::Tracked { figures, balance, crossed: Vec::new() }
    }

    fn tracked(lost: &[u64]) -> Account {
        account(lost, &[], None)
    }

    fn broken(account: &Account, limits: Limits) -> Option<(String, u64, Option<u64>)> {
        match held(account, &limits) {
            Held::Kept => None,
            Held::Broken(Broken { limit, .. }) => Some((limit.name, limit.value, limit.seen)),
            Held::Unknown(why) => panic!("{why}"),
        }
    }

    fn unknown(account: &Account, limits: Limits) -> String {
        match held(account, &limits) {
            Held::Unknown(why) => why,
            known => panic!("{known:?}"),
        }
    }

    #[test]
    fn the_first_limit_that_is_broken_is_named_with_its_figure() {
        let limits = |peak_heap, allocations, lost| Limits { peak_heap, allocations, lost, ..Limits::default() };
        let account = tracked(&[8, 4]);
        assert_eq!(broken(&account, limits(None, None, None)), None);
        assert_eq!(broken(&account, limits(Some(100), Some(9), Some(12))), None);
        let named = |name: &str, value, seen| Some((name.to_owned(), value, Some(seen)));
        assert_eq!(broken(&account, limits(Some(99), Some(8), None)), named("peak-heap", 99, 100));
        assert_eq!(broken(&account, limits(Some(100), Some(8), None)), named("allocations", 8, 9));
        assert_eq!(broken(&account, limits(None, None, Some(11))), named("lost", 11, 12));
    }

    #[test]
    fn a_limit_on_what_is_not_seen_is_not_kept() {
        let account = Account::Untracked("nobody looked".into());
        let why = unknown(&account, Limits { lost: Some(1), ..Limits::default() });
        assert_eq!(why, "`lost` cannot be judged: heap not tracked (nobody looked)");
        assert_eq!(broken(&account, Limits::default()), None);
    }

    #[test]
    fn with_a_doubt_what_is_lost_is_at_least_so_much() {
        let account = account(&[8, 4], &[100], Some("who knows"));
        let lost = |cap| Limits { lost: Some(cap), ..Limits::default() };
        assert_eq!(broken(&account, lost(11)), Some(("lost".to_owned(), 11, None)));
        let Held::Broken(Broken { message, .. }) = held(&account, &lost(11)) else { panic!("it is broken") };
        assert_eq!(message, "it lost at least 12 bytes of its heap (limit 11, `lost`)");
        let why = "`lost` cannot be judged: from 12 to 112 bytes, and the limit is 12 (who knows)";
        assert_eq!(unknown(&account, lost(12)), why);
        unknown(&account, lost(111));
        assert_eq!(broken(&account, lost(112)), None, "it cannot be more");
    }

    #[test]
    fn with_a_doubt_what_is_retained_is_at_most_so_much() {
        let account = account(&[8], &[100, 20], Some("who knows"));
        let retained = |cap| Limits { retained: Some(cap), ..Limits::default() };
        assert_eq!(broken(&account, retained(120)), None);
        let why = "`retained` cannot be judged: from 0 to 120 bytes, and the limit is 119 (who knows)";
        assert_eq!(unknown(&account, retained(119)), why);
        // What is surely broken is said, whatever else is not known.
        let both = Limits { lost: Some(100), retained: Some(119), peak_heap: Some(99), ..Limits::default() };
        assert_eq!(broken(&account, both), Some(("peak-heap".to_owned(), 99, Some(100))));
        let both = Limits { lost: Some(100), allocations: Some(9), ..retained(119) };
        assert!(unknown(&account, both).starts_with("`lost` cannot be judged"));
    }

    #[test]
    fn a_doubt_about_places_alone_leaves_limits_exact() {
        let account = account(&[8, 4], &[], Some("who knows"));
        let limits = |lost| Limits { lost: Some(lost), retained: Some(0), ..Limits::default() };
        assert_eq!(broken(&account, limits(12)), None);
        assert_eq!(broken(&account, limits(11)), Some(("lost".to_owned(), 11, Some(12))));
    }

    #[test]
    fn figures_that_are_not_the_same_everywhere_are_left_out() {
        let heap = usage(&tracked(&[8]), false);
        assert_eq!((heap.peak, heap.lost, heap.lost_blocks, heap.retained), (None, Some(8), Some(1), Some(0)));
        assert_eq!(usage(&tracked(&[]), true).peak, Some(100));
        for (retained, bounded) in [(&[1][..], true), (&[], false)] {
            assert_eq!(usage(&account(&[8], retained, Some("who knows")), true).is_bounded(), bounded);
            assert!(!usage(&account(&[8], retained, None), true).is_bounded());
        }
    }
}
