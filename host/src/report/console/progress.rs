//! A progress bar under the console's lines, for a terminal.

use super::reporter::{Console, ConsoleOptions};
use super::sanitise::OneLine;
use crate::model::counts::Counts;
use crate::model::events::{Event, Listener};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const TEMPLATE: &str = "{prefix:>12} [{elapsed_precise:>9}] {wide_bar} {pos}/{len}: {msg}{running}";

/// Most characters of a running test's name in the bar.
const LONGEST_NAME: usize = 40;

/// The tests that are running; the test that began first is in front.
#[derive(Debug, Clone, Default)]
struct RunningNow(Arc<Mutex<Vec<(String, Instant)>>>);

impl RunningNow {
    fn started(&self, module: &str, test: &str) {
        let name = format!("{} {}", OneLine(module), OneLine(test));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((name, Instant::now()));
    }

    fn ended(&self, module: &str, test: &str) {
        let name = format!("{} {}", OneLine(module), OneLine(test));
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = running.iter().position(|(running, _)| *running == name) {
            running.remove(at);
        }
    }

    /// Writes how many tests are running, and which of them has been running for the longest time.
    fn write(&self, to: &mut dyn fmt::Write, now: Instant) -> fmt::Result {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((name, began)) = running.first() else { return Ok(()) };
        let (count, seconds) = (running.len(), now.saturating_duration_since(*began).as_secs());
        let shown: String = match name.char_indices().nth(LONGEST_NAME) {
            Some((end, _)) => name[..end].chars().chain(['…']).collect(),
            None => name.clone(),
        };
        write!(to, "; {count} running, for {seconds}s {shown}")
    }
}

/// A [`Console`] with a bar on standard error that stays below the console's lines. If standard error is not a terminal,
/// the bar draws nothing.
#[derive(Debug)]
pub struct Progress<W> {
    console: Console<AboveBar<W>>,
    bar: ProgressBar,
    counts: Counts,
    running: RunningNow,
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
        let running = RunningNow::default();
        let told = running.clone();
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
        let style = style.with_key("running", move |_: &ProgressState, to: &mut dyn fmt::Write| {
            // Writing to a string cannot fail.
            let _ = told.write(to, Instant::now());
        });
        let bar = ProgressBar::with_draw_target(Some(0), target).with_style(style).with_prefix("Running");
        let console = Console::new(AboveBar { bar: bar.clone(), writer }, options);
        Self { console, bar, counts: Counts::default(), running }
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
                self.running.ended(module, &test.name);
                self.counts.add(test);
                let Counts { pass, skip, .. } = self.counts;
                self.bar.set_message(format!(
                    "{pass} passed, {} failed or leaked, {skip} skipped",
                    self.counts.unsuccessful()
                ));
                self.bar.inc(1);
                self.console.event(event);
            }
            Event::TestStarted { module, test } => self.running.started(module, test),
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

const SEARCH_TEMPLATE: &str = "{prefix:>12} [{elapsed_precise:>9}] {wide_bar} {pos}/{len} {msg}";

/// A bar on standard error for a search, which runs tests again and again. Where standard error is not a terminal, it draws nothing. Everything
/// else is passed on to another listener.
#[derive(Debug)]
pub struct SearchProgress<L> {
    other: L,
    bar: ProgressBar,
}

impl<L: Listener> SearchProgress<L> {
    /// With nothing to be seen before the search begins.
    pub fn new(other: L) -> Self {
        Self::on(ProgressDrawTarget::stderr(), other)
    }

    fn on(target: ProgressDrawTarget, other: L) -> Self {
        let style = ProgressStyle::with_template(SEARCH_TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(0), target).with_style(style).with_prefix("Searching");
        Self { other, bar }
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
                self.bar.set_message("tests as they are");
                self.bar.set_length(*tests as u64);
            }
            Event::TestFinished { .. } => self.bar.inc(1),
            Event::RunFinished { .. } => self.bar.set_position(0),
            Event::Searching { done, known } => {
                self.bar.set_message("runs with failures");
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
        let running = RunningNow::default();
        let text = |after| {
            let mut text = String::new();
            running.write(&mut text, Instant::now() + Duration::from_secs(after)).unwrap();
            text
        };
        assert_eq!(text(0), "");
        running.started("m", "first");
        running.started("m", "\u{1b}[2J");
        assert_eq!(text(7), "; 2 running, for 7s m first");
        running.ended("m", "first");
        assert_eq!(text(7), r"; 1 running, for 7s m \u{1b}[2J");
        running.ended("m", "\u{1b}[2J");
        running.started("m", &"x".repeat(100));
        assert_eq!(text(1), format!("; 1 running, for 1s m {}…", "x".repeat(LONGEST_NAME - 2)));
    }
}
