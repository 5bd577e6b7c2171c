use super::*;
use crate::ledger::ScopeId;
use crate::ledger::heap::Figures;
use crate::model::LimitName;

#[test]
fn what_may_be_lost_is_no_proof_that_anything_is_retained() {
    let unknown = |retained: &[u64], doubt, heap, action| {
        let leaks = LeakActions::default().with(LeakSetting::Heap, heap).with(LeakSetting::Retained, action);
        retained_unknown(&account(&[], retained, doubt), &leaks)
    };
    let (ignore, fail) = (LeakAction::Ignore, LeakAction::Fail);
    let said = unknown(&[8], Some("why"), ignore, fail).unwrap();
    assert_eq!(said, "whether blocks are retained cannot be judged: they may be lost (a second run differed: why)");
    assert_eq!(unknown(&[8], None, ignore, fail), None, "it is known");
    assert_eq!(unknown(&[], Some("why"), ignore, fail), None, "there is nothing");
    assert_eq!(unknown(&[8], Some("why"), fail, fail), None, "either fails");
    assert_eq!(unknown(&[8], Some("why"), ignore, ignore), None, "neither does");
}

fn account(lost: &[u64], retained: &[u64], doubt: Option<&str>) -> Account {
    let site = |bytes: &u64| Site { place: 0, blocks: 1, bytes: *bytes, first: 0, scope: ScopeId::TEST, depths: 0 };
    let place = AllocationPlace { stack: Some([].into()), ..AllocationPlace::default() };
    let sites = |all: &[u64]| all.iter().map(site).collect();
    let figures = Figures { peak: 100, allocations: 7, reallocations: 2, ..Figures::default() };
    let (lost, retained, doubt) = (sites(lost), sites(retained), doubt.map(|why| HeapDoubt::Ending(why.to_owned())));
    let balance = Balance { places: vec![place], lost, retained, doubt, ..Balance::default() };
    Account::Tracked { figures, balance: Some(Box::new(balance)), crossed: Vec::new() }
}

fn tracked(lost: &[u64]) -> Account {
    account(lost, &[], None)
}

fn broken(account: &Account, limits: Limits) -> Option<(LimitName, u64, Option<u64>)> {
    match compliance(account, &limits) {
        Compliance::Kept => None,
        Compliance::Broken(HeapBreach { limit, .. }) => Some((limit.name, limit.value, limit.seen)),
        Compliance::Unknown(why) => panic!("{why}"),
    }
}

fn unknown(account: &Account, limits: Limits) -> String {
    match compliance(account, &limits) {
        Compliance::Unknown(why) => why,
        known => panic!("{known:?}"),
    }
}

#[test]
fn the_first_limit_that_is_broken_is_named_with_its_figure() {
    let limits = |peak_heap: Option<u64>, allocations: Option<u64>, lost: Option<u64>| {
        let set = [(Limit::PeakHeap, peak_heap), (Limit::Allocations, allocations), (Limit::Lost, lost)];
        let set = set.into_iter().filter_map(|(limit, value)| Some((limit, value?)));
        set.fold(Limits::default(), |limits, (limit, value)| limits.with(limit, value))
    };
    let account = tracked(&[8, 4]);
    assert_eq!(broken(&account, limits(None, None, None)), None);
    assert_eq!(broken(&account, limits(Some(100), Some(9), Some(12))), None);
    let named = |limit: Limit, value, seen| Some((limit.into(), value, Some(seen)));
    assert_eq!(broken(&account, limits(Some(99), Some(8), None)), named(Limit::PeakHeap, 99, 100));
    assert_eq!(broken(&account, limits(Some(100), Some(8), None)), named(Limit::Allocations, 8, 9));
    assert_eq!(broken(&account, limits(None, None, Some(11))), named(Limit::Lost, 11, 12));
}

#[test]
fn one_block_too_large_is_told_with_what_was_asked_for() {
    let figures = Figures { largest: 5000, ..Figures::default() };
    let account = Account::Tracked { figures, balance: None, crossed: Vec::new() };
    let limits = |cap| Limits::default().with(Limit::LargestAllocation, cap);
    assert_eq!(broken(&account, limits(5000)), None);
    let Compliance::Broken(broken) = compliance(&account, &limits(4096)) else { panic!("it is broken") };
    assert_eq!(broken.message, "it asked for 5000 bytes in one allocation (limit 4096, `largest-allocation`)");
    assert_eq!(broken.verdict, Verdict::Memory);
    assert_eq!(broken.limit, LimitRecord::new(Limit::LargestAllocation, 4096, Some(5000)));
}

#[test]
fn a_limit_on_what_is_not_seen_is_not_kept() {
    let account = Account::Untracked(NotTracked::NotStarted);
    let why = unknown(&account, Limits::default().with(Limit::Lost, 1));
    assert_eq!(why, "`lost` cannot be judged: heap not tracked (it could not be started)");
    assert_eq!(broken(&account, Limits::default()), None);
}

#[test]
fn with_a_doubt_what_is_lost_is_at_least_so_much() {
    let account = account(&[8, 4], &[100], Some("who knows"));
    let lost = |cap| Limits::default().with(Limit::Lost, cap);
    assert_eq!(broken(&account, lost(11)), Some((Limit::Lost.into(), 11, None)));
    let Compliance::Broken(HeapBreach { message, .. }) = compliance(&account, &lost(11)) else {
        panic!("it is broken")
    };
    assert_eq!(message, "it lost at least 12 bytes of its heap (limit 11, `lost`)");
    let why = "`lost` cannot be judged: from 12 to 112 bytes, and the limit is 12 (a second run differed: who knows)";
    assert_eq!(unknown(&account, lost(12)), why);
    unknown(&account, lost(111));
    assert_eq!(broken(&account, lost(112)), None, "it cannot be more");
}

#[test]
fn with_a_doubt_what_is_retained_is_at_most_so_much() {
    let account = account(&[8], &[100, 20], Some("who knows"));
    let retained = |cap| Limits::default().with(Limit::Retained, cap);
    assert_eq!(broken(&account, retained(120)), None);
    let why =
        "`retained` cannot be judged: from 0 to 120 bytes, and the limit is 119 (a second run differed: who knows)";
    assert_eq!(unknown(&account, retained(119)), why);
    // A limit that is surely broken is reported, whatever else is not known.
    let both = retained(119).with(Limit::Lost, 100).with(Limit::PeakHeap, 99);
    assert_eq!(broken(&account, both), Some((Limit::PeakHeap.into(), 99, Some(100))));
    let both = retained(119).with(Limit::Lost, 100).with(Limit::Allocations, 9);
    assert!(unknown(&account, both).starts_with("`lost` cannot be judged"));
}

#[test]
fn a_doubt_about_places_alone_leaves_limits_exact() {
    let account = account(&[8, 4], &[], Some("who knows"));
    let limits = |lost| Limits::default().with(Limit::Lost, lost).with(Limit::Retained, 0);
    assert_eq!(broken(&account, limits(12)), None);
    assert_eq!(broken(&account, limits(11)), Some((Limit::Lost.into(), 11, Some(12))));
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

#[test]
fn a_heap_that_is_not_tracked_fails_where_that_is_demanded() {
    let lost_track = Account::Untracked(NotTracked::Books(crate::ledger::heap::HeapError::GrewOutside));
    let demands = |heap_required| Policy { heap_required, ..Policy::default() };
    assert_eq!(not_tracked(&lost_track, &demands(false)), None);
    assert_eq!(not_tracked(&tracked(&[]), &demands(true)), None);
    let why = not_tracked(&lost_track, &demands(true)).unwrap();
    assert_eq!(
        why,
        "its heap was not tracked, and `heap = \"required\"` demands that it is: the test's memory grew outside of the allocator's functions"
    );
    assert_eq!(
        usage(&lost_track, true).lost_track(),
        Some("the test's memory grew outside of the allocator's functions")
    );
    let of_module = Account::Untracked(NotTracked::Module(crate::sandbox::heap::NoHeap::Gone));
    assert_eq!(usage(&of_module, true).lost_track(), None);
}

/// Each is what an allocator does when the test calls it: one call turns a leak into a pass, and is told in the test's own line.
#[test]
fn whatever_the_books_lose_track_by_is_the_tests_own_doing() {
    use crate::ledger::heap::HeapError as U;
    let all = [
        U::GrewOutside,
        U::Overlapping,
        U::OutsideMemory,
        U::OnStack,
        U::InStaticData,
        U::Misaligned,
        U::TooManyBlocks,
        U::AllocatorWaited,
        U::ZeroRealloc,
    ];
    for why in all {
        let told = usage(&Account::Untracked(NotTracked::Books(why)), true);
        assert_eq!(told.lost_track(), Some(&*why.to_string()), "{}", why.code());
    }
}
