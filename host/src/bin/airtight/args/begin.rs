//! The command lines of what helps to begin: `doctor`, `init`, `completions`, `man`.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct PlaceCommand {
    /// The package or workspace.
    #[arg(value_name = "PATH", default_value = ".", hide_default_value = true)]
    pub path: PathBuf,
}

#[derive(Debug, Args)]
pub struct CompletionsCommand {
    /// The shell.
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct ManCommand {
    /// The command, such as `test`.
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
}
