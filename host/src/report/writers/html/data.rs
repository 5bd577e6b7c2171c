//! The data for the page's script: every test, as JSON that can stand in a script element.

use super::super::super::console::plain_details;
use super::super::subtests;
use super::super::words::{self, Times};
use super::figure::ScriptFigure;
use super::timeline::{DrawnTimeline, Timelines};
use crate::model::fuel::FunctionPlace;
use crate::model::safe_text::OneLine;
use crate::model::{Report, SubtestRecord, TestRecord, Usage};
use serde::Serialize;
use std::collections::HashMap;

#[derive(Serialize)]
struct Row {
    module: usize,
    name: String,
    verdict: &'static str,
    /// Wall-clock time in microseconds.
    us: Option<ScriptFigure>,
    #[serde(flatten)]
    figures: Figures,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    details: String,
    /// The growth of a test that was called several times.
    #[serde(skip_serializing_if = "Option::is_none")]
    growth: Option<GrowthPlot>,
    /// Memory and events over fuel.
    #[serde(skip_serializing_if = "Option::is_none")]
    timeline: Option<DrawnTimeline>,
    /// The functions that spent most of its fuel, each with what it spent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    functions: Vec<(String, ScriptFigure)>,
    /// What the others spent.
    #[serde(skip_serializing_if = "Option::is_none")]
    other_functions: Option<ScriptFigure>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subtests: Vec<SubtestRow>,
}

/// The verdict and the figures of a subtest. What there is to say of one that did not pass is told in its test's details.
#[derive(Serialize)]
struct SubtestRow {
    name: String,
    verdict: &'static str,
    us: Option<ScriptFigure>,
    #[serde(flatten)]
    figures: Figures,
    /// Resources that it left, without those of the subtests in it.
    leaks: ScriptFigure,
}

/// Figures of a test or a subtest.
#[derive(Serialize)]
struct Figures {
    fuel: Option<ScriptFigure>,
    linear: Option<ScriptFigure>,
    peak: Option<ScriptFigure>,
    lost: Option<ScriptFigure>,
    retained: Option<ScriptFigure>,
}

impl Figures {
    fn new(usage: Option<&Usage>) -> Self {
        let figure = |figure: fn(&Usage) -> Option<u64>| usage.and_then(figure).map(ScriptFigure);
        Self {
            fuel: figure(|usage| usage.fuel),
            linear: figure(|usage| usage.linear_peak),
            peak: figure(|usage| usage.heap.peak),
            lost: figure(|usage| usage.heap.lost),
            retained: figure(|usage| usage.heap.retained),
        }
    }
}

/// Functions of a test that are listed.
const FUNCTIONS: usize = 20;

/// A figure around each call of a test in one instance.
#[derive(Serialize)]
struct GrowthPlot {
    what: &'static str,
    /// The figure before the first call, and after each call.
    bytes: Vec<ScriptFigure>,
}

#[derive(Serialize)]
struct Data {
    modules: Vec<String>,
    tests: Vec<Row>,
}

/// The data as JSON. It has no `<`, so that nothing in it ends the element or begins another one.
pub(super) fn json(report: &Report) -> String {
    let times = Times::new(report);
    let timelines = Timelines::new(report);
    let modules = &report.canonical.modules;
    let tests = modules.iter().enumerate().flat_map(|(nth, module)| {
        let (times, timelines) = (&times, &timelines);
        module.tests.iter().map(move |test| {
            let timeline = timelines.draw(&module.name, &test.name);
            let subtests = subtests(test, &times.of_subtests(module, test));
            Row { timeline, subtests, ..row(nth, test, times.get(module, test)) }
        })
    });
    let data = Data {
        modules: modules.iter().map(|module| OneLine(&module.name).to_string()).collect(),
        tests: tests.collect(),
    };
    serde_json::to_string(&data).expect("plain data with text keys").replace('<', "\\u003c")
}

fn row(module: usize, test: &TestRecord, us: Option<u64>) -> Row {
    let skipped = test.details.as_ref().is_some_and(|details| details.reason.is_some());
    Row {
        module,
        name: OneLine(&test.name).to_string(),
        verdict: test.verdict.name(),
        us: us.map(ScriptFigure),
        figures: Figures::new(test.usage.as_ref()),
        reason: skipped.then(|| OneLine(words::reason(test)).to_string()),
        details: plain_details(test),
        growth: growth(test),
        timeline: None,
        functions: functions(test),
        other_functions: other_functions(test),
        subtests: Vec::new(),
    }
}

fn subtests(test: &TestRecord, times: &HashMap<&str, u64>) -> Vec<SubtestRow> {
    let row = |(_, subtest): (String, &SubtestRecord)| SubtestRow {
        name: OneLine(&subtest.name).to_string(),
        verdict: subtest.verdict.name(),
        us: times.get(&*subtest.name).map(|us| ScriptFigure(*us)),
        figures: Figures::new(subtest.usage.as_ref()),
        leaks: ScriptFigure(subtest.leaks),
    };
    subtests::named(test).map(row).collect()
}

/// The functions that spent most, by their places.
fn functions(test: &TestRecord) -> Vec<(String, ScriptFigure)> {
    let told = test.details.as_ref().and_then(|details| details.fuel_by_function.as_deref());
    let functions = told.iter().flat_map(|told| &told.functions).take(FUNCTIONS);
    functions.map(|function| (FunctionPlace(&function.frame).to_string(), ScriptFigure(function.fuel))).collect()
}

/// What all other functions spent, where there are others.
fn other_functions(test: &TestRecord) -> Option<ScriptFigure> {
    let told = test.details.as_ref()?.fuel_by_function.as_deref()?;
    let others = told.functions.iter().skip(FUNCTIONS).map(|function| function.fuel);
    Some(others.fold(told.omitted_fuel, u64::saturating_add)).filter(|fuel| *fuel > 0).map(ScriptFigure)
}

/// Bytes on the heap where they are known of each call, or else bytes of linear memory.
fn growth(test: &TestRecord) -> Option<GrowthPlot> {
    let rounds = &test.details.as_ref()?.growth.as_ref()?.rounds;
    let heap: Option<Vec<_>> = rounds.iter().map(|round| round.heap_bytes).collect();
    let (what, spans) = match heap {
        Some(heap) => ("bytes on the heap", heap),
        None => ("bytes of linear memory", rounds.iter().map(|round| round.linear).collect()),
    };
    let first = spans.first()?.before;
    let bytes = [first].into_iter().chain(spans.iter().map(|span| span.after)).map(ScriptFigure).collect();
    Some(GrowthPlot { what, bytes })
}
