//! Gates, judged alone and in parts.

use super::*;
use crate::model::{Canonical, Heap, Report, Resource, ResourceKind, TestRecord, Verdict, samples};
use proptest::prelude::*;

fn test(name: &str, fuel: u64, lost: u64, retained: u64) -> TestRecord {
    let mut test = samples::passed(name);
    let usage = test.usage.as_mut().unwrap();
    (usage.fuel, usage.handles_peak) = (Some(fuel), Some(u32::try_from(lost % 7).unwrap()));
    usage.heap = Heap { tracked: true, lost: Some(lost), retained: Some(retained), ..Heap::default() };
    test
}

fn report(tests: Vec<TestRecord>) -> Report {
    samples::report(vec![samples::module("m", tests)])
}

fn most(limits: &[(GateKind, u64)]) -> GateLimits {
    GateLimits { most: limits.iter().copied().collect(), ..GateLimits::default() }
}

fn all_seen(_: &str, _: &str, _: ResourceKind) -> bool {
    false
}

fn one(report: &Canonical, limits: &GateLimits, base: Option<&Report>) -> GateRecord {
    let [record] = &judge(report, limits, base, &all_seen)[..] else { panic!("one gate") };
    record.clone()
}

#[test]
fn a_sum_is_held_against_its_limit_and_names_who_adds_to_it() {
    let run = report(vec![test("a", 1, 8, 0), test("b", 1, 0, 0), test("c", 1, 24, 0)]).canonical;
    let record = one(&run, &most(&[(GateKind::Lost, 32)]), None);
    assert!(record.passed);
    assert_eq!((record.seen, &*record.limit), (32, "32 B"));
    let named: Vec<_> = record.tests.iter().map(|test| (&*test.test, test.seen)).collect();
    assert_eq!(named, [("c", 24), ("a", 8)]);
    assert!(!one(&run, &most(&[(GateKind::Lost, 31)]), None).passed);
}

#[test]
fn tasks_of_every_kind_that_did_not_end_are_counted() {
    let left = |name: &str, kind, count| {
        let left = Resource { count, ..Resource::new(kind, name, Vec::new()) };
        TestRecord { name: name.into(), ..samples::left(Verdict::Leak, vec![left], Vec::new()) }
    };
    let run = report(vec![left("goroutines", ResourceKind::Task, 2), left("spawned", ResourceKind::AsyncTask, 3)]);
    let record = one(&run.canonical, &most(&[(GateKind::TasksDelta, 4)]), None);
    let named: Vec<_> = record.tests.iter().map(|test| (&*test.test, test.seen)).collect();
    assert_eq!((record.passed, record.seen, named), (false, 5, vec![("spawned", 3), ("goroutines", 2)]));
    let ignores = |_: &str, test: &str, kind| test == "spawned" && kind == ResourceKind::AsyncTask;
    let [record] = &judge(&run.canonical, &most(&[(GateKind::TasksDelta, 9)]), None, &ignores)[..] else { panic!() };
    assert_eq!((record.passed, record.seen, record.unknown), (false, 2, 1), "what is not listed is not known");
}

#[test]
fn of_the_largest_figure_those_over_the_limit_are_named() {
    let run = report(vec![test("a", 1, 5, 0), test("b", 1, 2, 0)]).canonical;
    let record = one(&run, &most(&[(GateKind::Handles, 4)]), None);
    assert_eq!((record.passed, record.seen, record.tests.len()), (false, 5, 1));
}

#[test]
fn what_is_not_known_is_no_zero() {
    let mut untracked = test("u", 1, 0, 0);
    untracked.usage.as_mut().unwrap().heap = Heap { why: Some("no malloc".into()), ..Heap::default() };
    let mut failed = untracked.clone();
    (failed.name, failed.verdict) = ("f".into(), Verdict::Fail);
    let run = report(vec![untracked, failed]).canonical;
    let record = one(&run, &most(&[(GateKind::Lost, 100)]), None);
    assert_eq!((record.passed, record.unknown), (false, 1), "a test that failed left nothing to judge");
    assert_eq!(record.first_unknown.unwrap().why, "its heap is not tracked: no malloc");
    let mut doubtful = test("d", 1, 0, 8);
    doubtful.usage.as_mut().unwrap().heap.doubt = Some("no second run".to_owned());
    let run = report(vec![doubtful]).canonical;
    assert!(!one(&run, &most(&[(GateKind::Lost, 100)]), None).passed);
}

#[test]
fn threads_and_goroutines_are_counted_where_they_are_listed() {
    let mut leaky = test("t", 1, 0, 0);
    let threads = Resource { count: 3, ..Resource::new(ResourceKind::Thread, "t", Vec::new()) };
    leaky.details.get_or_insert_default().leaks = vec![threads, Resource::new(ResourceKind::Task, "t", Vec::new())];
    let run = report(vec![leaky]).canonical;
    let limits = most(&[(GateKind::Threads, 2), (GateKind::TasksDelta, 1)]);
    let records = judge(&run, &limits, None, &all_seen);
    assert_eq!(records.iter().map(|record| (record.seen, record.passed)).collect::<Vec<_>>(), [(3, false), (1, true)]);
    let records = judge(&run, &limits, None, &|_, _, kind| kind == ResourceKind::Task);
    assert_eq!((records[1].passed, records[1].unknown), (false, 1), "what is ignored is not listed");
}

#[test]
fn fuel_is_compared_test_by_test_and_judged_together() {
    let base = report(vec![test("a", 1000, 0, 0), test("b", 1000, 0, 0), test("gone", 9, 0, 0)]);
    let limits = GateLimits { fuel: "2%".parse().ok(), ..GateLimits::default() };
    let run = |a, b| report(vec![test("a", a, 0, 0), test("b", b, 0, 0), test("new", 5000, 0, 0)]).canonical;
    let record = one(&run(1100, 941), &limits, Some(&base));
    assert_eq!((record.passed, record.seen, record.base), (false, 2041, Some(2000)));
    let why = "the base has no figures by function; make it with --fuel-profile".to_owned();
    assert_eq!(record.tests, [GateTest { no_function: Some(why), ..GateTest::new("m", "a", 1100, Some(1000)) }]);
    assert!(one(&run(1100, 940), &limits, Some(&base)).passed, "2% is allowed");
    // A base that counted fuel in another way is not compared with.
    let mut other = base.canonical.clone();
    other.policy["fuel-model"] = 1.into();
    let other = Report::new(other, base.volatile.clone());
    let record = one(&run(1000, 1000), &limits, Some(&other));
    assert_eq!(record.unknown, 2);
}

#[test]
fn growth_is_judged_for_each_test() {
    let base = report(vec![test("a", 1, 0, 100), test("b", 1, 0, 100)]);
    let run = report(vec![test("a", 1, 0, 111), test("b", 1, 0, 0)]).canonical;
    let limits = GateLimits { growth: "10%".parse().ok(), ..GateLimits::default() };
    let record = one(&run, &limits, Some(&base));
    assert_eq!((record.passed, record.tests.len(), record.seen, record.base), (false, 1, 111, Some(200)));
    assert!(one(&base.canonical, &limits, Some(&base)).passed);
}

proptest! {
    #[test]
    fn parts_joined_are_the_whole(
        figures in prop::collection::vec((0..50_u64, 0..20_u64, 0..20_u64, 0..4_usize), 0..60),
        allowed in 0..200_u64,
    ) {
        let all: Vec<_> = figures.iter().enumerate().map(|(nth, (fuel, lost, retained, part))| {
            (*part, test(&format!("t{nth:02}"), *fuel, *lost, *retained))
        }).collect();
        let base = report(all.iter().map(|(_, test)| {
            let mut test = test.clone();
            let usage = test.usage.as_mut().unwrap();
            (usage.fuel, usage.heap.retained) = (Some(20), Some(5));
            test
        }).collect());
        let figures = [GateKind::Lost, GateKind::Retained, GateKind::Handles].map(|kind| (kind, allowed));
        let limits = GateLimits { growth: "50%".parse().ok(), fuel: "10%".parse().ok(), ..most(&figures) };
        let records = |tests: Vec<TestRecord>| judge(&report(tests).canonical, &limits, Some(&base), &all_seen);
        let whole = records(all.iter().map(|(_, test)| test.clone()).collect());
        let of_part = |wanted| all.iter().filter(|(part, _)| *part == wanted).map(|(_, test)| test.clone()).collect();
        let mut joined = records(of_part(0));
        for part in 1..4 {
            let other = records(of_part(part));
            joined = joined.into_iter().zip(&other).map(|(one, other)| one.joined(other).unwrap()).collect();
        }
        prop_assert_eq!(joined, whole);
    }
}
