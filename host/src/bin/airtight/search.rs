//! What `faults` and `pollution` have in common: they build, load and plan as `test` does, run the tests many times, and
//! print what they find.

use crate::args::{BuildArgs, MessageFormat, RunArgs, TestArgs};
use crate::failure::Failure;
use crate::loaded::sort_out;
use crate::rest::SettledArgs;
use crate::session::{Session, nothing_selected};
use crate::subjects::NamedSubjects;
use airtight::{Plan, exit_status};
use std::path::PathBuf;

/// The tests of a search, built, loaded and planned.
pub struct PreparedSearch {
    pub session: Session,
    pub planned: Plan,
    /// Whether everything could be built.
    is_built: bool,
    /// Whether everything that was built could be loaded.
    is_loaded: bool,
}

impl PreparedSearch {
    /// Builds, loads and plans what a command line names. `refuse` checks the settings: at first, and again when the
    /// modules are known.
    pub fn new(
        paths: &[PathBuf],
        (build, tests, run): (&BuildArgs, &TestArgs, &RunArgs),
        refuse: &dyn Fn(&RunArgs, &TestArgs) -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        let settled = SettledArgs::new(tests, run);
        refuse(&settled.run, &settled.tests)?;
        let named = NamedSubjects::new(paths)?;
        let config = named.config()?;
        let session = Session::open(&settled.run, tests.harness, &config)?;
        let (loaded, failures) = named.load(&session, &config, (build, &settled.tests, &settled.run))?;
        let (subjects, refused) = sort_out(loaded)?;
        let is_loaded = refused.is_empty();
        let (session, tests, run) = settled.with_modules(session, &subjects, &config)?;
        refuse(&run, &tests)?;
        let planned = session.plan(subjects, refused, &tests.selection())?;
        if planned.modules().iter().all(|module| module.tests.is_empty()) {
            return Err(nothing_selected(&planned));
        }
        Ok(Self { session, planned, is_built: failures == 0, is_loaded })
    }

    /// The exit status. A finding comes first, then what could not be searched.
    pub fn status(&self, fails: bool) -> u8 {
        match fails {
            true => exit_status::TEST_FAILED,
            false if !self.is_built => exit_status::BUILD_FAILED,
            false if !self.is_loaded || !self.planned.refused().is_empty() => exit_status::MODULE_UNUSABLE,
            false => exit_status::PASSED,
        }
    }
}

/// The settings that have no meaning in any search, each with whether it was given.
pub fn without_meaning(run: &RunArgs, lists: bool) -> Vec<(bool, &'static str)> {
    vec![
        (run.no_capture, "--no-capture"),
        (run.message_format != MessageFormat::Human, "--message-format"),
        (run.rerun, "--rerun"),
        (run.cached, "--cached"),
        (run.retries > 0, "--retries"),
        (run.gen_suppressions, "--gen-suppressions"),
        (run.most_failing().is_some(), "--fail-fast or --max-fail"),
        (lists, "--list"),
        (run.write_back.is_some(), "--write-back"),
        (run.repeat > 1, "--repeat"),
        (run.schedules > 0 || run.schedule.is_some(), "schedules"),
        (run.report_base.is_some(), "--report-base"),
        (run.fuel_profile, "--fuel-profile"),
    ]
}
