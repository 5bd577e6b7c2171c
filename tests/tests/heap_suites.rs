//! Heap accounting over one published suite. `heap-suites.sh` runs it over all of them.

use airtight_tests::heap_suites::{Options, run};
use airtight_tests::{program, scratch_root};
use std::fs;

const PLANTS: usize = 9;

fn options(crates: &[&str]) -> Options {
    Options {
        folder: scratch_root().join("heap-suites"),
        seed: 3,
        plants: PLANTS,
        timing: false,
        threads: false,
        crates: crates.iter().map(|&name| name.to_owned()).collect(),
        program: program().to_owned(),
    }
}

/// Whether all was well, and what was told.
fn account(options: &Options) -> (bool, String) {
    let mut told = String::new();
    let good = run(options, &mut |line| told = format!("{told}{line}\n")).unwrap();
    (good, told)
}

#[test]
fn a_suite_is_tracked_and_what_is_planted_in_it_is_found() {
    let options = options(&["strsim"]);
    let blindfold = options.folder.join("planted/airtight.toml");
    let _ = fs::remove_file(&blindfold);
    let (good, told) = account(&options);
    assert!(good, "{told}");
    assert!(
        told.ends_with(
            "tracked: 96 of 96 (100.0 %), of which 96 finished\nplanted: found 9 of 9, 9 to the byte (seed 3)\n"
        ),
        "{told}"
    );
    // Where airtight cannot see, every plant is missed, and that is told.
    fs::write(&blindfold, "[profile.default]\nheap-accounting = false\n").unwrap();
    let (good, told) = account(&options);
    assert!(!good);
    assert!(told.ends_with("planted: found 0 of 9, 0 to the byte (seed 3)\n"), "{told}");
    assert_eq!(told.matches("missed: ").count(), PLANTS, "{told}");
}

#[test]
fn a_crate_that_is_not_listed_is_an_error() {
    let error = run(&options(&["no-such-crate"]), &mut |_| {}).unwrap_err().to_string();
    assert!(
        error.starts_with("`no-such-crate` is not on the list of tests/heap-suites/Cargo.toml: aho-corasick, "),
        "{error}"
    );
}
