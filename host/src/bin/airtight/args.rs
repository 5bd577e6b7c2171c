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
pub use trace::TraceCommand;
pub use watch::WatchCommand;

use crate::failure::Failure;
use airtight::Compiler;
use airtight::Exploration;
use airtight::GoFlags;
use airtight::Harness;
use airtight::policy::{ClockPatch, Fault};
use airtight::report::Date;
use airtight::report::console::{FinalStatusLevel, OutputTime, StatusLevel};
use airtight::report::diff::Threshold;
use airtight::report::files::{ReportKind, ReportSpec};
use airtight::report::trace::TraceOptions;
use airtight::{Partition, RunIgnored, Seed, Selection, Streams};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::io::IsTerminal;
use std::num::NonZeroU32;
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
    /// Print the JSON Schema of a report, or of airtight.toml.
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
    #[arg(value_enum, value_name = "report|config")]
    pub of: SchemaOf,
}

/// What there is a JSON Schema of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// What --report json=PATH writes.
    Report,
    /// The file airtight.toml.
    Config,
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

/// Which tests.
#[derive(Debug, Clone, Args, Default)]
#[command(next_help_heading = "Which tests")]
pub struct TestArgs {
    /// Arguments of Rust's test harness: parts of names, any of which selects a test (`name/case` selects subtests), and
    /// options such as --skip or --nocapture. Where every module is a program, they are the program's; where every module is a
    /// Go test binary, they are its flags, such as -test.run or -test.short.
    #[arg(last = true, value_name = "ARG")]
    pub rest: Vec<String>,
    /// Parts of names that select tests.
    #[arg(skip)]
    pub filters: Vec<String>,
    /// Only tests that this filter expression of nextest's selects, for example 'package(app) & test(/^parse/)'; any of several.
    #[arg(short = 'E', long, visible_alias = "filter-expr", value_name = "EXPRESSION")]
    pub filterset: Vec<String>,
    /// Filters are whole names.
    #[arg(long)]
    pub exact: bool,
    /// Leave out tests whose names contain this; with a slash, subtests.
    #[arg(long, value_name = "FILTER")]
    pub skip: Vec<String>,
    /// Run ignored tests too.
    #[arg(long, conflicts_with = "ignored")]
    pub include_ignored: bool,
    /// Run only ignored tests.
    #[arg(long)]
    pub ignored: bool,
    /// The same in nextest's words.
    #[arg(long, value_enum, value_name = "WHICH", hide = true, conflicts_with_all = ["ignored", "include_ignored"])]
    pub run_ignored: Option<RunIgnoredArg>,
    /// Print the tests, and run none.
    #[arg(long)]
    pub list: bool,
    /// Run one part of the tests: slice:1/3 by their order, hash:1/3 by their names.
    #[arg(long, value_name = "slice:M/N|hash:M/N")]
    pub partition: Option<Partition>,
    /// Run each subtest of the SDK's tests alone, in a fresh instance: the test's code with that subtest and no other. It is told of as a
    /// test `name/case`.
    #[arg(long)]
    pub isolate_subtests: bool,
    /// Take the module for this harness instead of looking.
    #[arg(long, value_parser = harness_names(), value_name = "HARNESS")]
    pub harness: Option<Harness>,
    #[command(flatten)]
    pub foreign: foreign::ForeignArgs,
    /// What Go's test binaries are given.
    #[arg(skip)]
    pub go: GoFlags,
}

/// Whose changes `--write-back` keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WriteBackArg {
    Passing,
    All,
}

/// Which tests `--run-ignored` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RunIgnoredArg {
    Default,
    #[value(alias = "ignored-only")]
    Only,
    All,
}

impl TestArgs {
    /// Refuses what other runners' options cannot mean here, and takes what comes after `--` for arguments of Rust's harness:
    /// some select tests, some say how they are run.
    ///
    /// # Errors
    /// An option has no meaning here; or one after `--` is not the harness's.
    pub fn settle(&mut self, run: &mut RunArgs) -> Result<(), Failure> {
        self.foreign.refuse()?;
        let rest = LibtestArgs::parse(&std::mem::take(&mut self.rest))?;
        if rest.bench {
            let why =
                "Rust's harness has none on a stable compiler; for others, name the target: --bench NAME before `--`";
            return Err(Failure::usage(format!("--bench: no benchmarks are run here: {why}")));
        }
        rest.apply(self, run);
        run.judges_nothing |= self.list;
        Ok(())
    }

    /// Refuses filter expressions where there are modules alone.
    ///
    /// # Errors
    /// There is one.
    pub fn refuse_filtersets(&self) -> Result<(), Failure> {
        if self.filterset.is_empty() {
            return Ok(());
        }
        let instead = "choose tests by parts of their names: `-- PART --skip PART`";
        Err(Failure::usage(format!(
            "-E: filter expressions are about a workspace's packages, and modules name none; {instead}"
        )))
    }

    /// Takes these arguments for those of Go test binaries.
    ///
    /// # Errors
    /// One of them has no meaning here.
    pub fn settle_go(&mut self, args: &[String], run: &mut RunArgs) -> Result<(), Failure> {
        self.go = GoFlags::parse(args).map_err(Failure::usage)?;
        self.list |= self.go.list.is_some();
        if let Some(listed) = self.go.list.take() {
            self.go.run.get_or_insert(listed);
        }
        run.fail_fast |= self.go.fail_fast;
        Ok(())
    }

    pub fn selection(&self) -> Selection {
        Selection {
            filters: self.filters.clone(),
            exact: self.exact,
            skip: self.skip.clone(),
            ignored: match self.run_ignored {
                Some(RunIgnoredArg::Only) => RunIgnored::Only,
                Some(RunIgnoredArg::All) => RunIgnored::Include,
                Some(RunIgnoredArg::Default) | None => run_ignored(self.ignored, self.include_ignored),
            },
            partition: self.partition,
            isolate_subtests: self.isolate_subtests,
            go: self.go.clone(),
        }
    }
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

/// What libtest's two flags say about ignored tests.
pub fn run_ignored(only: bool, include: bool) -> RunIgnored {
    match (only, include) {
        (true, _) => RunIgnored::Only,
        (_, true) => RunIgnored::Include,
        _ => RunIgnored::No,
    }
}

/// Takes the name of a harness, and lists all of them in the help.
fn harness_names() -> impl TypedValueParser<Value = Harness> {
    let names = PossibleValuesParser::new(Harness::ALL.map(Harness::name));
    names.try_map(|name| name.parse::<Harness>())
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum CompilerArg {
    #[default]
    Cranelift,
    Winch,
    Pulley,
}

impl From<CompilerArg> for Compiler {
    fn from(compiler: CompilerArg) -> Self {
        match compiler {
            CompilerArg::Cranelift => Self::Cranelift,
            CompilerArg::Winch => Self::Winch,
            CompilerArg::Pulley => Self::Pulley,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

impl Color {
    /// Whether standard output gets colours.
    pub fn on_stdout(self) -> bool {
        self.on(&std::io::stdout())
    }

    /// Whether a stream gets colours: `NO_COLOR` says no, `CLICOLOR_FORCE` says yes whatever the stream is, and `CLICOLOR=0` says no.
    pub fn on(self, stream: &impl IsTerminal) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if anstyle_query::no_color() => false,
            Self::Auto if anstyle_query::clicolor_force() => true,
            Self::Auto => anstyle_query::clicolor() != Some(false) && stream.is_terminal(),
        }
    }
}

/// How they are run and reported.
#[derive(Debug, Clone, Args, Default)]
#[command(next_help_heading = "How to run and report")]
pub struct RunArgs {
    /// Worker threads; by default one for each processor.
    #[arg(
        short = 'j',
        long,
        visible_alias = "test-threads",
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true
    )]
    pub jobs: usize,
    /// The profile in airtight.toml.
    #[arg(short = 'P', long, value_name = "NAME", default_value = "default", env = "AIRTIGHT_PROFILE")]
    pub profile: String,
    /// Run every test, whatever fails: the default.
    #[arg(long, overrides_with = "fail_fast")]
    pub no_fail_fast: bool,
    /// Run no test that comes after the first failing one in the plan.
    #[arg(long)]
    pub fail_fast: bool,
    /// Run no test that comes after so many failing ones in the plan.
    #[arg(long, value_name = "N", conflicts_with_all = ["fail_fast", "no_fail_fast"])]
    pub max_fail: Option<NonZeroU32>,
    /// Show output as it is written, too: tests run one at a time. Their input and their results stay what they are.
    #[arg(long, alias = "nocapture")]
    pub no_capture: bool,
    /// With `--no-capture`, pass output on byte for byte, also to a terminal and in continuous integration: what a test prints
    /// can then be a command to either.
    #[arg(long, requires = "no_capture")]
    pub raw: bool,
    /// Show captured output of these tests, under their lines.
    #[arg(long, value_enum, value_name = "WHEN", default_value = "on-failure")]
    pub show_output: ShowOutput,
    /// When to show captured output of tests that pass, in nextest's words; stronger than --show-output.
    #[arg(long, value_enum, value_name = "WHEN")]
    pub success_output: Option<OutputTime>,
    /// When to show captured output of tests that do not pass.
    #[arg(long, value_enum, value_name = "WHEN")]
    pub failure_output: Option<OutputTime>,
    /// Show every frame of stacks, those of libraries too; a deep stack has at most 32 in the report.
    #[arg(long)]
    pub all_frames: bool,
    /// Say less: nothing of tests that pass, nor of what cargo builds.
    #[arg(short, long)]
    pub quiet: bool,
    /// Which tests get a line while the run goes; without this, those that pass too.
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub status_level: Option<StatusLevel>,
    /// Which tests are listed at the end.
    #[arg(long, value_enum, value_name = "LEVEL", default_value = "fail")]
    pub final_status_level: FinalStatusLevel,
    // The list of kinds is that of the library's table.
    #[arg(long, value_name = "KIND=PATH", help = report_help())]
    pub report: Vec<ReportSpec>,
    /// Accept the leaks that this file names, and fail on new ones alone; instead of the profile's. `airtight baseline` writes it.
    #[arg(long, value_name = "FILE", env = "AIRTIGHT_BASELINE")]
    pub baseline: Option<PathBuf>,
    /// The report that gates on growth and fuel compare with; instead of the profile's `base`.
    #[arg(long, value_name = "REPORT.json", env = "AIRTIGHT_BASE")]
    pub base: Option<PathBuf>,
    /// The day that expiry dates of the baseline are held against; today, in UTC, without this.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub date: Option<Date>,
    /// Whether the baseline need not be there yet.
    #[arg(skip)]
    pub writes_baseline: bool,
    /// Whether no leak and no gate is judged, so that neither baseline nor base is needed.
    #[arg(skip)]
    pub judges_nothing: bool,
    /// With each leak, print a suppression that accepts it, to be pasted into a baseline.
    #[arg(long)]
    pub gen_suppressions: bool,
    /// Run only the tests that did not pass in the last run from this folder, or were not run in it.
    #[arg(long)]
    pub rerun: bool,
    /// An earlier JSON report: the HTML report shows what has changed since.
    #[arg(long, value_name = "OLD.json", requires = "report")]
    pub report_base: Option<PathBuf>,
    /// Write what programs read to standard output, when all tests have ended, and what people read to standard error.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "human")]
    pub message_format: MessageFormat,
    /// Call each test of the SDK so often in one instance, and tell what grows with each call. Each has fuel and time of its
    /// own; limits on the heap are for all together.
    #[arg(long, value_name = "N", default_value_t = 1, hide_default_value = true,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub repeat: u32,
    /// Run each test of a Go binary that `airtight go` built a second time, in which Go's runtime tells what it leaves on Go's heap, and
    /// where that was allocated.
    #[arg(long)]
    pub go_heap: bool,
    /// Seed of everything random in the tests, hash maps' order included; `random` takes another one each time, and says it.
    #[arg(long, value_name = "NUMBER", env = "AIRTIGHT_SEED")]
    pub seed: Option<Seed>,
    /// Run each test with threads under so many schedules, up to the first under which it fails.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, conflicts_with = "schedule",
        value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    pub schedules: u32,
    /// Run tests with threads under this schedule: one that `--schedules` found, with the same `--seed`.
    #[arg(long, value_name = "SCHEDULE")]
    pub schedule: Option<Exploration>,
    /// The compiler; reports do not depend on it.
    #[arg(long, value_enum, value_name = "COMPILER", default_value = "cranelift")]
    pub engine: CompilerArg,
    /// Run the tests in another order, which the number decides; reports do not depend on it.
    #[arg(long, value_name = "NUMBER")]
    pub shuffle: Option<u64>,
    /// Run a test that fails so often more, until it passes; then it is flaky, which the report says. Only what is granted of the real
    /// world can differ: a test without such grants ends the same way each time, and is not forgiven.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true,
        value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub retries: u32,
    /// Let a call of each test fail, for example write:3=ENOSPC: its third write finds no space. `airtight faults` finds such failures
    /// that are not handled.
    #[arg(long, value_name = "CALL:N=FAILURE")]
    pub fault: Vec<Fault>,
    /// Grant a directory, for example data::/data or data::/data:read-write; beside the profile's.
    #[arg(long, value_name = "HOST::GUEST[:MODE]")]
    pub dir: Vec<String>,
    /// Allow the configuration to grant this of the machine: dir:PATH[:read-write], listen:ADDRESS, connect:ADDRESS,
    /// outbound:ADDRESS or clock:real.
    #[arg(long, value_name = "KIND:VALUE")]
    pub allow: Vec<String>,
    /// Allow the configuration to grant all that it grants; `airtight trust` does so for good.
    #[arg(long)]
    pub trust: bool,
    /// Arguments of the modules, where those are programs.
    #[arg(skip)]
    pub args: Option<Vec<String>>,
    /// The clock, where it is not the profile's.
    #[arg(skip)]
    pub clock: Option<ClockPatch>,
    /// What is kept of all that the tests do.
    #[arg(skip)]
    pub trace: Option<TraceOptions>,
    /// Set a variable, above the profile's.
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    pub env: Vec<(String, String)>,
    /// Keep what tests changed in directories that they see as overlays, such as snapshots in their package: of tests that
    /// passed, or of all.
    #[arg(long, value_enum, value_name = "WHOSE", num_args = 0..=1, require_equals = true, default_missing_value = "passing")]
    pub write_back: Option<WriteBackArg>,
    /// Take the results of tests from earlier runs where nothing has changed that they depend on, and record those of tests that pass: as
    /// `go test` does. The report is that of a run without.
    #[arg(long, conflicts_with_all = ["no_cache", "no_capture"])]
    pub cached: bool,
    /// The folder of recorded results, instead of the one in the cache. Machines may share it.
    #[arg(long, value_name = "DIR", env = "AIRTIGHT_RESULTS")]
    pub results: Option<PathBuf>,
    /// How many recorded results are proved, in place of taking any.
    #[arg(skip)]
    pub proves: Option<usize>,
    /// Neither read nor write the cache of compiled modules.
    #[arg(long)]
    pub no_cache: bool,
    /// Give libtest the list of all tests, and the name of the one to run, instead of that test alone: figures of fuel and memory
    /// then hold what it spends on the list.
    #[arg(long)]
    pub no_shortcut: bool,
    /// Colours.
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Leak a host descriptor after each test, to see the check of our own books at work.
    #[arg(long, hide = true)]
    pub inject_host_leak: bool,
    /// Panic in the host before each test, to see that it is told and spoils nothing else.
    #[arg(long, hide = true)]
    pub inject_host_panic: bool,
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// For which tests captured output is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ShowOutput {
    /// For those that neither passed nor were skipped.
    #[default]
    OnFailure,
    /// For all.
    Always,
    /// For none.
    Never,
}

/// What standard output is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum MessageFormat {
    /// For people.
    #[default]
    Human,
    /// The lines of Rust's test harness.
    LibtestJson,
    /// The same, with nextest's object.
    LibtestJsonPlus,
    /// The stream of Go's tests, of which `go tool test2json` makes events.
    Test2json,
}

impl MessageFormat {
    /// The format of what programs read; `None` where nothing is for them.
    pub fn kind(self) -> Option<ReportKind> {
        match self {
            Self::Human => None,
            Self::LibtestJson => Some(ReportKind::LibtestJson),
            Self::LibtestJsonPlus => Some(ReportKind::LibtestJsonPlus),
            Self::Test2json => Some(ReportKind::Test2json),
        }
    }
}

/// Every kind of report file, with who reads it.
fn report_help() -> String {
    let kinds = ReportKind::ALL.map(|kind| format!("{kind} ({})", kind.about()));
    format!(
        "Write a report file when all tests have ended, any number of them: {}. `github` alone writes to the log of the job",
        kinds.join(", ")
    )
}

/// The settings of a run for which nothing was given.
pub fn run_defaults() -> RunArgs {
    #[derive(Parser)]
    #[command(no_binary_name = true)]
    struct Nothing {
        #[command(flatten)]
        run: RunArgs,
    }
    Nothing::parse_from(std::iter::empty::<String>()).run
}

impl RunArgs {
    /// When captured output is shown: of tests that pass, and of the others.
    pub fn output(&self) -> [OutputTime; 2] {
        if self.no_capture {
            return [OutputTime::Never; 2];
        }
        let [success, failure] = match self.show_output {
            ShowOutput::OnFailure => [OutputTime::Never, OutputTime::Immediate],
            ShowOutput::Always => [OutputTime::Immediate; 2],
            ShowOutput::Never => [OutputTime::Never; 2],
        };
        [self.success_output.unwrap_or(success), self.failure_output.unwrap_or(failure)]
    }

    /// After how many failing tests no other is run.
    pub fn most_failing(&self) -> Option<NonZeroU32> {
        if self.fail_fast { Some(NonZeroU32::MIN) } else { self.max_fail }
    }

    /// What becomes of the tests' streams.
    pub fn streams(&self) -> Streams {
        if !self.no_capture {
            return Streams::Captured;
        }
        let is_read = std::io::stdout().is_terminal()
            || std::io::stderr().is_terminal()
            || std::env::var_os("CI").is_some_and(|value| !value.is_empty());
        let colours = self.color.on_stdout();
        if is_read && !self.raw { Streams::Shown { colours } } else { Streams::Copied }
    }
}

/// A variable and its value.
fn variable(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE"),
    }
}
