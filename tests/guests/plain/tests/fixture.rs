//! An ordinary suite whose profile `fixture` names a test as its set-up. In other profiles nothing is set up.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::sync::Mutex;

static LOADED: Mutex<Vec<u32>> = Mutex::new(Vec::new());
static OPEN: Mutex<Option<File>> = Mutex::new(None);

#[test]
fn leak_loads() {
    LOADED.lock().unwrap().extend(0..1000);
    fs::write("/tmp/loaded", "all").unwrap();
    let mut file = File::open("/tmp/loaded").unwrap();
    file.read_exact(&mut [0]).unwrap();
    *OPEN.lock().unwrap() = Some(file);
}

fn finds_all_and_spoils_it() {
    let mut loaded = LOADED.lock().unwrap();
    assert_eq!(loaded.len(), 1000, "of what is loaded");
    loaded.clear();
    let mut rest = String::new();
    OPEN.lock().unwrap().take().unwrap().read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "ll");
    File::options().append(true).open("/tmp/loaded").unwrap().write_all(b" and more").unwrap();
    assert_eq!(fs::read("/tmp/loaded").unwrap(), b"all and more");
    println!("found all");
}

#[test]
fn fail_without_the_set_up() {
    finds_all_and_spoils_it();
}

#[test]
fn fail_without_the_set_up_again() {
    finds_all_and_spoils_it();
}

#[test]
fn leak_of_its_own() {
    std::mem::forget(File::create("/tmp/own").unwrap());
}

#[test]
#[should_panic = "on purpose"]
fn pass_panics_on_purpose() {
    panic!("on purpose");
}
