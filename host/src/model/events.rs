//! The events that a run sends while it goes: the only interface between running and reporting.

use super::{Report, TestRecord};
use std::time::Duration;

/// One thing that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Modules are loaded and their tests known.
    RunStarted {
        /// Modules with at least one selected test.
        modules: usize,
        /// Selected tests.
        tests: usize,
        /// Tests that the filter did not select.
        filtered_out: usize,
        /// Worker threads.
        jobs: usize,
    },
    /// What tests are granted of the machine, beside the package and `/tmp`. Sent once, before any test runs; not sent where
    /// nothing is granted.
    Granted {
        /// One grant each, in words: `/work/data as /data, read-only`.
        grants: &'a [String],
    },
    /// A test has begun. Sent once for each test that is run, before all other events of that test; not sent for skipped tests.
    /// For a test that ends within half a second it may be sent late: directly before its [`Event::TestFinished`].
    TestStarted {
        /// The module's name.
        module: &'a str,
        /// The test's name.
        test: &'a str,
    },
    /// A test has run for longer than its `slow-timeout`, and goes on. Sent once for each such test.
    TestSlow {
        /// The module's name.
        module: &'a str,
        /// The test's name.
        test: &'a str,
        /// Time so far.
        elapsed: Duration,
    },
    /// The result of a test was taken from an earlier run, so that the test does not start: see
    /// [`RunnerBuilder::results`](crate::RunnerBuilder::results). Sent directly before its [`Event::TestFinished`].
    TestCached {
        /// The module's name.
        module: &'a str,
        /// The test's name.
        test: &'a str,
    },
    /// A test ended, or was skipped. Sent once for each test of the plan, in the order in which tests end. Captured output is
    /// in `test.details` of a test that failed, and with [`keep_output`](crate::run::RunnerBuilder::keep_output) of every test.
    TestFinished {
        /// The module's name.
        module: &'a str,
        /// Everything known of it.
        test: &'a TestRecord,
        /// Wall-clock time that the test took.
        elapsed: Duration,
    },
    /// A search runs tests again and again. Told several times a second, after the run of the tests as they are.
    Searching {
        /// Runs that have ended.
        done: usize,
        /// Runs that are known to be needed so far.
        known: usize,
    },
    /// Something that is worth a line and changes no verdict.
    Note(&'a str),
    /// Every test has ended, or the run was interrupted (the report says so).
    RunFinished {
        /// The whole report.
        report: &'a Report,
        /// Wall-clock time of the run.
        elapsed: Duration,
    },
}

/// Receives the events of a run, in order, on one thread.
///
/// ```
/// use airtight::{Event, Listener, LoadOptions, Runner, Selection, Subject, config::Config};
///
/// /// The names of tests that did not pass, as they end.
/// #[derive(Default)]
/// struct Failures(Vec<String>);
///
/// impl Listener for Failures {
///     fn event(&mut self, event: &Event<'_>) {
///         if let Event::TestFinished { module, test, .. } = event
///             && !test.verdict.is_success()
///         {
///             self.0.push(format!("{module} {}", test.name));
///         }
///     }
/// }
///
/// # let bytes = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start") unreachable))"#)?;
/// let runner = Runner::builder(&Config::default(), "default")?.build()?;
/// let module = runner.load(bytes, LoadOptions::named("traps"))?;
/// let plan = runner.plan(vec![Subject::new(module)], &Selection::default())?;
/// let mut failures = Failures::default();
/// runner.run(&plan, &mut failures)?;
/// assert_eq!(failures.0, ["traps traps"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Listener: Send {
    /// Takes one event.
    fn event(&mut self, event: &Event<'_>);
}

/// Listens to nothing.
impl Listener for () {
    fn event(&mut self, _: &Event<'_>) {}
}
