//! A guest's stack, with a line for each frame.

use super::sanitise::OneLine;
use super::style::Styles;
use crate::model::Frame;
use std::fmt::{self, Display, Formatter};

/// Most lines of one stack. The report holds a few more frames.
const MAX_LINES: usize = 16;

/// How many of these lines are for the outer end, where the test is.
const OUTER_LINES: usize = 4;

/// Most libraries that are named of the frames that share a line.
const MAX_NAMED: usize = 3;

/// A frame: `src/io.rs:41 in semver::io::open`, or only the function if there is no debug information.
pub(super) struct FrameLabel<'a> {
    pub frame: &'a Frame,
    pub styles: &'a Styles,
}

impl Display for FrameLabel<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let style = self.styles.place;
        let function = OneLine(&self.frame.function);
        match (&self.frame.file, self.frame.line) {
            (Some(file), Some(line)) => write!(f, "{style}{}:{line}{style:#} in {function}", OneLine(file)),
            (Some(file), None) => write!(f, "{style}{}{style:#} in {function}", OneLine(file)),
            (None, _) if self.frame.folded => write!(f, "{function}"),
            (None, _) => write!(f, "{function} (no debug information)"),
        }
    }
}

/// The lines of a stack; the first is behind a label such as `acquired at`. An empty stack has no lines. Successive frames
/// in libraries share a line, unless all frames are wanted; the innermost frame always has its own.
pub(super) struct StackLines<'a> {
    pub indent: &'a str,
    pub label: &'a str,
    pub stack: &'a [Frame],
    pub styles: &'a Styles,
}

impl StackLines<'_> {
    /// The same stack, cut to the innermost frame of the user's own.
    pub fn top(self) -> Self {
        let own = Frame::innermost_own(self.stack);
        Self { stack: own.map(std::slice::from_ref).unwrap_or_default(), ..self }
    }

    /// The frames of each line.
    fn lines(&self) -> Vec<&[Frame]> {
        if self.styles.all_frames {
            return self.stack.chunks(1).collect();
        }
        let (innermost, others) = self.stack.split_at(self.stack.len().min(1));
        let in_library = |frame: &Frame| frame.library.is_some();
        innermost.chunks(1).chain(others.chunk_by(|a, b| in_library(a) && in_library(b))).collect()
    }
}

impl Display for StackLines<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { indent, styles, .. } = self;
        let width = self.label.len();
        let lines = self.lines();
        let left_out = match lines.len() {
            len if len > MAX_LINES && !styles.all_frames => MAX_LINES - OUTER_LINES - 1..len - OUTER_LINES,
            len => len..len,
        };
        for (nth, frames) in lines.iter().enumerate() {
            if nth == left_out.start {
                let more: usize = lines[left_out.clone()].iter().map(|frames| frames.len()).sum();
                writeln!(f, "{indent}{:width$} … {more} more frames; --all-frames shows them", "")?;
            }
            if left_out.contains(&nth) {
                continue;
            }
            let label = if nth == 0 { self.label } else { "from" };
            match frames {
                [frame] if frame.folded && nth > 0 => {
                    writeln!(f, "{indent}{:width$} {}", "", FrameLabel { frame, styles })?
                }
                [frame] => writeln!(f, "{indent}{label:>width$} {}", FrameLabel { frame, styles })?,
                frames => writeln!(f, "{indent}{:width$} {}", "", FoldedFrames(frames))?,
            }
        }
        Ok(())
    }
}

/// Frames that share a line: `… 12 frames of tokio, std`.
struct FoldedFrames<'a>(&'a [Frame]);

impl Display for FoldedFrames<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut libraries: Vec<&str> = Vec::new();
        for library in self.0.iter().filter_map(|frame| frame.library.as_deref()) {
            if !libraries.contains(&library) {
                libraries.push(library);
            }
        }
        write!(f, "… {} frames of ", self.0.len())?;
        for (nth, library) in libraries.iter().take(MAX_NAMED).enumerate() {
            write!(f, "{}{}", if nth == 0 { "" } else { ", " }, OneLine(library))?;
        }
        f.write_str(if libraries.len() > MAX_NAMED { ", …" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples::frame;

    fn own(nth: u32) -> Frame {
        frame(&format!("demo::f{nth}"), "src/lib.rs", nth)
    }

    fn library_frame(library: &str, nth: u32) -> Frame {
        frame(&format!("{library}::f{nth}"), &format!("{library}-1.0.0/src/lib.rs"), nth).of_library(library)
    }

    fn shown(stack: &[Frame], all_frames: bool) -> String {
        let styles = Styles { all_frames, ..Styles::default() };
        StackLines { indent: "  ", label: "acquired at", stack, styles: &styles }.to_string()
    }

    #[test]
    fn the_users_own_frames_are_shown_and_those_of_libraries_share_a_line() {
        let stack: Vec<_> = [library_frame("json", 1)]
            .into_iter()
            .chain((2..10).map(|nth| library_frame(if nth % 2 == 0 { "std" } else { "json" }, nth)))
            .chain([own(1), library_frame("std", 3), own(2)])
            .collect();
        let lines = [
            "  acquired at json-1.0.0/src/lib.rs:1 in json::f1",
            "              … 8 frames of std, json",
            "         from src/lib.rs:1 in demo::f1",
            "         from std-1.0.0/src/lib.rs:3 in std::f3",
            "         from src/lib.rs:2 in demo::f2",
        ];
        assert_eq!(shown(&stack, false).lines().collect::<Vec<_>>(), lines);
        assert_eq!(shown(&stack, true).lines().count(), stack.len());
        let styles = &Styles::default();
        let top = StackLines { indent: "", label: "at", stack: &stack, styles }.top().to_string();
        assert_eq!(top, "at src/lib.rs:1 in demo::f1\n");
    }

    #[test]
    fn more_libraries_than_are_worth_naming_are_not_named() {
        let stack = [
            own(1),
            library_frame("a", 1),
            library_frame("b", 1),
            library_frame("c", 1),
            library_frame("d\x1b[2J", 1),
            own(2),
        ];
        assert!(shown(&stack, false).contains(" … 4 frames of a, b, c, …\n"), "{}", shown(&stack, false));
        assert!(shown(&stack[2..], false).contains(" … 2 frames of c, d\\u{1b}[2J\n"), "{}", shown(&stack[2..], false));
    }

    #[test]
    fn a_recursion_keeps_both_ends() {
        let stack: Vec<_> = (1..=31).map(own).chain([Frame::folding("… 99969 more frames"), own(99)]).collect();
        let lines = shown(&stack, false);
        let lines: Vec<_> = lines.lines().map(str::trim_start).collect();
        assert_eq!(lines.len(), MAX_LINES);
        assert_eq!(lines[11], "… 18 more frames; --all-frames shows them");
        assert_eq!(
            lines[12..],
            [
                "from src/lib.rs:30 in demo::f30",
                "from src/lib.rs:31 in demo::f31",
                "… 99969 more frames",
                "from src/lib.rs:99 in demo::f99"
            ]
        );
        assert!(shown(&stack, true).contains("demo::f17"));
    }
}
