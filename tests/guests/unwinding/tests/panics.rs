//! Panics that unwind: caught, not caught, in destructors, with every kind of payload. The verdicts are in
//! `tests/tests/unwinding.rs`.

use std::any::Any;
use std::cell::Cell;
use std::fs::File;
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::Mutex;

/// Counts how often it was dropped, and whether that was while a panic unwound.
struct Dropped<'a>(&'a Cell<(u32, bool)>);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        let (times, _) = self.0.get();
        self.0.set((times + 1, std::thread::panicking()));
    }
}

fn caught(call: impl FnOnce()) -> Box<dyn Any + Send> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_err()
}

#[test]
fn pass_catching() {
    assert_eq!(*caught(|| panic!("text")).downcast::<&str>().unwrap(), "text");
    let number = std::hint::black_box(7);
    assert_eq!(*caught(|| panic!("number {number}")).downcast::<String>().unwrap(), "number 7");
    assert_eq!(*caught(|| panic_any(7_u64)).downcast::<u64>().unwrap(), 7);
    assert_eq!(*caught(|| resume_unwind(Box::new('c'))).downcast::<char>().unwrap(), 'c');
}

#[test]
fn pass_dropping() {
    let dropped = Cell::new((0, false));
    caught(|| {
        let _one = Dropped(&dropped);
        let _two = vec![Dropped(&dropped), Dropped(&dropped)];
        panic!();
    });
    assert_eq!(dropped.get(), (3, true));
    assert!(!std::thread::panicking());
}

#[test]
fn pass_poisoning() {
    let lock = Mutex::new(0);
    caught(|| {
        let _held = lock.lock().unwrap();
        panic!();
    });
    assert!(lock.is_poisoned());
    assert_eq!(*lock.lock().unwrap_err().into_inner(), 0);
}

#[test]
fn pass_catching_within_a_catch() {
    let outer = caught(|| {
        let inner = caught(|| panic!("inner"));
        resume_unwind(inner);
    });
    assert_eq!(*outer.downcast::<&str>().unwrap(), "inner");
}

#[test]
fn pass_throwing_ten_thousand_times() {
    for nth in 0..10_000_u32 {
        assert_eq!(*caught(|| resume_unwind(Box::new(nth))).downcast::<u32>().unwrap(), nth);
    }
}

#[test]
fn leak_in_what_is_caught() {
    caught(|| {
        forget(vec![1_u8; 100]);
        panic!();
    });
}

#[test]
fn leak_the_payload() {
    forget(caught(|| panic_any([7_u64; 5])));
}

#[test]
fn fail_with_nothing_left() {
    let _all = (vec![1_u8; 100], File::create("/tmp/given_back").unwrap());
    std::fs::remove_file("/tmp/given_back").unwrap();
    assert_eq!(1 + 1, 3, "one and one");
}

#[test]
fn fail_with_a_block_left() {
    let _given_back = vec![1_u8; 50];
    forget(vec![1_u8; 100]);
    panic!("on the way out");
}

#[test]
fn fail_with_a_file_left() {
    forget(File::create("/tmp/left").unwrap());
    panic!("on the way out");
}

#[test]
fn fail_with_any_payload() {
    panic_any(42);
}

#[test]
fn fail_in_a_destructor() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("in a destructor");
        }
    }
    let _panics = Panics;
}

#[test]
fn fail_with_an_error_after_a_caught_panic() -> Result<(), String> {
    caught(|| panic!("of no interest"));
    Err("this one".to_owned())
}

#[test]
fn exit_in_the_middle() {
    let _kept = vec![1_u8; 100];
    std::process::exit(3);
}

#[test]
#[should_panic]
fn pass_expected() {
    panic!("whatever");
}

#[test]
#[should_panic(expected = "the right one")]
fn pass_expected_text() {
    panic!("this is {} one", std::hint::black_box("the right"));
}

#[test]
#[should_panic(expected = "inner")]
fn pass_expected_and_resumed() {
    let inner = caught(|| panic!("inner"));
    resume_unwind(inner);
}

#[test]
#[should_panic(expected = "the right one")]
fn fail_expected_another_text() {
    panic!("the wrong one");
}

#[test]
#[should_panic]
fn fail_expected_and_caught() {
    caught(|| panic!("within"));
}
