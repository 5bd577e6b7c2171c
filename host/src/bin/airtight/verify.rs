//! `airtight verify`: runs tests in several ways and compares the reports.
//!
//! One of the ways is another process, in another folder and environment. It is this program again, with the same
//! arguments. A file that [`VERIFY_JOB`] names holds what the arguments were resolved to.

use crate::args::{MessageFormat, RunArgs, VERIFY_JOB, VerifyCommand};
use crate::build::build;
use crate::config_file::config_above;
use crate::config_file::config_of;
use crate::failure::{Done, Failure, here, say};
use crate::filterset::Filtersets;
use crate::interrupt::stop_on_interrupt;
use crate::loaded::{module_files, sort_out};
use crate::names::named;
use crate::print::print;
use crate::session::{Session, load_artifact};
use crate::settings::Settings;
use crate::subjects::NamedSubjects;
use crate::told::say_grants;
use airtight::Harness;
use airtight::LoadOptions;
use airtight::config::TrustList;
use airtight::exit_status;
use airtight::internals::{TrialLine, VerificationEnd};
use airtight::report::HeapProfile;
use airtight::report::Report;
use airtight::report::console::OneLine;
use airtight::report::files::{ReportFiles, ReportKind, ReportSpec};
use airtight::report::json;
use airtight::toolchain::Artifact;
use airtight::verify::{LoadResult, Suite, VerifyError, Way, ways};
use airtight::{FileError, Runner, Subject};
use rustix::fs::Mode;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often the parent looks whether the child has ended.
const LOOK: Duration = Duration::from_millis(10);

/// What the child runs. Nothing in it depends on where the child is started.
#[derive(Debug, Serialize, Deserialize)]
struct Job {
    /// The folder at which the search for the configuration starts, going up.
    config: PathBuf,
    /// The folder at which relative paths of the command line start.
    here: PathBuf,
    modules: Modules,
    seed: u64,
    /// The path to which the child writes its report.
    report: PathBuf,
}

/// The modules to verify.
#[derive(Debug, Serialize, Deserialize)]
enum Modules {
    /// Test binaries that were built.
    Built {
        artifacts: Vec<Artifact>,
        /// The output of `cargo metadata`, with which filter expressions are read; `None` if there are none.
        metadata: Option<String>,
    },
    /// Files that were named.
    Files(Vec<PathBuf>),
}

impl Modules {
    /// The filter expressions, read for these modules.
    fn filtersets(&self, expressions: &[String]) -> Result<Option<Filtersets>, Failure> {
        match self {
            Self::Built { metadata: Some(metadata), .. } => Filtersets::compile(expressions, metadata).map(Some),
            Self::Built { metadata: None, .. } | Self::Files(_) => Ok(None),
        }
    }

    /// Loads all of the modules.
    fn load(
        &self,
        runner: &Runner,
        harness: Option<Harness>,
        filtersets: Option<&Filtersets>,
    ) -> Vec<LoadResult<FileError>> {
        let file = |(name, file): (String, &PathBuf)| {
            let options = LoadOptions::named(name.clone()).harness(harness);
            let module = runner.load_file(file, options);
            (name, module.map(Subject::new))
        };
        match self {
            Self::Files(files) => named(files).into_iter().map(file).collect(),
            Self::Built { artifacts, .. } => {
                let load = |artifact| load_artifact(runner, artifact, harness, filtersets);
                artifacts.iter().map(|artifact| (artifact.name.clone(), load(artifact))).collect()
            }
        }
    }
}

pub fn verify(mut command: VerifyCommand) -> Done {
    command.tests.settle(&mut command.run)?;
    refuse(&command)?;
    command.run.asks_no_verdict = true;
    if command.run.cached {
        return prove(&command);
    }
    match &command.job {
        Some(job) => child(&command, job),
        None => parent(&command),
    }
}

/// Refuses settings that change what is compared.
fn refuse(command: &VerifyCommand) -> Result<(), Failure> {
    let VerifyCommand { run, tests, .. } = command;
    let refused = [
        (run.no_capture, "--no-capture"),
        (run.message_format != MessageFormat::Human, "--message-format"),
        (run.most_failing().is_some(), "--fail-fast or --max-fail"),
        (tests.list, "--list"),
        (run.rerun, "--rerun"),
        (run.retries > 0, "--retries"),
    ];
    Failure::refuse_flags(&refused, "`airtight verify` runs every test and captures its output")
}

/// Runs tests again whose results are recorded, and compares.
fn prove(command: &VerifyCommand) -> Done {
    let named = NamedSubjects::new(&command.paths)?;
    let config = named.config()?;
    let run = RunArgs { proves: Some(command.sample), ..command.run.clone() };
    let session = Session::open(&run, command.tests.harness, &config)?;
    let (loaded, failures) = named.load(&session, &config, (&command.build, &command.tests, &run))?;
    let (subjects, refused) = sort_out(loaded)?;
    let planned = session.plan(subjects, refused, &command.tests.selection())?;
    let report = session.report_alone(&planned)?;
    let recorded = report.recorded.unwrap_or_default();
    if let Some(why) = &recorded.refused {
        return Err(Failure::setup(anyhow::anyhow!("no recorded result can be proved: {why}")));
    }
    let mut text = String::new();
    for test in &recorded.differ {
        let (module, test) = (OneLine(&test.module), OneLine(&test.test));
        text.push_str(&format!(
            "{:>12} {module} {test}: it came to something else than its recorded result\n",
            "DIFFERS"
        ));
    }
    for note in recorded.notes() {
        text.push_str(&format!("{:>12} {}\n", "Note", OneLine(&note)));
    }
    let results = if recorded.proved == 1 { "result" } else { "results" };
    text.push_str(&format!(
        "{:>12} {} recorded {results} proved, {} differ\n",
        "Summary",
        recorded.proved,
        recorded.differ.len()
    ));
    print(&text)?;
    Ok(match () {
        () if report.volatile.interrupted => exit_status::INTERRUPTED,
        () if !recorded.differ.is_empty() => exit_status::TEST_FAILED,
        () if recorded.proved == 0 => {
            return Err(Failure::no_tests("no result of these tests is recorded: run them with --cached first"));
        }
        () if failures > 0 => exit_status::BUILD_FAILED,
        () => exit_status::PASSED,
    })
}

fn parent(command: &VerifyCommand) -> Done {
    let began = Instant::now();
    let here = here()?;
    let files = module_files(&command.paths)?;
    let (config_dir, config) = match (&files, &command.paths[..]) {
        (None, [path]) => (path.as_path(), config_of(path)?),
        _ => (here.as_path(), config_above(&here)?),
    };
    let settings = Settings::new(&command.run, &config, &here)?;
    let told = verification_file(command)?;
    stop_on_interrupt(std::sync::Arc::clone(&settings.interrupt));
    let mut incomplete = false;
    let modules = match (files, &command.paths[..]) {
        (None, [path]) => {
            let built = build(&command.build, &command.tests.filterset, path, settings.builder.profile())?;
            incomplete = !built.output.failures.is_empty();
            Modules::Built { artifacts: built.output.artifacts, metadata: built.metadata }
        }
        (files, _) => {
            command.tests.refuse_filtersets()?;
            Modules::Files(files.unwrap_or_default())
        }
    };
    let scratch = tempfile::tempdir().map_err(Failure::setup)?;
    let job = Job {
        config: std::path::absolute(config_dir).map_err(Failure::setup)?,
        here: here.clone(),
        modules,
        seed: settings.builder.profile().policy().seed,
        report: scratch.path().join("report.json"),
    };
    let ended = compare(command, (&settings, &told), &job, scratch.path(), began)?;
    // All built tests agree, but not everything was built.
    Ok(if incomplete && ended == exit_status::PASSED { exit_status::BUILD_FAILED } else { ended })
}

/// The file for what the ways come to, after a check that it can be written.
fn verification_file(command: &VerifyCommand) -> Result<ReportFiles, Failure> {
    let spec = |path: &PathBuf| ReportSpec { kind: ReportKind::Json, path: path.clone() };
    // A report that goes to the same file is refused, too.
    let reports = command.run.report.iter().filter(|_| command.verification.is_some()).cloned();
    let file = command.verification.iter().map(spec);
    ReportFiles::check(reports.chain(file.clone())).map_err(Failure::setup)?;
    ReportFiles::check(file).map_err(Failure::setup)
}

fn compare(
    command: &VerifyCommand,
    (settings, told): (&Settings, &ReportFiles),
    job: &Job,
    scratch: &Path,
    began: Instant,
) -> Done {
    let harness = command.tests.harness;
    let selection = command.tests.selection();
    let filtersets = job.modules.filtersets(&command.tests.filterset)?;
    let load = |runner: &Runner| job.modules.load(runner, harness, filtersets.as_ref());
    let refusal = |name: &str, error: &FileError| error.refusal(name);
    let suite = Suite { load: &load, refusal: &refusal, selection: &selection };
    let colours = settings.console.colours;
    let mut elsewhere = |_: &Way| run_child(job, scratch, &settings.interrupt);
    let mut written = Ok(());
    let mut print = |text: String| {
        let mut out = std::io::stdout();
        written = std::mem::replace(&mut written, Ok(())).and_then(|()| out.write_all(text.as_bytes()));
    };
    say_grants(&settings.builder.profile().grants());
    let ways = ways(&settings.builder, scratch);
    let verification = airtight::verify::verify(&suite, &ways, &mut elsewhere, &mut |trial| {
        print(TrialLine::new(trial, colours).to_string())
    })?;
    print(VerificationEnd::new(&verification, began.elapsed(), colours).to_string());
    for refused in &verification.reference.canonical.refused {
        say(format_args!("error: {}", OneLine(&refused.to_string())));
        print(format!("{:>12} not tested: {}\n", "Note", OneLine(&refused.to_string())));
    }
    settings.notes.iter().for_each(|note| print(format!("{:>12} {note}\n", "Note")));
    let profile = verification.reference.profile.as_ref();
    let notes = profile.map(HeapProfile::notes).unwrap_or_default();
    notes.iter().for_each(|note| print(format!("{:>12} {}\n", "Note", OneLine(note))));
    let mut failed = settings.files.write(&verification.reference);
    failed.extend(told.write_verification(&verification));
    for error in &failed {
        say(format_args!("error: {error}"));
    }
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::setup(error)),
        _ if !failed.is_empty() => Ok(exit_status::SETUP),
        _ => Ok(verification.exit_status()),
    }
}

/// Runs this program again, in another folder and environment.
fn run_child(job: &Job, scratch: &Path, interrupted: &AtomicBool) -> Result<Report, VerifyError<FileError>> {
    let failed = |what: &str, why: &dyn std::fmt::Display| VerifyError::Elsewhere(format!("{what}: {why}"));
    let io = |error: std::io::Error| failed("it cannot be started", &error);
    let (folder, file) = (scratch.join("elsewhere"), scratch.join("job.json"));
    std::fs::create_dir_all(&folder).map_err(io)?;
    std::fs::write(&file, serde_json::to_vec(job).map_err(|error| failed("it cannot be told", &error))?).map_err(io)?;
    // The child uses the user's own list of trusted workspaces.
    let list = TrustList::of_user();
    let config_home = list.as_ref().and_then(|list| list.path().parent()?.parent());
    let mut child = Command::new(std::env::current_exe().map_err(io)?)
        .args(std::env::args_os().skip(1))
        .current_dir(&folder)
        .env(VERIFY_JOB, &file)
        .env(airtight::toolchain::CACHE_DIR_VARIABLE, scratch)
        .env("HOME", &folder)
        .envs(config_home.as_ref().map(|dir| ("XDG_CONFIG_HOME", dir)))
        .envs([("USER", "somebody-else"), ("LOGNAME", "somebody-else"), ("TZ", "Pacific/Auckland")])
        .envs([("LANG", "tr_TR.UTF-8"), ("LC_ALL", "tr_TR.UTF-8")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(io)?;
    let status = loop {
        match child.try_wait().map_err(io)? {
            Some(status) => break status,
            None if interrupted.load(Ordering::Relaxed) => {
                // The child may have got the interrupt, too, and have ended.
                let _ = child.kill();
                let _ = child.wait();
                return Err(VerifyError::Interrupted);
            }
            None => std::thread::sleep(LOOK),
        }
    };
    if interrupted.load(Ordering::Relaxed) {
        return Err(VerifyError::Interrupted);
    }
    if !status.success() {
        return Err(failed("the run in another environment ended", &status));
    }
    let bytes = std::fs::read(&job.report).map_err(|error| failed("its report is not there", &error))?;
    let report: Report = serde_json::from_slice(&bytes).map_err(|error| failed("its report", &error))?;
    report.check().map_err(|error| failed("its report", &error))?;
    Ok(report)
}

/// The child's part: one run, and its report.
fn child(command: &VerifyCommand, job: &Path) -> Done {
    let job = std::fs::read(job).map_err(Failure::setup)?;
    let job: Job = serde_json::from_slice(&job).map_err(Failure::setup)?;
    // The child gets a file mode mask that differs from its parent's: one of these two.
    let usual = Mode::from_raw_mode(0o022);
    if rustix::process::umask(Mode::from_raw_mode(0o077)) != usual {
        rustix::process::umask(usual);
    }
    let args = RunArgs {
        report: Vec::new(),
        report_base: None,
        seed: Some(airtight::Seed::Number(job.seed)),
        ..command.run.clone()
    };
    let settings = Settings::new(&args, &config_above(&job.config)?, &job.here)?;
    let runner = settings.builder.build()?;
    stop_on_interrupt(runner.interrupt());
    let filtersets = job.modules.filtersets(&command.tests.filterset)?;
    let subjects = job.modules.load(&runner, command.tests.harness, filtersets.as_ref());
    let (mut loaded, mut refused) = (Vec::new(), Vec::new());
    // Errors in modules are reported by the parent.
    for (name, subject) in subjects {
        match subject {
            Ok(subject) => loaded.push(subject),
            Err(error) => refused.push(error.refusal(name)),
        }
    }
    let planned = runner.plan(loaded, &command.tests.selection())?.with_refused(refused);
    let report = runner.run(&planned, &mut ())?;
    std::fs::write(&job.report, json::write(&report)).map_err(Failure::setup)?;
    Ok(if report.volatile.interrupted { exit_status::INTERRUPTED } else { exit_status::PASSED })
}
