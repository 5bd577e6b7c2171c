//! Limits of tests on the command line.

use airtight::model::units::{parse_count, parse_duration, parse_fuel, parse_size};
use airtight::policy::PolicyPatch;
use clap::Args;
use std::time::Duration;

/// Limits that stand above the configuration's.
#[derive(Debug, Clone, Args, Default)]
#[command(next_help_heading = "Limits of each test, above the profile's and the overrides' settings")]
pub struct LimitArgs {
    /// Cap on linear memory.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub memory: Option<u64>,
    /// Fuel.
    #[arg(long, value_name = "AMOUNT", value_parser = parse_fuel)]
    pub fuel: Option<u64>,
    /// Wall-clock limit.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
    /// Cap on captured output.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub output: Option<u64>,
    /// Cap on the bytes of the test's own heap blocks that are live at once.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub peak_heap: Option<u64>,
    /// Cap on allocations, reallocations included.
    #[arg(long, value_name = "COUNT", value_parser = parse_count)]
    pub allocations: Option<u64>,
    /// Cap on the bytes of heap blocks that nothing reaches at the end.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub lost: Option<u64>,
    /// Cap on the bytes of heap blocks that static data still reaches at the end.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub retained: Option<u64>,
}

impl LimitArgs {
    /// The policy settings that they are.
    pub fn patch(&self) -> PolicyPatch {
        PolicyPatch {
            memory: self.memory,
            fuel: self.fuel,
            timeout: self.timeout,
            output: self.output,
            peak_heap: self.peak_heap,
            allocations: self.allocations,
            lost: self.lost,
            retained: self.retained,
            ..PolicyPatch::default()
        }
    }
}
