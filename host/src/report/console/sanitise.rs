//! Text that a guest chose, made safe to print: line by line, with only its own colours.

use super::style::Styles;
pub use crate::model::safe_text::OneLine;
use crate::model::safe_text::{RESET, is_deceptive, sgr, write_text};
use crate::model::shorten::shortened;
use std::borrow::Cow;
use std::fmt::{self, Display, Write};

/// The beginning of each line of a guest's text: no such line can be taken for a line of the report.
pub(super) const GUTTER: &str = "    | ";

/// Most bytes that are shown of a message. The JSON report has more of it.
const LONGEST_MESSAGE: usize = 8 << 10;

/// The part of a message that is shown.
pub(super) fn short(message: &str) -> String {
    shortened(message.to_owned(), LONGEST_MESSAGE)
}

/// Bytes shown line by line behind an indent and [`GUTTER`]. Tabs stay; bytes that are not UTF-8 are shown as `\xff`. If
/// there are colours, the text's own ones stay, within the text; otherwise they are left out.
pub(super) struct QuotedText<'a> {
    pub indent: &'a str,
    pub text: &'a [u8],
    pub styles: &'a Styles,
}

impl Display for QuotedText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text.strip_suffix(b"\n").unwrap_or(self.text);
        let mut colours = self.styles.coloured.then(Colours::default);
        if self.text.is_empty() {
            return Ok(());
        }
        for line in text.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            f.write_str(self.indent)?;
            f.write_str(if line.is_empty() { GUTTER.trim_end() } else { GUTTER })?;
            write_line(f, line, &mut colours)?;
            f.write_char('\n')?;
        }
        Ok(())
    }
}

/// Writes a line. `colours` are those that earlier lines left on; `None` if there are to be none.
fn write_line(f: &mut fmt::Formatter<'_>, line: &[u8], colours: &mut Option<Colours>) -> fmt::Result {
    if let Some(colours) = colours.as_ref().filter(|_| !line.is_empty()) {
        colours.write(f)?;
    }
    let mut used = false;
    for chunk in line.utf8_chunks() {
        match colours {
            // Leaving out a sequence must not join what is around it to a command.
            None => write_text(f, &without_colours(chunk.valid()), false, is_plain)?,
            Some(colours) => {
                for piece in Pieces(chunk.valid()) {
                    match piece {
                        Piece::Colours(sequence) => {
                            f.write_str(sequence)?;
                            colours.enter(sequence);
                            used = true;
                        }
                        Piece::Text(text) => write_text(f, text, false, is_plain)?,
                    }
                }
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    // The next line's gutter, and whatever follows the text, is not in the guest's colours.
    let left_on = colours.as_ref().is_some_and(|colours| !colours.on.is_empty());
    if used || (left_on && !line.is_empty()) { f.write_str(RESET) } else { Ok(()) }
}

fn is_plain(c: char) -> bool {
    c == '\t' || !is_deceptive(c)
}

/// A part of a text.
enum Piece<'a> {
    /// A sequence that sets colours.
    Colours(&'a str),
    /// The text between two such sequences.
    Text(&'a str),
}

/// The parts of a text, in order.
struct Pieces<'a>(&'a str);

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let sequence = sgr(self.0);
        let next = || self.0.match_indices(ESCAPE).map(|(at, _)| at).find(|at| sgr(&self.0[*at..]).is_some());
        let end = sequence.map_or_else(|| next().unwrap_or(self.0.len()), str::len);
        let (piece, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(if sequence.is_some() { Piece::Colours(piece) } else { Piece::Text(piece) })
    }
}

fn without_colours(text: &str) -> Cow<'_, str> {
    if !text.contains(ESCAPE) {
        return text.into();
    }
    let texts = Pieces(text).filter_map(|piece| match piece {
        Piece::Colours(_) => None,
        Piece::Text(text) => Some(text),
    });
    texts.collect()
}

/// The character that every sequence begins with.
const ESCAPE: char = '\x1b';

/// Most bytes of sequences with which a line begins. Real text needs one or two sequences.
const MAX_LEFT_ON: usize = 48;

/// The colours that are on: the sequences from the last one on that begins with a reset, as far as there is room.
#[derive(Default)]
struct Colours {
    on: String,
}

impl Colours {
    fn enter(&mut self, sequence: &str) {
        let numbers = sequence.trim_start_matches("\x1b[").trim_end_matches('m');
        let first = numbers.split(';').next().unwrap_or_default();
        if first.bytes().all(|byte| byte == b'0') {
            self.on.clear();
            if !numbers.contains(|c| !matches!(c, '0' | ';')) {
                return;
            }
        }
        if self.on.len() + sequence.len() <= MAX_LEFT_ON {
            self.on.push_str(sequence);
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples::hostile;
    use proptest::prelude::*;

    fn quoted(text: &[u8]) -> String {
        QuotedText { indent: "", text, styles: &Styles::default() }.to_string()
    }

    fn in_colour(text: &str) -> String {
        QuotedText { indent: "", text: text.as_bytes(), styles: &Styles::new(true) }.to_string()
    }

    #[test]
    fn quoted_text_keeps_lines_and_tabs() {
        assert_eq!(quoted(b"a\tb\r\n\n\rc\xff\n"), "    | a\tb\n    |\n    | \\u{d}c\\xff\n");
        assert_eq!(quoted(b"no end"), "    | no end\n");
        assert_eq!(quoted(b""), "");
        assert_eq!(quoted(b"\n"), "    |\n");
    }

    #[test]
    fn a_text_s_own_colours_stay_where_there_are_colours() {
        let text = "\x1b[1;31mleft\x1b[0m / \x1b[38;5;8mright\x1b[m \x1b[48;2;8;8;8m:\x1b[0m";
        assert_eq!(in_colour(text), format!("    | {text}\x1b[0m\n"));
        assert_eq!(quoted(text.as_bytes()), "    | left / right :\n");
    }

    #[test]
    fn a_colour_that_is_left_on_stays_within_the_text() {
        assert_eq!(
            in_colour("\x1b[31ma\n\nb\x1b[1m\nc\x1b[0md\ne"),
            "    | \x1b[31ma\x1b[0m\n    |\n    | \x1b[31mb\x1b[1m\x1b[0m\n    \
             | \x1b[31m\x1b[1mc\x1b[0md\x1b[0m\n    | e\n"
        );
    }

    #[test]
    fn other_sequences_are_shown() {
        for (sequence, expected) in [
            ("\x1b[2J", r"\u{1b}[2J"),
            ("\x1b[31", r"\u{1b}[31"),
            ("\x1b[?25l", r"\u{1b}[?25l"),
            ("\x1b[8m", r"\u{1b}[8m"),
            ("\x1b[31;08m", r"\u{1b}[31;08m"),
            ("\x1b]0;title\x07", r"\u{1b}]0;title\u{7}"),
            ("\u{9b}31m", r"\u{9b}31m"),
        ] {
            assert_eq!(in_colour(sequence), format!("    | {expected}\n"), "{expected}");
            assert_eq!(quoted(sequence.as_bytes()), format!("    | {expected}\n"));
        }
        let long = format!("\x1b[{}m", "1;".repeat(100));
        assert!(in_colour(&long).contains(r"\u{1b}["));
        assert_eq!(OneLine("\x1b[31mred").to_string(), r"\u{1b}[31mred");
    }

    #[test]
    fn commands_of_services_are_none_wherever_colours_are_left_out() {
        assert_eq!(quoted(b"::error::a ##[error]b"), "    | ::error::a \\u{23}#[error]b\n");
        assert_eq!(quoted(b"#\x1b[31m#[error]"), "    | \\u{23}#[error]\n");
        assert_eq!(in_colour("##vso[x]"), "    | \\u{23}#vso[x]\n");
    }

    #[test]
    fn a_million_colours_cost_no_more_than_they_are_long() {
        let text = format!("{}\n{}", "\x1b[31m\x1b[44m".repeat(500_000), "x\n".repeat(1000));
        assert!(in_colour(&text).len() < text.len() + 1001 * (MAX_LEFT_ON + 12));
        assert_eq!(quoted("\x1b[31m".repeat(1_000_000).as_bytes()), "    | \n");
    }

    proptest! {
        #[test]
        fn quoted_text_stays_behind_its_gutter(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let shown = quoted(&text);
            prop_assert_eq!(shown.lines().count(), text.split_inclusive(|byte| *byte == b'\n').count());
            for line in shown.split_terminator('\n') {
                prop_assert!(line.starts_with("    |"));
                prop_assert!(!line.contains(|c| c != '\t' && is_deceptive(c)));
            }
        }

        #[test]
        fn in_colour_nothing_but_colours_comes_through(pieces in prop::collection::vec(
            prop_oneof![hostile(), "\x1b\\[[0-9;:]{0,6}[mJ]?", Just("\n".to_owned())], 0..12,
        )) {
            let shown = in_colour(&pieces.concat());
            for line in shown.split_terminator('\n') {
                prop_assert!(line.starts_with("    |"));
                let mut rest = line;
                let mut last = RESET;
                while let Some(at) = rest.find(|c| c != '\t' && is_deceptive(c)) {
                    last = sgr(&rest[at..]).expect("only colours");
                    rest = &rest[at + last.len()..];
                }
                prop_assert!(last == RESET, "{line:?} leaves a colour on");
            }
        }
    }
}
