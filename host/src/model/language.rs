//! The programming language that a guest's code is written in, as far as a stack tells.

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
    /// The language of the innermost of the user's frames that tells one; if none does, of the innermost of all frames that
    /// tells one. A frame tells its language by the extension of its file. A frame without a file tells it by the way in which
    /// its function's name is written.
    pub fn from_stack(stack: &[Frame]) -> Option<Self> {
        let own = stack.iter().filter(|frame| frame.is_own());
        own.chain(stack).find_map(Self::from_frame)
    }

    /// The language that all these stacks tell; `None` if they tell none, or several.
    pub fn from_stacks<'a>(stacks: impl IntoIterator<Item = &'a [Frame]>) -> Option<Self> {
        let mut told = stacks.into_iter().filter_map(Self::from_stack);
        let first = told.next()?;
        told.all(|other| other == first).then_some(first)
    }

    fn from_frame(frame: &Frame) -> Option<Self> {
        let Some(file) = &frame.file else {
            return Self::from_name(&frame.function);
        };
        // A header may belong to C or to C++: the advice for C holds for both.
        match Path::new(file).extension()?.to_str()? {
            "rs" => Some(Self::Rust),
            "c" | "h" => Some(Self::C),
            "cc" | "cpp" | "cxx" | "C" | "hh" | "hpp" | "hxx" => Some(Self::Cpp),
            "go" => Some(Self::Go),
            _ => None,
        }
    }

    /// The language that a function's name tells. Rust and C++ have `::` in names, and C++ the types of the arguments behind
    /// it. Go has a dot between package and function.
    fn from_name(function: &str) -> Option<Self> {
        if function.contains("::") {
            let with_arguments = !function.starts_with('<') && function.contains('(');
            return Some(if with_arguments { Self::Cpp } else { Self::Rust });
        }
        // The linker and the optimiser of C append suffixes with a dot, such as `.llvm.123` or `.part.0`: these are not Go's.
        let (package, name) = function.split_once('.')?;
        let appended =
            ["llvm.", "part.", "cold", "constprop.", "command_export"].iter().any(|end| name.starts_with(end));
        let in_package = !package.is_empty() && package.chars().all(|c| c.is_alphanumeric() || "_/-".contains(c));
        let named = name.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '(');
        (in_package && named && !appended).then_some(Self::Go)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples::frame;

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
        let stack = [Frame::new("wasm function 71"), frame("main", "start.S", 1), frame("add", "list.c", 3)];
        assert_eq!(Language::from_stack(&stack), Some(Language::C));
        assert_eq!(Language::from_stack(&[]), None);
    }

    #[test]
    fn without_a_file_a_name_tells_it_by_how_it_is_written() {
        for (function, language) in [
            ("semver::parse", Some(Language::Rust)),
            ("<alloc::vec::Vec<T> as demo::Trait<(u8, u8)>>::f", Some(Language::Rust)),
            ("app::Store::grab(int)", Some(Language::Cpp)),
            ("(anonymous namespace)::f()", Some(Language::Cpp)),
            ("main.main", Some(Language::Go)),
            ("main.__Store_.open", Some(Language::Go)),
            ("github.com/me/demo.(*Store).Open", Some(Language::Go)),
            ("malloc", None),
            ("helper.1", None),
            ("helper.llvm.1234", None),
            ("_start.command_export", None),
            ("wasm function 7", None),
            ("… 12 frames of tokio, std", None),
        ] {
            assert_eq!(Language::from_stack(&[Frame::new(function)]), language, "{function}");
        }
    }

    #[test]
    fn the_users_own_frames_come_before_those_of_libraries() {
        let stack = [frame("open", "c-1.0.0/src/a.c", 1).of_library("c"), frame("demo::f", "src/lib.rs", 1)];
        assert_eq!(Language::from_stack(&stack), Some(Language::Rust));
        assert_eq!(Language::from_stack(&stack[..1]), Some(Language::C));
    }

    #[test]
    fn stacks_have_a_language_in_common_only_where_none_tells_another() {
        let (rust, c) = ([frame("a", "a.rs", 1)], [frame("a", "a.c", 1)]);
        assert_eq!(Language::from_stacks([&rust[..], &[], &rust]), Some(Language::Rust));
        assert_eq!(Language::from_stacks([&rust[..], &c]), None);
        assert_eq!(Language::from_stacks([&[][..]]), None);
    }
}
