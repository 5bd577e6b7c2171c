//! How things are shown: colours, which are nextest's where it has them, and how much of a stack.

use crate::model::Verdict;
use anstyle::{AnsiColor, Style};

/// A style for each kind of text; all are empty where colours are off.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Styles {
    /// Whether there are colours.
    pub coloured: bool,
    /// Whether every frame of a stack has a line.
    pub all_frames: bool,
    /// Whether each leak has a suppression that accepts it.
    pub suppressions: bool,
    /// Whether the codes of what did not pass are named.
    pub codes: bool,
    pub pass: Style,
    pub fail: Style,
    pub leak: Style,
    pub skip: Style,
    pub count: Style,
    pub module: Style,
    pub test: Style,
    pub place: Style,
}

impl Styles {
    pub fn new(colours: bool) -> Self {
        if !colours {
            return Self::default();
        }
        let bold = |colour: AnsiColor| colour.on_default().bold();
        Self {
            coloured: true,
            all_frames: false,
            suppressions: false,
            codes: false,
            pass: bold(AnsiColor::Green),
            fail: bold(AnsiColor::Red),
            leak: bold(AnsiColor::Magenta),
            skip: bold(AnsiColor::Yellow),
            count: Style::new().bold(),
            module: AnsiColor::Cyan.on_default(),
            test: bold(AnsiColor::Blue),
            place: bold(AnsiColor::Cyan),
        }
    }

    pub fn verdict(&self, verdict: Verdict) -> Style {
        match verdict {
            Verdict::Pass => self.pass,
            Verdict::Leak => self.leak,
            Verdict::Fail | Verdict::Memory | Verdict::Timeout | Verdict::Exit => self.fail,
            Verdict::Skip => self.skip,
        }
    }
}
