//! How tests are run and reported.

use super::LimitArgs;
use airtight::policy::{ClockPatch, Fault};
use airtight::report::Date;
use airtight::report::console::{FinalStatusLevel, OutputTime, StatusLevel};
use airtight::report::files::{ReportKind, ReportSpec};
use airtight::report::trace::TraceOptions;
use airtight::{Compiler, Exploration, Seed, Streams};
use clap::{Args, Parser, ValueEnum};
use std::io::IsTerminal;
use std::num::NonZeroU32;
use std::path::PathBuf;

/// Whose changes `--write-back` keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WriteBackArg {
    Passing,
    All,
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
    /// Whether no gate is judged that compares with a base.
    #[arg(skip)]
    pub compares_nothing: bool,
    /// Whether the verdict is not what the command is about, so that a baseline and a base which the profile names are of use only
    /// where they are there.
    #[arg(skip)]
    pub asks_no_verdict: bool,
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
    /// Run each test once more to tell in which functions it spends its fuel: the JSON report has these figures, and so a base for the
    /// gate on fuel, which then names the function that costs more.
    #[arg(long)]
    pub fuel_profile: bool,
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
    #[arg(long, value_name = "NUMBER", value_parser = order)]
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
    /// then hold what it spends on the list. Start each test of Go by itself, and none from an image of its program where that is ready.
    /// Run each second run of a test to its end, and capture the stack of each of its blocks there.
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

/// The number that decides an order. Go knows two words beside it.
fn order(text: &str) -> Result<u64, &'static str> {
    match text {
        "on" => Err("an order follows from a number here, so that it can be had again: give one, for example 7"),
        "off" => Err("nothing is shuffled where no number is given: leave the flag out"),
        _ => text.parse().map_err(|_| "write a whole number that is not negative"),
    }
}
