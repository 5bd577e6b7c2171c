//! Patterns of suppressions: texts with `*` and `?`, and stacks as Valgrind writes them.

use crate::model::Frame;

/// A pattern for texts. `*` stands for any characters, `?` for one character, and `\` takes the next character literally.
///
/// ```text
/// fixtures/*.txt   matches fixtures/a.txt and fixtures/b/c.txt
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(Vec<Piece>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    One(char),
    Any,
    Many,
}

impl Glob {
    /// Reads a pattern. Every text is one.
    pub fn new(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            pieces.push(match character {
                '*' => Piece::Many,
                '?' => Piece::Any,
                '\\' => Piece::One(characters.next().unwrap_or('\\')),
                other => Piece::One(other),
            });
        }
        Self(pieces)
    }

    /// Whether the pattern matches the whole text.
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let (mut piece, mut at) = (0, 0);
        // The last `*` that was met, and the offset up to which it has taken characters. It takes one more whenever the rest of
        // the pattern does not match.
        let mut many: Option<(usize, usize)> = None;
        while at < text.len() {
            match self.0.get(piece) {
                Some(Piece::Many) => {
                    many = Some((piece, at));
                    piece += 1;
                }
                Some(Piece::Any) => (piece, at) = (piece + 1, at + 1),
                Some(Piece::One(wanted)) if *wanted == text[at] => (piece, at) = (piece + 1, at + 1),
                _ => {
                    let Some((star, reached)) = many else { return false };
                    many = Some((star, reached + 1));
                    (piece, at) = (star + 1, reached + 1);
                }
            }
        }
        self.0[piece..].iter().all(|piece| *piece == Piece::Many)
    }

    /// The pattern that matches this text alone.
    pub fn quote(text: &str) -> String {
        let mut quoted = String::with_capacity(text.len());
        for character in text.chars() {
            if matches!(character, '*' | '?' | '\\') {
                quoted.push('\\');
            }
            quoted.push(character);
        }
        quoted
    }
}

/// A pattern as LeakSanitizer has it: it matches a part of a text, and may contain `*`. `^` ties it to the beginning of the
/// text, `$` to the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternPart(Glob);

impl PatternPart {
    pub fn new(text: &str) -> Self {
        let (begins, text) = text.strip_prefix('^').map_or((false, text), |rest| (true, rest));
        let (ends, text) = text.strip_suffix('$').map_or((false, text), |rest| (true, rest));
        let [before, after] = [begins, ends].map(|tied| if tied { "" } else { "*" });
        Self(Glob::new(&format!("{before}{text}{after}")))
    }

    /// Whether it matches a function, a file or a library of the stack.
    pub fn matches(&self, stack: &[Frame]) -> bool {
        let has = |text: Option<&str>| text.is_some_and(|text| self.0.matches(text));
        stack
            .iter()
            .any(|frame| has(Some(&frame.function)) || has(frame.file.as_deref()) || has(frame.library.as_deref()))
    }
}

/// A pattern for one line of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FramePattern {
    /// `...`: any number of frames, or none.
    Several,
    /// `fun:GLOB`: one frame, by its function.
    Function(Glob),
    /// `src:GLOB`: one frame, by its source file.
    File(Glob),
    /// `obj:GLOB`: one frame, by its library.
    Library(Glob),
}

impl FramePattern {
    /// Reads a pattern; `None` if the text has none of these forms.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "..." {
            return Some(Self::Several);
        }
        let (what, glob) = text.split_once(':')?;
        let glob = Glob::new(glob);
        Some(match what {
            "fun" => Self::Function(glob),
            "src" => Self::File(glob),
            "obj" => Self::Library(glob),
            _ => return None,
        })
    }

    /// Whether it matches this one frame.
    fn is_of(&self, frame: &Frame) -> bool {
        let has = |glob: &Glob, text: &Option<String>| text.as_deref().is_some_and(|text| glob.matches(text));
        match self {
            Self::Several => true,
            Self::Function(glob) => glob.matches(&frame.function),
            Self::File(glob) => has(glob, &frame.file),
            Self::Library(glob) => has(glob, &frame.library),
        }
    }
}

/// Whether the innermost frames of a stack match the patterns, in order. As with Valgrind, the frames behind the last pattern
/// do not matter.
pub fn matches_stack(patterns: &[FramePattern], stack: &[Frame]) -> bool {
    // `used[n]`: whether the patterns so far can match exactly the first `n` frames.
    let mut used = vec![false; stack.len() + 1];
    used[0] = true;
    for pattern in patterns {
        let mut next = vec![false; used.len()];
        if *pattern == FramePattern::Several {
            let first = used.iter().position(|used| *used).unwrap_or(used.len());
            next[first..].fill(true);
        } else {
            for (at, frame) in stack.iter().enumerate() {
                next[at + 1] = used[at] && pattern.is_of(frame);
            }
        }
        used = next;
    }
    used.contains(&true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stars_and_question_marks_are_the_shell_s() {
        for (pattern, matching, other) in [
            ("a*c", &["ac", "abc", "abcbc"][..], &["ab", "bac", "acd"][..]),
            ("*", &["", "x"], &[]),
            ("?b", &["ab"], &["b", "aab"]),
            ("a**b", &["ab", "axb"], &["a"]),
            ("\\*", &["*"], &["x", "\\*"]),
            ("a\\", &["a\\"], &["a"]),
            ("", &[""], &["x"]),
        ] {
            let glob = Glob::new(pattern);
            matching.iter().for_each(|text| assert!(glob.matches(text), "{pattern} {text}"));
            other.iter().for_each(|text| assert!(!glob.matches(text), "{pattern} {text}"));
        }
        // A matcher that tries again from every `*` would take 2^n steps.
        assert!(!Glob::new(&("a*".repeat(50) + "b")).matches(&"a".repeat(5000)));
    }

    #[test]
    fn a_part_is_leak_sanitizer_s() {
        let stack = [Frame::new("cache::fill").at("src/cache.rs", 3), Frame::new("main").of_library("std")];
        for (part, matches) in [
            ("fill", true),
            ("^fill", false),
            ("^cache::f*l$", true),
            ("cache.rs$", true),
            ("std", true),
            ("none", false),
        ] {
            assert_eq!(PatternPart::new(part).matches(&stack), matches, "{part}");
        }
    }

    #[test]
    fn a_stack_is_matched_from_the_innermost_frame_on() {
        let frame = |name: &str| Frame::new(name).at(format!("src/{name}.rs"), 1);
        let stack = [frame("alloc"), frame("fill"), frame("load"), frame("main")];
        let matches = |lines: &[&str]| {
            let patterns: Vec<_> = lines.iter().map(|line| FramePattern::parse(line).unwrap()).collect();
            matches_stack(&patterns, &stack)
        };
        assert!(matches(&["fun:alloc", "fun:fill"]) && matches(&["...", "fun:load"]) && matches(&["fun:alloc", "..."]));
        assert!(matches(&["fun:alloc", "...", "src:src/main.rs"]) && matches(&["...", "...", "fun:main"]));
        assert!(!matches(&["fun:fill"]) && !matches(&["fun:alloc", "fun:load"]) && !matches(&["...", "obj:*"]));
        assert!(!matches(&["fun:*"; 5]) && matches(&["fun:*"; 4]));
        assert!(matches_stack(&[], &[]) && !matches_stack(&[FramePattern::parse("fun:*").unwrap()], &[]));
        assert_eq!(FramePattern::parse("function:a"), None);
        assert_eq!(FramePattern::parse("fill"), None);
    }

    proptest! {
        #[test]
        fn a_quoted_text_matches_itself_alone(text in "[ab*?\\\\]{0,6}", other in "[ab*?\\\\]{0,6}") {
            let glob = Glob::new(&Glob::quote(&text));
            prop_assert_eq!(glob.matches(&other), text == other);
            prop_assert!(glob.matches(&text));
        }
    }
}
