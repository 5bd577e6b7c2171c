//! A set-up that changes files of an overlay: each test is asked for what it changed itself, and the teardown for the rest.

use airtight::T;
use std::fs;

#[airtight::setup]
fn pass_set_up() -> &'static str {
    fs::create_dir("/work/made").unwrap();
    fs::write("/work/made/file", "of the set-up").unwrap();
    fs::write("/work/kept", "kept").unwrap();
    fs::write("/work/hello.txt", "other").unwrap();
    "made"
}

#[airtight::teardown]
fn pass_teardown() {
    assert_eq!(fs::read_to_string("/work/made/file").unwrap(), "of the set-up");
    fs::remove_file("/work/made/file").unwrap();
    fs::remove_dir("/work/made").unwrap();
}

#[airtight::test]
fn pass_reads(_: &mut T) {
    assert_eq!(fs::read_to_string("/work/hello.txt").unwrap(), "other");
    assert_eq!(fs::read_dir("/work/made").unwrap().count(), 1);
}

#[airtight::test]
fn pass_writes(_: &mut T) {
    fs::write("/work/made/file", "of the test").unwrap();
    fs::write("/work/made/own", "own").unwrap();
}

#[airtight::test]
fn pass_removes(_: &mut T) {
    fs::remove_file("/work/made/file").unwrap();
    fs::rename("/work/kept", "/work/moved").unwrap();
}
