//! Statements are planted into this package's own tests: the result is still Rust, line for line.

use super::places::{TestFunction, in_crate};
use super::shapes::LossShape;
use super::{Spot, insert};
use proptest::prelude::*;
use std::fs;

/// The places of a source, as a crate's root.
fn places(source: &str) -> Vec<TestFunction> {
    let dir = crate::scratch_dir();
    let root = dir.path().join("lib.rs");
    fs::write(&root, source).unwrap();
    in_crate(&root).unwrap()
}

/// The lines of a test's spots.
fn lines(source: &str) -> Vec<u32> {
    places(source)[0].spots.iter().map(|spot| spot.line).collect()
}

#[test]
fn spots_are_before_statements_and_at_the_end() {
    assert_eq!(lines("#[test]\nfn t() {\n  let a = 1;\n  assert!(a == 1);\n  drop(a);\n}\n"), [3, 4, 5, 6]);
    assert_eq!(lines("#[test]\nfn t() -> Result<(), ()> {\n  let a = Ok(());\n  a\n}\n"), [3, 4]);
    assert_eq!(lines("#[test]\nfn t() {\n}\n"), [3]);
}

#[test]
fn nothing_is_planted_behind_a_way_out() {
    for way_out in ["if x() { return; }", "x()?;", "out!(1);", "if !(x()) { out![1] }", "s(|| out! {});"] {
        let source = format!("#[test]\nfn t() {{\n  x();\n  {way_out}\n  x();\n}}\n");
        assert_eq!(lines(&source), [3, 4], "{way_out}");
    }
    for no_way_out in ["if !(x()) { s(1) }", "assert!(x() != (1));", "let y = vec![1];"] {
        let source = format!("#[test]\nfn t() {{\n  x();\n  {no_way_out}\n  x();\n}}\n");
        assert_eq!(lines(&source), [3, 4, 5, 6], "{no_way_out}");
    }
}

#[test]
fn tests_have_the_names_of_their_modules() {
    let dir = crate::scratch_dir();
    fs::create_dir_all(dir.path().join("b/d")).unwrap();
    fs::write(dir.path().join("lib.rs"), "mod a; mod b; mod gone; mod c { #[test] fn t() {} fn no_test() {} }")
        .unwrap();
    fs::write(dir.path().join("a.rs"), "#[test] fn t() {} mod c { #[test] fn t() {} }").unwrap();
    fs::write(dir.path().join("b/mod.rs"), "mod d; #[cfg(unix)] #[test] fn u() {} #[cfg(not(unix))] #[test] fn u() {}")
        .unwrap();
    fs::write(dir.path().join("b/d.rs"), "mod e { #[test] fn t() {} }").unwrap();
    let names: Vec<_> = in_crate(&dir.path().join("lib.rs")).unwrap().into_iter().map(|place| place.test).collect();
    // `u` is there twice: which one is built is not known.
    assert_eq!(names, ["a::t", "a::c::t", "b::d::e::t", "c::t"]);
}

#[test]
fn a_crate_without_unsafe_gets_none() {
    assert!(places("#![forbid(unsafe_code)]\n#[test] fn t() {}")[0].safe_only);
    assert!(!places("#![forbid(missing_docs)]\n#[test] fn t() {}")[0].safe_only);
    assert!(LossShape::SAFE.iter().all(|shape| !shape.plant(100).code.contains("unsafe")));
}

proptest! {
    #[test]
    fn what_is_planted_is_rust_and_moves_no_line(seed: u64, size in 16..100_000_u64) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let dir = crate::package_dir().join("tests");
        let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
        files.sort();
        let file = rng.choice(files).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let mut statements = Vec::new();
        for place in in_crate(&file).unwrap().into_iter().filter(|place| place.file == file) {
            let shape = rng.choice(LossShape::ALL).unwrap();
            statements.push((place.spots[rng.usize(..place.spots.len())], shape.plant(size).code));
        }
        let pairs: Vec<(Spot, &str)> = statements.iter().map(|(spot, code)| (*spot, code.as_str())).collect();
        let planted = insert(&text, pairs.into_iter());
        syn::parse_file(&planted).unwrap();
        prop_assert_eq!(text.lines().count(), planted.lines().count());
        let planted: Vec<&str> = planted.lines().collect();
        for (spot, code) in &statements {
            prop_assert!(planted[spot.line as usize - 1].contains(code));
        }
    }
}
