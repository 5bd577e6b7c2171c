//! Text that a guest chose, made safe to print.

use std::fmt::{self, Display, Write};

/// What stands before each line of a guest's text, so that none can be taken for a line of the report.
pub(super) const GUTTER: &str = "    | ";

/// Text shown on one line: control characters, line ends and tabs too, and characters that reorder or hide text,
/// are escaped as `\u{1b}`.
#[derive(Debug, Clone, Copy)]
pub struct OneLine<'a>(pub &'a str);

impl Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| write_char(f, c))
    }
}

/// Bytes shown line by line behind [`GUTTER`] and an indent; tabs stay, bytes that are no UTF-8 are shown as `\xff`.
pub(super) struct Quoted<'a> {
    pub indent: &'a str,
    pub text: &'a [u8],
}

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text.strip_suffix(b"\n").unwrap_or(self.text);
        if self.text.is_empty() {
            return Ok(());
        }
        for line in text.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            f.write_str(self.indent)?;
            f.write_str(if line.is_empty() { GUTTER.trim_end() } else { GUTTER })?;
            write_line(f, line)?;
            f.write_char('\n')?;
        }
        Ok(())
    }
}

fn write_line(f: &mut fmt::Formatter<'_>, line: &[u8]) -> fmt::Result {
    for chunk in line.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\t' { f.write_char(c)? } else { write_char(f, c)? }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    Ok(())
}

fn write_char(f: &mut fmt::Formatter<'_>, c: char) -> fmt::Result {
    if is_deceptive(c) { write!(f, "{}", c.escape_unicode()) } else { f.write_char(c) }
}

/// Whether a terminal may act on a character, or show it out of place or not at all.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{2028}' | '\u{2029}' // line and paragraph separators
            | '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // direction
            | '\u{00ad}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{feff}' // invisible
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}') // annotations and tags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples::hostile;
    use proptest::prelude::*;

    fn quoted(text: &[u8]) -> String {
        Quoted { indent: "", text }.to_string()
    }

    #[test]
    fn one_line_is_one_line() {
        assert_eq!(
            OneLine("a\x1b[2J\r\n\tb\u{9b}c\u{202e}d").to_string(),
            r"a\u{1b}[2J\u{d}\u{a}\u{9}b\u{9b}c\u{202e}d"
        );
        assert_eq!(OneLine("größe::測試 {{closure}}<T>").to_string(), "größe::測試 {{closure}}<T>");
    }

    #[test]
    fn quoted_text_keeps_lines_and_tabs() {
        assert_eq!(quoted(b"a\tb\r\n\n\rc\xff\n"), "    | a\tb\n    |\n    | \\u{d}c\\xff\n");
        assert_eq!(quoted(b"no end"), "    | no end\n");
        assert_eq!(quoted(b""), "");
        assert_eq!(quoted(b"\n"), "    |\n");
    }

    proptest! {
        #[test]
        fn one_line_lets_no_control_character_through(text in hostile()) {
            prop_assert!(!OneLine(&text).to_string().contains(is_deceptive));
        }

        #[test]
        fn quoted_text_stays_behind_its_gutter(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let shown = quoted(&text);
            prop_assert_eq!(shown.lines().count(), text.split_inclusive(|byte| *byte == b'\n').count());
            for line in shown.split_terminator('\n') {
                prop_assert!(line.starts_with("    |"));
                prop_assert!(!line.contains(|c| c != '\t' && is_deceptive(c)));
            }
        }
    }
}
