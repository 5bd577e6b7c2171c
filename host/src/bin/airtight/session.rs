//! What all commands that run tests do: configuration, engine, console, report files, exit status.

use crate::accepted::BaselineWriter;
use crate::args::{Color, RunArgs, WriteBackArg};
use crate::failure::{Done, Failure, here, say, say_safe};
use crate::filterset::Filtersets;
use crate::gates::BaseTests;
use crate::interrupt::{Compiling, stop_on_interrupt};
use crate::last::{only_these, record, to_run_again};
use crate::loaded::Loaded;
use crate::names::named;
use crate::print::{cannot_print, print};
use crate::settings::Settings;
use crate::told::{TellGrants, go_lines_unknown, goroutines_untold, run_once, tell_unreached};
use airtight::Harness;
use airtight::LoadOptions;
use airtight::config::Config;
use airtight::exit_status;
use airtight::faults::{self, FaultOptions, Faults};
use airtight::pollution::{self, Pollution};
use airtight::report::console::{
    Console, ConsoleOptions, OneLine, Progress, SearchProgress, render_faults, render_findings,
};
use airtight::report::files::{ReportFileError, ReportFiles, ReportKind};
use airtight::report::{RefusedModule, Report, TestRecord, Verdict};
use airtight::toolchain::Artifact;
use airtight::{Event, Listener};
use airtight::{FileError, ModuleGrants, Plan, RunError, Runner, SearchError, Selection, Streams, Subject};
use std::collections::BTreeSet;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The exit status of an aborted program, as shells have it: 128 and SIGABRT.
const ABORTED: u8 = 134;

/// Everything that a run needs beside its modules.
pub struct Session {
    runner: Runner,
    files: ReportFiles,
    console: ConsoleOptions,
    harness: Option<Harness>,
    /// The format of standard output, if it is for programs.
    format: Option<ReportKind>,
    /// How often each test of the SDK is called.
    repeat: u32,
    /// Which tests' changes of overlays are written to the host.
    write_back: Option<WriteBackArg>,
    /// The baseline to be written with the run's leaks.
    writer: Option<BaselineWriter>,
    /// Whether the run is recorded, for `airtight show`.
    records: bool,
    /// The tests to run, by module and name; `None` for all.
    only: Option<Arc<BTreeSet<(String, String)>>>,
    notes: Vec<String>,
    /// The tests of the base report, if gates compare with one.
    base: Option<BaseTests>,
}

/// Starts the program's own log, which goes to standard error.
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
        .with_ansi(Color::Auto.on(&std::io::stderr()))
        .without_time()
        .with_target(false)
        .init();
}

impl Session {
    /// Checks everything that can be checked before a module is loaded. From here on, Ctrl-C ends the program in order: it
    /// waits for a build that Ctrl-C stops, so that no child is left.
    pub fn open(args: &RunArgs, harness: Option<Harness>, config: &Config) -> Result<Self, Failure> {
        let here = here()?;
        let settings = Settings::new(args, config, &here)?;
        let only = if args.rerun { Some(Arc::new(to_run_again()?)) } else { None };
        let runner = settings.builder.clone().build()?;
        stop_on_interrupt(runner.interrupt());
        Ok(Self { only, ..Self::with(runner, settings, args, harness) })
    }

    fn with(runner: Runner, settings: Settings, args: &RunArgs, harness: Option<Harness>) -> Self {
        let Settings { files, console, notes, base, .. } = settings;
        let (repeat, write_back, format) = (args.repeat, args.write_back, args.message_format.kind());
        let (writer, records, only) = (None, false, None);
        Self { runner, files, console, harness, format, repeat, write_back, writer, records, only, notes, base }
    }

    /// Lets the run be recorded for `airtight show`, unless nothing may be kept.
    #[must_use]
    pub fn recording(self, args: &RunArgs) -> Self {
        Self { records: !args.no_cache, ..self }
    }

    /// Lets the run write this baseline.
    #[must_use]
    pub fn writing(self, writer: BaselineWriter) -> Self {
        Self { writer: Some(writer), ..self }
    }

    /// The session with the settings and streams for modules that are programs. That they are programs is known only when
    /// they are loaded. The loaded modules can be run by both sessions.
    pub fn for_programs(self, args: &RunArgs, streams: Streams, config: &Config) -> Result<Self, Failure> {
        let here = here()?;
        let settings = Settings::new(args, config, &here)?;
        let runner = self.runner.under(settings.builder.profile().clone())?.with_streams(streams);
        let Self { harness, records, only, .. } = self;
        Ok(Self { records, only, ..Self::with(runner, settings, args, harness) })
    }

    /// The session with the settings of `args`, which were known only when the modules were loaded.
    pub fn with_run(self, args: &RunArgs, config: &Config) -> Result<Self, Failure> {
        self.for_programs(args, args.streams(), config)
    }

    /// What is to be told of the settings.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Loads files that are named on the command line.
    pub fn files(&self, files: &[PathBuf]) -> Vec<Loaded> {
        let load =
            |(name, file): (String, &PathBuf)| (name.clone(), self.file_named(file, name, ModuleGrants::default()));
        named(files).into_iter().map(load).collect()
    }

    /// Loads a file under a given name.
    pub fn file_named(&self, file: &Path, name: String, grants: ModuleGrants) -> Result<Subject, FileError> {
        let _compiling = Compiling::begin();
        let options = LoadOptions::named(name).harness(self.harness);
        Ok(Subject::new(self.runner.load_file(file, options)?).with_grants(grants))
    }

    /// Loads a test binary that was built.
    pub fn artifact(&self, artifact: &Artifact, filtersets: Option<&Filtersets>) -> Loaded {
        let _compiling = Compiling::begin();
        (artifact.name.clone(), load_artifact(&self.runner, artifact, self.harness, filtersets))
    }

    /// Lists the modules' tests and selects among them. No test is run yet. `refused` are the modules that could not be
    /// loaded. Modules that do not list their tests are named on standard error.
    ///
    /// # Errors
    /// No module lists its tests, or the run was interrupted.
    pub fn plan(
        &self,
        subjects: Vec<Subject>,
        refused: Vec<RefusedModule>,
        selection: &Selection,
    ) -> Result<Plan, Failure> {
        let subjects = match &self.only {
            Some(only) => subjects.into_iter().map(|subject| only_these(subject, only)).collect(),
            None => subjects,
        };
        let planned = self.runner.plan(subjects, selection).map_err(|error| {
            // A module that was stopped while it listed its tests is not at fault: the run was interrupted.
            if self.runner.interrupt().load(Ordering::Relaxed) { Failure::interrupted(error) } else { error.into() }
        })?;
        let unlisted = planned.refused();
        if let (true, Some(first)) = (planned.modules().is_empty(), unlisted.first()) {
            return Err(Failure::unusable(OneLine(&first.to_string())));
        }
        for module in unlisted {
            say(format_args!("error: {}", OneLine(&module.to_string())));
        }
        Ok(planned.with_refused(refused))
    }

    /// Runs the plan, shows the run, and writes the report files.
    pub fn run(self, planned: &Plan, notes: &[String]) -> Done {
        let selected: usize = planned.modules().iter().map(|module| module.tests.len()).sum();
        // A partition may hold no test. It gets a report all the same, so that the parts' reports are complete.
        if selected == 0 && planned.partition().is_none() {
            return Err(nothing_selected(planned));
        }
        // Standard output is either for people or for programs.
        let (human, out): (bool, Box<dyn Write + Send>) = match self.format {
            None => (std::io::stdout().is_terminal(), Box::new(std::io::stdout())),
            Some(_) => (true, Box::new(std::io::stderr())),
        };
        let (ran, written) = if human && std::io::stderr().is_terminal() {
            let mut progress = Progress::new(out, self.console);
            let ran = self.run_with(planned, notes, &mut progress);
            (ran, progress.finish().map(drop))
        } else {
            let mut console = Console::new(out, self.console);
            let ran = self.run_with(planned, notes, &mut console);
            (ran, console.finish().map(drop))
        };
        match written {
            // If the reader went away (`| head`), it has seen what it wanted. The verdict still counts.
            Err(error) if error.kind() != ErrorKind::BrokenPipe && ran.is_ok() => Err(cannot_print(error)),
            _ => ran,
        }
    }

    /// Looks for tests that depend on others.
    pub fn pollution(&self, planned: &Plan, orders: usize) -> Result<Pollution, Failure> {
        let (found, _) = pollution::find(&self.runner, planned, orders, &mut TellGrants)?;
        Ok(found)
    }

    /// Makes the tests' calls fail, and gives what was found.
    pub fn faults(&self, planned: &Plan, options: FaultOptions) -> Result<Faults, Failure> {
        let keeps = options.journal.is_some();
        let mut progress = SearchProgress::new(TellGrants);
        let found = faults::find(&self.runner, planned, options, &mut progress);
        progress.finish();
        if matches!(found, Err(SearchError::Interrupted)) && keeps {
            say(format_args!("{:>12} with --resume, the same command goes on from here", "Note"));
        }
        Ok(found?.0)
    }

    /// Writes the report files of a search for failures. Gives whether all could be written.
    pub fn write_faults(&self, found: &Faults) -> bool {
        all_written(&self.files.write_faults(found))
    }

    /// Writes the report files of a search for tests that depend on others. Gives whether all could be written.
    pub fn write_pollution(&self, found: &Pollution) -> bool {
        all_written(&self.files.write_pollution(found))
    }

    /// Runs the one planned program. Its output is already shown; its leaks are told on standard error.
    ///
    /// The exit status is the program's own. If `leaks_fail`, a program that passed and left something has
    /// [`exit_status::TEST_FAILED`].
    pub fn run_program(self, planned: &Plan, leaks_fail: bool) -> Done {
        let (report, bug) = self.report(planned, &mut TellGrants)?;
        if let Some(bug) = bug {
            return Err(bug.into());
        }
        let mut tests = report.canonical.modules.iter().flat_map(|module| &module.tests);
        let Some(test) = tests.next() else { return Err(nothing_selected(planned)) };
        let own = own_status(test);
        let status = match test.verdict {
            Verdict::Pass | Verdict::Exit => return Ok(own),
            Verdict::Skip if report.volatile.interrupted => return Ok(exit_status::INTERRUPTED),
            Verdict::Skip => own,
            Verdict::Leak if leaks_fail => exit_status::TEST_FAILED,
            Verdict::Leak => own,
            // Fail, Memory, Timeout, and verdicts to come.
            _ => ABORTED,
        };
        say_safe(render_findings(&report, std::io::stderr().is_terminal()).trim_end());
        if test.verdict == Verdict::Leak && !leaks_fail {
            say(
                "warning: the exit status is the program's own, whatever it left; to have it fail, use `airtight runner --leaks fail`",
            );
        }
        Ok(status)
    }

    /// Runs the plan, and gives the report without showing or writing it.
    pub fn report_alone(&self, planned: &Plan) -> Result<Report, Failure> {
        match self.report(planned, &mut TellGrants)? {
            (_, Some(bug)) => Err(bug.into()),
            (report, None) => Ok(report),
        }
    }

    /// Runs the plan. Gives the report, and an error if a bug of airtight's own was found.
    fn report(&self, planned: &Plan, listener: &mut dyn Listener) -> Result<(Report, Option<RunError>), Failure> {
        match self.runner.run(planned, listener) {
            Ok(report) => Ok((report, None)),
            Err(RunError::Bug { first, tests, report }) => {
                let written = Report::clone(&report);
                Ok((written, Some(RunError::Bug { first, tests, report })))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the calls fail of those tests that ask for it, and prints what the tests leave. Gives whether that fails the
    /// run.
    fn sweep_declared(&self, planned: &Plan, report: &Report) -> Result<bool, Failure> {
        let Some(found) = faults::find_declared(&self.runner, planned, report, FaultOptions::default())? else {
            return Ok(false);
        };
        let text = render_faults(&found, self.console.colours);
        match self.format {
            None => drop(print(&text)?),
            Some(_) => say_safe(text.trim_end()),
        }
        Ok(found.fails())
    }

    /// Writes the changes of overlays that are to be kept to the host, and prints them. Gives whether all could be written.
    fn write_back(&self, report: &Report) -> Result<bool, Failure> {
        let Some(whose) = self.write_back else { return Ok(true) };
        let done = report.write_back(whose == WriteBackArg::All);
        let mut text: String = done.written.iter().map(|path| format!("{:>12} {}\n", "Kept", OneLine(path))).collect();
        if done.left_out > 0 {
            let tests = if done.left_out == 1 { "test" } else { "tests" };
            let hint = "--write-back=all keeps theirs, too";
            text.push_str(&format!(
                "{:>12} changes of {} {tests} that did not pass are gone; {hint}\n",
                "Note", done.left_out
            ));
        }
        match self.format {
            None => drop(print(&text)?),
            Some(_) => say_safe(text.trim_end()),
        }
        for refused in &done.refused {
            say(format_args!("error: not written back: {}", OneLine(&refused.to_string())));
        }
        Ok(done.refused.is_empty())
    }

    fn run_with(&self, planned: &Plan, notes: &[String], listener: &mut dyn Listener) -> Done {
        let once = (self.repeat > 1).then(|| run_once(planned)).flatten();
        let untold = goroutines_untold(planned);
        let stranger = self.base.as_ref().and_then(|base| base.stranger(planned));
        for note in self
            .notes
            .iter()
            .chain(notes)
            .chain(&once)
            .chain(&untold)
            .chain(&stranger)
            .chain(&go_lines_unknown(planned))
        {
            listener.event(&Event::Note(note));
        }
        let (report, bug) = self.report(planned, listener)?;
        tell_unreached(planned, &report);
        // Done first: writing to standard output may fail, for example on a full disk.
        let failed = self.files.write(&report);
        for error in &failed {
            say(format_args!("error: {error}"));
        }
        if self.records {
            record(&report);
        }
        if let Some(kind) = self.format {
            print(&String::from_utf8_lossy(&kind.write(&report, None)))?;
        }
        let all_kept = self.write_back(&report)?;
        let leaves = bug.is_none() && !report.volatile.interrupted && self.sweep_declared(planned, &report)?;
        match bug {
            Some(bug) => Err(bug.into()),
            None if report.volatile.interrupted => Ok(exit_status::INTERRUPTED),
            None if !failed.is_empty() || !all_kept => Ok(exit_status::SETUP),
            None => match &self.writer {
                Some(writer) => writer.write(&report, self.runner.profile()),
                None if leaves => Ok(report.worst().max(exit_status::TEST_FAILED)),
                None => Ok(report.worst()),
            },
        }
    }
}

/// Tells which report files could not be written. Gives whether all could.
fn all_written(failed: &[ReportFileError]) -> bool {
    failed.iter().for_each(|error| say(format_args!("error: {error}")));
    failed.is_empty()
}

/// Loads a test binary that was built. With `filtersets`, only the tests that these select are in it.
pub fn load_artifact(
    runner: &Runner,
    artifact: &Artifact,
    harness: Option<Harness>,
    filtersets: Option<&Filtersets>,
) -> Result<Subject, FileError> {
    let subject = runner.load_artifact(artifact, harness)?;
    Ok(match filtersets {
        Some(filtersets) => subject.with_filter(filtersets.matcher(artifact)),
        None => subject,
    })
}

/// The program's exit status as its process would have it: one byte.
fn own_status(test: &TestRecord) -> u8 {
    let status = test.details.as_ref().and_then(|details| details.exit_status).unwrap_or(0);
    u8::try_from(status).unwrap_or(u8::MAX)
}

/// The error if there is no test to run or to list.
pub fn nothing_selected(planned: &Plan) -> Failure {
    let left_out: usize = planned.modules().iter().map(|module| module.filtered_out).sum();
    Failure::no_tests(match left_out {
        0 => "there are no tests to run".to_owned(),
        left_out => format!("no test matches: all {left_out} were left out by the filters"),
    })
}
