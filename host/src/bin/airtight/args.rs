//! The command line, as clap reads it.

mod baseline;
mod begin;
mod build;
mod faults;
mod foreign;
mod go;
mod libtest;
mod limits;
mod place;
mod reports;
mod run;
mod select;
mod trace;
mod watch;

pub use baseline::BaselineCommand;
pub use begin::{CompletionsCommand, ManCommand, PlaceCommand};
pub use build::BuildArgs;
pub use faults::FaultsCommand;
pub use go::{GoCommand, with_two_dashes};
pub use libtest::LibtestArgs;
pub use limits::LimitArgs;
pub use reports::{ExplainCommand, MergeCommand, ShowCommand, ShownArgs};
pub use run::{Color, MessageFormat, RunArgs, WriteBackArg, run_defaults};
pub use select::TestArgs;
pub use trace::TraceCommand;
pub use watch::WatchCommand;

use crate::failure::Failure;
use airtight::report::diff::Threshold;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Hermetic tests that cannot leak quietly.
///
/// Runs tests compiled to wasm32-wasip1, each in a fresh instance that sees only what it was granted, and reports every
/// file, directory and socket it left open, with the line that opened it.
#[derive(Debug, Parser)]
#[command(name = "airtight", version, max_term_width = 100, after_help = EXIT_STATUSES)]
pub struct Program {
    #[command(subcommand)]
    pub command: Command,
    /// Say more on standard error; twice for everything.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
}

const EXIT_STATUSES: &str = "Exit status: 0 all passed; 2 usage; 4 no tests to run; 96 set-up (toolchain, configuration, \
granted directory, report path); 100 a test failed, leaked or broke a limit, the run missed a gate, or an accepted leak has expired; 101 build failed; 104 a module could not be \
loaded or listed; 70 a bug of airtight's own; 130 interrupted.";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build a package's or workspace's tests for wasm and run them.
    Test(Box<TestCommand>),
    /// Run the tests again whenever a file of the workspace changes: those whose results cannot be others are taken as they were.
    Watch(Box<WatchCommand>),
    /// Build the tests of Go packages with the Go that is here, and run them.
    ///
    /// Flags are Go's, with one dash or two: -run, -skip, -bench, -tags, -short. Goroutines that a test leaves are leaks, as files are.
    Go(Box<GoCommand>),
    /// Run the tests of modules that exist.
    Run(Box<RunCommand>),
    /// Run tests in several ways and compare the reports: the proof that a report can be trusted.
    Verify(Box<VerifyCommand>),
    /// Find tests whose verdict depends on which others ran before them in the same process.
    Pollution(Box<PollutionCommand>),
    /// Let the calls of each test fail, one after the other, and find the failures after which something is not given back.
    Faults(Box<FaultsCommand>),
    /// Run one test and print what it does, in order: what it opens, reads, writes and closes, memory, waits, clean-ups.
    Trace(Box<TraceCommand>),
    /// Compare two JSON reports: what tests left on the heap, by function; leaks; verdicts.
    Diff(DiffCommand),
    /// Join the JSON reports of parts of a suite, which `--partition` made, into the one of a single run.
    Merge(MergeCommand),
    /// Accept the leaks that a suite has, so that later runs fail on new ones alone: writes them into a file to be reviewed.
    Baseline(Box<BaselineCommand>),
    /// Tell again of what failed in the last run from this folder, with all detail.
    Show(ShowCommand),
    /// Explain a code that a report names, such as AT0001, or a word of it, such as `file`; without one, list all.
    Explain(ExplainCommand),
    /// Print the tests of modules without running them.
    List(Box<ListCommand>),
    /// Run one module as cargo and nextest ask for it (CARGO_TARGET_WASM32_WASIP1_RUNNER).
    Runner(RunnerCommand),
    /// Trust the configuration of a workspace to grant what it grants now.
    ///
    /// A directory outside of the workspace, a socket of the host's, an outbound address and the host's clocks are granted only with your
    /// word: for one run by --allow or --trust, or here. The list is in your own configuration directory; a configuration
    /// that grants anything else later is not trusted.
    Trust(TrustCommand),
    /// Find a wasm32-wasip1 toolchain, or install one.
    Setup(SetupCommand),
    /// Say what a set-up lacks: toolchains, configuration, baselines, cache. Nothing is changed.
    Doctor(PlaceCommand),
    /// Write a configuration and a workflow for GitHub Actions that work. Files that are there stay as they are.
    Init(PlaceCommand),
    /// Print the completions of a shell.
    Completions(CompletionsCommand),
    /// Print the manual page, or that of a command.
    Man(ManCommand),
    /// Print the JSON Schema of a report, of airtight.toml, of a trace, or of what a search found.
    Schema(SchemaCommand),
}

#[derive(Debug, Args)]
pub struct TestCommand {
    /// The package's or workspace's directory, or its Cargo.toml. Words that name neither are filters, as for cargo test.
    #[arg(value_name = "PATH|FILTER")]
    pub words: Vec<String>,
    #[command(flatten)]
    pub build: BuildArgs,
    /// Build and list only.
    #[arg(long)]
    pub no_run: bool,
    #[command(flatten)]
    pub tests: TestArgs,
    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Debug, Args)]
pub struct PollutionCommand {
    /// A package's or workspace's directory or Cargo.toml, to build its tests; or modules that exist.
    #[arg(value_name = "PATH|FILE.wasm", default_value = ".", hide_default_value = true)]
    pub paths: Vec<PathBuf>,
    /// In how many orders the tests of each module are run together: by name, by name backwards, and then in orders that `--seed`
    /// decides.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub orders: u32,
    #[command(flatten)]
    pub build: BuildArgs,
    #[command(flatten)]
    pub tests: TestArgs,
    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Debug, Args)]
pub struct VerifyCommand {
    /// A package's or workspace's directory or Cargo.toml, to build its tests once; or modules that exist.
    #[arg(value_name = "PATH|FILE.wasm", default_value = ".", hide_default_value = true)]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub build: BuildArgs,
    #[command(flatten)]
    pub tests: TestArgs,
    #[command(flatten)]
    pub run: RunArgs,
    /// Write to this file, as JSON, what each way came to and what differs. (`--report json=PATH` writes the tests' report.)
    #[arg(long, value_name = "PATH", conflicts_with = "cached")]
    pub verification: Option<PathBuf>,
    /// With --cached: how many recorded results are proved.
    #[arg(long, value_name = "N", default_value_t = 100, requires = "cached")]
    pub sample: usize,
    /// What another process of the same command asks this one for: a file.
    #[arg(long, hide = true, env = VERIFY_JOB, value_name = "FILE")]
    pub job: Option<PathBuf>,
}

/// The variable by which `airtight verify` tells its child what to do: its arguments are the same.
pub const VERIFY_JOB: &str = "AIRTIGHT_VERIFY_JOB";

#[derive(Debug, Args)]
#[command(after_help = DIFF_EXIT_STATUSES)]
pub struct DiffCommand {
    /// The base: a report that `--report json=PATH` wrote.
    #[arg(value_name = "OLD.json")]
    pub old: PathBuf,
    /// The report to compare with it.
    #[arg(value_name = "NEW.json")]
    pub new: PathBuf,
    /// Fail where a test of both reports retains more than this over the base: a share such as 10% or 0%, or a size such as
    /// 4KiB or 0B. From a base of nothing, any growth is over any share.
    #[arg(long, value_name = "SHARE|SIZE")]
    pub fail_on_growth: Option<Threshold>,
    /// Show long lists whole.
    #[arg(long)]
    pub all: bool,
    /// Colours.
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

const DIFF_EXIT_STATUSES: &str = "Exit status: 0 whatever differs; 100 only with --fail-on-growth, where a test grew by more; \
2 usage; 96 a report cannot be read, or was changed after it was written.";

#[derive(Debug, Args)]
pub struct TrustCommand {
    /// The workspace, or a directory in it.
    #[arg(value_name = "PATH", default_value = ".", hide_default_value = true)]
    pub path: PathBuf,
    /// Show which workspaces are trusted to grant what, and change nothing.
    #[arg(long, conflicts_with = "revoke")]
    pub list: bool,
    /// Trust the workspace no longer.
    #[arg(long)]
    pub revoke: bool,
}

#[derive(Debug, Args)]
pub struct SetupCommand {
    /// Install system packages too, where nothing else helps.
    #[arg(long)]
    pub yes: bool,
    /// Also for tests with threads: wasm32-wasip1-threads.
    #[arg(long)]
    pub threads: bool,
    /// The package or workspace to set up for.
    #[arg(value_name = "PATH", default_value = ".", hide_default_value = true)]
    pub path: PathBuf,
}

#[derive(Debug, Args)]
pub struct SchemaCommand {
    /// Of what.
    #[arg(value_enum, value_name = "WHAT")]
    pub of: SchemaOf,
}

/// What there is a JSON Schema of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// What --report json=PATH writes; airtight verify and airtight merge write such a report, too.
    Report,
    /// The file airtight.toml.
    Config,
    /// What airtight trace --report json=PATH writes.
    Trace,
    /// What airtight faults --report json=PATH writes.
    Faults,
    /// What airtight pollution --report json=PATH writes.
    Pollution,
    /// What airtight verify --verification PATH writes.
    Verification,
}

#[derive(Debug, Args)]
pub struct RunCommand {
    /// Modules, from any toolchain.
    #[arg(required = true, value_name = "FILE.wasm")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub tests: TestArgs,
    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Debug, Args)]
pub struct ListCommand {
    /// Modules, from any toolchain.
    #[arg(required = true, value_name = "FILE.wasm")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub tests: TestArgs,
    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Debug, Args)]
pub struct RunnerCommand {
    /// What becomes of a program (a module without tests) that ends well and leaves something: it fails, or that is only
    /// told. Without this, a test target of cargo's or Go's fails, and what `cargo run` runs does not.
    #[arg(long, value_enum, value_name = "WHAT", env = "AIRTIGHT_RUNNER_LEAKS")]
    pub leaks: Option<RunnerLeaks>,
    /// The module.
    #[arg(value_name = "FILE.wasm")]
    pub file: PathBuf,
    /// Arguments for the module: those of Rust's test harness where it holds one.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARG")]
    pub args: Vec<String>,
}

/// What becomes of a program that leaves something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RunnerLeaks {
    /// Its exit status is that of a failed test.
    Fail,
    /// Its exit status is its own.
    Tell,
}

impl TestCommand {
    /// Which of its words is the package's or workspace's place; the others are filters.
    ///
    /// # Errors
    /// See [`TestArgs::settle`]; two places are named.
    pub fn settle(&mut self) -> Result<PathBuf, Failure> {
        let (path, filters) = place::of_words(&self.words, self.build.manifest_path.as_deref())?;
        self.tests.filters.extend(filters);
        self.tests.settle(&mut self.run)?;
        self.build.cargo_quiet |= self.run.quiet;
        Ok(path)
    }
}
