//! A progress bar under the console's lines, for a terminal.

use super::bar_line::{BarLine, RunningTests};
use super::reporter::{Console, ConsoleOptions};
use super::sanitise::OneLine;
use crate::model::TestRecord;
use crate::model::counts::Counts;
use crate::model::events::{Event, Listener};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The columns of a terminal that does not tell how many it has.
const USUAL_COLUMNS: usize = 80;

/// The tests that have ended, and those that are running; the one that began first is in front.
#[derive(Debug, Default)]
struct BarTests {
    ended: Counts,
    running: Vec<(String, Instant)>,
}

/// The same, for the threads that tell of tests and the one that draws.
#[derive(Debug, Clone, Default)]
struct SharedTests(Arc<Mutex<BarTests>>);

impl SharedTests {
    fn started(&self, module: &str, test: &str) {
        let name = format!("{} {}", OneLine(module), OneLine(test));
        self.lock().running.push((name, Instant::now()));
    }

    fn ended(&self, module: &str, test: &TestRecord) {
        let name = format!("{} {}", OneLine(module), OneLine(&test.name));
        let mut tests = self.lock();
        tests.ended.add(test);
        if let Some(at) = tests.running.iter().position(|(running, _)| *running == name) {
            tests.running.remove(at);
        }
    }

    /// What came of the tests that have ended, and how many are running, with the one of these that has been for the longest time.
    fn told(&self, now: Instant) -> (String, Option<RunningTests>) {
        let tests = self.lock();
        let Counts { pass, skip, .. } = tests.ended;
        let counts = [(pass, "passed"), (tests.ended.unsuccessful(), "failed or leaked"), (skip, "skipped")];
        let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
        let running = tests.running.first().map(|(longest, began)| RunningTests {
            count: tests.running.len(),
            longest: longest.clone(),
            since: now.saturating_duration_since(*began),
        });
        (counts.collect::<Vec<_>>().join(", "), running)
    }

    fn lock(&self) -> MutexGuard<'_, BarTests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bar on standard error that says what it is told, in one line however many columns the terminal has at that time.
fn bar_of(
    target: ProgressDrawTarget,
    what: &'static str,
    told: impl Fn(&ProgressState) -> (String, Option<RunningTests>) + Send + Sync + Clone + 'static,
) -> ProgressBar {
    let style = ProgressStyle::with_template("{line}").unwrap_or_else(|_| ProgressStyle::default_bar());
    let style = style.with_key("line", move |state: &ProgressState, to: &mut dyn fmt::Write| {
        let columns = terminal_size::terminal_size_of(io::stderr()).map_or(USUAL_COLUMNS, |(width, _)| width.0.into());
        let (came, running) = told(state);
        let (done, all) = (state.pos(), state.len().unwrap_or_default());
        let line = BarLine { what, elapsed: state.elapsed(), done, all, came, running };
        // Writing to a string cannot fail.
        let _ = to.write_str(&line.fitted(columns));
    });
    ProgressBar::with_draw_target(Some(0), target).with_style(style)
}

/// A [`Console`] with a bar on standard error that stays below the console's lines. If standard error is not a terminal,
/// the bar draws nothing.
#[derive(Debug)]
pub struct Progress<W> {
    console: Console<AboveBar<W>>,
    bar: ProgressBar,
    tests: SharedTests,
}

impl<W: Write> Progress<W> {
    /// Takes the writer for the console's lines. It must be the same terminal as standard error, so that the bar makes room
    /// for the lines.
    pub fn new(writer: W, options: ConsoleOptions) -> Self {
        Self::on(ProgressDrawTarget::stderr(), writer, options)
    }

    /// As [`Progress::new`], but the bar draws nothing, wherever standard error goes.
    #[cfg(test)]
    pub(super) fn hidden(writer: W, options: ConsoleOptions) -> Self {
        Self::on(ProgressDrawTarget::hidden(), writer, options)
    }

    fn on(target: ProgressDrawTarget, writer: W, options: ConsoleOptions) -> Self {
        let tests = SharedTests::default();
        let told = tests.clone();
        let bar = bar_of(target, "Running", move |_| told.told(Instant::now()));
        let console = Console::new(AboveBar { bar: bar.clone(), writer }, options);
        Self { console, bar, tests }
    }

    /// Removes the bar and returns the writer.
    ///
    /// # Errors
    /// The first write that failed; nothing was written after it.
    pub fn finish(self) -> io::Result<W> {
        self.bar.finish_and_clear();
        self.console.finish().map(|above| above.writer)
    }
}

impl<W: Write + Send> Listener for Progress<W> {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::RunStarted { tests, .. } => {
                self.bar.set_length(*tests as u64);
                self.bar.enable_steady_tick(Duration::from_millis(200));
                self.console.event(event);
            }
            Event::TestFinished { module, test, .. } => {
                self.tests.ended(module, test);
                self.bar.inc(1);
                self.console.event(event);
            }
            Event::TestStarted { module, test } => self.tests.started(module, test),
            Event::TestSlow { .. } | Event::TestCached { .. } | Event::Granted { .. } | Event::Note(_) => {
                self.console.event(event)
            }
            // A search has a bar of its own: see [`SearchProgress`].
            Event::Searching { .. } => {}
            Event::RunFinished { .. } => {
                self.bar.finish_and_clear();
                self.console.event(event);
            }
        }
    }
}

/// A bar on standard error for a search, which runs tests again and again. Where standard error is not a terminal, it draws nothing. Everything
/// else is passed on to another listener.
#[derive(Debug)]
pub struct SearchProgress<L> {
    other: L,
    bar: ProgressBar,
    /// What is being done.
    what: Arc<Mutex<&'static str>>,
}

impl<L: Listener> SearchProgress<L> {
    /// With nothing to be seen before the search begins.
    pub fn new(other: L) -> Self {
        Self::on(ProgressDrawTarget::stderr(), other)
    }

    fn on(target: ProgressDrawTarget, other: L) -> Self {
        let what = Arc::new(Mutex::new(""));
        let told = Arc::clone(&what);
        let told = move |_: &ProgressState| ((*told.lock().unwrap_or_else(PoisonError::into_inner)).to_owned(), None);
        let bar = bar_of(target, "Searching", told);
        Self { other, bar, what }
    }

    fn say(&self, what: &'static str) {
        *self.what.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    /// Removes the bar.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

impl<L: Listener> Listener for SearchProgress<L> {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::RunStarted { tests, .. } => {
                self.say("tests as they are");
                self.bar.set_length(*tests as u64);
            }
            Event::TestFinished { .. } => self.bar.inc(1),
            Event::RunFinished { .. } => self.bar.set_position(0),
            Event::Searching { done, known } => {
                self.say("runs with failures");
                self.bar.set_length(*known as u64);
                self.bar.set_position(*done as u64);
            }
            _ => {}
        }
        self.bar.suspend(|| self.other.event(event));
    }
}

/// Takes the bar away for as long as a write lasts.
#[derive(Debug)]
struct AboveBar<W> {
    bar: ProgressBar,
    writer: W,
}

impl<W: Write> Write for AboveBar<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bar.suspend(|| self.writer.write(bytes))
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bar.suspend(|| self.writer.write_all(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Verdict;

    #[test]
    fn the_bar_of_a_search_shows_how_far_it_is() {
        #[derive(Default)]
        struct Told(usize);
        impl Listener for Told {
            fn event(&mut self, _: &Event<'_>) {
                self.0 += 1;
            }
        }
        let mut progress = SearchProgress::on(ProgressDrawTarget::hidden(), Told::default());
        progress.event(&Event::RunStarted { modules: 1, tests: 3, filtered_out: 0, jobs: 1 });
        assert_eq!((progress.bar.position(), progress.bar.length()), (0, Some(3)));
        progress.event(&Event::Searching { done: 7, known: 40 });
        assert_eq!((progress.bar.position(), progress.bar.length()), (7, Some(40)));
        assert_eq!(progress.other.0, 2, "everything is passed on");
        progress.finish();
    }

    #[test]
    fn the_bar_names_the_test_that_runs_longest() {
        let tests = SharedTests::default();
        let told = |after| {
            let (came, running) = tests.told(Instant::now() + Duration::from_secs(after));
            running.map(|running| (came, running.count, running.since.as_secs(), running.longest))
        };
        let of = |came: &str, count, since, longest: &str| Some((came.to_owned(), count, since, longest.to_owned()));
        assert_eq!(told(0), None);
        tests.started("m", "first");
        tests.started("m", "\u{1b}[2J");
        assert_eq!(told(7), of("", 2, 7, "m first"));
        tests.ended("m", &TestRecord::new("first", Verdict::Leak));
        assert_eq!(told(7), of("1 failed or leaked", 1, 7, r"m \u{1b}[2J"));
        tests.ended("m", &TestRecord::new("\u{1b}[2J", Verdict::Pass));
        assert_eq!(tests.told(Instant::now()).0, "1 passed, 1 failed or leaked");
    }
}
