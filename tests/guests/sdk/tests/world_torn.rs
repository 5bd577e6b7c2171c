//! A teardown that releases some of what the set-up acquired: the rest is told of it, with the place in the set-up.

use airtight::T;
use std::fs::{self, File};
use std::sync::Mutex;

#[airtight::setup]
fn pass_set_up() -> Mutex<Vec<File>> {
    let files = ["/tmp/a", "/tmp/b"].map(|path| File::create(path).unwrap());
    Mutex::new(files.into())
}

#[airtight::teardown]
fn leak_teardown() -> Result<(), std::io::Error> {
    pass_set_up().lock().unwrap().pop();
    fs::remove_file("/tmp/a")?;
    fs::remove_file("/tmp/b")
}

#[airtight::test]
fn pass_both_are_open(_: &mut T) {
    assert_eq!(pass_set_up().lock().unwrap().len(), 2);
}
