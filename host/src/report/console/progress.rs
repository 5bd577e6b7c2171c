//! A progress bar under the console's lines, for a terminal.

use super::reporter::{Console, ConsoleOptions};
use crate::model::counts::Counts;
use crate::model::events::{Event, Listener};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, Write};
use std::time::Duration;

const TEMPLATE: &str = "{prefix:>12} [{elapsed_precise:>9}] {wide_bar} {pos}/{len}: {msg}";

/// A [`Console`] with a bar on standard error that stays below its lines. Where standard error is no terminal, the bar
/// draws nothing.
#[derive(Debug)]
pub struct Progress<W> {
    console: Console<AboveBar<W>>,
    bar: ProgressBar,
    counts: Counts,
}

impl<W: Write> Progress<W> {
    /// Takes the writer that the console's lines go to. It has to be the terminal that standard error is, so that the bar makes room
    /// for the lines.
    pub fn new(writer: W, options: ConsoleOptions) -> Self {
        Self::on(ProgressDrawTarget::stderr(), writer, options)
    }

    /// A bar that draws nothing, wherever standard error goes.
    #[cfg(test)]
    pub(super) fn hidden(writer: W, options: ConsoleOptions) -> Self {
        Self::on(ProgressDrawTarget::hidden(), writer, options)
    }

    fn on(target: ProgressDrawTarget, writer: W, options: ConsoleOptions) -> Self {
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(0), target).with_style(style).with_prefix("Running");
        let console = Console::new(AboveBar { bar: bar.clone(), writer }, options);
        Self { console, bar, counts: Counts::default() }
    }

    /// Removes the bar and gives the writer back.
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
            Event::TestFinished { test, .. } => {
                self.counts.add(test);
                let Counts { pass, skip, .. } = self.counts;
                self.bar.set_message(format!(
                    "{pass} passed, {} failed or leaked, {skip} skipped",
                    self.counts.unsuccessful()
                ));
                self.bar.inc(1);
                self.console.event(event);
            }
            Event::TestStarted { .. } => {}
            Event::TestSlow { .. } | Event::Granted { .. } | Event::Note(_) => self.console.event(event),
            Event::RunFinished { .. } => {
                self.bar.finish_and_clear();
                self.console.event(event);
            }
        }
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
