//! What a run tells while it goes: the only interface between running and reporting.

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
        /// Tests that the filter left out.
        filtered_out: usize,
        /// Worker threads.
        jobs: usize,
    },
    /// What of the machine the tests are granted beside their package and `/tmp`; told once, where there is something, before any
    /// test runs.
    Granted {
        /// Each in words, such as `/work/data as /data, read-only`.
        grants: &'a [String],
    },
    /// A test runs. Told once of each test that is run, before everything else of that test; skipped tests do not start. A
    /// test that ends within half a second may be told of only when it has ended, directly before its [`Event::TestFinished`].
    TestStarted {
        /// The module's name.
        module: &'a str,
        /// The test's name.
        test: &'a str,
    },
    /// A test takes longer than the reporter may want to keep silent about.
    TestSlow {
        /// The module's name.
        module: &'a str,
        /// The test's name.
        test: &'a str,
        /// Time so far.
        elapsed: Duration,
    },
    /// The result of a test is that of an earlier run: see [`RunnerBuilder::results`](crate::RunnerBuilder::results). Told directly before its
    /// [`Event::TestFinished`]; it did not start.
    TestCached {
        /// The module's name.
        module: &'a str,
        /// The test's name.
        test: &'a str,
    },
    /// A test ended, or was found to be skipped. Told once of each test of the plan, in the order in which they end. Its output
    /// is in `test.details` where it failed, and of every test with [`keep_output`](crate::run::RunnerBuilder::keep_output).
    TestFinished {
        /// The module's name.
        module: &'a str,
        /// Everything known of it.
        test: &'a TestRecord,
        /// Wall-clock time it took.
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
