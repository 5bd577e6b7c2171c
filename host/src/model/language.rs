//! The programming language that a place in a guest's code is written in, as far as a stack tells it.

use super::Frame;
use std::path::Path;

/// A language that advice is given in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// Rust.
    Rust,
    /// C.
    C,
    /// C++.
    Cpp,
    /// Go.
    Go,
}

impl Language {
    /// The language of the innermost frame that tells one; `None` where no frame does. A frame tells it by the extension of
    /// its file; without a file, a function with `::` in its name is taken for Rust's.
    pub fn from_stack(stack: &[Frame]) -> Option<Self> {
        stack.iter().find_map(Self::from_frame)
    }

    /// The one language that these stacks tell; `None` where they tell none, or several.
    pub fn from_stacks<'a>(stacks: impl IntoIterator<Item = &'a [Frame]>) -> Option<Self> {
        let mut told = stacks.into_iter().filter_map(Self::from_stack);
        let first = told.next()?;
        told.all(|other| other == first).then_some(first)
    }

    fn from_frame(frame: &Frame) -> Option<Self> {
        let Some(file) = &frame.file else {
            return frame.function.contains("::").then_some(Self::Rust);
        };
        // A header may be C's or C++'s: C's advice holds for both.
        match Path::new(file).extension()?.to_str()? {
            "rs" => Some(Self::Rust),
            "c" | "h" => Some(Self::C),
            "cc" | "cpp" | "cxx" | "C" | "hh" | "hpp" | "hxx" => Some(Self::Cpp),
            "go" => Some(Self::Go),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples::frame;

    fn without_file(function: &str) -> Frame {
        Frame { function: function.to_owned(), file: None, line: None }
    }

    #[test]
    fn the_innermost_frame_that_tells_a_language_decides() {
        for (file, language) in [
            ("src/lib.rs", Some(Language::Rust)),
            ("a/list.c", Some(Language::C)),
            ("a/list.h", Some(Language::C)),
            ("list.hpp", Some(Language::Cpp)),
            ("list.cc", Some(Language::Cpp)),
            ("net/http/server.go", Some(Language::Go)),
            ("start.S", None),
            ("Makefile", None),
        ] {
            assert_eq!(Language::from_stack(&[frame("main", file, 1)]), language, "{file}");
        }
        let stack = [without_file("wasm function 71"), frame("main", "start.S", 1), frame("add", "list.c", 3)];
        assert_eq!(Language::from_stack(&stack), Some(Language::C));
        assert_eq!(Language::from_stack(&[]), None);
    }

    #[test]
    fn without_a_file_a_path_is_rusts() {
        assert_eq!(Language::from_stack(&[without_file("semver::parse")]), Some(Language::Rust));
        assert_eq!(Language::from_stack(&[without_file("malloc")]), None);
    }

    #[test]
    fn stacks_have_a_language_in_common_only_where_none_tells_another() {
        let (rust, c) = ([frame("a", "a.rs", 1)], [frame("a", "a.c", 1)]);
        assert_eq!(Language::from_stacks([&rust[..], &[], &rust]), Some(Language::Rust));
        assert_eq!(Language::from_stacks([&rust[..], &c]), None);
        assert_eq!(Language::from_stacks([&[][..]]), None);
    }
}
