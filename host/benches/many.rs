//! 100,000 SDK tests in one process, each in a fresh instance: memory, descriptors and cost a test against 1,000.

mod support;

use std::fs;
use support::{Stopwatch, median, planned};

const FEW: usize = 1_000;
const MANY: usize = 100_000;

/// Resident memory of this process, in KiB.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn main() {
    let (few, few_planned) = planned(FEW);
    let (many, many_planned) = planned(MANY);
    let cost = |runner: &airtight::Runner, planned: &airtight::Plan, tests: usize| {
        let mut watch = Stopwatch::default();
        runner.run(planned, &mut watch).unwrap();
        assert_eq!(watch.passed, tests);
        watch.took.as_secs_f64() / tests as f64
    };
    // Once each: the engine makes a module's memory image when the first instance is made.
    cost(&few, &few_planned, FEW);
    cost(&many, &many_planned, MANY);
    let (memory, open) = (resident(), descriptors());
    let ratios = (0..5)
        .map(|_| cost(&many, &many_planned, MANY) / median((0..21).map(|_| cost(&few, &few_planned, FEW)).collect()));
    let ratio = median(ratios.collect());
    println!("cost a test, 100,000 tests against 1,000: {ratio:.2} (1, as near as noise lets)");
    // Each finished test has a record in the report; its size is the report's, not a leak.
    let grown = (resident() - memory) * 1024.0 / MANY as f64;
    println!(
        "memory grown over 500,000 tests, bytes for each of the 100,000 in the report: {grown:.0} (the records alone)"
    );
    println!("descriptors opened and not closed: {} (0)", descriptors() as i64 - open as i64);
}
