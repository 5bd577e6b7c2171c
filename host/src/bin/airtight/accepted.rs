//! The baseline: which file accepts leaks in a run, and how a run's leaks are added to it.

use crate::args::{MessageFormat, RunArgs};
use crate::failure::{Done, Failure, here, say, say_safe};
use crate::print::print;
use airtight::config::{Ask, Baseline, BaselineUpdate, Config, NewGrounds, Profile};
use airtight::exit_status;
use airtight::faults::Faults;
use airtight::internals::{replace_file, writable_file as file_of};
use airtight::policy::{LeakAction, LeakSetting};
use airtight::report::console::OneLine;
use airtight::report::{Date, Report, Resource, Verdict};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The name of the baseline if neither the command line nor the profile names one.
const FILE_NAME: &str = "airtight-baseline.toml";

/// How many entries of each kind are named on the console.
const LISTED: usize = 20;

/// The baseline for a run with these arguments. Relative paths start at `here`.
pub fn load(args: &RunArgs, profile: &Profile, here: &Path) -> Result<Option<Baseline>, Failure> {
    let Some(path) = path(args, profile, here) else { return Ok(None) };
    let may_be_missing = args.writes_baseline || is_missing(args, profile, here);
    if may_be_missing && Baseline::text_of(&path).map_err(Failure::setup)?.is_none() {
        return Ok(None);
    }
    Baseline::load(&path).map(Some).map_err(Failure::setup)
}

/// Whether the profile's baseline is not there, of a command that does without.
fn is_missing(args: &RunArgs, profile: &Profile, here: &Path) -> bool {
    let configured = profile.baseline().filter(|_| args.asks_no_verdict && args.baseline.is_none());
    configured.is_some_and(|path| !here.join(path).exists())
}

/// A note that the profile's baseline is not there, of a command that does without.
pub fn missing_note(args: &RunArgs, profile: &Profile, here: &Path) -> Option<String> {
    let path = path(args, profile, here).filter(|_| is_missing(args, profile, here))?;
    Some(format!("the baseline {} is not there, so that nothing is accepted", OneLine(&path.display().to_string())))
}

fn path(args: &RunArgs, profile: &Profile, here: &Path) -> Option<PathBuf> {
    args.baseline.as_deref().or(profile.baseline()).map(|path| named(here, path))
}

/// A path that starts at `here`, shortened to be relative to the working directory if it is below that.
pub fn named(here: &Path, path: &Path) -> PathBuf {
    let whole = here.join(path);
    let current = std::env::current_dir().ok();
    let within = current.and_then(|current| whole.strip_prefix(current).ok().map(Path::to_owned));
    within.filter(|within| !within.as_os_str().is_empty()).unwrap_or(whole)
}

/// Today's date in UTC.
pub fn today() -> Date {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    now.get(..10).and_then(|day| day.parse().ok()).unwrap_or_else(|| Date::new(9999, 12, 31).expect("it is a day"))
}

fn unwritten(path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::setup(anyhow::anyhow!("cannot write the baseline {}: {why}", path.display()))
}

/// The baseline to which a run's leaks are added.
pub struct BaselineWriter {
    path: PathBuf,
    /// The file that is replaced at the end. It was checked to be writable before any test ran.
    file: PathBuf,
    text: String,
    baseline: Baseline,
    grounds: NewGrounds,
    /// Whether later runs read the file without an option.
    is_configured: bool,
    /// Whether standard output is read by programs.
    is_read_by_programs: bool,
}

impl BaselineWriter {
    /// The writer for the baseline that the command line or the configuration names.
    pub fn new(run: &RunArgs, grounds: NewGrounds, config: &Config) -> Result<Self, Failure> {
        let today = run.date.unwrap_or_else(today);
        if let Some(last) = grounds.expires.filter(|last| *last < today) {
            return Err(Failure::usage(format!(
                "--expires {last}: that day is past (today is {today}), so that nothing would be accepted; name a later one"
            )));
        }
        let here = here()?;
        let profile = config.profile(&run.profile).map_err(Failure::setup)?;
        let path = path(run, &profile, &here).unwrap_or_else(|| FILE_NAME.into());
        let text = Baseline::text_of(&path).map_err(Failure::setup)?.unwrap_or_default();
        let baseline = Baseline::from_str(&text, &path.display().to_string()).map_err(Failure::setup)?;
        let is_configured = profile.baseline().is_some_and(|configured| named(&here, configured) == path);
        let file = file_of(&path).map_err(|why| unwritten(&path, why))?;
        let is_read_by_programs = run.message_format != MessageFormat::Human;
        Ok(Self { path, file, text, baseline, grounds, is_configured, is_read_by_programs })
    }

    /// Writes the file, and prints what changed. The exit status says whether the tests pass with the new file.
    pub fn write(&self, report: &Report, profile: &Profile) -> Done {
        let action = |module: &str, test: &str, leak: &Resource, retained: bool| {
            let setting = if retained { LeakSetting::Retained } else { leak.setting() };
            // A test's overrides are found by its name. What the test asks for itself concerns limits and grants alone.
            let policy = profile.policy_for(module, test, &Ask::default());
            policy.map_or(LeakAction::Fail, |policy| policy.leaks.get(setting))
        };
        let update = self.baseline.updated(&self.text, &report.canonical, &action, &self.grounds);
        self.save(&update)?;
        let mut tests = report.canonical.modules.iter().flat_map(|module| &module.tests);
        let fails_else = tests.any(|test| !test.verdict.is_success() && test.verdict != Verdict::Leak);
        let expired = report.volatile.baseline.iter().flat_map(|usage| &usage.expired).count();
        if expired > 0 {
            let entries = if expired == 1 { "entry" } else { "entries" };
            say(format_args!(
                "error: {expired} {entries} of the baseline expired, with a leak that is still there: mend it, or change `expires`"
            ));
        }
        Ok(match report.canonical.refused.is_empty() {
            _ if fails_else || expired > 0 || !update.refused.is_empty() => exit_status::TEST_FAILED,
            true => exit_status::PASSED,
            false => exit_status::MODULE_UNUSABLE,
        })
    }

    /// Writes the file so that it accepts everything that a search for failures found, and prints what changed.
    pub fn accept(&self, faults: &Faults) -> Done {
        self.save(&faults.accepted_in(&self.baseline, &self.text, &self.grounds))
    }

    fn save(&self, update: &BaselineUpdate) -> Done {
        replace_file(&self.file, update.text.as_bytes()).map_err(|why| unwritten(&self.path, why))?;
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
        match self.is_read_by_programs {
            // Standard output belongs to programs.
            true => say_safe(text.trim_end()),
            false => drop(print(&text)?),
        }
        for refused in &update.refused {
            say(format_args!("error: not accepted: {}", OneLine(refused)));
        }
        Ok(exit_status::PASSED)
    }
}
