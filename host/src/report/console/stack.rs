//! A guest's stack, a line a frame.

use super::sanitise::OneLine;
use super::style::Styles;
use super::units::plural;
use crate::model::Frame;
use std::fmt::{self, Display, Formatter};

/// Frames shown of one stack; the JSON report has them all.
const MAX_FRAMES: usize = 8;

/// `src/io.rs:41 in semver::io::open`; the function alone where there is no debug information.
pub(super) struct Place<'a> {
    pub frame: &'a Frame,
    pub styles: &'a Styles,
}

impl Display for Place<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let style = self.styles.place;
        let function = OneLine(&self.frame.function);
        match (&self.frame.file, self.frame.line) {
            (Some(file), Some(line)) => write!(f, "{style}{}:{line}{style:#} in {function}", OneLine(file)),
            (Some(file), None) => write!(f, "{style}{}{style:#} in {function}", OneLine(file)),
            (None, _) => write!(f, "{function} (no debug information)"),
        }
    }
}

/// A stack, a line a frame, the first behind a label such as `acquired at`. It has no lines where it is empty.
pub(super) struct StackLines<'a> {
    pub indent: &'a str,
    pub label: &'a str,
    pub stack: &'a [Frame],
    pub styles: &'a Styles,
}

impl StackLines<'_> {
    /// The same, cut to its first frame.
    pub fn top(self) -> Self {
        Self { stack: self.stack.get(..1).unwrap_or_default(), ..self }
    }
}

impl Display for StackLines<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { indent, styles, .. } = self;
        let width = self.label.len();
        for (i, frame) in self.stack.iter().take(MAX_FRAMES).enumerate() {
            let label = if i == 0 { self.label } else { "from" };
            writeln!(f, "{indent}{label:>width$} {}", Place { frame, styles })?;
        }
        let more = self.stack.len().saturating_sub(MAX_FRAMES);
        if more > 0 {
            let frames = plural(more as u64, "frame", "frames");
            writeln!(f, "{indent}{:>width$} {more} more {frames}, listed in the JSON report", "and")?;
        }
        Ok(())
    }
}
