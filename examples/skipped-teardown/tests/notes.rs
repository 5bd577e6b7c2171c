//! Ways to end a test, first with a destructor alone, then with a clean-up.
//!
//! `cargo test` shows little of this: the first `exit` ends the whole program with status 0, which counts as success.

use airtight::T;
use skipped_teardown::{Notes, program};
use std::rc::Rc;

/// Leaves the end to the destructor.
fn notes(t: &mut T) -> Notes {
    Notes::open(&t.temp_dir()).expect("nobody else has the directory")
}

/// Has a clean-up see to the end.
fn notes_with_a_clean_up(t: &mut T) -> Rc<Notes> {
    let notes = Rc::new(notes(t));
    let shared = Rc::clone(&notes);
    t.cleanup(move || shared.close());
    notes
}

#[airtight::test]
fn return_drops_them(t: &mut T) {
    program(&notes(t), &["add", "shopping", "milk"]);
}

#[airtight::test]
fn exit_leaves_them_open(t: &mut T) {
    program(&notes(t), &["--help"]);
}

#[airtight::test]
fn exit_does_not_skip_the_clean_up(t: &mut T) {
    program(&notes_with_a_clean_up(t), &["--help"]);
}

#[airtight::test]
fn panic_leaves_them_open(t: &mut T) {
    program(&notes(t), &["remove", "shopping"]);
}

#[airtight::test]
fn panic_does_not_skip_the_clean_up(t: &mut T) {
    program(&notes_with_a_clean_up(t), &["remove", "shopping"]);
}
