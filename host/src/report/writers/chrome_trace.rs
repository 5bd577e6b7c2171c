//! When each test ran, in Chrome's trace format: one row for each worker. Perfetto and `chrome://tracing` open it. Subtests are
//! slices within that of their test.
//!
//! It may not be known when a test or a subtest began, as in reports of earlier versions. One of these has no place on the line of
//! time and is left out; the file says how many there are.

use super::{subtests, words};
use crate::model::{Report, TestRecord, Usage, Verdict};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The process that all rows belong to.
const PROCESS: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Trace<'a> {
    display_time_unit: &'static str,
    other_data: OtherData<'a>,
    trace_events: Vec<TraceEvent<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct OtherData<'a> {
    version: &'a str,
    started: &'a str,
    digest: &'a str,
    tests_without_a_start: usize,
    #[serde(skip_serializing_if = "is_none")]
    subtests_without_a_start: usize,
}

#[derive(Serialize)]
#[serde(untagged)]
enum TraceEvent<'a> {
    /// The name of a row.
    Name { ph: &'static str, name: &'static str, pid: u32, tid: u32, args: NameArgument },
    /// A test or a subtest.
    Complete {
        ph: &'static str,
        name: Cow<'a, str>,
        cat: &'a str,
        ts: u64,
        dur: u64,
        pid: u32,
        tid: u32,
        args: Args<'a>,
    },
}

#[derive(Serialize)]
struct NameArgument {
    name: String,
}

#[derive(Serialize)]
struct Args<'a> {
    module: &'a str,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fuel: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    linear_peak: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heap_peak: Option<u64>,
}

impl<'a> Args<'a> {
    fn new(module: &'a str, verdict: Verdict, usage: Option<&Usage>) -> Self {
        Self {
            module,
            verdict: verdict.name(),
            fuel: usage.and_then(|usage| usage.fuel),
            linear_peak: usage.and_then(|usage| usage.linear_peak),
            heap_peak: usage.and_then(|usage| usage.heap.peak),
        }
    }
}

fn is_none(count: &usize) -> bool {
    *count == 0
}

pub(super) fn write<'a>(report: &'a Report) -> Vec<u8> {
    let tests: BTreeMap<(&str, &str), &TestRecord> =
        words::tests(report).map(|(module, test)| ((&*module.name, &*test.name), test)).collect();
    let (mut rows, mut events, mut without) = (BTreeSet::new(), Vec::new(), 0);
    let mut placed_subtests = 0;
    for time in &report.volatile.times {
        let (Some(start), Some(worker)) = (time.start_us, time.worker) else {
            without += 1;
            continue;
        };
        let Some(test) = tests.get(&(&*time.module, &*time.test)) else { continue };
        let tid = worker.saturating_add(1);
        rows.insert(tid);
        let slice = |name: Cow<'a, str>, verdict: Verdict, usage: Option<&Usage>, (ts, dur): (u64, u64)| {
            let (cat, args) = (verdict.name(), Args::new(&time.module, verdict, usage));
            TraceEvent::Complete { ph: "X", name, cat, ts, dur, pid: PROCESS, tid, args }
        };
        events.push(slice((&*time.test).into(), test.verdict, test.usage.as_ref(), (start, time.us)));
        let starts: HashMap<&str, (u64, u64)> =
            time.subtests.iter().filter_map(|time| Some((&*time.name, (time.start_us?, time.us)))).collect();
        for (name, subtest) in subtests::named(test) {
            let Some(when) = starts.get(&*subtest.name) else { continue };
            placed_subtests += 1;
            events.push(slice(name.into(), subtest.verdict, subtest.usage.as_ref(), *when));
        }
    }
    let all_subtests: usize = words::tests(report).map(|(_, test)| subtests::named(test).count()).sum();
    let name = |tid, name, what: String| TraceEvent::Name {
        ph: "M",
        name,
        pid: PROCESS,
        tid,
        args: NameArgument { name: what },
    };
    let mut all = vec![name(0, "process_name", "airtight".to_owned())];
    all.extend(rows.into_iter().map(|tid| name(tid, "thread_name", format!("worker {tid}"))));
    all.extend(events);
    let trace = Trace {
        display_time_unit: "ms",
        other_data: OtherData {
            version: &report.volatile.version,
            started: &report.volatile.started,
            digest: &report.digest,
            tests_without_a_start: without,
            subtests_without_a_start: all_subtests.saturating_sub(placed_subtests),
        },
        trace_events: all,
    };
    let mut bytes = serde_json::to_vec(&trace).expect("plain data with text keys");
    bytes.push(b'\n');
    bytes
}
