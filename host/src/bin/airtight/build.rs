//! Finds a toolchain and builds guests, with progress for people.

use crate::args::BuildArgs;
use crate::failure::{Failure, say};
use crate::filterset::{self, Filtersets};
use airtight::config::Profile;
use airtight::report::console::OneLine;
use airtight::toolchain::{
    self, BuildError, BuildEvent, BuildOutput, BuildRequest, Members, Permission, SetupEvent, Toolchain, ToolchainError,
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

/// A toolchain with the same compiler, under which panics unwind.
fn unwinding(dir: &Path, toolchain: &Toolchain, permission: Permission) -> Result<Toolchain, ToolchainError> {
    let mut progress = Progress::new();
    let made = toolchain::unwinding(dir, toolchain, permission, &mut |event| progress.show(&event));
    progress.end();
    made
}

/// A toolchain with the same compiler, for guests that have threads.
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
    /// The output of `cargo metadata` with which the filter expressions were read.
    pub metadata: Option<String>,
}

/// Builds what the arguments ask for in the package or workspace at `path`. Packages that cannot be built are named on
/// standard error. Filter expressions are checked first.
///
/// Panics unwind if the profile or the arguments say so. Likewise, guests have threads if either says so.
pub fn build(args: &BuildArgs, filtersets: &[String], path: &Path, profile: &Profile) -> Result<Built, Failure> {
    filterset::check(filtersets)?;
    let request = args.request(path);
    let permission = if args.setup { Permission::System } else { Permission::Cache };
    let unwinds = args.unwind || profile.unwinds();
    let threads = args.wants_threads() || profile.has_threads();
    if unwinds && (threads || profile.has_threads_by_package()) {
        return Err(Failure::usage(
            "tests with threads cannot be built so that panics unwind: take `--threads` or `--unwind`, or a profile of airtight.toml \
             for each",
        ));
    }
    let mut toolchain = toolchain(&request.dir, permission).map_err(Failure::setup)?;
    if unwinds {
        toolchain = unwinding(&request.dir, &toolchain, permission).map_err(Failure::setup)?;
    }
    let (members, parts) = if !args.wants_threads() && profile.has_threads_by_package() {
        let members = toolchain::members(&toolchain, &request).map_err(Failure::build)?;
        let parts = parts(&request, &members, |package| profile.has_threads_in(package));
        (members, parts)
    } else {
        (Members::default(), vec![Part { threads, request: request.clone() }])
    };
    let mut builds = Vec::new();
    for Part { threads, request } in parts {
        let toolchain = match threads {
            true => threaded(&request.dir, &toolchain, permission).map_err(Failure::setup)?,
            false => toolchain.clone(),
        };
        builds.push((toolchain, request));
    }
    let asked = builds.first().filter(|_| !filtersets.is_empty());
    let metadata = asked.map(|(toolchain, _)| toolchain::metadata(toolchain, &request)).transpose();
    let metadata = metadata.map_err(Failure::build)?;
    let filtersets = metadata.as_ref().map(|metadata| Filtersets::compile(filtersets, metadata)).transpose()?;
    let mut output: Option<BuildOutput> = None;
    let are_several = builds.len() > 1;
    for (toolchain, request) in &builds {
        tracing::info!("building with {toolchain}");
        let made = build_part(toolchain, request, are_several)?;
        match &mut output {
            Some(output) => output.join(made),
            None => output = Some(made),
        }
    }
    let mut output = output.unwrap_or_default();
    if output.artifacts.is_empty() && are_several && !output.failures.is_empty() {
        return Err(Failure::build(BuildError::NothingBuilt { failures: output.failures }));
    }
    output.other_members.extend(members.others);
    for failure in &output.failures {
        say(format_args!("error: {failure}"));
    }
    if output.artifacts.is_empty() && output.failures.is_empty() {
        return Err(Failure::no_tests("there are no tests to run: nothing was built that could hold some"));
    }
    Ok(Built { output, filtersets, metadata })
}

/// The part of a build that is for one target.
struct Part {
    threads: bool,
    request: BuildRequest,
}

/// Splits the packages of a request: those to be built without threads, and those with.
fn parts(request: &BuildRequest, members: &Members, has_threads: impl Fn(&str) -> bool) -> Vec<Part> {
    let (with, without): (Vec<String>, Vec<String>) =
        members.selected.iter().cloned().partition(|package| has_threads(package));
    if with.is_empty() || without.is_empty() {
        return vec![Part { threads: !with.is_empty(), request: request.clone() }];
    }
    let part = |threads, packages| Part { threads, request: request.only(packages) };
    vec![part(false, without), part(true, with)]
}

/// Builds for one target. If this is one of several targets, nothing built for it is not an error: the others are still built.
fn build_part(toolchain: &Toolchain, request: &BuildRequest, is_of_several: bool) -> Result<BuildOutput, Failure> {
    let mut errors = String::new();
    let mut objected = false;
    let built = toolchain::build(toolchain, request, &mut |event| match event {
        BuildEvent::Cargo(line) => {
            objected |= line.starts_with("error");
            say(line);
        }
        BuildEvent::Diagnostic { is_error: true, rendered } => errors.push_str(rendered),
        // Warnings are left to the native build, where the developer sees them anyway.
        _ => {}
    });
    if !errors.is_empty() {
        say(errors.trim_end_matches('\n'));
    }
    match built {
        Ok(output) => Ok(output),
        Err(BuildError::NothingBuilt { failures }) if is_of_several => {
            Ok(BuildOutput { failures, ..BuildOutput::default() })
        }
        Err(error @ BuildError::Interrupted { .. }) => Err(Failure::interrupted(error)),
        Err(BuildError::Cargo { .. }) if objected => {
            Err(Failure::build(anyhow::anyhow!("cargo built nothing: its error is above")))
        }
        Err(error) => Err(Failure::build(error)),
    }
}

/// Shows what is being installed: on a terminal, one line that is rewritten; else one line for each step.
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
