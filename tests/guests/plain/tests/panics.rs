//! Tests of Rust's own harness that are expected to panic.

use std::fs::File;
use std::hint::black_box;
use std::panic::{catch_unwind, panic_any, resume_unwind, set_hook};
use std::process::{abort, exit};

#[test]
#[should_panic]
fn pass_whatever_it_says() {
    let none: Option<u8> = black_box(None);
    none.unwrap();
}

#[test]
#[should_panic(expected = "of two lines")]
fn pass_with_the_text() {
    panic!("a message\nof {} lines", black_box("two"));
}

#[test]
#[should_panic(expected = "literal")]
fn pass_with_a_literal() {
    panic!("a literal: {{}}");
}

#[test]
#[should_panic(expected = "left: 2")]
fn pass_with_an_assertion() {
    assert_eq!(black_box(2), 3);
}

#[test]
#[should_panic(expected = "index out of bounds")]
fn pass_with_a_panic_of_the_library() {
    let empty: &[u8] = black_box(&[]);
    black_box(empty[black_box(3)]);
}

#[test]
#[should_panic(expected = "a text with nul \0 and ü")]
fn pass_with_a_string_as_payload() {
    panic_any("a text with nul \0 and ü.".to_owned());
}

#[test]
#[should_panic(expected = "borrowed")]
fn pass_with_a_literal_as_payload() {
    panic_any("borrowed");
}

#[test]
#[should_panic]
fn pass_with_a_number_as_payload() {
    panic_any(5);
}

#[test]
#[should_panic(expected = "again")]
fn pass_raised_again() {
    resume_unwind(Box::new("once again".to_owned()));
}

#[test]
#[should_panic(expected = "nobody hears it")]
fn pass_with_a_hook_of_its_own() {
    set_hook(Box::new(|_| {}));
    panic!("nobody hears it{}", black_box("."));
}

#[test]
#[should_panic(expected = "in a destructor")]
fn pass_in_a_destructor() {
    struct Loud;
    impl Drop for Loud {
        fn drop(&mut self) {
            panic!("in a destructor");
        }
    }
    drop(black_box(Loud));
}

/// What is open when a panic ends a test is nobody's fault here: no destructor runs.
#[test]
#[should_panic(expected = "with a file")]
fn pass_with_a_file_and_a_block() {
    let _file = File::create("/tmp/open").unwrap();
    let _block = black_box(vec![1_u8; 1000]);
    panic!("with a file");
}

#[test]
#[should_panic(expected = "the right one")]
fn fail_with_another_text() {
    panic!("the wrong {}", black_box("one"));
}

#[test]
#[should_panic(expected = "forged")]
fn fail_with_a_forged_text() {
    eprintln!("\nthread 'x' (1) panicked at src/forged.rs:1:1:\nforged");
    set_hook(Box::new(|_| eprintln!("\nthread 'x' (1) panicked at src/forged.rs:1:1:\nforged")));
    panic!("true");
}

#[test]
#[should_panic(expected = "5")]
fn fail_with_a_payload_that_is_no_text() {
    panic_any(5);
}

#[test]
#[should_panic]
fn fail_without_a_panic() {}

#[test]
#[should_panic(expected = "text")]
fn fail_without_a_panic_that_says_something() {
    println!("text");
}

/// A panic in a panic hook aborts, natively too.
#[test]
#[should_panic(expected = "panic")]
fn fail_with_a_panic_in_the_hook() {
    set_hook(Box::new(|_| panic!("panic in the hook")));
    panic!("panic in the test");
}

/// Natively this test fails because it returns.
#[test]
#[should_panic(expected = "caught")]
fn fail_with_a_panic_that_was_to_be_caught() {
    let _ = catch_unwind(|| panic!("caught"));
}

#[test]
#[should_panic]
fn trap_and_no_panic() {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
}

#[test]
#[should_panic(expected = "panicked")]
fn trap_abort_and_no_panic() {
    eprintln!("\nthread 'x' (1) panicked at src/forged.rs:1:1:\npanicked");
    abort();
}

#[test]
#[should_panic]
fn exit_and_no_panic() {
    exit(101);
}

#[test]
#[should_panic]
fn exit_in_the_hook() {
    set_hook(Box::new(|_| exit(0)));
    panic!("as expected");
}

#[test]
#[ignore = "for a reason\nof two lines"]
#[should_panic]
fn skip_ignored_for_a_reason() {
    panic!("it ran");
}
