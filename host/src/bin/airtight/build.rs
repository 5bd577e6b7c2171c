//! Finding a toolchain and building guests, with progress for a person.

use crate::args::BuildArgs;
use crate::failure::Failure;
use airtight::report::console::OneLine;
use airtight::toolchain::{self, BuildError, BuildEvent, BuildOutput, Permission, Step, Toolchain, ToolchainError};
use std::io::IsTerminal;
use std::path::Path;

/// A toolchain for the guests in `dir`: found, or installed as far as permitted.
pub fn toolchain(dir: &Path, permission: Permission) -> Result<Toolchain, ToolchainError> {
    let mut progress = Progress::new();
    let found = toolchain::install(dir, permission, &mut |step| progress.step(&step));
    progress.end();
    found
}

/// Builds what the arguments ask for.
pub fn build(args: &BuildArgs) -> Result<BuildOutput, Failure> {
    let request = args.request();
    let permission = if args.setup { Permission::System } else { Permission::Cache };
    let toolchain = toolchain(&request.dir, permission).map_err(Failure::setup)?;
    tracing::info!("building with {toolchain}");
    let mut errors = String::new();
    let mut objected = false;
    let built = toolchain::build(&toolchain, &request, &mut |event| match event {
        BuildEvent::Cargo(line) => {
            objected |= line.starts_with("error");
            eprintln!("{line}");
        }
        BuildEvent::Diagnostic { is_error: true, rendered } => errors.push_str(rendered),
        // Warnings are for the native build, where the developer sees them anyway.
        _ => {}
    });
    eprint!("{errors}");
    built.map_err(|error| match error {
        BuildError::Interrupted { .. } => Failure::interrupted(error),
        BuildError::Cargo { .. } if objected => {
            Failure::build(anyhow::anyhow!("cargo built nothing: its error is above"))
        }
        error => Failure::build(error),
    })
}

/// What is being installed: a line that is rewritten on a terminal, else a line a task.
struct Progress {
    bar: indicatif::ProgressBar,
    terminal: bool,
}

impl Progress {
    fn new() -> Self {
        Self { bar: indicatif::ProgressBar::no_length(), terminal: std::io::stderr().is_terminal() }
    }

    fn step(&mut self, step: &Step<'_>) {
        match step {
            Step::Started(task) if self.terminal => {
                let style = indicatif::ProgressStyle::with_template("{spinner} {prefix} [{elapsed}] {wide_msg}");
                self.bar.set_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_spinner()));
                self.bar.set_prefix(task.to_string());
                self.bar.reset_elapsed();
                self.bar.enable_steady_tick(std::time::Duration::from_millis(200));
            }
            Step::Started(task) => eprintln!("setup: {task}"),
            Step::Output(line) => self.bar.set_message(OneLine(line).to_string()),
            Step::Failed { task, why } => {
                self.bar.suspend(|| eprintln!("setup: {task} failed: {}", OneLine(why)));
            }
            _ => {}
        }
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}
