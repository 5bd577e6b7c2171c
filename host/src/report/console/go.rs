//! What a Go test says of itself: by how much its heap grew, what its benchmarks reported, and what its program spent
//! before the test.

use super::sanitise::OneLine;
use super::stack::StackLines;
use super::style::Styles;
use super::units::{Bytes, GroupedDigits, plural};
use crate::model::codes::Topic;
use crate::model::{GoHeapGrowth, GoRecord};
use std::fmt::{self, Display, Formatter};

/// Most values of benchmarks that are shown. The JSON report has more of them.
const MAX_METRICS: usize = 20;

pub(super) struct GoText<'a> {
    pub go: &'a GoRecord,
    /// Whether to show also what the program spent before its first test.
    pub all: bool,
    pub styles: &'a Styles,
}

impl Display for GoText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let GoRecord { start_fuel, heap, heap_doubt, metrics, metrics_omitted } = self.go;
        if let Some(fuel) = start_fuel.filter(|_| self.all) {
            let units = plural(fuel, "unit", "units");
            writeln!(
                f,
                "    the program's start took {} {units} of fuel, which no test's usage has",
                GroupedDigits(fuel)
            )?;
        }
        for metric in metrics.iter().take(MAX_METRICS) {
            let within = metric.subtest.as_ref().map(|subtest| format!("{}: ", OneLine(subtest))).unwrap_or_default();
            writeln!(f, "    {within}{} {}", OneLine(&metric.value), OneLine(&metric.unit))?;
        }
        let more = metrics.len().saturating_sub(MAX_METRICS) as u64 + metrics_omitted;
        if more > 0 {
            writeln!(f, "    and {} {} more", GroupedDigits(more), plural(more, "value", "values"))?;
        }
        if let Some(doubt) = heap_doubt {
            let code = Topic::heap_doubt(&doubt.code).map(|topic| format!(" ({})", topic.code())).unwrap_or_default();
            writeln!(f, "    Go's heap: not known{code}: {}", OneLine(&doubt.why))?;
        }
        heap.as_ref().map_or(Ok(()), |heap| self.write_heap(f, heap))
    }
}

impl GoText<'_> {
    fn write_heap(&self, f: &mut Formatter<'_>, heap: &GoHeapGrowth) -> fmt::Result {
        let GoHeapGrowth { bytes, blocks, floor, sites, sites_omitted } = heap;
        writeln!(
            f,
            "    Go's heap grew by {} in {} {}, as its runtime counts (less than {} is not told)",
            Bytes(*bytes),
            GroupedDigits(*blocks),
            plural(*blocks, "block", "blocks"),
            Bytes(*floor)
        )?;
        for site in sites {
            let (blocks, noun) = (GroupedDigits(site.blocks), plural(site.blocks, "block", "blocks"));
            writeln!(f, "    - {} in {blocks} {noun} in use", Bytes(site.bytes))?;
            let stack =
                StackLines { indent: "        ", label: "allocated at", stack: &site.stack, styles: self.styles };
            write!(f, "{}", stack.top())?;
        }
        match sites_omitted {
            0 => Ok(()),
            more => writeln!(f, "    and {} {} more", GroupedDigits(*more), plural(*more, "place", "places")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Frame, GoHeapDoubt, GoHeapSite, MetricRecord};

    #[test]
    fn a_growth_is_told_with_its_floor_and_places() {
        let own = Frame::new("example.com/a.fill").at("a_test.go", 9);
        let mut heap = GoHeapGrowth::new(20_480, 3, 16 << 10);
        heap.sites = vec![GoHeapSite::new(20_000, 2, vec![Frame::new("slices.Grow").of_library("Go"), own])];
        heap.sites_omitted = 1;
        let metrics =
            vec![MetricRecord::new(Some("b".to_owned()), "words/op", "7.500"), MetricRecord::new(None, "x", "1")];
        let go = GoRecord { start_fuel: Some(1000), heap: Some(heap), metrics, ..GoRecord::default() };
        let told = |all| GoText { go: &go, all, styles: &Styles::default() }.to_string();
        insta::assert_snapshot!(told(true), @r"
        the program's start took 1,000 units of fuel, which no test's usage has
        b: 7.500 words/op
        1 x
        Go's heap grew by 20,480 bytes (20 KiB) in 3 blocks, as its runtime counts (less than 16,384 bytes (16 KiB) is not told)
        - 20,000 bytes in 2 blocks in use
            allocated at a_test.go:9 in example.com/a.fill
        and 1 place more
        ");
        assert!(!told(false).contains("start"));
    }

    #[test]
    fn it_is_said_why_nothing_is_known_of_the_heap() {
        let doubt = GoHeapDoubt::new("other-ending", "a second run differed: out of fuel");
        let go = GoRecord { heap_doubt: Some(doubt), ..GoRecord::default() };
        let told = GoText { go: &go, all: false, styles: &Styles::default() }.to_string();
        assert_eq!(told, "    Go's heap: not known (AT0405): a second run differed: out of fuel\n");
    }
}
