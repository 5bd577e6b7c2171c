//! The command line of `airtight watch`.

use super::TestCommand;
use clap::Args;

#[derive(Debug, Args)]
pub struct WatchCommand {
    #[command(flatten)]
    pub test: TestCommand,
    /// End after so many runs.
    #[arg(long, hide = true, value_name = "N")]
    pub runs: Option<u32>,
}
