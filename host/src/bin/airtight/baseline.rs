//! `airtight baseline`: accepts the leaks that a suite has, in a file that people review.

use crate::args::{BaselineCommand, RunArgs};
use crate::failure::{Done, Failure, here, say};
use crate::loaded::sort_out;
use crate::session::{Session, config_above, print};
use crate::subjects::Named;
use airtight::config::{Ask, Baseline, Config, NewGrounds, Profile};
use airtight::exit_status;
use airtight::internals::replace_file;
use airtight::policy::{LeakAction, LeakSetting};
use airtight::report::console::OneLine;
use airtight::report::{Date, Report, Resource, Verdict, json};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The file, where neither the command line nor the profile names one.
const FILE_NAME: &str = "airtight-baseline.toml";

/// Entries that are named on the console, of each kind.
const LISTED: usize = 20;

/// The leaks that are accepted in a run with these arguments. Relative paths start at `here`.
pub fn load(args: &RunArgs, profile: &Profile, here: &Path) -> Result<Option<Baseline>, Failure> {
    let Some(path) = path(args, profile, here) else { return Ok(None) };
    if args.writes_baseline && Baseline::text_of(&path).map_err(Failure::setup)?.is_none() {
        return Ok(None);
    }
    Baseline::load(&path).map(Some).map_err(Failure::setup)
}

fn path(args: &RunArgs, profile: &Profile, here: &Path) -> Option<PathBuf> {
    args.baseline.as_deref().or(profile.baseline()).map(|path| named(here, path))
}

/// A path that starts at `here`, and reads as it does from the working directory.
fn named(here: &Path, path: &Path) -> PathBuf {
    let whole = here.join(path);
    let current = std::env::current_dir().ok();
    let within = current.and_then(|current| whole.strip_prefix(current).ok().map(Path::to_owned));
    within.filter(|within| !within.as_os_str().is_empty()).unwrap_or(whole)
}

/// This day, in UTC.
pub fn today() -> Date {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    now.get(..10).and_then(|day| day.parse().ok()).unwrap_or_else(|| Date::new(9999, 12, 31).expect("it is a day"))
}

pub fn baseline(mut command: BaselineCommand) -> Done {
    command.tests.settle(&mut command.run)?;
    refuse(&command)?;
    command.run.writes_baseline = true;
    if !command.from.is_empty() {
        return from_reports(&command);
    }
    let named = Named::new(&command.paths)?;
    let config = named.config()?;
    let writer = BaselineWriter::new(&command, &config)?;
    let session = Session::open(&command.run, command.tests.harness, &config)?;
    let (loaded, failures) = named.load(&session, &config, (&command.build, &command.tests, &command.run))?;
    let (subjects, refused) = sort_out(loaded)?;
    let planned = session.plan(subjects, refused, &command.tests.selection())?;
    match session.writing(writer).run(&planned, &[]) {
        // What was built is accepted, but not everything was built.
        Ok(exit_status::PASSED) if failures > 0 => Ok(exit_status::BUILD_FAILED),
        ended => ended,
    }
}

/// Settings under which not every leak is seen, or another is.
fn refuse(command: &BaselineCommand) -> Result<(), Failure> {
    let BaselineCommand { run, tests, .. } = command;
    let refused = [
        (run.most_failing().is_some(), "--fail-fast or --max-fail"),
        (tests.list, "--list"),
        (run.repeat > 1, "--repeat"),
        (run.retries > 0, "--retries"),
        (run.schedules > 0 || run.schedule.is_some(), "schedules"),
    ];
    Failure::refuse_flags(&refused, "`airtight baseline` runs every test as `airtight test` does")
}

fn from_reports(command: &BaselineCommand) -> Done {
    let config = config_above(&here()?)?;
    let profile = config.profile(&command.run.profile).map_err(Failure::setup)?;
    let mut worst = exit_status::PASSED;
    for path in &command.from {
        let report = json::read(path).map_err(Failure::setup)?;
        // Each report is added to what the one before it came to.
        worst = worst.max(BaselineWriter::new(command, &config)?.write(&report, &profile)?);
    }
    Ok(worst)
}

/// What a run's leaks are added to.
pub struct BaselineWriter {
    path: PathBuf,
    text: String,
    baseline: Baseline,
    grounds: NewGrounds,
    /// Whether later runs read the file without being told to.
    is_configured: bool,
}

impl BaselineWriter {
    fn new(command: &BaselineCommand, config: &Config) -> Result<Self, Failure> {
        let here = here()?;
        let profile = config.profile(&command.run.profile).map_err(Failure::setup)?;
        let path = path(&command.run, &profile, &here).unwrap_or_else(|| FILE_NAME.into());
        let text = Baseline::text_of(&path).map_err(Failure::setup)?.unwrap_or_default();
        let baseline = Baseline::from_str(&text, &path.display().to_string()).map_err(Failure::setup)?;
        let grounds = NewGrounds { reason: command.reason.clone(), expires: command.expires };
        let is_configured = profile.baseline().is_some_and(|configured| named(&here, configured) == path);
        Ok(Self { path, text, baseline, grounds, is_configured })
    }

    /// Writes the file, and says what changed. The status is whether the tests pass with it.
    pub fn write(&self, report: &Report, profile: &Profile) -> Done {
        let action = |module: &str, test: &str, leak: &Resource, retained: bool| {
            let setting = if retained { LeakSetting::Retained } else { leak.setting() };
            // The overrides of a test are by its name; what it asks for itself is limits and grants.
            let policy = profile.policy_for(module, test, &Ask::default());
            policy.map_or(LeakAction::Fail, |policy| policy.leaks.get(setting))
        };
        let update = self.baseline.updated(&self.text, &report.canonical, &action, &self.grounds);
        let unwritten = |error: std::io::Error| {
            Failure::setup(anyhow::anyhow!("cannot write the baseline {}: {error}", self.path.display()))
        };
        let path = std::path::absolute(&self.path).map_err(unwritten)?;
        let file = std::fs::canonicalize(&path).unwrap_or(path);
        replace_file(&file, update.text.as_bytes()).map_err(unwritten)?;
        let (added, gone) = (update.added.len(), update.gone.len());
        let mut text = format!(
            "{:>12} {}: {added} added, {} kept, {gone} gone\n",
            "Wrote",
            OneLine(&self.path.display().to_string()),
            update.kept
        );
        for (word, entries) in [("added", &update.added), ("gone", &update.gone)] {
            for entry in entries.iter().take(LISTED) {
                let [module, test] = [&entry.module, &entry.test].map(|name| name.as_deref().unwrap_or_default());
                text.push_str(&format!(
                    "{:>12} {word}: {} {}: {}\n",
                    "",
                    OneLine(module),
                    OneLine(test),
                    OneLine(&entry.what)
                ));
            }
            if entries.len() > LISTED {
                text.push_str(&format!("{:>12} {word}: {} more\n", "", entries.len() - LISTED));
            }
        }
        if !self.is_configured {
            let path = self.path.display().to_string();
            text.push_str(&format!(
                "{:>12} later runs read it with --baseline {}, or with `baseline = {:?}` in the profile\n",
                "Note",
                OneLine(&path),
                OneLine(&path).to_string()
            ));
        }
        print(&text)?;
        for refused in &update.refused {
            say(format_args!("error: not accepted: {}", OneLine(refused)));
        }
        let mut tests = report.canonical.modules.iter().flat_map(|module| &module.tests);
        let fails_else = tests.any(|test| !test.verdict.is_success() && test.verdict != Verdict::Leak);
        Ok(match report.canonical.refused.is_empty() {
            _ if fails_else || !update.refused.is_empty() => exit_status::TEST_FAILED,
            true => exit_status::PASSED,
            false => exit_status::MODULE_UNUSABLE,
        })
    }
}
