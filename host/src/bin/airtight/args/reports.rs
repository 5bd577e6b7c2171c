//! The command lines of what works on reports that exist: `merge`, `show`, `explain`.

use super::Color;
use airtight::report::console::FinalStatusLevel;
use airtight::report::files::ReportSpec;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = MERGE_EXIT_STATUSES)]
pub struct MergeCommand {
    /// The reports of all parts: files that `--report json=PATH` wrote.
    #[arg(required = true, value_name = "REPORT.json")]
    pub reports: Vec<PathBuf>,
    /// Write a report file of the whole: json, or any other kind that is made from a JSON report.
    #[arg(long, value_name = "KIND=PATH")]
    pub report: Vec<ReportSpec>,
    #[command(flatten)]
    pub shown: ShownArgs,
}

const MERGE_EXIT_STATUSES: &str = "Exit status: that of one run of all parts; 96 a report cannot be read, a part is missing, \
parts overlap, or they were run under different policies.";

#[derive(Debug, Args)]
pub struct ShowCommand {
    /// The report to show, instead of that of the last run.
    #[arg(value_name = "REPORT.json")]
    pub report: Option<PathBuf>,
    #[command(flatten)]
    pub shown: ShownArgs,
}

#[derive(Debug, Args)]
pub struct ExplainCommand {
    /// Codes, or words of reports and settings.
    #[arg(value_name = "CODE")]
    pub words: Vec<String>,
}

/// How a report that exists is shown.
#[derive(Debug, Clone, Args)]
pub struct ShownArgs {
    /// Which tests are listed.
    #[arg(long, value_enum, value_name = "LEVEL", default_value = "fail")]
    pub final_status_level: FinalStatusLevel,
    /// Show every frame of stacks, those of libraries too.
    #[arg(long)]
    pub all_frames: bool,
    /// With each leak, print a suppression that accepts it, to be pasted into a baseline.
    #[arg(long)]
    pub gen_suppressions: bool,
    /// Colours.
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}
