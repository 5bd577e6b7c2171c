//! The command line of `airtight faults`.

use super::{BuildArgs, RunArgs, TestArgs};
use airtight::config::NewGrounds;
use airtight::faults::FaultOptions;
use airtight::report::Date;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
#[command(after_help = FAULTS_EXIT_STATUSES)]
pub struct FaultsCommand {
    /// A package's or workspace's directory or Cargo.toml, to build its tests; or modules that exist.
    #[arg(value_name = "PATH|FILE.wasm", default_value = ".", hide_default_value = true)]
    pub paths: Vec<PathBuf>,
    /// The most runs with failures, of all tests together. What is not tried is counted, by place.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub faults_max: usize,
    /// The most of them in which a second call fails, on the way out of the first failure.
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub faults_pairs: usize,
    /// Begin no other run after so long. What is found then depends on the machine, and the report says so.
    #[arg(long, value_name = "TIME", value_parser = humantime_of)]
    pub faults_time: Option<Duration>,
    /// Go on where the last search of these tests was ended, by one of these or by Ctrl-C. What has changed since is searched from the start.
    #[arg(long)]
    pub resume: bool,
    /// Write all that is found into the baseline, which is to be reviewed: later searches fail on what is new alone.
    #[arg(long)]
    pub accept: bool,
    /// Why what is new is accepted. What is in the file already keeps its reason.
    #[arg(long, value_name = "TEXT", requires = "accept")]
    pub reason: Option<String>,
    /// The last day on which what is new is accepted. What is in the file already keeps its day.
    #[arg(long, value_name = "YYYY-MM-DD", requires = "accept")]
    pub expires: Option<Date>,
    #[command(flatten)]
    pub build: BuildArgs,
    #[command(flatten)]
    pub tests: TestArgs,
    #[command(flatten)]
    pub run: RunArgs,
}

/// A length of time, such as `90s`.
fn humantime_of(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write for example 90s or 10m"))
}

const FAULTS_EXIT_STATUSES: &str = "Exit status: 0 every way out gives back what it holds, or as much as the gate `fault-leaks` \
allows, or what is found was accepted; 100 one does not, or an accepted one has expired; others as for `airtight test`.";

impl FaultsCommand {
    /// How far the search goes.
    pub fn options(&self) -> FaultOptions {
        let options = FaultOptions::default().most(self.faults_max).pairs(self.faults_pairs).time(self.faults_time);
        match airtight::toolchain::cache_dir().filter(|_| !self.run.no_cache) {
            Some(cache) => options.journal(cache.join("faults"), self.resume),
            None => options,
        }
    }

    /// Why what is new is accepted.
    pub fn grounds(&self) -> NewGrounds {
        NewGrounds { reason: self.reason.clone(), expires: self.expires }
    }
}
