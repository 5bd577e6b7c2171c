//! What the page's script is given: every test, as JSON that can stand in a script element.

use super::super::super::console::plain_details;
use super::super::words::{self, Times};
use crate::model::safe_text::OneLine;
use crate::model::{Report, TestRecord, Usage};
use serde::{Serialize, Serializer};

/// The largest integer that a script takes exactly.
const LARGEST_NUMBER: u64 = (1 << 53) - 1;

/// A figure; one that a script would round is text.
struct Figure(u64);

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.0 <= LARGEST_NUMBER { to.serialize_u64(self.0) } else { to.collect_str(&self.0) }
    }
}

#[derive(Serialize)]
struct Row {
    module: usize,
    name: String,
    verdict: &'static str,
    /// Wall-clock time in microseconds.
    us: Option<Figure>,
    fuel: Option<Figure>,
    linear: Option<Figure>,
    peak: Option<Figure>,
    lost: Option<Figure>,
    retained: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    details: String,
    /// Of a test that was called several times.
    #[serde(skip_serializing_if = "Option::is_none")]
    growth: Option<GrowthPlot>,
}

/// A figure around each call of a test in one instance.
#[derive(Serialize)]
struct GrowthPlot {
    what: &'static str,
    /// Before the first call, and after each.
    bytes: Vec<Figure>,
}

#[derive(Serialize)]
struct Data {
    modules: Vec<String>,
    tests: Vec<Row>,
}

/// No `<` is left in it, so that nothing in it ends the element or begins another.
pub(super) fn json(report: &Report) -> String {
    let times = Times::new(report);
    let modules = &report.canonical.modules;
    let tests = modules.iter().enumerate().flat_map(|(nth, module)| {
        let times = &times;
        module.tests.iter().map(move |test| row(nth, test, times.of(module, test)))
    });
    let data = Data {
        modules: modules.iter().map(|module| OneLine(&module.name).to_string()).collect(),
        tests: tests.collect(),
    };
    serde_json::to_string(&data).expect("plain data with text keys").replace('<', "\\u003c")
}

fn row(module: usize, test: &TestRecord, us: Option<u64>) -> Row {
    let figure = |figure: fn(&Usage) -> Option<u64>| test.usage.as_ref().and_then(figure).map(Figure);
    let skipped = test.details.as_ref().is_some_and(|details| details.reason.is_some());
    Row {
        module,
        name: OneLine(&test.name).to_string(),
        verdict: test.verdict.name(),
        us: us.map(Figure),
        fuel: figure(|usage| usage.fuel),
        linear: figure(|usage| usage.linear_peak),
        peak: figure(|usage| usage.heap.peak),
        lost: figure(|usage| usage.heap.lost),
        retained: figure(|usage| usage.heap.retained),
        reason: skipped.then(|| OneLine(words::reason(test)).to_string()),
        details: plain_details(test),
        growth: growth(test),
    }
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
    let bytes = [first].into_iter().chain(spans.iter().map(|span| span.after)).map(Figure).collect();
    Some(GrowthPlot { what, bytes })
}
