//! What every command that runs tests does: configuration, engine, console, report files, exit status.

use crate::args::{Color, RunArgs};
use crate::failure::{Done, Failure};
use airtight::Harness;
use airtight::config::{Config, Overlays, from_environment};
use airtight::exit_status;
use airtight::report::Report;
use airtight::report::console::{Console, ConsoleOptions, OneLine, OutputMode, Progress};
use airtight::report::files::ReportFiles;
use airtight::toolchain::Artifact;
use airtight::{Cache, LoadOptions};
use airtight::{Ended, ModuleGrants, PlannedModule, RunError, Runner, RunnerBuilder, Seed, Selection, Subject};
use airtight::{Event, Listener};
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The exit status of a program that was aborted, as a shell tells it: 128 and SIGABRT.
const ABORTED: u8 = 134;

/// Everything that a run needs besides its modules.
pub struct Session {
    runner: Runner,
    files: ReportFiles,
    console: ConsoleOptions,
    harness: Option<Harness>,
    notes: Vec<String>,
}

/// Diagnostics of ours go to standard error.
pub fn start_logging(verbose: u8) {
    let level = match verbose {
        0 => "airtight=warn",
        1 => "airtight=info",
        _ => "airtight=trace",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("AIRTIGHT_LOG").unwrap_or_else(|_| level.into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .init();
}

/// The configuration that holds for `start`: that of the nearest folder above that has one.
pub fn config_above(start: &Path) -> Result<Config, Failure> {
    for dir in start.ancestors() {
        let config = Config::load(dir).map_err(Failure::setup)?;
        if config.path.is_some() {
            return Ok(config);
        }
    }
    Ok(Config::default())
}

/// What the arguments and the configuration say of a run.
pub struct Settings {
    pub builder: RunnerBuilder,
    /// The switch that ends the run.
    pub interrupt: Arc<AtomicBool>,
    pub files: ReportFiles,
    pub console: ConsoleOptions,
    /// What is to be said of them.
    pub notes: Vec<String>,
}

impl Settings {
    /// Checks everything that can be checked before a module is loaded.
    pub fn new(args: &RunArgs, config: &Config) -> Result<Self, Failure> {
        let files = ReportFiles::check(args.report.iter().cloned()).map_err(Failure::setup)?;
        let environment = from_environment(std::env::vars_os()).map_err(Failure::setup)?;
        let seed = args.seed.map(Seed::number);
        let overlays = Overlays { environment, command_line: args.limits.patch(), seed };
        let chosen = seed.filter(|_| args.seed == Some(Seed::Random));
        let notes = chosen.map(|seed| format!("the random seed is {seed}; --seed {seed} repeats this run"));
        let interrupt = Arc::new(AtomicBool::new(false));
        let builder = Runner::builder(config, &args.profile)
            .map_err(Failure::setup)?
            .overlays(overlays)
            .jobs(args.jobs)
            .compiler(args.engine.into())
            .cache((!args.no_cache).then(|| cache(config)).flatten())
            .fail_fast(args.fail_fast)
            .no_capture(args.no_capture)
            .keep_output(args.show_output == OutputMode::Always)
            .shuffle(args.shuffle)
            .repeat(args.repeat)
            .heap_profile(files.wants_profile())
            .interrupt(Arc::clone(&interrupt))
            .inject_host_leak(args.inject_host_leak)
            .inject_host_panic(args.inject_host_panic);
        let console = ConsoleOptions {
            colours: colours(args.color),
            status_level: args.status_level,
            final_status_level: args.final_status_level,
            output: if args.no_capture { OutputMode::Never } else { args.show_output },
        };
        Ok(Self { builder, interrupt, files, console, notes: notes.into_iter().collect() })
    }
}

impl Session {
    /// Checks everything that can be checked before a module is loaded. From here on Ctrl-C is an orderly end: a build
    /// that it stops is waited for, so that no child is left.
    pub fn open(args: &RunArgs, harness: Option<Harness>, config: &Config) -> Result<Self, Failure> {
        let Settings { builder, files, console, notes, .. } = Settings::new(args, config)?;
        let runner = builder.build()?;
        stop_on_interrupt(runner.interrupt());
        Ok(Self { runner, files, console, harness, notes })
    }

    /// A file named on the command line, called as its stem is.
    pub fn file(&self, file: &Path, grants: ModuleGrants) -> Result<Subject, Failure> {
        let options = LoadOptions::named(name_of(file)).harness(self.harness);
        Ok(Subject::new(self.runner.load_file(file, options)?).with_grants(grants))
    }

    /// A test binary that was built.
    pub fn artifact(&self, artifact: &Artifact) -> Result<Subject, Failure> {
        Ok(self.runner.load_artifact(artifact, self.harness)?)
    }

    /// Lists and selects; nothing of the modules' tests is run yet.
    pub fn plan(&self, subjects: Vec<Subject>, selection: &Selection) -> Result<Vec<PlannedModule>, Failure> {
        self.runner.plan(subjects, selection).map_err(|error| {
            // A module that was stopped while it listed its tests is not at fault.
            if self.runner.interrupt().load(Ordering::Relaxed) { Failure::interrupted(error) } else { error.into() }
        })
    }

    /// Runs what is planned, reports, and writes the report files.
    pub fn run(self, planned: &[PlannedModule], notes: &[String]) -> Done {
        let selected: usize = planned.iter().map(|module| module.tests.len()).sum();
        if selected == 0 {
            return Err(nothing_selected(planned));
        }
        let ran = if std::io::stderr().is_terminal() && std::io::stdout().is_terminal() {
            let mut progress = Progress::new(std::io::stdout(), self.console);
            let ran = self.run_with(planned, notes, &mut progress);
            progress.finish().map(|_| ran)
        } else {
            let mut console = Console::new(std::io::stdout(), self.console);
            let ran = self.run_with(planned, notes, &mut console);
            console.finish().map(|_| ran)
        };
        // A reader that went away (`| head`) has seen what it wanted; the verdict still counts.
        match ran {
            Ok(ran) => ran,
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(exit_status::TEST_FAILED),
            Err(error) => Err(Failure::setup(anyhow::Error::from(error).context("cannot write to standard output"))),
        }
    }

    /// Runs a module as a program; its exit status is ours.
    pub fn pass_through(&self, subject: Subject, args: &[String]) -> Done {
        let name = subject.module().name().to_owned();
        match self.runner.run_program(subject, args)? {
            // What a process can say is a byte.
            Ended::Status(status) => Ok(u8::try_from(status).unwrap_or(u8::MAX)),
            Ended::Stopped { why, stack } => {
                eprintln!("error: {} ended: {why}", OneLine(&name));
                for frame in stack {
                    let place = frame.file.map(|file| format!(" at {file}:{}", frame.line.unwrap_or(0)));
                    eprintln!("    {}{}", OneLine(&frame.function), place.unwrap_or_default());
                }
                Ok(ABORTED)
            }
        }
    }

    fn run_with(&self, planned: &[PlannedModule], notes: &[String], listener: &mut dyn Listener) -> Done {
        for note in self.notes.iter().chain(notes) {
            listener.event(&Event::Note(note));
        }
        let (report, bug) = match self.runner.run(planned, listener) {
            Ok(report) => (report, None),
            Err(RunError::Bug { first, tests, report }) => {
                let written = Report::clone(&report);
                (written, Some(RunError::Bug { first, tests, report }))
            }
            Err(error) => return Err(error.into()),
        };
        let failed = self.files.write(&report);
        for error in &failed {
            eprintln!("error: {error}");
        }
        match bug {
            Some(bug) => Err(bug.into()),
            None if report.volatile.interrupted => Ok(exit_status::INTERRUPTED),
            None if !failed.is_empty() => Ok(exit_status::SETUP),
            None => Ok(report.worst()),
        }
    }
}

/// The first Ctrl-C ends the run with its report; a second one ends the program at once.
pub fn stop_on_interrupt(interrupt: Arc<AtomicBool>) {
    let set = ctrlc::set_handler(move || {
        if interrupt.swap(true, Ordering::Relaxed) {
            std::process::exit(exit_status::INTERRUPTED.into());
        }
    });
    if let Err(error) = set {
        tracing::warn!("Ctrl-C will end the program without a report: {error}");
    }
}

/// What a module named on the command line is called: its file's stem.
pub fn name_of(file: &Path) -> String {
    file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}

/// Why there is no test to run or to list.
pub fn nothing_selected(planned: &[PlannedModule]) -> Failure {
    let left_out: usize = planned.iter().map(|module| module.filtered_out).sum();
    Failure::no_tests(match left_out {
        0 => "there are no tests to run".to_owned(),
        left_out => format!("no test matches: all {left_out} were left out by the filters"),
    })
}

fn cache(config: &Config) -> Option<Cache> {
    match airtight::toolchain::cache_dir() {
        Some(dir) => Some(Cache::new(dir.join("modules"), config.cache_size)),
        None => {
            tracing::warn!("no cache directory can be found, so modules are compiled anew each time");
            None
        }
    }
}

/// Whether standard output gets colours.
pub fn colours(color: Color) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
    }
}
