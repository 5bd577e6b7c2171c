//! Finding a toolchain and building guests, with progress for a person.

use crate::args::BuildArgs;
use crate::failure::{Failure, say};
use crate::filterset::{self, Filtersets};
use airtight::config::Profile;
use airtight::report::console::OneLine;
use airtight::toolchain::{
    self, BuildError, BuildEvent, BuildOutput, Permission, SetupEvent, Toolchain, ToolchainError,
};
use std::io::IsTerminal;
use std::path::Path;

/// A toolchain for the guests in `dir`: found, or installed as far as permitted.
pub fn toolchain(dir: &Path, permission: Permission) -> Result<Toolchain, ToolchainError> {
    let mut progress = Progress::new();
    let found = toolchain::install(dir, permission, &mut |event| progress.show(&event));
    progress.end();
    found
}

/// The same compiler, with panics that unwind.
fn unwinding(dir: &Path, toolchain: &Toolchain, permission: Permission) -> Result<Toolchain, ToolchainError> {
    let mut progress = Progress::new();
    let made = toolchain::unwinding(dir, toolchain, permission, &mut |event| progress.show(&event));
    progress.end();
    made
}

/// The same compiler, for guests that have threads.
pub fn threaded(dir: &Path, toolchain: &Toolchain, permission: Permission) -> Result<Toolchain, ToolchainError> {
    let mut progress = Progress::new();
    let made = toolchain::threaded(dir, toolchain, permission, &mut |event| progress.show(&event));
    progress.end();
    made
}

/// What was built, and which of its tests filter expressions select.
pub struct Built {
    pub output: BuildOutput,
    pub filtersets: Option<Filtersets>,
    /// What they were read with.
    pub metadata: Option<String>,
}

/// Builds what the arguments ask for, of the package or workspace at `path`; what could not be built is said on standard
/// error. Filter expressions are read before that.
///
/// Panics of what is built unwind where the profile or the arguments say so, and it has threads likewise.
pub fn build(args: &BuildArgs, filtersets: &[String], path: &Path, profile: &Profile) -> Result<Built, Failure> {
    filterset::check(filtersets)?;
    let request = args.request(path);
    let permission = if args.setup { Permission::System } else { Permission::Cache };
    let (unwinds, threads) = (args.unwind || profile.unwinds(), args.wants_threads() || profile.has_threads());
    if unwinds && threads {
        return Err(Failure::usage(
            "tests with threads cannot be built so that panics unwind: take `--threads` or `--unwind`, or a profile of airtight.toml \
             for each",
        ));
    }
    let mut toolchain = toolchain(&request.dir, permission).map_err(Failure::setup)?;
    if unwinds {
        toolchain = unwinding(&request.dir, &toolchain, permission).map_err(Failure::setup)?;
    }
    if threads {
        toolchain = threaded(&request.dir, &toolchain, permission).map_err(Failure::setup)?;
    }
    let asked = !filtersets.is_empty();
    let metadata = asked.then(|| toolchain::metadata(&toolchain, &request)).transpose().map_err(Failure::build)?;
    let filtersets = metadata.as_ref().map(|metadata| Filtersets::compile(filtersets, metadata)).transpose()?;
    tracing::info!("building with {toolchain}");
    let mut errors = String::new();
    let mut objected = false;
    let built = toolchain::build(&toolchain, &request, &mut |event| match event {
        BuildEvent::Cargo(line) => {
            objected |= line.starts_with("error");
            say(line);
        }
        BuildEvent::Diagnostic { is_error: true, rendered } => errors.push_str(rendered),
        // Warnings are for the native build, where the developer sees them anyway.
        _ => {}
    });
    if !errors.is_empty() {
        say(errors.trim_end_matches('\n'));
    }
    let output = built.map_err(|error| match error {
        BuildError::Interrupted { .. } => Failure::interrupted(error),
        BuildError::Cargo { .. } if objected => {
            Failure::build(anyhow::anyhow!("cargo built nothing: its error is above"))
        }
        error => Failure::build(error),
    })?;
    for failure in &output.failures {
        say(format_args!("error: {failure}"));
    }
    if output.artifacts.is_empty() && output.failures.is_empty() {
        return Err(Failure::no_tests("there are no tests to run: nothing was built that could hold some"));
    }
    Ok(Built { output, filtersets, metadata })
}

/// What is being installed: a line that is rewritten on a terminal, else a line a step.
struct Progress {
    bar: indicatif::ProgressBar,
    terminal: bool,
}

impl Progress {
    fn new() -> Self {
        Self { bar: indicatif::ProgressBar::no_length(), terminal: std::io::stderr().is_terminal() }
    }

    fn show(&mut self, event: &SetupEvent<'_>) {
        match event {
            SetupEvent::Started(step) if self.terminal => {
                let style = indicatif::ProgressStyle::with_template("{spinner} {prefix} [{elapsed}] {wide_msg}");
                self.bar.set_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_spinner()));
                self.bar.set_prefix(step.to_string());
                self.bar.reset_elapsed();
                self.bar.enable_steady_tick(std::time::Duration::from_millis(200));
            }
            SetupEvent::Started(step) => say(format_args!("setup: {step}")),
            SetupEvent::Output(line) => self.bar.set_message(OneLine(line).to_string()),
            SetupEvent::Failed { step, why } => {
                self.bar.suspend(|| say(format_args!("setup: {step} failed: {}", OneLine(why))));
            }
            _ => {}
        }
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}
