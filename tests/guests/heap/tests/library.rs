//! What Rust's library and libc allocate by themselves, in a harness of Rust's and without one.

use airtight::T;
use std::io::{BufRead, Read, Write};

/// libtest has printed before the test: the buffer is the harness's.
#[test]
fn pass_printing() {
    println!("to standard output");
    eprintln!("to standard error");
}

#[test]
fn pass_formatting() {
    assert_eq!(format!("{}-{:>8}", 7, "x").len(), 10);
}

#[test]
fn pass_reading_standard_input() {
    assert_eq!(std::io::stdin().lock().fill_buf().unwrap(), b""); // retained here
}

#[test]
fn pass_arguments() {
    assert!(std::env::args().count() > 1);
}

#[test]
fn pass_variables() {
    assert!(std::env::var("PATH").is_err());
    assert_eq!(std::env::vars().filter(|(name, _)| name == "GRANTED").count(), 1);
}

#[test]
fn pass_files() {
    std::fs::write("/tmp/text", "text").unwrap();
    assert_eq!(std::fs::read_dir("/tmp").unwrap().count(), 1);
    let mut text = String::new();
    std::fs::File::open("/tmp/text").unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "text");
}

#[test]
fn pass_a_closed_file() {
    std::fs::File::create("/tmp/text").unwrap().write_all(b"text").unwrap();
}

#[test]
fn pass_random_keys() {
    let mut map = std::collections::HashMap::new();
    map.insert(1_u32, 2_u32);
    assert_eq!(map[&1], 2);
}

#[test]
fn pass_clocks() {
    assert!(std::time::Instant::now().elapsed() >= std::time::Duration::ZERO);
    assert!(std::time::SystemTime::now() > std::time::UNIX_EPOCH);
}

#[test]
fn pass_a_channel() {
    let (to, from) = std::sync::mpsc::channel();
    for number in 0..100_u32 {
        to.send(number).unwrap();
    }
    drop(to);
    assert_eq!(from.iter().sum::<u32>(), 4950);
}

/// There is no harness that would have printed before.
#[airtight::test]
fn pass_printing_by_itself(_: &mut T) {
    println!("to standard output"); // retained here
    eprintln!("to standard error");
}

#[airtight::test]
fn pass_reading_by_itself(_: &mut T) {
    assert_eq!(std::io::stdin().lock().fill_buf().unwrap(), b""); // retained here
}

/// libc copies the environment when it is first asked for a variable: that copy is libc's, and Rust's is the test's.
#[airtight::test]
fn pass_a_variable_by_itself(_: &mut T) {
    assert_eq!(std::env::var("GRANTED").unwrap(), "by the profile");
}

/// libc makes a list of the granted directories when one is first needed: that is libc's.
#[airtight::test]
fn pass_files_by_themselves(_: &mut T) {
    std::fs::write("/tmp/text", "text").unwrap();
    assert_eq!(std::fs::read_to_string("/tmp/text").unwrap(), "text");
    assert!(std::fs::exists("/fixtures/hello.txt").unwrap());
}

/// There is no harness that would take it away.
#[airtight::test]
fn pass_a_panic_hook_by_itself(_: &mut T) {
    let seen = heap::used([1_u64; 3]);
    std::panic::set_hook(Box::new(move |_| assert_eq!(heap::used(seen)[0], 1)));
    std::panic::set_hook(Box::new(move |_| assert_eq!(heap::used(seen)[1], 1))); // retained here
}
