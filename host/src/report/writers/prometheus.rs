//! Figures of a run in the text format of OpenMetrics 1.0, which Prometheus reads, too: figures of the run, of each module,
//! of each test and of each subtest. A figure that is not known has no sample.

use super::subtests;
use super::words::{self, Times};
use crate::model::{ModuleRecord, Report, ResourceKind, SubtestRecord, TestRecord, Usage, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

const VERDICTS: [Verdict; 7] =
    [Verdict::Pass, Verdict::Leak, Verdict::Fail, Verdict::Memory, Verdict::Timeout, Verdict::Exit, Verdict::Skip];

/// A figure of a test, and of a subtest.
type OfTest = (&'static str, &'static str, &'static str, fn(&Usage) -> Option<u64>);

/// The figures of each test and subtest: the name behind `airtight_test_` or `airtight_subtest_`, unit and meaning.
const OF_TESTS: [OfTest; 9] = [
    ("fuel", "", "Fuel that it spent: wasm operators and host work.", |usage| usage.fuel),
    ("linear_peak_bytes", "bytes", "The highest that the test had made its linear memory.", |usage| usage.linear_peak),
    ("handles_peak", "", "Most descriptors open at once.", |usage| usage.handles_peak.map(u64::from)),
    ("heap_peak_bytes", "bytes", "Most bytes of the heap that were live at once.", |usage| usage.heap.peak),
    ("heap_allocated_bytes", "bytes", "Bytes of the heap that were allocated.", |usage| usage.heap.total),
    ("heap_allocations", "", "Successful allocations.", |usage| usage.heap.allocations),
    ("heap_frees", "", "Blocks freed.", |usage| usage.heap.frees),
    ("heap_lost_bytes", "bytes", "Bytes of blocks that nothing reaches at the end.", |usage| usage.heap.lost),
    ("heap_retained_bytes", "bytes", "Bytes of blocks that static data still reaches at the end.", |usage| {
        usage.heap.retained
    }),
];

pub(super) fn write(report: &Report) -> Vec<u8> {
    let mut text = Metrics::default();
    let volatile = &report.volatile;
    text.family("airtight_run_info", "", "The run: version, machine and digest of its report.");
    let labels = [("version", &*volatile.version), ("host", &volatile.host), ("digest", &report.digest)];
    text.sample(&labels, "1");
    text.family("airtight_run_seconds", "seconds", "Wall-clock time of the run.");
    text.sample(&[], &thousandths(volatile.wall_ms));
    let canonical = &report.canonical;
    for (name, meaning, holds) in [
        ("airtight_run_reproducible", "Whether another run gives the same report.", canonical.reproducible),
        ("airtight_run_interrupted", "Whether the run was interrupted.", volatile.interrupted),
    ] {
        text.family(name, "", meaning);
        text.sample(&[], if holds { "1" } else { "0" });
    }
    text.family("airtight_refused_modules", "", "Modules that were not tested though they were to be.");
    text.sample(&[], &canonical.refused.len().to_string());
    text.family("airtight_tests", "", "Tests by verdict.");
    // Modules of the same name are counted together: no label could tell them apart.
    let mut modules: BTreeMap<&str, Vec<&TestRecord>> = BTreeMap::new();
    for module in &canonical.modules {
        modules.entry(&module.name).or_default().extend(&module.tests);
    }
    for (module, tests) in &modules {
        for kind in VERDICTS {
            let count = tests.iter().filter(|test| test.verdict == kind).count();
            text.sample(&[("module", module), ("verdict", kind.name())], &count.to_string());
        }
    }
    text.family(
        "airtight_leaks",
        "",
        "Resources that tests left, by kind; of a failed test, what its destructors did not give back.",
    );
    for (module, tests) in &modules {
        for kind in ResourceKind::ALL {
            let leaks = tests.iter().filter_map(|test| test.details.as_ref()).flat_map(|details| &details.leaks);
            let counts = leaks.filter(|leak| leak.kind == kind).map(|leak| leak.whole_count());
            let count = counts.fold(0, u64::saturating_add);
            text.sample(&[("module", module), ("kind", kind.name())], &count.to_string());
        }
    }
    of_tests(&mut text, report);
    of_subtests(&mut text, report);
    if !canonical.gates.is_empty() {
        text.family("airtight_gate_kept", "", "Whether the run keeps the gate of its profile: 1, or 0.");
        for gate in &canonical.gates {
            text.sample(&[("gate", gate.gate.name())], if gate.passed { "1" } else { "0" });
        }
    }
    if let Some(coverage) = &canonical.cleanup_coverage {
        for (name, meaning, count) in [
            ("airtight_cleanup_sites", "Places that acquired files, directories and sockets.", coverage.sites),
            ("airtight_cleanup_sites_released", "Those of which all were released in time.", coverage.released),
            ("airtight_cleanups", "Clean-ups that were registered.", coverage.cleanups),
            ("airtight_cleanups_finished", "Those that ran to their end.", coverage.finished),
        ] {
            text.family(name, "", meaning);
            text.sample(&[], &count.to_string());
        }
    }
    text.text.push_str("# EOF\n");
    text.text.into_bytes()
}

fn of_tests(text: &mut Metrics, report: &Report) {
    let times = Times::new(report);
    text.family("airtight_test_seconds", "seconds", "Wall-clock time of the test.");
    for (module, test) in words::tests(report) {
        if let Some(us) = times.get(module, test) {
            text.sample(&labels(module, test), &millionths(us));
        }
    }
    for (name, unit, meaning, figure) in OF_TESTS {
        text.family(&format!("airtight_test_{name}"), unit, meaning);
        for (module, test) in words::tests(report) {
            if let Some(figure) = test.usage.as_ref().and_then(figure) {
                text.sample(&labels(module, test), &figure.to_string());
            }
        }
    }
}

fn of_subtests(text: &mut Metrics, report: &Report) {
    let all = || {
        words::tests(report)
            .flat_map(|(module, test)| subtests::named(test).map(move |(_, subtest)| (module, test, subtest)))
    };
    if all().next().is_none() {
        return;
    }
    text.family("airtight_subtests", "", "Subtests by verdict.");
    let mut modules: BTreeMap<(&str, Verdict), u64> = BTreeMap::new();
    all().for_each(|(module, _, subtest)| *modules.entry((&module.name, subtest.verdict)).or_default() += 1);
    for ((module, verdict), count) in modules {
        text.sample(&[("module", module), ("verdict", verdict.name())], &count.to_string());
    }
    text.family("airtight_subtest_passed", "", "Whether the subtest passed: 1, or 0; without those that were skipped.");
    for (module, test, subtest) in all().filter(|(.., subtest)| subtest.verdict != Verdict::Skip) {
        let passed = if subtest.verdict == Verdict::Pass { "1" } else { "0" };
        text.sample(&subtest_labels(module, test, subtest), passed);
    }
    text.family("airtight_subtest_leaks", "", "Resources that the subtest left, without those of the subtests in it.");
    for (module, test, subtest) in all() {
        text.sample(&subtest_labels(module, test, subtest), &subtest.leaks.to_string());
    }
    let times = Times::new(report);
    text.family("airtight_subtest_seconds", "seconds", "Wall-clock time of the subtest.");
    for (module, test) in words::tests(report) {
        let times = times.of_subtests(module, test);
        for (_, subtest) in subtests::named(test) {
            if let Some(us) = times.get(&*subtest.name) {
                text.sample(&subtest_labels(module, test, subtest), &millionths(*us));
            }
        }
    }
    for (name, unit, meaning, figure) in OF_TESTS {
        text.family(&format!("airtight_subtest_{name}"), unit, meaning);
        for (module, test, subtest) in all() {
            if let Some(figure) = subtest.usage.as_ref().and_then(figure) {
                text.sample(&subtest_labels(module, test, subtest), &figure.to_string());
            }
        }
    }
}

fn subtest_labels<'a>(
    module: &'a ModuleRecord,
    test: &'a TestRecord,
    subtest: &'a SubtestRecord,
) -> [(&'static str, &'a str); 3] {
    [("module", &module.name), ("test", &test.name), ("subtest", &subtest.name)]
}

fn labels<'a>(module: &'a ModuleRecord, test: &'a TestRecord) -> [(&'static str, &'a str); 2] {
    [("module", &module.name), ("test", &test.name)]
}

fn thousandths(ms: u64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

fn millionths(us: u64) -> String {
    format!("{}.{:06}", us / 1_000_000, us % 1_000_000)
}

/// The text that is being written.
#[derive(Default)]
struct Metrics {
    text: String,
    family: String,
    /// The labels of the samples of this family. No two samples of a family have the same labels, whatever names a guest
    /// gives to its tests.
    seen: BTreeSet<String>,
}

impl Metrics {
    /// Begins a family of gauges.
    fn family(&mut self, name: &str, unit: &str, meaning: &str) {
        name.clone_into(&mut self.family);
        self.seen.clear();
        writeln!(self.text, "# TYPE {name} gauge").expect("a string takes everything");
        if !unit.is_empty() {
            writeln!(self.text, "# UNIT {name} {unit}").expect("a string takes everything");
        }
        writeln!(self.text, "# HELP {name} {meaning}").expect("a string takes everything");
    }

    fn sample(&mut self, labels: &[(&str, &str)], value: &str) {
        let labels: Vec<_> = labels.iter().map(|(key, text)| format!("{key}=\"{}\"", escaped(text))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        if self.seen.insert(labels.clone()) {
            writeln!(self.text, "{}{labels} {value}", self.family).expect("a string takes everything");
        }
    }
}

/// The value of a label. It is escaped exactly as the format says, so that different texts stay different.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => safe.push_str(r"\\"),
            '"' => safe.push_str("\\\""),
            '\n' => safe.push_str(r"\n"),
            c => safe.push(c),
        }
    }
    safe
}
