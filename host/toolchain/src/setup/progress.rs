//! The steps of a setup, what is shown of them, and how their programs are run.

use crate::error::ToolchainError;
use crate::system::command::CommandLine;
use crate::system::machine::Machine;
use std::fmt;

/// How many lines of a failed program's output are shown.
const TAIL: usize = 20;

/// A step of the installation that takes time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetupStep {
    /// Another process is installing; its result will be used.
    Wait,
    /// `rustup target add`.
    AddTarget,
    /// `rustup component add rust-src`.
    AddSources,
    /// `apt-get update`.
    UpdateIndex,
    /// `apt-get install` of these packages.
    InstallPackages(Vec<String>),
    /// Std is compiled from source: a minute or two, once.
    BuildStd,
    /// The sysroot is put together, and a test is linked with it.
    AssembleSysroot,
}

impl fmt::Display for SetupStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetupStep::Wait => f.write_str("waiting for another installation"),
            SetupStep::AddTarget => f.write_str("adding the target with rustup"),
            SetupStep::AddSources => f.write_str("adding std's sources with rustup"),
            SetupStep::UpdateIndex => f.write_str("updating the package index"),
            SetupStep::InstallPackages(packages) => write!(f, "installing {}", packages.join(" ")),
            SetupStep::BuildStd => f.write_str("building std for wasm32-wasip1, once"),
            SetupStep::AssembleSysroot => f.write_str("assembling the sysroot"),
        }
    }
}

/// Progress of the installation, for display only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetupEvent<'a> {
    /// A step begins. The step before it is done, unless it failed.
    Started(&'a SetupStep),
    /// A line that the step's program printed.
    Output(&'a str),
    /// The step failed, and another way will be tried.
    Failed {
        /// The step that failed.
        step: &'a SetupStep,
        /// Why it failed.
        why: &'a str,
    },
}

/// Runs a step's program, shows its output, and returns its standard output.
pub(crate) fn run_step(
    machine: &Machine<'_>,
    step: &SetupStep,
    command: &CommandLine,
    progress: &mut dyn FnMut(SetupEvent<'_>),
) -> Result<String, ToolchainError> {
    progress(SetupEvent::Started(step));
    run(machine, command, &mut |line| progress(SetupEvent::Output(line)))
}

/// Runs a program that has to succeed, and returns its standard output.
pub(crate) fn run(
    machine: &Machine<'_>,
    command: &CommandLine,
    show: &mut dyn FnMut(&str),
) -> Result<String, ToolchainError> {
    let captured = machine
        .launcher
        .capture_with(command, show)
        .map_err(|source| ToolchainError::Start { command: command.display(), source })?;
    if captured.ending.ok() {
        return Ok(captured.stdout);
    }
    let said = if captured.stderr.trim().is_empty() { captured.stdout } else { captured.stderr };
    let lines: Vec<_> = said.lines().collect();
    let output = lines[lines.len().saturating_sub(TAIL)..].join("\n");
    Err(ToolchainError::Command { command: command.display(), ending: captured.ending.to_string(), output })
}
