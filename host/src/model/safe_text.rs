//! Text that somebody else chose (a guest, a file, the command line), made safe to print. A terminal acts on control
//! characters. A service that runs tests reads their log, and acts on text that looks like one of its commands.

use super::shorten::shortened;
use std::fmt::{self, Display, Write};

/// Text shown on one line. Escaped as `\u{1b}` are control characters (line ends and tabs too), characters that reorder or hide
/// text, and the first character of anything that a service would take for a command. Of a text that is too long for a line,
/// both ends are shown, with the length of the part that is left out.
///
/// ```
/// use airtight::report::console::OneLine;
/// assert_eq!(OneLine("a\x1b[2Jb").to_string(), r"a\u{1b}[2Jb");
/// assert_eq!(OneLine("::error::x ##[group]").to_string(), r"\u{3a}:error::x \u{23}#[group]");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct OneLine<'a>(pub &'a str);

/// Most bytes of a text that are shown on one line.
const LONGEST_LINE: usize = 2_000;

impl Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c| !is_deceptive(c);
        if self.0.len() <= LONGEST_LINE {
            return write_text(f, self.0, true, plain);
        }
        write_text(f, &shortened(self.0.to_owned(), LONGEST_LINE), true, plain)
    }
}

/// Text of several lines: as [`OneLine`], but line feeds are kept.
#[derive(Debug, Clone, Copy)]
pub struct Lines<'a>(pub &'a str);

impl Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, line) in self.0.split('\n').enumerate() {
            if nth > 0 {
                f.write_char('\n')?;
            }
            OneLine(line).fmt(f)?;
        }
        Ok(())
    }
}

/// Writes text; escapes every character that is not `plain`, and the first character of each command. `begins` is whether the
/// text begins a line.
pub fn write_text(to: &mut impl Write, text: &str, begins: bool, plain: impl Fn(char) -> bool) -> fmt::Result {
    let at_start = begins && text.trim_start().starts_with("::");
    let mut first = at_start.then(|| text.len() - text.trim_start().len());
    for (at, c) in text.char_indices() {
        let command = first.take_if(|first| *first == at).is_some() || (c == '#' && begins_command(&text[at..]));
        if command || !plain(c) { write!(to, "{}", c.escape_unicode())? } else { to.write_char(c)? }
    }
    Ok(())
}

/// A word in the form that a shell reads as this word: in quotes if it holds characters that mean something to a shell.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/.:_-+=@%,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Whether a text begins with a command that a service recognises anywhere in a line: `##[group]` (GitHub, Azure),
/// `##vso[task.setvariable]` (Azure), `##teamcity[testFailed]` (TeamCity). Commands that begin with two colons count at the
/// start of a line only, and are not looked for here.
fn begins_command(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("##") else { return false };
    rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).starts_with('[')
}

/// Whether a terminal may act on a character, show it in another position, or not show it.
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{2028}' | '\u{2029}' // line and paragraph separators
            | '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // direction
            | '\u{00ad}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{feff}' // invisible
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}') // annotations and tags
}

/// The sequence that ends every colour and style.
pub const RESET: &str = "\x1b[0m";

/// The most bytes behind `ESC [` of a sequence that is recognised as one that sets colours.
const MAX_SGR: usize = 32;

/// The sequence that sets colours (SGR, "select graphic rendition") at the start of a text: `ESC [`, numbers, `m`. `None` if
/// there is none, and for a sequence that hides text.
pub fn sgr(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("\x1b[")?;
    let end = rest.bytes().take(MAX_SGR).position(|byte| !matches!(byte, b'0'..=b'9' | b';' | b':'))?;
    (rest.as_bytes()[end] == b'm' && !conceals(&rest[..end])).then(|| &text[.."\x1b[".len() + end + 1])
}

/// Whether one of the numbers hides the text that follows: 8 does. The numbers behind 38, 48 and 58 are parts of a colour, and
/// do not count.
fn conceals(numbers: &str) -> bool {
    let mut numbers = numbers.split(';');
    while let Some(number) = numbers.next() {
        match number {
            "38" | "48" | "58" => {
                let parts = if numbers.next() == Some("2") { 3 } else { 1 };
                numbers.by_ref().take(parts).for_each(drop);
            }
            number if number.split(':').next().is_some_and(|number| number.parse() == Ok(8)) => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples::hostile;
    use proptest::prelude::*;

    #[test]
    fn one_line_is_one_line() {
        assert_eq!(
            OneLine("a\x1b[2J\r\n\tb\u{9b}c\u{202e}d").to_string(),
            r"a\u{1b}[2J\u{d}\u{a}\u{9}b\u{9b}c\u{202e}d"
        );
        assert_eq!(OneLine("größe::測試 {{closure}}<T>").to_string(), "größe::測試 {{closure}}<T>");
    }

    #[test]
    fn commands_of_services_are_none() {
        for (text, shown) in [
            ("::error file=a::b", r"\u{3a}:error file=a::b"),
            ("  ::set-output::", r"  \u{3a}:set-output::"),
            ("a::b ::c", "a::b ::c"),
            ("x ##[error]y", r"x \u{23}#[error]y"),
            ("###[x] ##vso[task]", r"#\u{23}#[x] \u{23}#vso[task]"),
            ("##teamcity[a]", r"\u{23}#teamcity[a]"),
            ("#[test] ## heading [1]", "#[test] ## heading [1]"),
        ] {
            assert_eq!(OneLine(text).to_string(), shown);
        }
        assert_eq!(Lines("a\n::b\n\x1b").to_string(), "a\n\\u{3a}:b\n\\u{1b}");
    }

    proptest! {
        #[test]
        fn one_line_lets_no_control_character_through(text in hostile()) {
            prop_assert!(!OneLine(&text).to_string().contains(is_deceptive));
        }

        #[test]
        fn no_line_has_a_command(text in "[ a:#\\[\n]{0,20}") {
            for line in Lines(&text).to_string().lines() {
                prop_assert!(!line.trim_start().starts_with("::") && !line.contains("##[") && !line.contains("##a["), "{line}");
            }
        }
    }
}
