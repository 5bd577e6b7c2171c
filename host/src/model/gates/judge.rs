//! Judges the gates of a run by its report.

use super::limits::GateLimits;
use super::record::{GateKind, GateLimit, GateRecord, GateTest, UnknownTest, passes};
use crate::model::{Canonical, FunctionGrowth, Report, ResourceKind, TestRecord, Threshold, Verdict};
use std::collections::BTreeMap;

/// What a test adds to a figure.
enum TestFigure {
    /// The test adds so much.
    Known(u64),
    /// The test adds nothing: it did not run or did not come to an end at which there is such a figure, or the gate compares
    /// with a base.
    None,
    /// It is not known what the test adds, for this reason.
    Unknown(String),
}

/// Judges every gate. `base` is the report that some gates compare with. `unseen`, given the names of a module and of a test,
/// says whether the test's policy ignores leaks of a kind, so that they are not listed.
pub fn judge(
    report: &Canonical,
    limits: &GateLimits,
    base: Option<&Report>,
    unseen: &dyn Fn(&str, &str, ResourceKind) -> bool,
) -> Vec<GateRecord> {
    // The gate on findings of faults is judged by `airtight faults`, not by an ordinary run.
    let own = limits.most.iter().filter(|(gate, _)| **gate != GateKind::FaultLeaks);
    let of_figures = own.map(|(gate, most)| of_figure(report, *gate, *most, unseen));
    let compared = base
        .into_iter()
        .flat_map(|base| limits.with_base().map(move |(gate, threshold)| compared(report, base, gate, threshold)));
    let mut all: Vec<_> = of_figures.chain(compared).collect();
    all.sort_by_key(|record| record.gate);
    all
}

fn of_figure(
    report: &Canonical,
    gate: GateKind,
    most: u64,
    unseen: &dyn Fn(&str, &str, ResourceKind) -> bool,
) -> GateRecord {
    let mut record = GateRecord::new(gate, GateRecord::amount(gate, most));
    let add = if gate.is_largest() { u64::max } else { u64::saturating_add };
    for (module, test) in tests(report) {
        match figure(test, gate, |kind| unseen(module, &test.name, kind)) {
            TestFigure::None => {}
            TestFigure::Known(seen) => {
                record.seen = add(record.seen, seen);
                // Where the largest figure counts, only tests over the limit are to blame. Where the sum counts, every test is
                // that adds to it.
                if seen > if gate.is_largest() { most } else { 0 } {
                    record.tests.push(GateTest::new(module, &test.name, seen, None));
                }
            }
            TestFigure::Unknown(why) => unknown(&mut record, module, test, why),
        }
    }
    record.passed = passes(&record, GateLimit::Most(most));
    record.settle()
}

fn unknown(record: &mut GateRecord, module: &str, test: &TestRecord, why: String) {
    record.unknown += 1;
    let this = UnknownTest { module: module.to_owned(), test: test.name.to_string(), why };
    record.first_unknown = Some(record.first_unknown.take().map_or(this.clone(), |first| first.min(this)));
}

fn tests(report: &Canonical) -> impl Iterator<Item = (&str, &TestRecord)> {
    report.modules.iter().flat_map(|module| module.tests.iter().map(|test| (&*module.name, test)))
}

/// Whether a test came to an end at which what it left is counted.
fn finished(test: &TestRecord) -> bool {
    matches!(test.verdict, Verdict::Pass | Verdict::Leak)
}

fn figure(test: &TestRecord, gate: GateKind, is_unseen: impl Fn(ResourceKind) -> bool) -> TestFigure {
    let Some(usage) = &test.usage else { return TestFigure::None };
    let heap = &usage.heap;
    let of_heap = |figure: Option<u64>| match figure {
        // With a doubt, some of the blocks that seem to be retained may be lost.
        Some(bytes) => match heap.doubt.as_deref().filter(|_| heap.retained != Some(0)) {
            None => TestFigure::Known(bytes),
            Some(doubt) => TestFigure::Unknown(format!("what is lost and what is retained is not told apart: {doubt}")),
        },
        None if heap.tracked || !finished(test) => TestFigure::None,
        None => TestFigure::Unknown(format!(
            "its heap is not tracked: {}",
            heap.why.as_deref().unwrap_or("no reason is given")
        )),
    };
    let left = |kinds: &[ResourceKind]| {
        if kinds.iter().any(|kind| is_unseen(*kind)) {
            return TestFigure::Unknown("its policy ignores them, so that they are not listed".to_owned());
        }
        let leaks = test.details.iter().flat_map(|details| &details.leaks).filter(|leak| kinds.contains(&leak.kind));
        TestFigure::Known(leaks.map(|leak| leak.count).fold(0, u64::saturating_add))
    };
    match gate {
        GateKind::Lost => of_heap(heap.lost),
        GateKind::Retained => of_heap(heap.retained),
        GateKind::Handles => usage.handles_peak.map_or(TestFigure::None, |peak| TestFigure::Known(peak.into())),
        GateKind::Threads => left(&[ResourceKind::Thread]),
        GateKind::TasksDelta => left(&[ResourceKind::Task, ResourceKind::AsyncTask]),
        GateKind::Growth | GateKind::Fuel | GateKind::FaultLeaks => TestFigure::None,
    }
}

/// Tests by module and name; `None` for a name that several tests share.
type ByName<'r> = BTreeMap<(&'r str, &'r str), Option<&'r TestRecord>>;

fn by_name(report: &Canonical) -> ByName<'_> {
    let mut all = ByName::new();
    for (module, test) in tests(report) {
        all.entry((module, &test.name)).and_modify(|one| *one = None).or_insert(Some(test));
    }
    all
}

fn compared(report: &Canonical, base: &Report, gate: GateKind, threshold: Threshold) -> GateRecord {
    let (now, before) = (by_name(report), by_name(&base.canonical));
    let mut record = GateRecord::new(gate, threshold.to_string());
    record.base = Some(0);
    record.base_digest = Some(base.digest.clone());
    let model = |canonical: &Canonical| canonical.policy.get("fuel-model").cloned();
    let same_fuel = model(report) == model(&base.canonical);
    for ((module, name), test) in now {
        // A test that only one of the two reports has cannot have grown.
        let Some(old) = before.get(&(module, name)) else { continue };
        let (Some(test), Some(old)) = (test, old) else { continue };
        let both_finished = finished(test) && finished(old);
        let figures = match gate {
            _ if !both_finished => continue,
            GateKind::Fuel if !same_fuel => Err("the base counts fuel in another way; make a new one".to_owned()),
            GateKind::Fuel => fuel(old).zip(fuel(test)).ok_or_else(|| "a report has no fuel of it".to_owned()),
            _ => retained(old, test, threshold),
        };
        match figures {
            Err(why) => unknown(&mut record, module, test, why),
            Ok((was, is)) => {
                record.seen = record.seen.saturating_add(is);
                record.base = record.base.map(|base| base.saturating_add(was));
                let counts = if gate == GateKind::Fuel { is > was } else { threshold.is_exceeded(was, is) };
                if counts {
                    let mut grown = GateTest::new(module, name, is, Some(was));
                    if gate == GateKind::Fuel {
                        match function(old, test) {
                            Ok(function) => grown.function = Some(function),
                            Err(why) => grown.no_function = Some(why),
                        }
                    }
                    record.tests.push(grown);
                }
            }
        }
    }
    record.passed = passes(&record, GateLimit::Threshold(threshold));
    record.settle()
}

fn fuel(test: &TestRecord) -> Option<u64> {
    test.usage.as_ref()?.fuel
}

/// The function that made a test take more fuel.
///
/// # Errors
/// Why it is not known.
fn function(old: &TestRecord, new: &TestRecord) -> Result<FunctionGrowth, String> {
    let of = |test: &TestRecord| test.details.as_ref()?.fuel_by_function.clone();
    let Some(base) = of(old) else {
        return Err("the base has no figures by function; make it with --fuel-profile".to_owned());
    };
    let Some(own) = of(new) else { return Err("this report has no figures by function".to_owned()) };
    own.growth_over(&base)
}

/// What a test retained and retains. A doubt makes a figure the most that it can be: it is known enough where every figure up to it
/// would be judged alike.
fn retained(old: &TestRecord, new: &TestRecord, threshold: Threshold) -> Result<(u64, u64), String> {
    let of = |test: &TestRecord| {
        let heap = &test.usage.as_ref()?.heap;
        let bytes = heap.retained?;
        Some((if heap.doubt.is_some() { 0 } else { bytes }, bytes))
    };
    let (Some(old), Some(new)) = (of(old), of(new)) else {
        return Err("a report does not know what it retains".to_owned());
    };
    let surely = threshold.is_exceeded(old.1, new.0);
    if surely != threshold.is_exceeded(old.0, new.1) {
        return Err("a report is not certain of what it retains".to_owned());
    }
    Ok((old.1, new.1))
}
