//! Who is told that there is no memory.
//!
//! A function of C that allocates gives its caller no block, and so do functions of the C library that allocate for somebody. In Rust it is
//! mostly otherwise: `Vec::push` ends the program where there is no memory, whoever calls it. Only what the user's code asks for by a function
//! that gives an error is an allocation that code can see fail: `try_reserve` and its like, and the functions of `std::alloc`. The same holds of
//! C++, where `operator new` is not to return without a block unless it is told to by `std::nothrow`.

use super::owner::{Owner, is_entry_of_allocator};
use super::symbol::Symbol;
use super::{CAUSE_FRAMES, Symbols};
use crate::ledger::RawFrame;

/// Functions of the C library that a call of an allocator passes through.
const ALLOCATORS: [&str; 13] = [
    "malloc",
    "calloc",
    "realloc",
    "reallocarray",
    "aligned_alloc",
    "memalign",
    "posix_memalign",
    "dlmalloc",
    "dlcalloc",
    "dlrealloc",
    "dlmemalign",
    "internal_memalign",
    "valloc",
];

/// Functions of Rust's library that give an error where there is no memory: the last parts of their paths.
const TRY: [&str; 14] = [
    "try_reserve",
    "try_reserve_exact",
    "try_with_capacity",
    "try_with_capacity_in",
    "try_new",
    "try_new_in",
    "try_new_uninit",
    "try_new_uninit_in",
    "try_new_uninit_slice",
    "try_new_uninit_slice_in",
    "try_new_zeroed",
    "try_new_zeroed_in",
    "try_new_zeroed_slice",
    "try_clone_from_ref",
];

/// Functions of Rust's library that give no block where there is no memory.
const BARE: [&str; 3] = ["alloc::alloc::alloc", "alloc::alloc::alloc_zeroed", "alloc::alloc::realloc"];

impl Symbols {
    /// Whether the code that asked for a block, with this stack, is told where there is none. False where it cannot be told.
    pub fn hears_of_refusal(&self, stack: &[RawFrame]) -> bool {
        let groups = self.groups(&stack[..stack.len().min(CAUSE_FRAMES)]);
        hears(groups.iter().flat_map(|group| group.iter()))
    }
}

fn hears<'s>(calls: impl Iterator<Item = &'s Symbol>) -> bool {
    let name = |call: &'s Symbol| call.frame.function.as_str();
    let mut calls = calls.skip_while(|call| ALLOCATORS.contains(&name(call))).peekable();
    let Some(first) = calls.peek() else { return false };
    match first.owner {
        Owner::Rust => {
            // What the user's code called is the outermost call within the library.
            let library = calls.take_while(|call| call.owner == Owner::Rust && !is_entry_of_main(name(call)));
            library.last().is_some_and(|call| gives_an_error(name(call)))
        }
        _ if name(first).starts_with("operator new") => name(first).contains("nothrow"),
        Owner::LeftOut => false,
        // Functions whose debug information is not there may have been put into that of Rust's or C++'s.
        _ => !name(first).contains("::") || first.frame.file.is_some(),
    }
}

/// Whether a function of the library calls the user's `main` or a thread's own function.
fn is_entry_of_main(function: &str) -> bool {
    function.contains("__rust_begin_short_backtrace") || function.contains("lang_start")
}

/// Whether a function of Rust's library says that there is no memory.
fn gives_an_error(function: &str) -> bool {
    if is_entry_of_allocator(function) {
        return false;
    }
    let path = without_arguments(function);
    BARE.contains(&path.as_str()) || path.rsplit("::").next().is_some_and(|last| TRY.contains(&last))
}

/// A path without the arguments of types: `<alloc::vec::Vec>::try_reserve` of `<alloc::vec::Vec<u8>>::try_reserve::<A>`.
fn without_arguments(path: &str) -> String {
    let (mut depth, mut kept) = (0_usize, String::new());
    for (at, letter) in path.char_indices() {
        match letter {
            '<' if at > 0 => depth += 1,
            '>' if path[..at].ends_with('-') => {}
            '>' if depth > 0 => depth -= 1,
            _ if depth == 0 => kept.push(letter),
            _ => {}
        }
    }
    let end = kept.trim_end_matches("::").len();
    kept.truncate(end);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(calls: &[&str]) -> bool {
        let symbols: Vec<_> = calls.iter().map(|call| Symbol::new((*call).to_owned(), None, None, &[])).collect();
        hears(symbols.iter())
    }

    const RUST: [&str; 5] = [
        "malloc",
        "__rustc::__rdl_alloc",
        "__rustc::__rust_alloc",
        "alloc::alloc::alloc",
        "<alloc::alloc::Global>::alloc_impl",
    ];

    fn told_of_rust(outer: &[&str]) -> bool {
        told(&[&RUST[..], outer].concat())
    }

    #[test]
    fn rust_is_told_where_the_user_asks_to_be() {
        let grows = "alloc::raw_vec::finish_grow::<alloc::alloc::Global>";
        assert!(told_of_rust(&[grows, "<alloc::vec::Vec<u8>>::try_reserve", "shop::load"]));
        assert!(told_of_rust(&[grows, "alloc::vec::Vec<T,A>::try_reserve_exact", "shop::load"]));
        assert!(told_of_rust(&[grows, "<std::collections::hash::map::HashMap<u8, u8>>::try_reserve", "shop::load"]));
        assert!(!told_of_rust(&[grows, "<alloc::vec::Vec<u8>>::push", "shop::load"]));
        // The library's own functions make use of each other.
        let exact = "<alloc::raw_vec::RawVec<u8>>::try_reserve_exact";
        assert!(!told_of_rust(&[grows, exact, "<alloc::vec::Vec<u8>>::reserve_exact", "shop::load"]));
        assert!(!told_of_rust(&[
            grows,
            "<alloc::vec::Vec<u8>>::try_reserve_exact",
            "std::fs::read::inner",
            "shop::load"
        ]));
    }

    #[test]
    fn rust_is_told_by_the_functions_of_its_allocator() {
        assert!(told(&[
            "malloc",
            "__rustc::__rdl_alloc",
            "__rustc::__rust_alloc",
            "alloc::alloc::alloc",
            "shop::load"
        ]));
        assert!(!told(&["malloc", "__rustc::__rdl_alloc", "__rustc::__rust_alloc", "shop::load"]));
    }

    #[test]
    fn c_is_always_told_and_its_library_tells_its_callers() {
        assert!(told(&["dlmalloc", "malloc", "load", "main"]));
        assert!(told(&["malloc", "fopen", "load"]));
        assert!(told(&["malloc", "opendir", "std::fs::read_dir", "shop::load"]));
        assert!(!told(&[]) && !told(&["malloc"]));
    }

    #[test]
    fn cpp_is_told_where_it_asks_to_be() {
        assert!(!told(&["malloc", "operator new(unsigned long)", "load()"]));
        assert!(told(&["malloc", "operator new(unsigned long, std::nothrow_t const&)", "load()"]));
    }

    #[test]
    fn what_may_be_inlined_is_not_told() {
        assert!(!told(&["malloc", "shop::load"]));
        let mut direct = Symbol::new("shop::load".to_owned(), None, None, &[]);
        direct.frame.file = Some("src/lib.rs".to_owned());
        assert!(hears([&direct].into_iter()));
    }

    #[test]
    fn arguments_of_types_are_left_out() {
        assert_eq!(without_arguments("<alloc::vec::Vec<u8>>::try_reserve"), "<alloc::vec::Vec>::try_reserve");
        assert_eq!(
            without_arguments("alloc::vec::Vec<T,A>::try_reserve::<fn() -> u8>"),
            "alloc::vec::Vec::try_reserve"
        );
    }
}
