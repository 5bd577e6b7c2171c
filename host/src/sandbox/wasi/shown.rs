//! A test's output as it is shown while it is written. It is safe for its reader: a terminal, or a CI service that takes
//! some lines for commands.

use crate::model::safe_text::{RESET, is_deceptive, sgr, write_text};
use std::borrow::Cow;

/// The most bytes that wait for the next write, which shows whether they begin a sequence or a command.
const MOST_WAITING: usize = 64;

/// One stream of a test. Bytes that may begin a command wait for the next write.
#[derive(Debug)]
pub struct ShownStream {
    /// Whether colours that the text sets itself are kept.
    colours: bool,
    waiting: Vec<u8>,
    /// Whether nothing but white space was written since the end of the last line.
    at_start: bool,
    /// Whether a colour was set since the end of the last line.
    coloured: bool,
}

impl ShownStream {
    /// A stream before the first write.
    pub fn new(colours: bool) -> Self {
        Self { colours, waiting: Vec::new(), at_start: true, coloured: false }
    }

    /// What to show for these bytes.
    pub fn write(&mut self, bytes: &[u8]) -> String {
        self.waiting.extend_from_slice(bytes);
        let ready = self.waiting.len() - undecided(&self.waiting, self.at_start);
        let rest = self.waiting.split_off(ready);
        let bytes = std::mem::replace(&mut self.waiting, rest);
        self.show(&bytes)
    }

    /// What to show at the end of the stream.
    pub fn end(&mut self) -> String {
        let bytes = std::mem::take(&mut self.waiting);
        let mut shown = self.show(&bytes);
        if std::mem::take(&mut self.coloured) {
            shown.push_str(RESET);
        }
        shown
    }

    fn show(&mut self, bytes: &[u8]) -> String {
        let mut shown = String::with_capacity(bytes.len());
        for (nth, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if nth > 0 {
                if std::mem::take(&mut self.coloured) {
                    shown.push_str(RESET);
                }
                shown.push('\n');
                self.at_start = true;
            }
            for chunk in line.utf8_chunks() {
                self.show_text(&mut shown, chunk.valid());
                for byte in chunk.invalid() {
                    shown.push_str(&format!("\\x{byte:02x}"));
                    self.at_start = false;
                }
            }
        }
        shown
    }

    fn show_text(&mut self, shown: &mut String, text: &str) {
        // Without colours, sequences are left out. The text around them may not become a command by that: it is put
        // together first.
        let text: Cow<'_, str> = if self.colours || !text.contains('\x1b') {
            text.into()
        } else {
            pieces(text).filter(|piece| sgr(piece).is_none()).collect()
        };
        for piece in pieces(&text) {
            // A sequence left out within another one can leave a new one behind.
            if self.colours && sgr(piece).is_some() {
                shown.push_str(piece);
                self.coloured = true;
                continue;
            }
            let returns = |c: char| c == '\r' && piece.ends_with('\r');
            let shows = |c: char| c == '\t' || returns(c) || !is_deceptive(c);
            write_text(shown, piece, self.at_start, shows).expect("a string takes all text");
            self.at_start &= piece.trim_start().is_empty();
        }
    }
}

/// Splits a text into sequences that set colours, and the text between them.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let next = || rest.match_indices('\x1b').map(|(at, _)| at).find(|at| sgr(&rest[*at..]).is_some());
        let end = sgr(rest).map_or_else(|| next().unwrap_or(rest.len()), str::len);
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

/// How many bytes at the end may begin something longer: a character, a sequence that sets colours, or a command.
fn undecided(bytes: &[u8], at_start: bool) -> usize {
    let line = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let begins = line > 0 || at_start;
    let tail = &bytes[line.max(bytes.len().saturating_sub(MOST_WAITING))..];
    let may_begin = |from: usize| {
        let rest = &tail[from..];
        let whole_line = begins && tail.len() == bytes.len() - line;
        match rest[0] {
            b'#' => {
                let letters = rest.iter().position(|byte| *byte != b'#').unwrap_or(rest.len());
                letters == rest.len() || (letters > 1 && rest[letters..].iter().all(u8::is_ascii_alphabetic))
            }
            b':' => rest.len() == 1 && whole_line && tail[..from].iter().all(u8::is_ascii_whitespace),
            b'\x1b' => {
                rest.len() == 1
                    || (rest[1] == b'[' && rest[2..].iter().all(|byte| matches!(byte, b'0'..=b'9' | b';' | b':')))
            }
            0xc0.. => {
                std::str::from_utf8(rest).is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
            }
            _ => false,
        }
    };
    (0..tail.len()).find(|from| may_begin(*from)).map_or(0, |from| tail.len() - from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is shown of a text that is written in parts.
    fn shown(colours: bool, parts: &[&[u8]]) -> String {
        let mut shown = ShownStream::new(colours);
        let written: String = parts.iter().map(|part| shown.write(part)).collect();
        written + &shown.end()
    }

    #[test]
    fn commands_and_sequences_are_shown_and_not_acted_on() {
        let text = b"::error::a\n  ::b ##[group]c\n\x1b]0;title\x07\xff\t\xe2\x80\xaed\r\n";
        assert_eq!(
            shown(true, &[text]),
            "\\u{3a}:error::a\n  \\u{3a}:b \\u{23}#[group]c\n\\u{1b}]0;title\\u{7}\\xff\t\\u{202e}d\r\n"
        );
    }

    #[test]
    fn colours_stay_where_there_are_colours() {
        assert_eq!(shown(true, &[b"\x1b[31mred\nplain"]), "\x1b[31mred\x1b[0m\nplain");
        assert_eq!(shown(false, &[b"\x1b[31mred\n#\x1b[0m#[x]"]), "red\n\\u{23}#[x]");
        assert_eq!(shown(true, &[b"\x1b[8mhidden"]), "\\u{1b}[8mhidden");
    }

    #[test]
    fn what_is_harmless_does_not_wait() {
        let mut stream = ShownStream::new(true);
        assert_eq!([stream.write(b"Name: "), stream.write(b"."), stream.write(b".")], ["Name: ", ".", "."]);
        assert_eq!([stream.write(b"#"), stream.write(b" one")], ["", "# one"]);
        let long = "x".repeat(1000);
        assert_eq!(stream.write(format!("##{long}").as_bytes()).len() + MOST_WAITING, 1002 + MOST_WAITING);
    }

    proptest! {
        #[test]
        fn how_it_is_written_does_not_matter(text in "[ a:#\\[é\n\t\x1b0;m]{0,40}", at in prop::collection::vec(0usize..40, 0..6), colours: bool) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = at.into_iter().map(|at| at.min(bytes.len())).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();
            let parts: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            let shown = shown(colours, &parts);
            for line in shown.lines() {
                prop_assert!(!line.trim_start().starts_with("::") && !line.contains("##[") && !line.contains("##a["), "{line:?}");
            }
            let plain: String = pieces(&shown).filter(|piece| sgr(piece).is_none()).collect();
            prop_assert!(!plain.contains(|c| c != '\t' && c != '\n' && is_deceptive(c)), "{shown:?}");
        }
    }
}
