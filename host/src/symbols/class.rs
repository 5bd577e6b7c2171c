//! Functions whose presence on a stack tells how the stack came about, recognised by their readable names: those in which a
//! harness calls a test, and those of Rust's library that panic, give up or catch a panic.

use super::harness_frames::HarnessFrames;

/// What it means that a function is on a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// A harness is running a test.
    TestWindow,
    /// Rust is panicking.
    Panic,
    /// Rust gave up because an allocation failed.
    AllocError,
    /// A panic would be caught here, on a platform on which panics unwind.
    Catch,
}

/// Functions of `std::panicking` that also run without a panic.
const CALM: [&str; 5] = ["panicking", "panic_count", "set_hook", "take_hook", "update_hook"];

/// `std::panic::catch_unwind` under its public name, and the functions by which it is implemented.
const CATCHES: [&str; 3] = ["std::panic::catch_unwind", "std::panicking::catch_unwind", "std::panicking::try"];

/// Functions that Rust's library calls when it cannot go on without memory.
const GIVES_UP: [&str; 3] =
    ["alloc::alloc::handle_alloc_error", "std::alloc::handle_alloc_error", "std::alloc::rust_oom"];

/// The class of a function, if it has one. `harnesses` say which functions run a test.
pub(super) fn class(name: &str, harnesses: &[HarnessFrames]) -> Option<Class> {
    let path = without_generics(name);
    if harnesses.iter().any(|harness| harness.windows.contains(&path)) {
        return Some(Class::TestWindow);
    }
    if GIVES_UP.iter().any(|function| within(path, function)) {
        return Some(Class::AllocError);
    }
    if CATCHES.iter().any(|function| within(path, function)) {
        return Some(Class::Catch);
    }
    if let Some(rest) = path.strip_prefix("std::panicking::") {
        let first = rest.split("::").next().unwrap_or(rest);
        return (!CALM.contains(&first)).then_some(Class::Panic);
    }
    if path.starts_with("core::panicking::") || path.starts_with("panic_abort::") {
        return Some(Class::Panic);
    }
    // Symbols that rustc makes up: without a path, or in a crate of their own.
    let last = path.rsplit("::").next().unwrap_or(path);
    if path == last || path.starts_with("__rustc::") || path.starts_with("std::alloc::") {
        return match last {
            "__rust_alloc_error_handler" | "__rg_oom" | "__rdl_oom" | "__rdl_alloc_error_handler" => {
                Some(Class::AllocError)
            }
            "rust_begin_unwind" | "rust_panic" | "__rust_start_panic" => Some(Class::Panic),
            _ => None,
        };
    }
    None
}

/// Whether a path names this function, or something within it.
fn within(path: &str, function: &str) -> bool {
    path.strip_prefix(function).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// A path without type arguments: `path::function` of `path::function::<T>`, or of `path::function<T>` as C++ and debug
/// information write it.
fn without_generics(name: &str) -> &str {
    match name.find('<') {
        // `<T as Trait>::f` is not a path.
        None | Some(0) => name,
        Some(at) => name[..at].trim_end_matches("::"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbols::tests::LIBTEST;

    #[test]
    fn panics_and_refused_memory_are_told_from_the_rest() {
        for (name, expected) in [
            ("test::__rust_begin_short_backtrace", Some(Class::TestWindow)),
            ("test::__rust_begin_short_backtrace::<(), fn()>", Some(Class::TestWindow)),
            ("std::sys::backtrace::__rust_begin_short_backtrace", None),
            ("mine::test::__rust_begin_short_backtrace", None),
            ("core::panicking::panic_fmt", Some(Class::Panic)),
            ("core::panicking::assert_failed::<u32, u32>", Some(Class::Panic)),
            ("std::panicking::begin_panic_handler::{{closure}}", Some(Class::Panic)),
            ("std::panicking::panic_with_hook", Some(Class::Panic)),
            ("std::panicking::try::do_call", Some(Class::Catch)),
            ("std::panicking::catch_unwind::do_call::<mine::f, ()>", Some(Class::Catch)),
            ("std::panic::catch_unwind", Some(Class::Catch)),
            ("std::panicking::panic_count::increase", None),
            ("mine::panic::catch_unwind", None),
            ("__rustc::rust_begin_unwind", Some(Class::Panic)),
            ("__rustc::__rust_start_panic", Some(Class::Panic)),
            ("rust_panic", Some(Class::Panic)),
            ("alloc::alloc::handle_alloc_error", Some(Class::AllocError)),
            ("alloc::alloc::handle_alloc_error::rt_error", Some(Class::AllocError)),
            ("__rust_alloc_error_handler", Some(Class::AllocError)),
            ("std::alloc::_::__rg_oom", Some(Class::AllocError)),
            ("mine::panicking::panic_fmt", None),
            ("mine::rust_panic", None),
        ] {
            assert_eq!(class(name, &[LIBTEST]), expected, "{name}");
        }
    }
}
