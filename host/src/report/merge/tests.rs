//! Reports of parts, joined; and parts that cannot be.

use super::*;
use crate::model::doubt::{Cause, Doubt, TestId};
use crate::model::gates::judge;
use crate::model::{
    CleanupCoverage, CoveredPlaces, EntryRole, GateKind, GateLimits, MissedSite, RefusedModule, Verdict, WorldEntry,
    WorldFigures, samples,
};
use proptest::prelude::*;

fn part(name: &str, partition: Option<&str>, modules: Vec<ModuleRecord>) -> Part {
    let mut report = samples::report(modules);
    report.volatile.partition = partition.map(str::to_owned);
    Part { name: name.to_owned(), report }
}

/// The same part with a change in its canonical part.
fn with(part: Part, change: impl FnOnce(&mut Canonical)) -> Part {
    let Report { mut canonical, volatile, .. } = part.report;
    change(&mut canonical);
    Part { report: Report::new(canonical, volatile), ..part }
}

fn module(tests: &[&str]) -> ModuleRecord {
    samples::module("m", tests.iter().map(|name| samples::passed(name)).collect())
}

fn refusal(parts: &[Part]) -> String {
    merge(parts).unwrap_err().to_string()
}

/// A report whose tests are spread over `count` parts: `places` has a number for each test.
fn spread(whole: &Report, places: &[usize], count: usize) -> Vec<Part> {
    let mut nth = 0;
    let mut parts: Vec<Vec<ModuleRecord>> = vec![Vec::new(); count];
    for module in &whole.canonical.modules {
        let mut of_parts: Vec<_> = (0..count).map(|_| ModuleRecord { tests: Vec::new(), ..module.clone() }).collect();
        for test in &module.tests {
            of_parts[places[nth % places.len()] % count].tests.push(test.clone());
            nth += 1;
        }
        for (part, module) in parts.iter_mut().zip(of_parts).filter(|(_, module)| !module.tests.is_empty()) {
            part.push(module);
        }
    }
    let named = parts.into_iter().enumerate().map(|(nth, modules)| {
        let one = part(&format!("{}.json", nth + 1), Some(&format!("hash:{}/{count}", nth + 1)), modules);
        with(one, |canonical| canonical.refused = whole.canonical.refused.clone())
    });
    named.collect()
}

#[test]
fn parts_that_are_missing_or_twice_or_of_another_partition_are_named() {
    let one = |name: &str, partition: &str, test: &str| part(name, Some(partition), vec![module(&[test])]);
    let parts = [one("a.json", "slice:1/4", "a"), one("b.json", "slice:3/4", "b")];
    assert_eq!(refusal(&parts), "not all parts are there: slice:2/4, slice:4/4 is missing");
    let parts = [one("a.json", "slice:1/2", "a"), one("b.json", "slice:1/2", "b")];
    assert_eq!(refusal(&parts), "a.json and b.json are both of part slice:1/2");
    let parts = [one("a.json", "slice:1/2", "a"), one("b.json", "hash:2/2", "b")];
    assert_eq!(
        refusal(&parts),
        "a.json is of slice:N/2, and b.json is of hash:N/2: parts of one partition belong together"
    );
    let parts = [one("a.json", "slice:1/1", "a"), part("b.json", None, vec![])];
    assert!(refusal(&parts).contains("b.json is of no partition"));
    let many = one("a.json", "slice:1/18446744073709551615", "a");
    assert!(refusal(&[many]).contains("slice:6/18446744073709551615, and 18446744073709551609 more is missing"));
    let ninth = one("a.json", "slice:9/4", "a");
    let all = "slice:1/4, slice:2/4, slice:3/4, slice:4/4";
    assert_eq!(refusal(&[ninth]), format!("not all parts are there: {all} is missing"));
    assert_eq!(refusal(&[]), "there is nothing to merge");
}

#[test]
fn what_overlaps_or_differs_is_named() {
    let plain = |name: &str, tests: &[&str]| part(name, None, vec![module(tests)]);
    let parts = [plain("a.json", &["x", "y"]), plain("b.json", &["y"])];
    assert_eq!(refusal(&parts), "m y is in a.json and in b.json; parts may not overlap");
    let other = with(plain("b.json", &["z"]), |canonical| canonical.policy["limits"]["memory"] = 1.into());
    assert_eq!(
        refusal(&[plain("a.json", &["x"]), other]),
        "a.json and b.json were run under different policies: /policy/limits/memory is 268435456 and 1"
    );
    let built = with(plain("b.json", &["z"]), |canonical| canonical.modules[0].code = "sha256:1".to_owned());
    assert_eq!(
        refusal(&[plain("a.json", &["x"]), built]),
        "m has other code in b.json than in a.json; build once, or alike, for all parts"
    );
    let mut newer = plain("b.json", &["z"]);
    newer.report.volatile.version = "9.9.9".to_owned();
    assert!(
        refusal(&[plain("a.json", &["x"]), newer])
            .contains("a.json was written by airtight 0.1.0, and b.json by 9.9.9")
    );
    let gated = with(plain("b.json", &["z"]), |canonical| {
        let mut limits = GateLimits::default();
        limits.most.insert(GateKind::Lost, 1);
        canonical.gates = judge(canonical, &limits, None, &|_, _, _| false);
    });
    assert!(refusal(&[plain("a.json", &["x"]), gated]).contains("judged by different gates"));
    let all = |part: Part| with(part, |canonical| canonical.doubts = vec![Doubt::of_run(Cause::RealClock)]);
    assert!(refusal(&[all(plain("a.json", &["x"])), plain("b.json", &["z"])]).contains("have the real clock"));
}

#[test]
fn doubts_are_said_once_and_tests_in_order() {
    let id = |test: &str| TestId { module: "m".to_owned(), test: test.to_owned() };
    let doubting = |name: &str, test: &str| {
        let one = part(name, None, vec![module(&[test])]);
        with(one, |canonical| {
            let doubts =
                vec![Doubt { cause: Cause::WallClock, tests: vec![id(test)] }, Doubt::of_run(Cause::Interrupted)];
            *canonical = canonical.clone().with_doubts(doubts);
        })
    };
    let whole = merge(&[doubting("a.json", "y"), doubting("b.json", "x")]).unwrap();
    let expected =
        [Doubt { cause: Cause::WallClock, tests: vec![id("x"), id("y")] }, Doubt::of_run(Cause::Interrupted)];
    assert_eq!(whole.canonical.doubts, expected);
    assert!(!whole.canonical.reproducible);
}

#[test]
fn a_place_of_several_parts_is_one_place() {
    let site = |line: u32, missed: u64, test: &str| MissedSite {
        module: "m".to_owned(),
        kind: ResourceKind::File,
        place: Some(samples::frame("open", "src/lib.rs", line)),
        acquired: 3,
        missed,
        test: if missed > 0 { test.to_owned() } else { String::new() },
    };
    let covering = |name: &str, test: &str, sites: Vec<MissedSite>| {
        let mut one = part(name, None, vec![module(&[test])]);
        let mut places = CoveredPlaces::default();
        sites.iter().for_each(|site| places.add(site.clone()));
        let mut coverage = CleanupCoverage { cleanups: 2, finished: 1, gate: "50%".parse().ok(), ..Default::default() };
        places.fill(&mut coverage);
        one.report.volatile.places = Some(sites);
        with(one, |canonical| canonical.cleanup_coverage = Some(coverage))
    };
    let parts = [
        covering("a.json", "x", vec![site(1, 0, "x"), site(2, 1, "x")]),
        covering("b.json", "y", vec![site(1, 2, "y"), site(2, 1, "y"), site(3, 0, "y")]),
    ];
    let coverage = merge(&parts).unwrap().canonical.cleanup_coverage.unwrap();
    assert_eq!((coverage.sites, coverage.released, coverage.cleanups, coverage.finished), (3, 1, 4, 2));
    let missed: Vec<_> = coverage.missed.iter().map(|site| (&*site.test, site.acquired, site.missed)).collect();
    assert_eq!(missed, [("y", 6, 2), ("x", 6, 2)]);
    let [first, mut other] = parts;
    other.report.volatile.places = None;
    assert!(refusal(&[first, other]).starts_with("b.json has no list of the places"));
}

/// A part whose tests began where this set-up ended.
fn after_setup(name: &str, test: &str, setup: TestRecord) -> Part {
    let setup = TestRecord { role: Some(EntryRole::Setup), name: "set-up".into(), ..setup };
    part(name, None, vec![samples::module("m", vec![setup, samples::passed(test)])])
}

#[test]
fn a_set_up_of_several_parts_is_one() {
    let [one, other] = ["a", "b"].map(|test| after_setup(&format!("{test}.json"), test, samples::leaked()));
    let whole = merge(&[one.clone(), other.clone()]).unwrap();
    let names: Vec<_> = whole.canonical.modules[0].tests.iter().map(|test| &*test.name).collect();
    assert_eq!(names, ["a", "b", "set-up"]);
    // A part may have been stopped before it came to its set-up.
    let skipped = after_setup("c.json", "c", samples::skipped("set-up", "not run: no test came to need it"));
    let set_up = |parts: &[Part]| merge(parts).unwrap().canonical.modules[0].tests.last().unwrap().verdict;
    assert_eq!(set_up(&[skipped.clone(), one.clone()]), Verdict::Leak);
    assert_eq!(set_up(&[one.clone(), skipped]), Verdict::Leak);
    let failed = after_setup("d.json", "d", samples::passed("set-up"));
    assert_eq!(
        refusal(&[one.clone(), failed]),
        "m set-up, which a.json and d.json both ran, is not the same in both: /leaks, /verdict"
    );
    // A test is not a set-up, whatever its name is.
    let named = part("e.json", None, vec![module(&["set-up"])]);
    assert!(refusal(&[one.clone(), named]).contains("parts may not overlap"));
    let gated = |part: Part| {
        with(part, |canonical| {
            let limits = GateLimits { most: [(GateKind::Lost, 1)].into(), ..GateLimits::default() };
            canonical.gates = judge(canonical, &limits, None, &|_, _, _| false);
        })
    };
    assert!(refusal(&[gated(one.clone()), gated(other.clone())]).contains("a.json does not say what that adds"));
    // Whichever of the two it is, and in whichever order they are given.
    let telling = |mut part: Part| {
        let module = &part.report.canonical.modules[0];
        let entry = WorldEntry {
            module: module.name.clone(),
            code: module.code.clone(),
            test: "set-up".to_owned(),
            gates: Vec::new(),
            coverage: None,
            places: Vec::new(),
            judged: 0,
        };
        let gates_of_tests = part.report.canonical.gates.clone();
        part.report.volatile.worlds = Some(WorldFigures { gates_of_tests, entries: vec![entry] });
        part
    };
    let (silent, told) = (gated(one), telling(gated(other)));
    for parts in [[silent.clone(), told.clone()], [told, silent]] {
        assert!(refusal(&parts).contains("a.json does not say what that adds to its gates"), "{}", refusal(&parts));
    }
}

#[test]
fn what_was_set_up_for_all_tests_is_told_once() {
    let setup = |name: &str| {
        let mut test = samples::passed(name);
        let task = crate::model::Resource::new(ResourceKind::Task, SETUP_SCOPE, Vec::new());
        let details = test.details.get_or_insert_default();
        details.leaks = vec![task];
        details.go = Some(Box::new(crate::model::GoRecord { start_fuel: Some(7), ..Default::default() }));
        samples::module("m", vec![test])
    };
    let whole = merge(&[part("b.json", None, vec![setup("b")]), part("a.json", None, vec![setup("a")])]).unwrap();
    let tests = &whole.canonical.modules[0].tests;
    assert_eq!(tests.iter().map(|test| test.details.is_some()).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn modules_that_could_not_be_tested_are_named_once() {
    let refused = |name: &str, test: &str| {
        with(part(name, None, vec![module(&[test])]), |canonical| {
            canonical.refused = vec![RefusedModule::new("n", "empty")]
        })
    };
    let whole = merge(&[refused("a.json", "x"), refused("b.json", "y")]).unwrap();
    assert_eq!(whole.canonical.refused.len(), 1);
    assert_eq!(whole.worst(), 104);
}

proptest! {
    #[test]
    fn the_digest_is_that_of_one_run(
        report in samples::any_report(),
        places in prop::collection::vec(0..7_usize, 1..12),
        count in 1..7_usize,
    ) {
        // The sample is made to fit one run, which has no two tests of one name, and tells of a module's set-up once.
        let mut canonical = report.canonical.clone();
        let mut seen = BTreeSet::new();
        for (nth, module) in canonical.modules.iter_mut().enumerate() {
            module.name = format!("{nth}{}", module.name);
            module.tests.retain(|test| seen.insert((nth, test.name.clone())) && test.verdict != Verdict::Skip);
            module.tests.iter_mut().filter_map(|test| test.details.as_deref_mut()).for_each(|details| {
                details.leaks.retain(|leak| leak.scope != SETUP_SCOPE);
            });
        }
        canonical.modules.retain(|module| !module.tests.is_empty());
        let whole = Report::new(canonical, report.volatile);
        let mut parts = spread(&whole, &places, count);
        prop_assert_eq!(&merge(&parts).unwrap().digest, &whole.digest);
        parts.reverse();
        prop_assert_eq!(&merge(&parts).unwrap().digest, &whole.digest);
    }
}
