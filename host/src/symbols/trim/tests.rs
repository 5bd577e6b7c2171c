use super::*;
use crate::symbols::tests::{LIBTEST, SDK};

const HARNESSES: [HarnessFrames; 2] = [SDK, LIBTEST];

fn file(path: &str, library: bool) -> Option<Source> {
    Some(Source { path: path.into(), library })
}

#[test]
fn names_tell_whose_a_frame_is() {
    for (function, expected) in [
        ("demo::open", Owner::User),
        ("semver::parse::version", Owner::User),
        ("std::fs::File::open", Owner::Rust),
        ("<std::fs::File>::open::{closure#0}", Owner::Rust),
        ("<alloc::vec::Vec<T> as core::ops::drop::Drop>::drop", Owner::Rust),
        ("<alloc::vec::Vec<T> as demo::Trait>::f", Owner::User),
        ("<demo::Thing<std::fs::File> as core::ops::drop::Drop>::drop", Owner::User),
        ("<T as core::convert::Into<U>>::into", Owner::Rust),
        ("<&mut F as core::ops::function::FnOnce<A>>::call_once", Owner::Rust),
        ("<fn() -> u32 as core::ops::function::FnOnce<()>>::call_once", Owner::Rust),
        ("core::ptr::drop_in_place<demo::Thing>", Owner::Rust),
        ("__rustc::rust_begin_unwind", Owner::Rust),
        ("wasi::lib_generated::path_open", Owner::Rust),
        ("test::run_test", Owner::Rust),
        ("__wasi_path_open", Owner::Other),
        ("fopen", Owner::Other),
        ("_start.command_export", Owner::Other),
        ("airtight:test/demo::leaks", Owner::Other),
        ("airtight_sdk::__private::direct", Owner::Other),
        ("main", Owner::User),
        ("load_config", Owner::User),
        ("ns::Class::method(int)", Owner::User),
    ] {
        assert_eq!(owner(function, None, &HARNESSES), expected, "{function}");
    }
}

#[test]
fn files_tell_more_than_names() {
    let user = file("src/lib.rs", false);
    assert_eq!(owner("<alloc::vec::Vec<T> as Trait>::f", user.as_ref(), &HARNESSES), Owner::User);
    assert_eq!(owner("open", user.as_ref(), &HARNESSES), Owner::User);
    assert_eq!(owner("fold", file("core/src/iter.rs", true).as_ref(), &HARNESSES), Owner::Rust);
    assert_eq!(owner("path_open", file("wasi-0.11.1/src/lib_generated.rs", false).as_ref(), &HARNESSES), Owner::Rust);
    assert_eq!(owner("airtight_sdk::T::temp_dir", user.as_ref(), &HARNESSES), Owner::Other);
}

fn groups(functions: &[&str]) -> Vec<Arc<[Symbol]>> {
    functions.iter().map(|function| Arc::from([Symbol::new((*function).into(), None, None, &HARNESSES)])).collect()
}

fn kept(functions: &[&str]) -> Option<Vec<String>> {
    Some(user_frames(&groups(functions), &HARNESSES)?.into_iter().map(|frame| frame.function).collect())
}

#[test]
fn a_program_in_c_keeps_its_main() {
    let stack = ["__wasi_path_open", "fopen", "load", "main", "__main_void", "_start"];
    assert_eq!(kept(&stack).unwrap(), ["load", "main"]);
    assert_eq!(kept(&["abort", "main", "_start"]).unwrap(), ["main"]);
}

#[test]
fn a_program_in_rust_has_another() {
    let stack = ["std::fs::File::open", "demo::load", "demo::main", "std::rt::lang_start", "main", "_start"];
    assert_eq!(kept(&stack).unwrap(), ["demo::load", "demo::main"]);
}

#[test]
fn the_closure_that_libtest_calls_is_left_out() {
    let stack =
        ["demo::a::{{closure}}", "core::iter::fold", "demo::a", "demo::a::{{closure}}", "core::ops::FnOnce::call_once"];
    assert_eq!(kept(&stack).unwrap(), ["demo::a::{{closure}}", "core::iter::fold", "demo::a"]);
    // Where the test was inlined into it, it is all there is.
    assert_eq!(kept(&["std::fs::File::open", "demo::a::{{closure}}"]).unwrap(), ["demo::a::{{closure}}"]);
}

#[test]
fn nothing_of_the_users_is_none() {
    assert_eq!(kept(&["abort", "core::panicking::panic", "_start"]), None);
    assert_eq!(kept(&["std::process::abort", "main", "_start"]), None);
    assert_eq!(kept(&[]), None);
}
