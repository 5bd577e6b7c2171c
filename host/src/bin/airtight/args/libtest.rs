//! What comes after `--`: the arguments of Rust's test harness, with the meaning that they have there.

use super::run::ShowOutput;
use super::{Color, Program, RunArgs, TestArgs};
use crate::failure::Failure;
use airtight::Seed;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

/// The arguments of Rust's test harness. Those that mean nothing here are accepted where nobody is misled by it, as what
/// they ask for holds in any case; the others are refused.
#[derive(Debug, Parser, Default)]
#[command(name = "the test harness", no_binary_name = true, disable_help_flag = true, disable_version_flag = true)]
pub struct LibtestArgs {
    filters: Vec<String>,
    #[arg(long)]
    exact: bool,
    #[arg(long)]
    skip: Vec<String>,
    #[arg(long, conflicts_with = "include_ignored")]
    ignored: bool,
    #[arg(long)]
    include_ignored: bool,
    #[arg(long)]
    pub list: bool,
    #[arg(long, value_parser = ["pretty", "terse"])]
    format: Option<String>,
    #[arg(long, visible_alias = "no-capture")]
    nocapture: bool,
    #[arg(long)]
    show_output: bool,
    #[arg(long)]
    test_threads: Option<usize>,
    #[arg(long, value_enum)]
    color: Option<Color>,
    #[arg(short, long)]
    quiet: bool,
    #[arg(long)]
    fail_fast: bool,
    #[arg(long)]
    shuffle: bool,
    #[arg(long)]
    shuffle_seed: Option<u64>,
    /// Ours, not the harness's: there is no other way to say it to `cargo test`.
    #[arg(long)]
    seed: Option<Seed>,
    /// Benchmarks instead of tests. There are none under Rust's harness on a stable compiler.
    #[arg(long)]
    pub bench: bool,
    /// Tests, and no benchmarks.
    #[arg(long)]
    test: bool,
    /// Times, which are told in any case.
    #[arg(long)]
    report_time: bool,
    /// An instance of its own is this sandbox's way.
    #[arg(long)]
    force_run_in_process: bool,
    #[arg(short = 'Z')]
    unstable: Vec<String>,
}

impl LibtestArgs {
    /// Reads arguments.
    ///
    /// # Errors
    /// One is not the harness's, or cannot be honoured. The error says what to write instead.
    pub fn parse(args: &[String]) -> Result<Self, Failure> {
        Self::try_parse_from(args).map_err(|error| Failure::usage(said(&error)))
    }

    /// Whether a listing is to have a line a test and nothing else.
    pub fn is_terse(&self) -> bool {
        self.format.as_deref() == Some("terse")
    }

    /// Adds what they say to the options that were given before `--`.
    pub fn apply(self, tests: &mut TestArgs, run: &mut RunArgs) {
        tests.filters.extend(self.filters);
        tests.skip.extend(self.skip);
        tests.exact |= self.exact;
        tests.list |= self.list;
        if self.ignored || self.include_ignored {
            (tests.ignored, tests.include_ignored, tests.run_ignored) = (self.ignored, self.include_ignored, None);
        }
        run.no_capture |= self.nocapture;
        run.fail_fast |= self.fail_fast;
        run.quiet |= self.quiet;
        run.jobs = self.test_threads.unwrap_or(run.jobs);
        run.shuffle = self.shuffle_seed.or(run.shuffle);
        run.seed = self.seed.or(run.seed);
        run.color = self.color.unwrap_or(run.color);
        if self.show_output {
            run.show_output = ShowOutput::Always;
        }
    }
}

/// What is wrong with the arguments, in one line.
fn said(error: &clap::Error) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let arg = context(ContextKind::InvalidArg).unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownArgument if is_own(arg) => {
            format!(
                "{arg} is an option of airtight's: write it before `--`, after which Rust's test harness is spoken to"
            )
        }
        ErrorKind::UnknownArgument => {
            format!("{arg} is not an option of Rust's test harness (what comes after `--` is for it)")
        }
        ErrorKind::InvalidValue if arg.starts_with("--format") => {
            "--format knows pretty and terse; a report for programs is a file here: --report json=PATH, before `--`"
                .to_owned()
        }
        _ => error.render().to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    }
}

/// Whether a subcommand of airtight's that runs tests has this option.
fn is_own(arg: &str) -> bool {
    let name = arg.trim_start_matches('-').split('=').next().unwrap_or_default();
    let program = Program::command();
    let mut commands = program.get_subcommands().filter(|command| command.get_name() == "test");
    commands.any(|command| {
        let mut options = command.get_arguments().filter(|option| !option.is_hide_set());
        options.any(|option| {
            option.get_long() == Some(name) || (name.len() == 1 && option.get_short() == name.chars().next())
        })
    })
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
}

#[cfg(test)]
mod tests {
    use super::super::run_defaults;
    use super::*;
    use airtight::{RunIgnored, Selection};

    fn applied(args: &[&str]) -> (TestArgs, RunArgs) {
        let (mut tests, mut run) = (TestArgs::default(), run_defaults());
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        LibtestArgs::parse(&args).unwrap().apply(&mut tests, &mut run);
        (tests, run)
    }

    fn refused(args: &[&str]) -> String {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        LibtestArgs::parse(&args).unwrap_err().to_string()
    }

    #[test]
    fn they_mean_what_they_mean_to_the_harness() {
        let (tests, run) = applied(&["--skip", "a", "b", "--exact", "--skip=c", "--ignored", "d"]);
        let strings = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let expected = Selection {
            go: airtight::GoFlags::default(),
            filters: strings(&["b", "d"]),
            exact: true,
            skip: strings(&["a", "c"]),
            ignored: RunIgnored::Only,
            partition: None,
            isolate_subtests: false,
        };
        assert_eq!(tests.selection(), expected);
        assert!(!run.no_capture && run.jobs == 0);
        let (tests, run) = applied(&["--nocapture", "--test-threads=1", "--list", "--color", "always", "-q"]);
        assert!(tests.list && run.no_capture && run.quiet && run.jobs == 1 && run.color == Color::Always);
        let (_, run) = applied(&["--show-output", "--test-threads", "3", "--no-capture"]);
        assert!(run.show_output == ShowOutput::Always && run.jobs == 3 && run.no_capture);
    }

    #[test]
    fn what_cannot_be_honoured_is_refused_with_the_right_spelling() {
        assert!(refused(&["--repeat", "3"]).contains("write it before `--`"));
        assert!(refused(&["--report=json=x"]).contains("write it before `--`"));
        assert!(refused(&["--no-such"]).contains("--no-such is not an option of Rust's test harness"));
        assert!(refused(&["--logfile", "x"]).contains("not an option"));
        assert!(refused(&["--format", "json"]).contains("--report json=PATH"));
        assert!(refused(&["--format=junit"]).contains("--report json=PATH"));
        assert!(refused(&["--test-threads", "many"]).contains("many"));
        assert!(refused(&["--ignored", "--include-ignored"]).contains("cannot be used with"));
    }
}
