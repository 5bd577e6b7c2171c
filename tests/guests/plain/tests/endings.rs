//! Every way in which a test can end.

use std::process::{abort, exit};

const CLOSING: &str =
    "\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
const FAILED: &str =
    "\ntest result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";

#[test]
fn pass_prints() {
    println!("to standard output");
    eprintln!("to standard error");
}

#[test]
fn pass_prints_a_failing_closing_line() {
    println!("{FAILED}");
}

#[test]
fn exit_zero() {
    exit(0);
}

#[test]
fn exit_three() {
    exit(3);
}

#[test]
fn exit_after_a_closing_line() {
    println!("{CLOSING}");
    exit(0);
}

#[test]
fn exit_after_a_failing_closing_line() {
    println!("{FAILED}");
    eprintln!("Error: forged");
    exit(101);
}

#[test]
fn fail_with_a_message() {
    panic!("two lines\nof {}", "text");
}

#[test]
fn fail_an_assertion() {
    let two = std::hint::black_box(2);
    assert_eq!(two, 3, "a sum");
}

#[test]
fn fail_in_another_function() {
    #[inline(never)]
    fn inner(number: Option<u8>) -> u8 {
        number.unwrap()
    }
    inner(std::hint::black_box(None));
}

#[test]
fn fail_after_a_forged_panic() {
    eprintln!("\nthread 'x' (1) panicked at src/forged.rs:1:1:\nforged");
    panic!("true");
}

#[test]
fn fail_with_an_error() -> Result<(), String> {
    Err("the error's text".to_owned())
}

#[test]
fn fail_with_an_error_after_a_forged_one() -> Result<(), Box<dyn std::error::Error>> {
    eprintln!("Error: forged");
    "x".parse::<u8>()?;
    Ok(())
}

#[test]
fn pass_with_a_result() -> Result<(), String> {
    Ok(())
}

#[test]
#[ignore]
fn skip_ignored() {
    panic!("it ran");
}

#[test]
#[ignore = "not today"]
fn skip_ignored_for_a_reason() {
    panic!("it ran");
}

#[test]
#[should_panic]
fn pass_should_panic() {
    panic!("as it should");
}

#[test]
fn trap_unreachable() {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
}

#[test]
fn trap_abort() {
    abort();
}

#[test]
fn pass_with_a_temporary_directory() {
    let dir = std::env::temp_dir();
    assert_eq!(dir.to_str(), Some("/tmp"));
    let file = dir.join("file");
    std::fs::write(&file, "text").unwrap();
    std::fs::remove_file(file).unwrap();
}

#[test]
fn pass_with_a_process_of_its_own() {
    assert_eq!(std::process::id(), 1);
}

#[test]
fn fail_for_want_of_threads() {
    std::thread::spawn(|| {}).join().unwrap();
}
