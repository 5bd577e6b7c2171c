//! What a set-up leaves and no teardown releases is told of the set-up, once, and not of each test.

use airtight::T;
use std::fs::File;
use std::sync::Mutex;

#[airtight::setup]
fn leak_set_up() -> Mutex<File> {
    std::mem::forget(vec![1_u8; 100]);
    Mutex::new(File::create("/tmp/kept").unwrap())
}

#[airtight::test]
fn pass_one(_: &mut T) {
    assert_eq!(leak_set_up().lock().unwrap().metadata().unwrap().len(), 0);
}

#[airtight::test]
fn pass_another(_: &mut T) {}
