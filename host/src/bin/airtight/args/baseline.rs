//! The command line of `airtight baseline`.

use super::{BuildArgs, RunArgs, TestArgs};
use airtight::config::NewGrounds;
use airtight::report::Date;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = BASELINE_EXIT_STATUSES)]
pub struct BaselineCommand {
    /// A package's or workspace's directory or Cargo.toml, to build its tests; or modules that exist.
    #[arg(value_name = "PATH|FILE.wasm", default_value = ".", hide_default_value = true)]
    pub paths: Vec<PathBuf>,
    /// Run nothing: take the leaks from this report, which `--report json=PATH` wrote.
    #[arg(long, value_name = "REPORT.json", conflicts_with = "paths")]
    pub from: Vec<PathBuf>,
    /// Why what is new is accepted. What is in the file already keeps its reason.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// The last day on which what is new is accepted. What is in the file already keeps its day.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub expires: Option<Date>,
    #[command(flatten)]
    pub build: BuildArgs,
    #[command(flatten)]
    pub tests: TestArgs,
    #[command(flatten)]
    pub run: RunArgs,
}

impl BaselineCommand {
    /// Why what is new is accepted.
    pub fn grounds(&self) -> NewGrounds {
        NewGrounds { reason: self.reason.clone(), expires: self.expires }
    }
}

const BASELINE_EXIT_STATUSES: &str = "The file is that of --baseline, or of `baseline` in the profile, or \
airtight-baseline.toml here.\n\nExit status: 0 the file is written, and with it the tests pass; 100 the file is written, and a \
test fails all the same; others as for `airtight test`.";
