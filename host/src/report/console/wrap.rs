//! Blocks of text that fit a terminal. Lines are broken between words; the rest of a broken line is indented further than
//! the line itself.

use super::sanitise::GUTTER;
use crate::model::safe_text::sgr;
use std::fmt::{self, Display, Formatter};

/// How much further the rest of a line is indented.
const HANGING: usize = 4;

/// Text whose lines have at most `columns` columns, as far as their words allow. Some text stays as it is: what a test
/// printed, which stands behind a gutter, and what is in backticks, which may be a command to copy.
pub(super) struct WrappedText<D> {
    pub text: D,
    /// `None` breaks no line, as for a file or a pipe.
    pub columns: Option<usize>,
}

impl<D: Display> Display for WrappedText<D> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(columns) = self.columns else { return self.text.fmt(f) };
        self.text.to_string().split_inclusive('\n').try_for_each(|line| write_line(f, line, columns))
    }
}

fn write_line(f: &mut Formatter<'_>, line: &str, columns: usize) -> fmt::Result {
    let indent = line.len() - line.trim_start_matches(' ').len();
    let hanging = indent + HANGING;
    if line.trim_start().starts_with(GUTTER.trim()) || hanging >= columns {
        return f.write_str(line);
    }
    let (mut rest, mut before) = (line, 0);
    while let Some(at) = break_of(rest, columns - before, if before == 0 { indent } else { 0 }) {
        writeln!(f, "{}", &rest[..at])?;
        write!(f, "{:hanging$}", "")?;
        (rest, before) = (&rest[at + 1..], hanging);
    }
    f.write_str(rest)
}

/// Where to break a line that has more than `columns` columns: at the last space within them, but not in the indent.
fn break_of(line: &str, columns: usize, indent: usize) -> Option<usize> {
    let (mut column, mut quoted, mut best) = (0, false, None);
    let mut at = 0;
    while let Some(c) = line[at..].chars().next().filter(|c| *c != '\n') {
        if let Some(colour) = sgr(&line[at..]) {
            at += colour.len();
            continue;
        }
        quoted ^= c == '`';
        if c == ' ' && !quoted && at > indent && (column <= columns || best.is_none()) {
            best = Some(at);
        }
        column += 1;
        at += c.len_utf8();
    }
    best.filter(|_| column > columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples::hostile;
    use proptest::prelude::*;

    fn wrapped(text: &str, columns: usize) -> String {
        WrappedText { text, columns: Some(columns) }.to_string()
    }

    #[test]
    fn lines_are_broken_between_words() {
        insta::assert_snapshot!(wrapped(
            "    to fix: make the test need less, or raise `memory` where it is set: airtight.toml, its attribute or `--memory`\n    short\n",
            50
        ), @r"
            to fix: make the test need less, or raise
                `memory` where it is set: airtight.toml,
                its attribute or `--memory`
            short
        ");
    }

    #[test]
    fn output_and_what_is_quoted_stay_whole() {
        for text in [
            "    | a b c d e f g h i j k l m n o\n",
            "    `one command that is long`\n",
            "    oneverylongwordthatcannotbebroken\n",
        ] {
            assert_eq!(wrapped(text, 20), text);
        }
        assert_eq!(wrapped("    \u{1b}[1mbold\u{1b}[0m of ten\n", 20), "    \u{1b}[1mbold\u{1b}[0m of ten\n");
        assert_eq!(WrappedText { text: "  a b c d e f", columns: None }.to_string(), "  a b c d e f");
    }

    proptest! {
        #[test]
        fn words_stay_as_they_are(text in hostile(), columns in 1..90_usize) {
            let words = |text: &str| text.split([' ', '\n']).filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(words(&wrapped(&text, columns)), words(&text));
        }
    }
}
