use super::*;
use crate::symbols::paths::Origin;
use crate::symbols::paths::Source;
use crate::symbols::tests::{LIBTEST, SDK};
use std::iter::repeat_n;

const HARNESSES: [HarnessFrames; 2] = [SDK, LIBTEST];

fn groups(functions: &[&str]) -> Vec<Arc<[Symbol]>> {
    functions.iter().map(|function| Arc::from([Symbol::new((*function).into(), None, None, &HARNESSES)])).collect()
}

fn kept(functions: &[&str]) -> Option<Vec<String>> {
    kept_for(Purpose::Other, &groups(functions))
}

fn kept_for(purpose: Purpose, groups: &[Arc<[Symbol]>]) -> Option<Vec<String>> {
    Some(user_frames(groups, &HARNESSES, purpose)?.into_iter().map(|frame| frame.function).collect())
}

/// A frame for each library; an empty name makes a frame of the user.
fn frames(libraries: impl IntoIterator<Item = &'static str>) -> Vec<Arc<[Symbol]>> {
    let symbol = |(nth, library): (usize, &str)| {
        let origin = if library.is_empty() { Origin::Own } else { Origin::Package(library.to_owned()) };
        let source = Source { path: "src/lib.rs".to_owned(), origin };
        Arc::from([Symbol::new(format!("f{nth}"), Some(source), None, &HARNESSES)])
    };
    libraries.into_iter().enumerate().map(symbol).collect()
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
    // If the test was inlined into the closure, the closure is the only frame left.
    assert_eq!(kept(&["std::fs::File::open", "demo::a::{{closure}}"]).unwrap(), ["demo::a::{{closure}}"]);
}

#[test]
fn nothing_of_the_users_is_none() {
    assert_eq!(kept(&["abort", "core::panicking::panic", "_start"]), None);
    assert_eq!(kept(&["std::process::abort", "main", "_start"]), None);
    assert_eq!(kept(&[]), None);
}

#[test]
fn a_frame_says_which_library_it_is_of() {
    let stack = user_frames(&frames(["json", "", "json"]), &HARNESSES, Purpose::Other).unwrap();
    assert_eq!(
        stack.iter().map(|frame| frame.library.as_deref()).collect::<Vec<_>>(),
        [Some("json"), None, Some("json")]
    );
}

#[test]
fn who_called_an_allocator_is_told_and_not_the_allocator() {
    let counting = "<demo::Counting as core::alloc::global::GlobalAlloc>::alloc";
    let tracked = "<demo::Tracked as core::alloc::global::GlobalAlloc>::alloc";
    let system = "<std::alloc::System as core::alloc::global::GlobalAlloc>::alloc";
    let allocation = |functions: &[&str]| kept_for(Purpose::Allocation, &groups(functions)).unwrap();
    let vec = "<alloc::vec::Vec<T>>::push";
    let whole = ["dlmalloc::malloc", system, "demo::count", counting, "__rustc::__rust_alloc", vec, "demo::leaks"];
    assert_eq!(allocation(&whole), ["demo::leaks"]);
    // The allocator's entry was inlined, and one allocator calls another.
    assert_eq!(allocation(&["malloc", system, "demo::count", tracked, counting, vec, "demo::leaks"]), ["demo::leaks"]);
    // Blocks that the allocator allocates for itself.
    let own =
        ["dlmalloc::malloc", system, counting, "__rustc::__rust_alloc", vec, "demo::note", counting, "demo::leaks"];
    assert_eq!(allocation(&own), ["demo::note", counting, "demo::leaks"]);
    // Without a caller, the allocator is the only frame left.
    assert_eq!(allocation(&["malloc", counting]), [counting]);
    // A panic within the allocator is reported there.
    assert_eq!(kept(&["core::panicking::panic", counting, vec, "demo::f"]).unwrap(), [counting, vec, "demo::f"]);
    let cpp = ["malloc", "operator new(unsigned long)", "std::__2::make_shared<int>()", "app::load()", "main"];
    assert_eq!(allocation(&cpp), ["app::load()", "main"]);
}

#[test]
fn the_users_frames_have_room_before_those_of_libraries() {
    let deep = || repeat_n("tokio", 40).chain([""]).chain(repeat_n("json", 3)).chain(["serde", ""]);
    let outermost = |stack: Vec<String>| stack.into_iter().rev().take(3).collect::<Vec<_>>();
    let stack = kept_for(Purpose::Other, &frames(deep())).unwrap();
    assert_eq!(stack, ["f0", "… 39 frames of tokio", "f40", "… 4 frames of json, serde", "f45"]);
    // Frames have an entry each as long as there is room; those at the inner end keep it longest.
    let inner = frames(repeat_n("json", 28).chain([""]).chain(repeat_n("tokio", 12)).chain([""]));
    let stack = kept_for(Purpose::Other, &inner).unwrap();
    assert_eq!((stack.len(), outermost(stack)), (31, vec!["f41".into(), "… 12 frames of tokio".into(), "f28".into()]));
    let exactly = frames(repeat_n("json", MAX_FRAMES - 1).chain([""]));
    assert_eq!(kept_for(Purpose::Other, &exactly).unwrap().len(), MAX_FRAMES);
    let names = frames(["a", "b", "c", "d", "e"].into_iter().chain(repeat_n("", MAX_FRAMES)));
    assert_eq!(kept_for(Purpose::Other, &names).unwrap()[1], "… 4 frames of b, c, d, …");
}

#[test]
fn a_recursion_keeps_both_ends_and_counts_what_is_known() {
    let mut stack = frames(repeat_n("", 100));
    let kept = kept_for(Purpose::Other, &stack).unwrap();
    assert_eq!(kept.len(), MAX_FRAMES);
    assert_eq!(kept[26..], ["f26", "… 69 more frames", "f96", "f97", "f98", "f99"]);
    stack[50] = Arc::from([Symbol::left_out()]);
    assert_eq!(kept_for(Purpose::Other, &stack).unwrap()[27], "… more frames");
}
