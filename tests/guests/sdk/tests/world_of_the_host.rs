//! What the host has once cannot be shared out to tests.

use airtight::T;
use std::fs::File;
use std::sync::OnceLock;

static HELD: OnceLock<File> = OnceLock::new();

#[airtight::setup]
fn fail_set_up_with_a_file_of_the_host_open() {
    HELD.set(File::open("/fixtures/hello.txt").unwrap()).unwrap();
}

#[airtight::test]
fn skip_one(_: &mut T) {}
