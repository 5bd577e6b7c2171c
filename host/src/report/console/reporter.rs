//! The console: shows a run while it goes on, as lines for a person.

use super::details::{CapturedOutput, Full, Short};
use super::findings::Finding;
use super::levels::{FinalStatusLevel, OutputTime, StatusLevel};
use super::status::{StatusLine, TestName, Time};
use super::style::Styles;
use super::summary::Summary;
use super::units::plural;
use super::wrap::WrappedText;
use crate::model::events::{Event, Listener};
use crate::model::safe_text::OneLine;
use crate::model::{Report, TestRecord};
use std::collections::{HashMap, HashSet};
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

pub(super) const SEPARATOR: &str = "────────────";

/// What the console shows. It does not look at the terminal or at `NO_COLOR`: the caller says whether colours are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsoleOptions {
    /// Whether there are ANSI colours.
    pub colours: bool,
    /// Which tests get a line while the run goes.
    pub status_level: StatusLevel,
    /// Which tests are listed at the end.
    pub final_status_level: FinalStatusLevel,
    /// When the captured output of tests that passed or were skipped is shown.
    pub success_output: OutputTime,
    /// When the captured output of all other tests is shown.
    pub failure_output: OutputTime,
    /// Whether each frame of a stack that the report holds has a line. Otherwise, successive frames in libraries share one.
    pub all_frames: bool,
    /// Whether each leak is shown with a suppression that accepts it, ready to be pasted into a baseline.
    pub suppressions: bool,
    /// Whether the summary names the codes of what did not pass, for `airtight explain`.
    pub codes: bool,
    /// The columns that blocks of findings fit into, as far as their words allow; `None` for a file or a pipe, where no
    /// line is broken.
    pub columns: Option<usize>,
}

impl Default for ConsoleOptions {
    /// No colours, a line for each test that was run, and the output of those that did not pass.
    fn default() -> Self {
        Self {
            colours: false,
            status_level: StatusLevel::default(),
            final_status_level: FinalStatusLevel::default(),
            success_output: OutputTime::Never,
            failure_output: OutputTime::Immediate,
            all_frames: false,
            suppressions: false,
            codes: false,
            columns: None,
        }
    }
}

impl ConsoleOptions {
    /// When the captured output of this test is shown.
    fn output_of(&self, test: &TestRecord) -> OutputTime {
        if test.verdict.is_success() { self.success_output } else { self.failure_output }
    }
}

/// Writes the events of a run for a person. Each event is one write.
///
/// ```
/// use airtight::report::console::{Console, ConsoleOptions};
/// use airtight::{LoadOptions, Runner, Selection, Subject, config::Config};
///
/// # let bytes = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#)?;
/// let runner = Runner::builder(&Config::default(), "default")?.build()?;
/// let module = runner.load(bytes, LoadOptions::named("empty"))?;
/// let plan = runner.plan(vec![Subject::new(module)], &Selection::default())?;
/// let mut console = Console::new(Vec::new(), ConsoleOptions::default());
/// runner.run(&plan, &mut console)?;
/// let text = String::from_utf8(console.finish()?)?;
/// assert!(text.contains("1 test run: 1 passed"), "{text}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Console<W> {
    writer: W,
    options: ConsoleOptions,
    styles: Styles,
    selected: usize,
    slow: HashSet<(String, String)>,
    /// The times of the tests that are listed at the end.
    times: HashMap<(String, Arc<str>), Duration>,
    notes: Vec<String>,
    /// Whether the result of the next finished test comes from an earlier run.
    is_cached: bool,
    text: String,
    result: io::Result<()>,
}

impl<W: Write> Console<W> {
    /// A console whose lines go to this writer.
    pub fn new(writer: W, options: ConsoleOptions) -> Self {
        Self {
            writer,
            options,
            styles: Styles {
                all_frames: options.all_frames,
                suppressions: options.suppressions,
                codes: options.codes,
                ..Styles::new(options.colours)
            },
            selected: 0,
            slow: HashSet::new(),
            times: HashMap::new(),
            notes: Vec::new(),
            is_cached: false,
            text: String::new(),
            result: Ok(()),
        }
    }

    /// Returns the writer.
    ///
    /// # Errors
    /// The first write that failed; nothing was written after it.
    pub fn finish(self) -> io::Result<W> {
        self.result.map(|()| self.writer)
    }

    fn compose(&mut self, event: &Event<'_>) -> fmt::Result {
        match *event {
            Event::RunStarted { modules, tests, filtered_out, jobs: _ } => {
                self.selected = tests;
                self.started(modules, tests, filtered_out)
            }
            Event::Granted { grants } => self.granted(grants),
            Event::TestStarted { .. } | Event::Searching { .. } => Ok(()),
            Event::TestCached { .. } => {
                self.is_cached = true;
                Ok(())
            }
            Event::TestSlow { module, test, elapsed } => self.slow(module, test, elapsed),
            Event::TestFinished { module, test, elapsed } => self.finished(module, test, elapsed),
            Event::Note(note) => {
                if !self.notes.iter().any(|known| known == note) {
                    self.notes.push(note.to_owned());
                }
                Ok(())
            }
            Event::RunFinished { report, elapsed } => self.ended(report, elapsed),
        }
    }

    fn started(&mut self, modules: usize, tests: usize, filtered_out: usize) -> fmt::Result {
        let Styles { pass, count, .. } = self.styles;
        let (test, module) = (plural(tests as u64, "test", "tests"), plural(modules as u64, "module", "modules"));
        write!(self.text, "{pass}{:>12}{pass:#} {count}{tests}{count:#} {test} across ", "Starting")?;
        write!(self.text, "{count}{modules}{count:#} {module}")?;
        if filtered_out > 0 {
            write!(self.text, " ({count}{filtered_out}{count:#} filtered out)")?;
        }
        writeln!(self.text)
    }

    fn granted(&mut self, grants: &[String]) -> fmt::Result {
        let style = self.styles.skip;
        for grant in grants {
            writeln!(self.text, "{style}{:>12}{style:#} {}", "Granted", OneLine(grant))?;
        }
        Ok(())
    }

    fn slow(&mut self, module: &str, test: &str, elapsed: Duration) -> fmt::Result {
        self.slow.insert((module.to_owned(), test.to_owned()));
        if self.options.status_level < StatusLevel::Slow {
            return Ok(());
        }
        let style = self.styles.skip;
        let name = TestName { module, test, styles: &self.styles };
        writeln!(self.text, "{style}{:>12}{style:#} {}{name}", "SLOW", Time::SoFar(elapsed))
    }

    fn finished(&mut self, module: &str, test: &TestRecord, elapsed: Duration) -> fmt::Result {
        let slow = self.was_slow(module, test);
        let (listed, all) = (self.lists(test, slow), self.shows_all());
        let is_cached = std::mem::take(&mut self.is_cached);
        if listed && test.usage.is_some() && !is_cached {
            self.times.insert((module.to_owned(), test.name.clone()), elapsed);
        }
        let Self { options, styles, text, .. } = self;
        if StatusLevel::for_test(test, slow) <= options.status_level {
            let time = match test.usage.is_some() {
                true if is_cached => Time::Cached,
                true => Time::Took(elapsed),
                false => Time::Blank,
            };
            write!(text, "{}", StatusLine { module, test, time, styles })?;
            if listed {
                write!(text, "{}", WrappedText { text: Short { test, styles }, columns: options.columns })?;
            } else {
                write!(text, "{}", WrappedText { text: Full { test, all, styles }, columns: options.columns })?;
            }
        }
        if options.output_of(test).is_immediate() {
            write!(text, "{}", CapturedOutput { module, test, styles })?;
        }
        Ok(())
    }

    fn ended(&mut self, report: &Report, elapsed: Duration) -> fmt::Result {
        let mut separator = format!("{SEPARATOR}\n");
        for module in &report.canonical.modules {
            for test in &module.tests {
                if !self.lists(test, self.was_slow(&module.name, test)) {
                    continue;
                }
                let time = self.times.get(&(module.name.clone(), test.name.clone()));
                let time = time.copied().map_or(Time::Blank, Time::Took);
                let all = self.shows_all();
                let (styles, columns) = (&self.styles, self.options.columns);
                let finding = Finding { module: &module.name, test, time, all, columns, styles };
                write!(self.text, "{separator}{finding}")?;
                separator = if test.verdict.is_success() { String::new() } else { "\n".to_owned() };
            }
        }
        self.final_output(report, &separator)?;
        writeln!(self.text, "{SEPARATOR}")?;
        let Self { selected, notes, styles, .. } = &*self;
        let counts = report.counts();
        let summary = Summary { report, counts, selected: *selected, elapsed, notes, styles }.to_string();
        self.text.push_str(&summary);
        Ok(())
    }

    /// The output that is shown at the end of the run, with `separator` before the first piece of it.
    fn final_output(&mut self, report: &Report, separator: &str) -> fmt::Result {
        let Self { options, styles, text, .. } = self;
        let mut separator = Some(separator);
        for module in &report.canonical.modules {
            for test in module.tests.iter().filter(|test| options.output_of(test).is_final()) {
                let output = CapturedOutput { module: &module.name, test, styles }.to_string();
                if !output.is_empty() {
                    write!(text, "{}{output}", separator.take().unwrap_or_default())?;
                }
            }
        }
        Ok(())
    }

    fn was_slow(&self, module: &str, test: &TestRecord) -> bool {
        !self.slow.is_empty() && self.slow.contains(&(module.to_owned(), test.name.to_string()))
    }

    fn shows_all(&self) -> bool {
        self.options.status_level == StatusLevel::All
    }

    fn lists(&self, test: &TestRecord, slow: bool) -> bool {
        FinalStatusLevel::for_test(test, slow) <= self.options.final_status_level
    }
}

impl<W: Write + Send> Listener for Console<W> {
    fn event(&mut self, event: &Event<'_>) {
        if self.result.is_err() {
            return;
        }
        self.text.clear();
        let composed = self.compose(event).map_err(io::Error::other);
        self.result = composed.and_then(|()| {
            if !self.text.is_empty() {
                self.writer.write_all(self.text.as_bytes())?;
            }
            if matches!(event, Event::RunFinished { .. }) { self.writer.flush() } else { Ok(()) }
        });
    }
}
