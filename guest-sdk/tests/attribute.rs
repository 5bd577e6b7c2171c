//! The attribute in an ordinary test target, beside plain tests. What a failing test does is tested in the library.

use airtight_sdk as airtight;
use airtight_sdk::T;
use std::cell::RefCell;

thread_local! {
    static STEPS: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// Two modules with a test of the same name: each has an export and a record of its own.
mod twins {
    mod first {
        #[airtight_sdk::test]
        fn same_name(t: &mut airtight_sdk::T) {
            assert_eq!(t.name(), "twins::first::same_name");
        }
    }

    mod second {
        #[airtight_sdk::test]
        fn same_name(t: &mut airtight_sdk::T) {
            assert_eq!(t.name(), "twins::second::same_name");
        }
    }
}

#[test]
fn a_plain_test_stands_beside() {}

#[airtight::test(memory = "4MiB", fuel = "10M", timeout = "5s", grant = "db", grants("server"))]
fn limits_and_grants_compile(t: &mut T) {
    assert!(!t.failed());
}

#[airtight::test(peak_heap = "64KiB", lost = "0B", retained = 65_536, allocations = "1K")]
fn limits_of_the_heap_compile(t: &mut T) {
    assert!(!t.failed());
}

#[airtight::test]
fn r#match(t: &mut T) -> Result<(), std::num::ParseIntError> {
    assert_eq!(t.name(), "r#match");
    t.log(format_args!("{}", "7".parse::<u8>()?));
    Ok(())
}

#[airtight::test(should_panic = "boom")]
fn a_panic_is_expected(t: &mut T) {
    t.cleanup(|| STEPS.with_borrow_mut(|steps| steps.push("clean-up")));
    panic!("boom");
}

#[airtight::test]
#[should_panic(expected = "boom")]
fn the_plain_attribute_does_too(_: &mut T) {
    panic!("a boom");
}

#[airtight::test]
#[ignore = "never runs"]
fn ignored(t: &mut T) {
    t.fatal("it ran");
}

#[airtight::test]
#[cfg_attr(all(), ignore = "the condition holds")]
fn ignored_under_a_condition(t: &mut T) {
    t.fatal("it ran");
}

#[airtight::test]
#[cfg(any())]
fn left_out(t: &mut T) {
    this_would_not_compile(t);
}

#[airtight::test]
fn a_skipped_test_is_not_a_failure(t: &mut T) {
    if cfg!(panic = "unwind") {
        t.skip("nothing to do");
    }
}

#[airtight::test]
fn a_directory_is_empty_and_writable(t: &mut T) {
    let dir = t.temp_dir();
    assert_eq!(dir.read_dir().unwrap().count(), 0);
    std::fs::write(dir.join("file"), "text").unwrap();
}

#[cfg(any(unix, target_os = "wasi"))]
#[airtight::test]
fn no_socket_is_granted(_: &mut T) {
    assert_eq!(airtight::socket("server"), None);
}

macro_rules! tests {
    ($($name:ident: $handle:ty),*) => {
        $(#[airtight::test]
        fn $name(t: $handle) {
            assert_eq!(t.name(), stringify!($name));
        })*
    };
}

tests!(by_macro: &mut T, by_macro_too: &mut T);
