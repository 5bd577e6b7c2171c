//! The command line of `airtight trace`.

use super::{BuildArgs, RunArgs, TestArgs};
use airtight::report::trace::TraceOptions;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct TraceCommand {
    /// The test: its name, or a part that no other test's name has.
    #[arg(value_name = "TEST")]
    pub traced: String,
    /// A package's or workspace's directory or Cargo.toml, to build its tests; or modules that exist.
    #[arg(value_name = "PATH|FILE.wasm", default_value = ".", hide_default_value = true)]
    pub paths: Vec<PathBuf>,
    /// Keep so many events at most: the first half of them and the last. What is between is counted.
    #[arg(long, value_name = "N", default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(2..=i64::from(TraceOptions::MOST)))]
    pub events: u32,
    /// Tell of each block of so much or more that is allocated.
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = size)]
    pub min_allocation: u32,
    #[command(flatten)]
    pub build: BuildArgs,
    #[command(flatten)]
    pub tests: TestArgs,
    #[command(flatten)]
    pub run: RunArgs,
}

/// A size of a block, such as `64KiB`.
fn size(text: &str) -> Result<u32, String> {
    let bytes = airtight::internals::Quantity::Size.parse(text).map_err(|error| error.to_string())?;
    u32::try_from(bytes).map_err(|_| "no block has more than 4 GiB".to_owned())
}
